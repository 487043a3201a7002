"""`penstock usage`, `reconcile` and `export`: the ledger added up, compared, and written to a file."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.api.export import FORMATS
from penstock.api.ledger_documents import shown_request
from penstock.api.times import moment
from penstock.commands.values import row_of
from penstock.core.money import TOLERANCE_PERCENT
from penstock.store.books import BlockingBooks
from penstock.store.reconcile import reconcile
from penstock.store.requests import export_rows
from penstock.store.usage import HOLDERS, UsageRow, covered, total, usage


def usage_answer(c: Connection, by: Sequence[str], since: int, until: int, where: dict[str, str]) -> dict[str, Any]:
    """Sums by group, and of all together, from `since` up to `until`, widened to whole hours. Raises as `usage`."""
    rows = usage(c, by, since, until, where)
    since, until = covered(since, until)
    return {
        "since": moment(since),
        "until": moment(until),
        "by": list(by),
        "rows": [_sums(row) for row in rows],
        "total": _sums(total(rows)),
    }


def _sums(row: UsageRow) -> dict[str, Any]:
    sums = row_of(row)
    group, names, latency = sums.pop("group"), sums.pop("names"), sums.pop("latency_ms")
    named = {f"{name}_name": names.get(name) for name in group if name in HOLDERS}
    return {**group, **named, **sums, "mean_latency_ms": None if latency is None else round(latency, 1)}


def reconcile_answer(c: Connection, since: int, until: int) -> dict[str, Any]:
    """What providers stated, beside what our prices come to."""
    found = reconcile(c, since, until)
    return {
        "since": moment(found.since_ms),
        "until": moment(found.until_ms),
        "tolerance_percent": TOLERANCE_PERCENT,
        "rows": [row_of(line) for line in found.lines],
        "total": row_of(found.total),
        "examples": [row_of(one) for one in found.examples],
    }


def export_ledger(books: BlockingBooks, format: str, out: Path, since: int, until: int) -> int:
    """Write the requests of a range to a file, batch by batch; how many. A file that is there is replaced at the end.

    Raises OSError where it cannot be written.
    """
    part, count = out.with_name(f"{out.name}.part"), 0
    try:
        with part.open("wb") as file:
            rows = FORMATS[format][0](file)
            page = books.read(partial(export_rows, since_ms=since, until_ms=until))
            while True:
                rows.write([shown_request(row, page.names) for row in page.rows])
                count += len(page.rows)
                if page.next is None:
                    break
                page = books.read(partial(export_rows, since_ms=since, until_ms=until, after=page.next))
            rows.finish()
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return count
