"""`python -m benchmarks.usage`: how long questions about usage take with a million requests in the ledger.

It fills a database of its own with the statements the gateway records by, then asks as the endpoints do. No network,
no gateway; about three minutes, and 2 GB of disk for that time.
"""

import argparse
import datetime
import os
import platform
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection, insert

from benchmarks.machine import processor_in
from penstock.core import ids
from penstock.store.db import Database
from penstock.store.inserts import adding_up_days, adding_up_hours, inserting_requests
from penstock.store.reconcile import reconcile
from penstock.store.requests import RequestFilter, list_requests
from penstock.store.rows import RequestRow
from penstock.store.spent import spent_by_keys
from penstock.store.sums import DAY_MS, shares
from penstock.store.tables import keys
from penstock.store.usage import usage

DAYS = 30
KEYS = [f"key_{number:026}" for number in range(50)]
MODELS = [(f"maker-{number % 4}/model-{number}", f"provider-{number % 5}") for number in range(12)]
OPERATIONS = ("chat", "image_generation", "image_edit", "embedding")
NOW = 1_780_000_000_000 // DAY_MS * DAY_MS + 13 * 3_600_000 + 20 * 60_000
"""In the middle of an hour and of a day, so that the range has both its edges."""

TARGET_MS = 100.0
_RUNS = 9
_BATCH = 2000


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how."""

    title: str
    ask: Callable[[Connection], object]
    target_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """How long it took, in milliseconds."""

    question: Question
    first: float
    """On a connection that has read nothing before."""
    median: float
    worst: float


def questions() -> Sequence[Question]:
    """Everything that is measured."""
    since = NOW - DAYS * DAY_MS
    return (
        Question("usage by model, 30 days", lambda c: usage(c, ["model"], since, NOW), TARGET_MS),
        Question("usage by key, 30 days", lambda c: usage(c, ["key"], since, NOW)),
        Question("usage by day and model, 30 days", lambda c: usage(c, ["day", "model"], since, NOW)),
        Question("usage by model and key, 30 days", lambda c: usage(c, ["model", "key"], since, NOW)),
        Question(
            "usage by key of one model, 30 days", lambda c: usage(c, ["key"], since, NOW, {"model": MODELS[0][0]})
        ),
        Question("usage by hour, 1 day", lambda c: usage(c, ["hour"], NOW - DAY_MS, NOW)),
        Question("what one key has spent", lambda c: spent_by_keys(c, KEYS[:1], NOW)),
        Question("the 100 newest requests", lambda c: list_requests(c, RequestFilter(), limit=100)),
        Question("reconciliation, 30 days", lambda c: reconcile(c, since, NOW)),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 when every target is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usage", description="Measure questions about usage.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="requests in the ledger (1,000,000)")
    parser.add_argument("--out", type=Path, help="the report's file; otherwise it is printed")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="penstock-usage-") as folder:
        path = Path(folder) / "penstock.db"
        with Database.open(str(path)) as database:
            fill(database, options.rows)
        with sqlite3.connect(path) as connection:
            sums = [
                connection.execute(f"select count(*) from usage_{kind}").fetchone()[0] for kind in ("days", "hours")
            ]
        connection.close()
        answers = [measure(path, question) for question in questions()]
    text = report(options.rows, sums, answers)
    if options.out:
        options.out.write_text(text)
    print(text)
    met = all(answer.question.target_ms is None or answer.worst < answer.question.target_ms for answer in answers)
    return 0 if met else 1


def fill(database: Database, count: int) -> None:
    """Record so many requests, in the order of their time, and the keys they came with."""
    known = [{"id": id, "name": id, "hash": id, "hint": id, "scopes": ["inference"], "created_at": 0} for id in KEYS]
    with database.begin() as connection:
        connection.execute(insert(keys), known)
    insertions = [make(database.dialect) for make in (inserting_requests, adding_up_hours, adding_up_days)]
    rows = requests(count)
    while batch := [row for row, _ in zip(rows, range(_BATCH), strict=False)]:
        hours, days = zip(*map(shares, batch), strict=True)
        with database.begin() as connection:
            for insertion, values in zip(insertions, (batch, hours, days), strict=True):
                insertion.run(connection, [insertion.bind(value) for value in values])


def requests(count: int) -> Iterator[RequestRow]:
    """Requests of thirty days, evenly over keys, models and operations."""
    dice = random.Random(7)
    for number in range(count):
        created_at = NOW - DAYS * DAY_MS + DAYS * DAY_MS * number // count
        model, provider = dice.choice(MODELS)
        cost = dice.randrange(1_000_000_000, 90_000_000_000)
        key = dice.randrange(len(KEYS))
        yield RequestRow(
            id=ids.new("req", created_at / 1000),
            created_at=created_at,
            latency_ms=dice.randrange(200, 20_000),
            key_id=KEYS[key],
            dialect="openai",
            path="/v1/images/generations",
            operation=dice.choice(OPERATIONS),
            model_asked=model,
            model=model,
            provider=provider,
            upstream=model,
            status=200 if number % 50 else 502,
            images_asked=1,
            images_delivered=1,
            output_pixels=1 << 20,
            text_tokens_in=20,
            image_tokens_out=4096,
            cost_pico=cost,
            cost_source="stated",
            cost_computed_pico=cost if number % 100 else cost * 9 // 10,
            charged_pico=cost,
            attempts=1,
            routing_strategy="priority",
            cache="skip",
            trace_id=os.urandom(16).hex(),
            organisation_id="org_00000000000000000000000001",
            team_id=f"team_{key % 5:026}",
            price_version="0123456789ab",
        )


def measure(path: Path, question: Question) -> Answered:
    """Ask on a database opened for this question, several times."""
    taken = []
    with Database.open(str(path)) as database:
        for _ in range(_RUNS):
            started = time.perf_counter()
            with database.look() as connection:
                question.ask(connection)
            taken.append(1000 * (time.perf_counter() - started))
    return Answered(question, taken[0], statistics.median(taken), max(taken))


def report(rows: int, sums: Sequence[int], answers: Sequence[Answered]) -> str:
    """The figures, with the machine they belong to."""
    processor = processor_in(Path("/proc/cpuinfo").read_text())
    lines = [
        f"# Questions about usage, {datetime.date.today().isoformat()}",
        "",
        f"{processor}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, Penstock {version('penstock')}; "
        f"load average {os.getloadavg()[0]:.2f}.",
        "",
        f"{rows:,} requests over {DAYS} days with {len(KEYS)} keys, {len(MODELS)} models and {len(OPERATIONS)} "
        f"operations: {sums[0]:,} rows of days, {sums[1]:,} of hours. Each question is asked {_RUNS} times.",
        "",
        "| Question | First, ms | Median, ms | Worst, ms | Target, ms |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for answer in answers:
        target = "" if answer.question.target_ms is None else f"{answer.question.target_ms:.0f}"
        lines.append(
            f"| {answer.question.title} | {answer.first:.1f} | {answer.median:.1f} | {answer.worst:.1f} | {target} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
