"""How the spending of holders went day by day, for budgets: from the sums of days, in one question for each level.

All are functions of a connection, for `store.books` to run. Times are Unix milliseconds, money is in US dollars.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from sqlalchemy import Connection, func, select

from penstock.core.money import from_pico
from penstock.core.spending import Level
from penstock.store.sums import DAY_MS
from penstock.store.tables import usage_days
from penstock.store.usage import FIELDS

Course = Mapping[date, Decimal]
"""What counted against budgets on each day; days without anything are left out."""


def courses(c: Connection, level: Level, holders: Collection[str], since_ms: int) -> Mapping[str, Course]:
    """The courses of these holders by id, from the day of that moment on; the gateway's id is empty."""
    day, charged = usage_days.c.day, func.sum(usage_days.c.charged_pico)
    since = day >= since_ms // DAY_MS * DAY_MS
    found: dict[str, dict[date, Decimal]] = defaultdict(dict)
    if level is Level.GATEWAY:
        whole = select(day, charged).where(since).group_by(day)
        rows = [("", *row) for row in c.execute(whole)]
    else:
        holder = usage_days.c[FIELDS[level.value]]
        query = select(holder, day, charged).where(since, holder.in_(holders)).group_by(day, holder)
        rows = [tuple(row) for row in c.execute(query)]
    for id, first_moment, pico in rows:
        if pico:
            found[id][datetime.fromtimestamp(first_moment / 1000, UTC).date()] = from_pico(pico)
    return found
