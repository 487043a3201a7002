"""How offers did day by day: the slots of `store.health` added up, which are forgotten long before.

Whoever has added up less than there is, because slots had gone, changes nothing; so it may be done as often as wanted,
by any process. All are functions of a connection, for `store.books` to run.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection, Dialect, and_, delete, func, literal_column, select, true
from sqlalchemy.dialects.sqlite import Insert

from penstock.store.inserts import Insertion
from penstock.store.sums import DAY_MS
from penstock.store.tables import health_days, health_slots

_MINUTE_MS = 60_000
_COUNTS = ("succeeded", "failed", "limited")

_DAY = health_slots.c.minute - health_slots.c.minute % literal_column(str(DAY_MS // _MINUTE_MS))
"""A slot's day: its first minute."""
_GROUP = (health_slots.c.offer, health_slots.c.operation, _DAY)

Histogram = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthDayRow:
    """How one offer did at one operation on one day of UTC, in all processes and at all sizes of pictures.

    `upstream.results.window_of` tells quantiles of it, and adds several up.
    """

    offer: str
    operation: str
    day: int
    """Its first moment, Unix milliseconds."""
    succeeded: int
    failed: int
    limited: int
    """Refused for the rate of calls; neither of the above."""
    seconds: Histogram
    """How many values each bucket of the histogram holds."""
    firsts: Histogram
    rates: Histogram

    @property
    def uptime(self) -> float | None:
        """The part that succeeded, 0 to 1, rate limits left out; None where there are no results."""
        results = self.succeeded + self.failed
        return self.succeeded / results if results else None


def add_up(c: Connection, since_ms: int) -> list[HealthDayRow]:
    """What the slots still there come to, for the day of that moment and those after it."""
    first = since_ms // DAY_MS * DAY_MS // _MINUTE_MS
    seconds, firsts, rates = (_histograms(c, name, first) for name in ("seconds", "firsts", "rates"))
    sums = (func.sum(health_slots.c[name]) for name in _COUNTS)
    query = select(*_GROUP, *sums).where(health_slots.c.minute >= first).group_by(*_GROUP)
    return [
        HealthDayRow(
            offer=offer,
            operation=operation,
            day=minute * _MINUTE_MS,
            succeeded=succeeded,
            failed=failed,
            limited=limited,
            seconds=seconds.get((offer, operation, minute), {}),
            firsts=firsts.get((offer, operation, minute), {}),
            rates=rates.get((offer, operation, minute), {}),
        )
        for offer, operation, minute, succeeded, failed, limited in c.execute(query)
    ]


def _histograms(c: Connection, name: str, first: int) -> Mapping[tuple[str, str, int], Histogram]:
    """By offer, operation and first minute of the day; the database adds up, for a busy day has millions of buckets."""
    entry = func.json_each(health_slots.c[name]).table_valued("key", "value")
    query = select(*_GROUP, entry.c.key, func.sum(entry.c.value)).select_from(health_slots.join(entry, true()))
    found: dict[tuple[str, str, int], dict[str, int]] = defaultdict(dict)
    for offer, operation, minute, bucket, count in c.execute(
        query.where(health_slots.c.minute >= first).group_by(*_GROUP, entry.c.key)
    ):
        found[offer, operation, minute][bucket] = count
    return found


def write_days(c: Connection, rows: Sequence[HealthDayRow]) -> None:
    """Write what days came to; one that came to more before stays as it was."""
    upsert = _upserting(c.dialect)
    upsert.run(c, [upsert.bind(row) for row in rows])


def read_days(c: Connection, offers: Collection[str], since_ms: int) -> list[HealthDayRow]:
    """The days of these offers from the one of that moment on, the earliest first."""
    since = health_days.c.day >= since_ms // DAY_MS * DAY_MS
    query = select(health_days).where(since, health_days.c.offer.in_(offers))
    in_order = query.order_by(health_days.c.day, health_days.c.offer, health_days.c.operation)
    return [HealthDayRow(**row) for row in c.execute(in_order).mappings()]


def forget_days(c: Connection, before_ms: int) -> None:
    """Delete the days that began before then."""
    c.execute(delete(health_days).where(health_days.c.day < before_ms))


@lru_cache(maxsize=1)
def _upserting(dialect: Dialect) -> Insertion:
    return Insertion(health_days, dialect, _grow)


def _grow(statement: Insert) -> Insert:
    keys = {column.name for column in health_days.primary_key}
    values = {column.name: statement.excluded[column.name] for column in health_days.c if column.name not in keys}
    not_less = and_(*(statement.excluded[name] >= health_days.c[name] for name in _COUNTS))
    return statement.on_conflict_do_update(index_elements=list(keys), set_=values, where=not_less)
