"""Programs started for the time of a measurement, and ended after it whatever happens."""

import contextlib
import fcntl
import http.client
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path


class NotReady(RuntimeError):
    """A program did not come up, or may not be started now; the message says why."""


def free_port() -> int:
    """A port of the loopback interface that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keeps a second benchmark away while this one runs: each would measure the other. Raises NotReady."""
    with (Path(tempfile.gettempdir()) / f"penstock-benchmark-{os.getuid()}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotReady("Another benchmark is running on this machine; wait for it to end.") from None
        yield


@contextlib.contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The program, from its start to the end of the block; its output goes to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_ready(process: subprocess.Popen[bytes], port: int, path: str, log: Path, *, seconds: float = 60) -> float:
    """Ask until the program answers at all (or 200, where `path` ends in `readyz`); returns the seconds that took.

    Raises NotReady when it ended or `seconds` have passed.
    """
    started = time.perf_counter()
    while (waited := time.perf_counter() - started) < seconds:
        status = _status(port, path)
        if status == 200 or (status is not None and not path.endswith("readyz")):
            return time.perf_counter() - started
        if process.poll() is not None:
            raise NotReady(f"{_name(process)} ended with status {process.returncode}. Its log:\n{_tail(log)}")
        time.sleep(0.002)
    raise NotReady(f"{_name(process)} was not ready after {waited:.0f} seconds. Its log:\n{_tail(log)}")


def _status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _name(process: subprocess.Popen[bytes]) -> str:
    return " ".join(map(str, process.args)) if isinstance(process.args, list) else str(process.args)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
