"""What copies made for comparison have cost."""

from decimal import Decimal

from sqlalchemy import Connection, func, select

from penstock.core.money import from_pico
from penstock.store.tables import requests


def spent_on_mirrors(c: Connection, since_ms: int) -> Decimal:
    """US dollars since then, with what may have been charged unsaid; without the copies that callers have paid for."""
    cost = func.coalesce(requests.c.cost_pico, 0) + func.coalesce(requests.c.uncertain_pico, 0)
    query = select(func.sum(cost)).where(
        requests.c.mirror_of.is_not(None), requests.c.created_at >= since_ms, requests.c.charged_pico == 0
    )
    return from_pico(int(c.execute(query).scalar() or 0))
