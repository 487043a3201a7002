"""INSERTs built from the tables and compiled once, then run with plain tuples.

Rows go in as one statement of 1, 2, 4 ... 32 of them rather than one by one: sqlite3 lets go of the interpreter
lock at every statement, and beside a busy event loop each return costs up to five milliseconds.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam, case, delete, null, or_

# The one place that names a dialect; PostgreSQL's `insert` has the same two methods.
from sqlalchemy.dialects.sqlite import Insert, insert

from penstock.store import tables

MOST_ROWS = 32
"""A power of two; times the widest table's columns it stays far below SQLite's 32,766 parameters."""

Conflict = Callable[[Insert], Insert]


class Insertion:
    """The INSERT of one table, for rows whose fields are named like its columns."""

    def __init__(self, table: Table, dialect: Dialect, conflict: Conflict | None = None) -> None:
        self._table = table
        self._dialect = dialect
        self._conflict = conflict
        self._fields = attrgetter(*table.c.keys())
        self._conversions = _conversions(table, dialect)
        self._sql: dict[int, str] = {}

    def bind(self, row: object) -> tuple[Any, ...]:
        """The row's values as the driver takes them, in the order of the columns."""
        values = list(self._fields(row))
        for position, convert in self._conversions:
            if (value := values[position]) is not None:
                values[position] = convert(value)
        return tuple(values)

    def run(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        """Insert bound rows, in order."""
        done = 0
        while left := len(rows) - done:
            size = min(1 << (left.bit_length() - 1), MOST_ROWS)
            parameters = tuple(chain.from_iterable(rows[done : done + size]))
            connection.exec_driver_sql(self._text(size), parameters)
            done += size

    def _text(self, size: int) -> str:
        text = self._sql.get(size)
        if text is None:
            statement = insert(self._table).values([dict.fromkeys(self._table.c.keys())] * size)
            if self._conflict is not None:
                statement = self._conflict(statement)
            text = self._sql[size] = str(statement.compile(dialect=self._dialect))
        return text


def _conversions(table: Table, dialect: Dialect) -> list[tuple[int, Callable[[Any], Any]]]:
    """The columns whose Python values are not the driver's: dates, JSON, text with a bound."""
    processors = (column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.c)
    return [(position, process) for position, process in enumerate(processors) if process is not None]


def inserting_requests(dialect: Dialect) -> Insertion:
    """A request is recorded once; a second row with its id is refused."""
    return Insertion(tables.requests, dialect)


def upserting_attempts(dialect: Dialect) -> Insertion:
    """An attempt is written when it is pending and again when it is over; the later row counts."""
    return Insertion(tables.attempts, dialect, partial(_replace, tables.attempts, "id"))


def upserting_assets(dialect: Dialect) -> Insertion:
    """The same picture again is the same row, kept for as long as the more generous of the two says."""
    return Insertion(tables.assets, dialect, _keep_longer)


def inserting_links(dialect: Dialect) -> Insertion:
    """One row for each place a picture has in a request."""
    return Insertion(tables.asset_links, dialect)


class Addition(Insertion):
    """Rows whose numbers are added to those of the row that has their key."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        super().__init__(table, dialect, partial(_add_up, table))
        self._keys = len(table.primary_key)  # the key's columns come first in these tables

    def bind(self, row: object) -> tuple[Any, ...]:
        """A row; a tuple is one as it stands."""
        return row if isinstance(row, tuple) else super().bind(row)

    def run(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        """Add bound rows; those with one key become one row first."""
        if len({row[: self._keys] for row in rows}) < len(rows):
            rows = list(self._summed(rows))
        super().run(connection, rows)

    def _summed(self, rows: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        alike: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
        for row in rows:
            alike.setdefault(row[: self._keys], []).append(row[self._keys :])
        for key, numbers in alike.items():
            yield (*key, *map(sum, zip(*numbers, strict=True))) if len(numbers) > 1 else (*key, *numbers[0])


def adding_up_hours(dialect: Dialect) -> Addition:
    """A request's part in the sums of its hour."""
    return Addition(tables.usage_hours, dialect)


def adding_up_days(dialect: Dialect) -> Addition:
    """A request's part in the sums of its day."""
    return Addition(tables.usage_days, dialect)


def adding_up_budgets(dialect: Dialect) -> Addition:
    """What a reservation or a settlement changes in a budget's period."""
    return Addition(tables.budget_use, dialect)


def adding_up_allowances(dialect: Dialect) -> Addition:
    """What a request changes in an allowance's month."""
    return Addition(tables.allowance_use, dialect)


def inserting_prompts(dialect: Dialect) -> Insertion:
    """What a request asked, where that is kept."""
    return Insertion(tables.prompts, dialect)


def inserting_reservations(dialect: Dialect) -> Insertion:
    """One row for each request under way that may have to be finished by another process."""
    return Insertion(tables.reservations, dialect)


def inserting_reservation_parts(dialect: Dialect) -> Insertion:
    """One row for each budget a reservation is held against."""
    return Insertion(tables.reservation_parts, dialect)


class Removal:
    """The DELETE of rows by the id of their request, run like an `Insertion`: its rows are the ids."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        statement = delete(table).where(table.c.request_id == bindparam("id"))
        self._sql = str(statement.compile(dialect=dialect))

    def bind(self, row: object) -> tuple[Any, ...]:
        return (row,)

    def run(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        """Delete the rows of these requests."""
        connection.exec_driver_sql(self._sql, rows)


def _add_up(table: Table, statement: Insert) -> Insert:
    keys = {column.name for column in table.primary_key}
    added = {c.name: c + getattr(statement.excluded, c.name) for c in table.c if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=added)


def _replace(table: Table, key: str, statement: Insert) -> Insert:
    others = [name for name in table.c.keys() if name != key]  # noqa: SIM118 - a column collection yields columns
    values = dict(zip(others, itemgetter(*others)(statement.excluded), strict=True))
    return statement.on_conflict_do_update(index_elements=[key], set_=values)


def _keep_longer(statement: Insert) -> Insert:
    old, new = tables.assets.c.expires_at, statement.excluded.expires_at
    longer = case((or_(old.is_(None), new.is_(None)), null()), (new > old, new), else_=old)
    return statement.on_conflict_do_update(index_elements=["digest"], set_={"expires_at": longer})
