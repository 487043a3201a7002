"""`GET /dashboard`: what was spent and on what, budgets and where they lead, and how providers stand at this moment.

`GET /dashboard/now` is its last part as a page of its own, which the dashboard asks for again every few seconds.
"""

import asyncio
from functools import partial
from urllib.parse import parse_qsl

from penstock.pipeline.request import Reply
from penstock.store.usage import anything_used
from penstock.web.usage import burndown, spending
from penstock.web.usage.ranges import LAST, read_range
from penstock.web.usage.standing import read_standing
from penstock.web.visit import Visit


async def dashboard(visit: Visit) -> Reply:
    """`GET /dashboard`."""
    query, now, catalogue = dict(parse_qsl(visit.incoming.query)), visit.now_ms, visit.gateway.catalogue
    span, notes = read_range(query, now)
    by, more_notes = spending.read_dimension(query)
    books = visit.gateway.books
    used, before, budgets, standing = await asyncio.gather(
        books.read(partial(spending.read_used, span=span, by=by)),
        books.read(partial(spending.read_before, span=span)),
        books.read(partial(burndown.read_budgets, now=now)),
        read_standing(visit.gateway),
    )
    total = used.total
    if not total.requests and not await books.read(anything_used):
        return visit.page("dashboard_empty.html", title="Dashboard", standing=standing)
    return visit.page(
        "dashboard.html",
        title="Dashboard",
        notes=[*notes, *more_notes],
        span=span,
        ranges=LAST,
        by=by,
        dimensions=spending.DIMENSIONS,
        total=total,
        stats=spending.stats(total, before),
        doubts=spending.doubts(total),
        spend=spending.spend_chart(used, catalogue),
        charts=spending.other_charts(used),
        groups=spending.table(used, catalogue),
        budgets=burndown.views(budgets, now),
        more_budgets=max(0, len(budgets.states) - burndown.MOST_SHOWN),
        standing=standing,
    )


async def standing_now(visit: Visit) -> Reply:
    """`GET /dashboard/now`."""
    standing = await read_standing(visit.gateway)
    return visit.page("dashboard_now.html", title="Right now", standing=standing)
