"""`/settings/limits`: rate limits, made and ended."""

from functools import partial

from sqlalchemy import Connection

from penstock.api import admin_documents as documents
from penstock.api import admin_spending
from penstock.core.errors import NotFound
from penstock.core.spending import Limit, LimitUnit
from penstock.pipeline.request import Reply
from penstock.store import spending
from penstock.web.forms import Field, Sheet, again, read, sheet
from penstock.web.pages.settings.frame import REFUSED, ask_page, form_page, framed
from penstock.web.pages.settings.holders import Named, named, suggestions, whom, whom_fields
from penstock.web.visit import Form, Visit

PART = "/settings/limits"
UNITS = {
    LimitUnit.REQUESTS: "requests",
    LimitUnit.IMAGES: "pictures",
    LimitUnit.MEGAPIXELS: "megapixels",
    LimitUnit.TOKENS: "tokens",
    LimitUnit.DOLLARS: "US dollars",
    LimitUnit.CONCURRENT: "requests at the same time",
}
_FIELDS = (
    Field(name="amount", label="At most", kind="number", required=True),
    Field(name="unit", label="What is counted", kind="choice", choices=tuple(UNITS.items())),
    Field(
        name="window_seconds",
        label="In any so many seconds",
        kind="whole",
        hint="3600 is an hour, 86400 a day; at most 31 days. Empty: a minute. Requests at the same time need none.",
    ),
    Field(name="model", label="Only for the model", hint="A slug or a pattern such as openai/*. Empty: all together."),
)
_SPANS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


async def list_page(visit: Visit) -> Reply:
    """`GET /settings/limits`."""
    rows = await visit.gateway.books.read(_rows)
    return framed(visit, "limits.html", title="Limits", part=PART, rows=rows, words=words)


async def new_page(visit: Visit) -> Reply:
    """`GET /settings/limits/new`."""
    fields = await _fields(visit)
    return _new_page(visit, sheet(fields, {"unit": "requests", "window_seconds": "60", **whom(visit)}))


async def make(visit: Visit, form: Form) -> Reply:
    """`POST /settings/limits/new`."""
    fields = await _fields(visit)
    try:
        await admin_spending.add_limit(visit.gateway, read(fields, form, documents.NewLimit))
    except REFUSED as error:
        return _new_page(visit, again(fields, form, error))
    return visit.redirect(f"{PART}?done=limit-made")


async def end_page(visit: Visit, limit: str) -> Reply:
    """`GET /settings/limits/{limit}/end`."""
    rows = await visit.gateway.books.read(_rows)
    found = next(((row, name) for row, name in rows if row.id == limit), None)
    if found is None:
        raise NotFound(f"There is no limit {limit[:60]}, or it has ended.", code="limit_not_found")
    row, name = found
    return ask_page(
        visit,
        title=f"End the limit of {name.name}?",
        part=PART,
        sentences=(f"It says: at most {words(row)}. It no longer counts from the very next request on.",),
        button="End it",
        back=PART,
        above="Limits",
    )


async def end(visit: Visit, form: Form, limit: str) -> Reply:
    """`POST /settings/limits/{limit}/end`."""
    await visit.gateway.books.change(partial(spending.end_limit, id=limit, now=visit.now_ms))
    return visit.redirect(f"{PART}?done=limit-ended")


def words(limit: Limit) -> str:
    """`600 pictures in any hour`."""
    amount = f"{limit.amount.normalize():,f}"
    if limit.unit is LimitUnit.CONCURRENT:
        return f"{amount} {UNITS[limit.unit]}"
    return f"{amount} {UNITS[limit.unit]} in any {_span(limit.window_seconds)}"


def _span(seconds: int) -> str:
    size, noun = next((size, noun) for size, noun in _SPANS if seconds % size == 0)
    count = seconds // size
    return noun if count == 1 else f"{count} {noun}s"


def _rows(c: Connection) -> list[tuple[Limit, Named]]:
    limits = spending.list_limits(c)
    names = named(c, [limit.holder for limit in limits])
    return [(limit, names[limit.holder]) for limit in limits]


async def _fields(visit: Visit) -> tuple[Field, ...]:
    return (*whom_fields(await visit.gateway.books.read(suggestions)), *_FIELDS)


def _new_page(visit: Visit, shown: Sheet) -> Reply:
    return form_page(
        visit,
        shown,
        title="Make a limit",
        part=PART,
        button="Make the limit",
        back=PART,
        above="Limits",
        lead="At most so much in any window of time. It is not changed later: end it, and make another.",
    )
