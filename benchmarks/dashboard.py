"""`python -m benchmarks.dashboard`: how long the dashboard and the logs take with a million requests in the ledger.

It fills a database as `benchmarks.usage` does, gives its keys budgets, and asks a gateway in this process for pages,
without network. About two minutes, and 2 GB of disk for that time.
"""

import argparse
import asyncio
import datetime
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.machine import processor_in
from benchmarks.usage import KEYS, MODELS, NOW, fill
from penstock.app import Penstock, build
from penstock.core.principal import Scope
from penstock.core.spending import GATEWAY, Holder, Level, Period
from penstock.settings import Settings
from penstock.store.db import Database
from penstock.store.keys import NewKey, create_key
from penstock.store.spending import create_budget
from penstock.store.sums import DAY_MS

PAGES = (
    "/dashboard?range=24h",
    "/dashboard",
    "/dashboard?range=30d",
    "/dashboard?range=90d",
    "/dashboard?by=key&range=30d",
    "/dashboard/now",
    "/logs",
    f"/logs?model={MODELS[0][0]}",
    "/logs?status=failed",
    "/logs?fallback=1",
    "/logs?app=nobody",
)
TARGET_MS = 300.0
"""Of the dashboard."""
_BUDGETS = 20
_RUNS = 9


class Clock:
    """Time as it was when the requests were made, and going on."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> float:
        return NOW / 1000 + time.monotonic() - self._began


@dataclass(frozen=True, slots=True)
class Looked:
    """A page, and how long it took in milliseconds."""

    path: str
    kilobytes: float
    median: float
    worst: float
    processor: float
    """Processor time of the whole process, median."""
    loop: float
    """The part of it that kept the event loop busy."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 when the dashboard keeps to its target."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dashboard", description="Measure pages of a full ledger."
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="requests in the ledger (1,000,000)")
    parser.add_argument("--out", type=Path, help="the report's file; otherwise it is printed")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="penstock-dashboard-") as folder:
        key = prepare(Path(folder), options.rows)
        looked = asyncio.run(look(Path(folder), key))
    text = report(options.rows, looked)
    if options.out:
        options.out.write_text(text)
    print(text)
    return 0 if all(page.median < TARGET_MS for page in looked if page.path.startswith("/dashboard")) else 1


def prepare(folder: Path, rows: int) -> str:
    """Fill a data directory; the key of an administrator."""
    with Database.open(str(folder / "penstock.db")) as database:
        fill(database, rows)
        with database.begin() as c:
            begun = NOW - 20 * DAY_MS
            for holder in (GATEWAY, *(Holder(Level.KEY, key) for key in KEYS[:_BUDGETS])):
                create_budget(c, holder, Decimal(5000), Period.MONTH, now=begun)
            return create_key(c, NewKey("administrator", (Scope.ADMIN,)), NOW)[1]


async def look(folder: Path, key: str, runs: int = _RUNS) -> list[Looked]:
    """Ask for every page several times."""
    application = build(Settings(data=str(folder)), {}, Clock())
    try:
        return [await _measured(application, path, key, runs) for path in PAGES]
    finally:
        await application.close()


async def _measured(application: Penstock, path: str, key: str, runs: int) -> Looked:
    walls, processor, loop, size = [], [], [], 0
    for _ in range(runs):
        began = time.perf_counter(), time.process_time(), time.thread_time()
        size = await _ask(application, path, key)
        ended = time.perf_counter(), time.process_time(), time.thread_time()
        for times, before, now in zip((walls, processor, loop), began, ended, strict=True):
            times.append(1000 * (now - before))
    return Looked(
        path, size / 1024, statistics.median(walls), max(walls), statistics.median(processor), statistics.median(loop)
    )


async def _ask(application: Penstock, path: str, key: str) -> int:
    """Bytes of the page, before compression. Raises RuntimeError where there is none."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    name, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": "GET",
        "path": name,
        "raw_path": name.encode(),
        "query_string": query.encode(),
        "headers": [(b"authorization", f"Bearer {key}".encode()), (b"accept", b"text/html")],
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "http_version": "1.1",
    }
    await application(scope, receive, send)  # type: ignore[arg-type]
    if sent[0]["status"] != 200:
        raise RuntimeError(f"{path} was answered with {sent[0]['status']}")
    return sum(len(message.get("body", b"")) for message in sent)


def report(rows: int, looked: Sequence[Looked]) -> str:
    """The figures, with the machine they belong to."""
    processor = processor_in(Path("/proc/cpuinfo").read_text())
    lines = [
        f"# Pages of a full ledger, {datetime.date.today().isoformat()}",
        "",
        f"{processor}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, Penstock {version('penstock')}; "
        f"load average {os.getloadavg()[0]:.2f}.",
        "",
        f"{rows:,} requests and {_BUDGETS + 1} budgets. Each page is asked for {_RUNS} times, without network; the "
        f"dashboard is to answer within {TARGET_MS:.0f} ms.",
        "",
        "| Page | Size, KB | Median, ms | Worst, ms | Processor, ms | Of it the event loop, ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| `{page.path}` | {page.kilobytes:.0f} | {page.median:.1f} | {page.worst:.1f} | {page.processor:.1f} "
        f"| {page.loop:.1f} |"
        for page in looked
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
