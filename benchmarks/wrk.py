"""The load: wrk with one request sent over and over, and its figures read back."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_SCRIPT = Path(__file__).with_name("load.lua")
_MARK = "figures "


class LoadFailed(RuntimeError):
    """wrk did not run to its end; the message carries what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one run of wrk saw."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: Mapping[str, int] = field(default_factory=dict)
    """Kind (`connect`, `read`, `write`, `timeout`, `status`) to count; only kinds that happened.

    `status` counts answers of 400 and above.
    """

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def parse(output: str) -> Load:
    """The figures that `load.lua` prints at the end of a run. Raises LoadFailed where there are none."""
    line = next((line for line in output.splitlines() if line.startswith(_MARK)), None)
    if line is None:
        raise LoadFailed(f"wrk ended without figures. It said: {output.strip() or 'nothing'}")
    figures = json.loads(line.removeprefix(_MARK))
    return Load(
        requests=figures["requests"],
        seconds=figures["duration_us"] / 1e6,
        p50_ms=figures["p50_us"] / 1e3,
        p99_ms=figures["p99_us"] / 1e3,
        errors={kind: count for kind, count in figures["errors"].items() if count},
    )


def run(
    url: str, *, body: Path, content_type: str, key: str, connections: int, seconds: int, prefix: Sequence[str] = ()
) -> Load:
    """Send one request over `connections` connections for `seconds`; `prefix` is put before the command (taskset)."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "--latency", "-s", str(_SCRIPT)]
    environment = {"BENCH_BODY": str(body), "BENCH_CONTENT_TYPE": content_type, "BENCH_KEY": key}
    done = subprocess.run(
        [*prefix, *command, url],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 120,
    )
    return parse(done.stdout + done.stderr)
