"""How offers have been doing, minute by minute: written by each process of a gateway and read by the others.

All of it are functions of a connection, for `store.books` to run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection, Dialect, delete, select
from sqlalchemy.dialects.sqlite import Insert

from penstock.store.inserts import Insertion
from penstock.store.tables import health_slots


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRow:
    """What one process saw of one offer, operation and size in one minute."""

    offer: str
    operation: str
    size_class: str
    minute: int
    """Unix minutes."""
    process: str
    succeeded: int
    failed: int
    limited: int
    seconds: Mapping[str, int]
    """How many values each bucket of the histogram holds."""
    firsts: Mapping[str, int]
    rates: Mapping[str, int]
    changed_at: int
    """Unix milliseconds of when it is written."""


def write_slots(c: Connection, rows: Sequence[SlotRow]) -> None:
    """Write slots; what their process had written of them before is replaced."""
    upsert = _upserting(c.dialect)
    upsert.run(c, [upsert.bind(row) for row in rows])


def read_slots(c: Connection, since_ms: int, not_process: str) -> list[SlotRow]:
    """The slots that others have written since then (Unix milliseconds), oldest change first."""
    others = health_slots.c.process != not_process
    query = select(health_slots).where(health_slots.c.changed_at >= since_ms, others)
    return [SlotRow(**row) for row in c.execute(query.order_by(health_slots.c.changed_at)).mappings()]


def forget_slots(c: Connection, before_ms: int) -> None:
    """Delete the slots that nobody has written to since then."""
    c.execute(delete(health_slots).where(health_slots.c.changed_at < before_ms))


@lru_cache(maxsize=1)
def _upserting(dialect: Dialect) -> Insertion:
    return Insertion(health_slots, dialect, _replace)


def _replace(statement: Insert) -> Insert:
    keys = {column.name for column in health_slots.primary_key}
    values = {column.name: statement.excluded[column.name] for column in health_slots.c if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=values)
