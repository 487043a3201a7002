"""The gateway under measurement: its configuration, its key, and how long it takes to start."""

import contextlib
import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.programs import NotReady, free_port, running, wait_ready

_TIMES = 5
_PENSTOCK = str(Path(sys.executable).with_name("penstock"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup:
    """How long things take before the first request; medians, seconds."""

    python_seconds: float
    """An interpreter that does nothing."""
    import_seconds: float
    """An interpreter that imports penstock."""
    first_ready_seconds: float
    """From the start of the program to 200 on /readyz, with an empty data directory; one start."""
    ready_seconds: float
    """The same with the data directory of an earlier start."""


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that answers."""

    process: int
    port: int
    key: str
    startup: Startup
    database: Path

    def ledger_rows(self) -> int:
        """Requests answered, priced and committed so far, counted in the database file itself."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            query = "SELECT count(*) FROM requests WHERE status = 200 AND cost_pico IS NOT NULL"
            count: int = connection.execute(query).fetchone()[0]
            return count


@contextlib.contextmanager
def gateway(folder: Path, mock_port: int, cases: Iterable[Case], prefix: Sequence[str]) -> Iterator[Running]:
    """A gateway with one provider per case, for the time of the block. Raises NotReady where it does not start."""
    folder.mkdir(parents=True)
    configuration, log = folder / "penstock.json", folder / "penstock.log"
    configuration.write_text(json.dumps(settings(mock_port, cases), indent=1))
    port = free_port()
    command = [
        *(*prefix, _PENSTOCK, "serve", "--host", "127.0.0.1", "--port", str(port)),
        *("--data", str(folder / "data"), "--config", str(configuration)),
    ]

    def start() -> float:
        with running(command, log) as process:
            return wait_ready(process, port, "/readyz", log)

    startup = Startup(
        python_seconds=_median(lambda: _timed([sys.executable, "-c", "pass"])),
        import_seconds=_median(lambda: _timed([sys.executable, "-c", "import penstock"])),
        first_ready_seconds=start(),
        ready_seconds=_median(start),
    )
    key = _create_key(folder / "data")
    with running(command, log) as process:
        wait_ready(process, port, "/readyz", log)
        yield Running(process.pid, port, key, startup, folder / "data" / "penstock.db")


def settings(mock_port: int, cases: Iterable[Case]) -> dict[str, object]:
    """Settings in which each case has a model, and a provider that offers it from the mock's folder of that name."""
    cases = list(cases)
    return {
        "server": {"log_level": "warning"},
        "models": [_model(case) for case in cases],
        "providers": {f"bench-{case.name}": _provider(case, mock_port) for case in cases},
    }


def _model(case: Case) -> dict[str, object]:
    return {
        "slug": f"bench/{case.name}",
        "name": case.title,
        "maker": "Benchmark",
        "input_modalities": ["text", "image"],
        "output_modalities": ["image" if case.picture else "text"],
    }


def _provider(case: Case, mock_port: int) -> dict[str, object]:
    return {
        "adapter": "openai_compatible",
        "base_url": f"http://127.0.0.1:{mock_port}/{case.name}/v1",
        "api_key": "benchmark",
        # What comes in as JSON goes out as JSON, so that both ways of sending references are measured to the end.
        "quirks": {"edits": "json"} if case.name == "edit-json" else {},
        "offers": [_offer(case)],
    }


def _offer(case: Case) -> dict[str, object]:
    """The case's model, priced the way such models are: by token, or by megapixel in and out."""
    if case.picture is None:
        operations = ["chat"]
        meters = [
            {"unit": "text_token_in", "amount": "2.5", "per": 1_000_000},
            {"unit": "text_token_out", "amount": "10", "per": 1_000_000},
        ]
    else:
        operations = ["image_edit" if case.path == "/images/edits" else "image_generation"]
        meters = [{"unit": "output_megapixel", "amount": "0.03"}, {"unit": "input_megapixel", "amount": "0.015"}]
    return {
        "model": f"bench/{case.name}",
        "upstream": case.name,
        "operations": operations,
        "limits": {"max_references": 4},
        "price": {"source": "invented for the benchmark", "checked": "2026-01-01", "meters": meters},
    }


def _create_key(data: Path) -> str:
    command = [_PENSTOCK, "keys", "create", "--name", "benchmark", "--data", str(data), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReady(f"No key could be made: {done.stderr.strip()}")
    key: str = json.loads(done.stdout)["key"]
    return key


def _timed(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started


def _median(measure: Callable[[], float]) -> float:
    return statistics.median(measure() for _ in range(_TIMES))
