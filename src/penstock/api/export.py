"""`GET /admin/api/export`: the ledger's requests as a file of CSV or Parquet.

It is written to a spool file batch by batch, off the event loop, and then sent; at no time are all rows in memory.
"""

import asyncio
import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import IO, Annotated, Any, Literal, Protocol, get_args

import msgspec
from msgspec import Meta

from penstock.api.bodies import read_query
from penstock.api.ledger_documents import LedgerRequest, shown_request
from penstock.api.ranges import SINCE, UNTIL, range_ms
from penstock.api.times import moment, now_ms
from penstock.core.money import plain
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.pipeline.spool import Spool, failed
from penstock.store.requests import export_rows

COLUMNS = tuple(field.name for field in msgspec.structs.fields(LedgerRequest))

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is carried out by a spreadsheet."""


class ExportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which requests, and how."""

    format: Literal["csv", "parquet"] = "csv"
    since: Annotated[str, Meta(description=SINCE)] = "30d"
    until: Annotated[str | None, Meta(description=UNTIL)] = None


class RowsFile(Protocol):
    """A file of some format that is being written. Both methods block."""

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Rows by the names of `COLUMNS`."""
        ...

    def finish(self) -> None:
        """The end of the file; it stays open."""
        ...


async def export(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /admin/api/export`."""
    query, now = read_query(incoming, ExportQuery), now_ms(gateway)
    since, until = range_ms(query.since, query.until, now)
    begin, media_type = FORMATS[query.format]
    spool = Spool.open(gateway.settings.data_path / "spool")
    try:
        await _fill(spool, begin, since, until, gateway)
    except OSError as error:
        spool.close()
        raise failed(error) from error
    except BaseException:
        spool.close()
        raise
    name = f"penstock-{moment(since):%Y%m%d}-{moment(until):%Y%m%d}.{query.format}"
    return Reply(
        media_type=media_type,
        headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
        spool=spool,
    )


async def _fill(spool: Spool, begin: Callable[[IO[bytes]], RowsFile], since: int, until: int, gateway: Gateway) -> None:
    rows = await asyncio.to_thread(begin, spool.file)
    page = await gateway.books.read(partial(export_rows, since_ms=since, until_ms=until))
    while True:
        await asyncio.to_thread(rows.write, [shown_request(row, page.names) for row in page.rows])
        if page.next is None:
            break
        page = await gateway.books.read(partial(export_rows, since_ms=since, until_ms=until, after=page.next))
    await asyncio.to_thread(rows.finish)


class CsvFile:
    """RFC 4180 in UTF-8 with a head; times in ISO 8601, dollars as plain decimals, what is not known empty."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._lines([COLUMNS])

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        self._lines([_cell(row[name]) for name in COLUMNS] for row in rows)

    def finish(self) -> None:
        self._file.flush()

    def _lines(self, cells: Iterable[Sequence[str]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(cells)
        self._file.write(text.getvalue().encode())


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            # A quote in front is what spreadsheets take for "this is text".
            return f"'{value}" if value.startswith(_FORMULA) else value
        case Decimal():
            return plain(value)
        case datetime():
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case dict() | list():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)


class ParquetFile:
    """One row group a batch; times in UTC, dollars as decimals with twelve places, JSON as text."""

    def __init__(self, file: IO[bytes]) -> None:
        # 100 MB of code that only an export needs; it tells no types.
        import pyarrow  # type: ignore[import-untyped]
        from pyarrow import parquet

        self._arrow = pyarrow
        self._schema = pyarrow.schema(
            [(field.name, _arrow_type(pyarrow, field.type)) for field in msgspec.structs.fields(LedgerRequest)]
        )
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            columns = {name: [_value(row[name]) for row in rows] for name in COLUMNS}
            self._writer.write_table(self._arrow.table(columns, schema=self._schema))

    def finish(self) -> None:
        self._writer.close()


def _value(value: object) -> object:
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value


def _arrow_type(arrow: Any, annotation: Any) -> Any:
    """The column's type for a field's annotation, such as `Decimal | None`."""
    if hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    kind = next((kind for kind in get_args(annotation) if kind is not type(None)), annotation)
    known = {
        bool: arrow.bool_(),
        int: arrow.int64(),
        Decimal: arrow.decimal128(38, 12),
        datetime: arrow.timestamp("ms", tz="UTC"),
        date: arrow.date32(),
    }
    return known.get(kind, arrow.string())


FORMATS: dict[str, tuple[Callable[[IO[bytes]], RowsFile], str]] = {
    "csv": (CsvFile, "text/csv; charset=utf-8; header=present"),
    "parquet": (ParquetFile, "application/vnd.apache.parquet"),
}
"""How each is written, and its media type."""
