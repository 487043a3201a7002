"""What keys have spent: since ever, and in the current day, week and month of UTC.

It comes from `usage_days`, whose first column is the day: naming each day lets the index find the keys' rows in it,
where a range of days would read everybody's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, case, func, select

from penstock.core.money import from_pico
from penstock.core.spending import Period
from penstock.store.sums import DAY_MS
from penstock.store.tables import keys, requests, usage_days


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What counted against budgets and credits, in US dollars; what is not known is not in it."""

    total: Decimal = Decimal(0)
    day: Decimal = Decimal(0)
    week: Decimal = Decimal(0)
    month: Decimal = Decimal(0)
    last_used_at: int | None = None
    """When the newest request of the ledger came in, in Unix milliseconds."""


def spent_by_keys(c: Connection, key_ids: Sequence[str], now: int) -> dict[str, Spent]:
    """By id, for each of these keys."""
    day = usage_days.c.day
    sums = [_since(period.start(now)) for period in (Period.DAY, Period.WEEK, Period.MONTH)]
    query = (
        select(usage_days.c.key_id, func.sum(usage_days.c.charged_pico), *sums)
        .where(day.in_(_days(c, now)), usage_days.c.key_id.in_(key_ids))
        .group_by(usage_days.c.key_id)
    )
    found = {key_id: [from_pico(pico) for pico in sums] for key_id, *sums in c.execute(query)}
    newest = select(func.max(requests.c.created_at)).where(requests.c.key_id == keys.c.id).scalar_subquery()
    made = {}
    for key_id, last_used_at in c.execute(select(keys.c.id, newest).where(keys.c.id.in_(key_ids))):
        total, today, week, month = found.get(key_id, [Decimal(0)] * 4)
        made[key_id] = Spent(total=total, day=today, week=week, month=month, last_used_at=last_used_at)
    return made


def _since(start: int) -> ColumnElement[int]:
    return func.sum(case((usage_days.c.day >= start, usage_days.c.charged_pico), else_=0))


def _days(c: Connection, now: int) -> list[int]:
    """Every day there may be sums of."""
    first = c.execute(select(func.min(usage_days.c.day))).scalar()
    return [] if first is None else list(range(first, now + 1, DAY_MS))
