"""`penstock serve` and other commands as processes of their own, for tests."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import httpx

SCRIPT = Path(sys.executable).parent / "penstock"
_LAST_WORDS = "> lighthouse.png\n\n"
PATIENCE = 30.0
"""Seconds; a start takes about one on a machine that is not busy."""


def environment(data: Path) -> dict[str, str]:
    """Nothing of whoever runs the tests but where programs are."""
    return {"PATH": f"{SCRIPT.parent}{os.pathsep}{os.environ['PATH']}", "PENSTOCK_DATA": str(data)}


def script(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command run to its end."""
    return subprocess.run(
        [str(SCRIPT), *arguments],
        env=environment(data),
        cwd=data.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Served:
    """A gateway started with the installed command; `with` starts it and ends it."""

    def __init__(self, data: Path, config: Path | None = None) -> None:
        self.data = data
        self._options = ["--config", str(config)] if config else []
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.greeting = ""

    def __enter__(self) -> "Served":
        printed = self.data.parent / f"greeting-{self.port}.txt"
        with printed.open("wb") as out:
            self.process = subprocess.Popen(
                [str(SCRIPT), "serve", "--port", str(self.port), *self._options],
                env=environment(self.data),
                cwd=self.data.parent,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + PATIENCE
        while not printed.read_text().endswith(_LAST_WORDS):
            self._wait(deadline, printed)
        self.greeting = printed.read_text()
        while not self._ready():
            self._wait(deadline, printed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGTERM)

    def end(self, number: signal.Signals) -> int:
        """Send a signal; how the process ended."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    @property
    def key(self) -> str:
        """The administrator's key of a first start; empty at others."""
        words = [word for word in self.greeting.split() if word.startswith("psk_")]
        return words[0] if words else ""

    @property
    def curl(self) -> str:
        """The command that makes a first picture."""
        return self.greeting[self.greeting.index("curl ") :]

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def _wait(self, deadline: float, printed: Path) -> None:
        if self.process.poll() is not None or time.monotonic() > deadline:
            self.process.kill()
            raise AssertionError(f"the gateway did not start: {printed.read_text()}")
        time.sleep(0.02)
