"""`GET /logs`: every request, the newest first, page by page; what is shown is all in the address.

A request's id as `id` leads to its own page.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlencode

from markupsafe import Markup
from sqlalchemy import Connection

from penstock.api.ranges import instant_ms
from penstock.core.errors import BadRequest, NotFound
from penstock.pipeline.request import Reply
from penstock.store.requests import (
    STATUSES,
    LinkedPicture,
    Place,
    RequestFilter,
    RequestPage,
    first_pictures,
    list_requests,
)
from penstock.store.rows import RequestRow
from penstock.store.sums import DAY_MS
from penstock.store.usage import FIELDS, HOLDERS, equal_to, holder_names
from penstock.web.templating import OPERATIONS
from penstock.web.usage.spending import DIMENSIONS, NOT_KNOWN
from penstock.web.usage.wording import ending
from penstock.web.visit import Visit

PAGE = 50
_LATEST = 250_000_000_000_000
"""The year 9892: what is later has no day after it."""
COPIES = {"hide": False, "only": True}
_STATUS_WORDS = {"succeeded": "Succeeded", "failed": "Failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """A request in the list."""

    row: RequestRow
    when: Markup
    key: str | None
    model: str | None
    provider: str | None
    ending: str
    kind: str
    picture: LinkedPicture | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an address asks for."""

    given: Mapping[str, str]
    """The parameters that count, as they were written."""
    which: RequestFilter
    before: Place | None
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in use."""

    words: str
    without: str
    """The address without it."""


async def logs(visit: Visit) -> Reply:
    """`GET /logs`."""
    query, now = dict(parse_qsl(visit.incoming.query)), visit.now_ms
    if wanted := query.get("id", "").strip():
        return visit.redirect(f"/logs/{quote(wanted, safe='')}")

    def find(c: Connection) -> tuple[Asked, RequestPage, Mapping[str, LinkedPicture], Mapping[str, str]]:
        asked = _asked(c, query, now)
        page = list_requests(c, asked.which, asked.before, PAGE)
        pictures = first_pictures(c, [row.id for row in page.rows if row.images_delivered])
        return asked, page, pictures, _holders(c, asked.given)

    asked, page, pictures, holders = await visit.gateway.books.read(find)
    more = {**asked.given, "before": str(page.next)} if page.next else None
    return visit.page(
        "logs.html",
        title="Logs",
        notes=asked.notes,
        given=asked.given,
        chips=_chips(visit, asked.given, holders),
        rows=[_row(visit, row, page.names, pictures) for row in page.rows],
        is_first=asked.before is None,
        first="/logs?" + urlencode(asked.given) if asked.given else "/logs",
        more="/logs?" + urlencode(more) if more else None,
        providers=sorted((slug, visit.gateway.catalogue.providers[slug].name) for slug in visit.gateway.accounts),
        exports=_exports(asked.given),
        keeps_days=visit.gateway.settings.ledger.retention_days,
    )


def _asked(c: Connection, query: Mapping[str, str], now: int) -> Asked:
    """The filters that can be used; each of the others is left out, and said."""
    given: dict[str, str] = {}
    notes: list[str] = []
    for name in FIELDS:
        if value := query.get(name, "").strip():
            try:
                equal_to(c, {name: value})
                given[name] = value
            except (BadRequest, NotFound) as error:
                notes.append(f"{error.message} Requests of all {DIMENSIONS[name].lower()}s are shown.")
    for name, check in _CHECKS.items():
        if value := query.get(name, "").strip():
            if check(value, now):
                given[name] = value
            else:
                notes.append(f"“{value[:40]}” says nothing about {_ABOUT[name]}; it is left out.")
    before = None
    if text := query.get("before"):
        try:
            before = Place.read(text)
        except BadRequest:
            notes.append("There is no such place in the list; this is its beginning.")
    return Asked(given=given, which=_filter(given, now), before=before, notes=notes)


def _filter(given: Mapping[str, str], now: int) -> RequestFilter:
    return RequestFilter(
        where={name: given[name] for name in FIELDS if name in given},
        status=given.get("status"),
        since_ms=_instant(given["since"], now) if "since" in given else None,
        until_ms=_end(given["until"], now) if "until" in given else None,
        without=(given["without"],) if "without" in given else (),
        fallback="fallback" in given,
        copies=COPIES.get(given.get("copies", "")),
    )


def _instant(text: str, now: int) -> int | None:
    try:
        instant = instant_ms(text, now, "since")
    except (BadRequest, OverflowError):
        return None
    return instant if instant < _LATEST else None


def _end(text: str, now: int) -> int | None:
    """A day is in it as a whole."""
    instant = _instant(text, now)
    return instant + DAY_MS if instant is not None and is_day(text) else instant


def is_day(text: str) -> bool:
    """Whether it is a day rather than an instant or a time before now."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


_CHECKS: Mapping[str, Callable[[str, int], bool]] = {
    "status": lambda text, _: text in STATUSES or re.fullmatch("[1-5][0-9]{2}", text) is not None,
    "since": lambda text, now: _instant(text, now) is not None,
    "until": lambda text, now: _instant(text, now) is not None,
    "without": lambda text, _: text in FIELDS,
    "fallback": lambda text, _: text == "1",
    "copies": lambda text, _: text in COPIES,
}
_ABOUT = {
    "status": "how requests ended",
    "since": "when to begin",
    "until": "when to end",
    "without": "what may be missing",
    "fallback": "fallbacks",
    "copies": "copies",
}


def _holders(c: Connection, given: Mapping[str, str]) -> dict[str, str]:
    """Names of the keys, teams, organisations and users that are asked for by id."""
    found = {}
    for name in HOLDERS:
        if name in given:
            found[name] = holder_names(c, name, {given[name]}).get(given[name], given[name])
    return found


def _chips(visit: Visit, given: Mapping[str, str], holders: Mapping[str, str]) -> list[Chip]:
    words: Mapping[str, Callable[[str], str]] = {
        "fallback": lambda _: "Only with a fallback",
        "copies": lambda value: "Only copies" if value == "only" else "Without copies",
        "status": lambda value: _STATUS_WORDS.get(value, f"Status {value}"),
        "since": lambda value: f"Since {_shown_time(value)}",
        "until": lambda value: f"Until {_shown_time(value)}",
        "without": lambda value: f"{DIMENSIONS[value]}: {NOT_KNOWN[value].lower()}",
        "operation": lambda value: OPERATIONS.get(value, value),
    }
    return [
        Chip(
            words[name](value) if name in words else f"{DIMENSIONS[name]}: {holders.get(name, value)}",
            visit.address(**{name: None, "before": None}),
        )
        for name, value in given.items()
    ]


def _shown_time(text: str) -> str:
    if is_day(text):
        day = date.fromisoformat(text)
        return f"{day.day} {day:%b %Y}"
    return text if text[:1] == "2" else f"{text} ago"


def _row(
    visit: Visit,
    row: RequestRow,
    names: Mapping[str, Mapping[str, str]],
    pictures: Mapping[str, LinkedPicture],
) -> LogRow:
    catalogue = visit.gateway.catalogue
    words, kind = ending(row)
    model = catalogue.models.get(row.model or "")
    provider = catalogue.providers.get(row.provider or "")
    return LogRow(
        row=row,
        when=to_the_second(row.created_at),
        key=names["key"].get(row.key_id or "", row.key_id),
        model=model.name if model else row.model or row.model_asked,
        provider=provider.name if provider else row.provider,
        ending=words,
        kind=kind,
        picture=pictures.get(row.id),
    )


def to_the_second(unix_ms: int) -> Markup:
    """`27 Nov 2026, 23:45:07`, where the head of the column says UTC."""
    at = datetime.fromtimestamp(unix_ms / 1000, UTC)
    words = f"{at.day} {at:%b %Y}, {at:%H:%M:%S}"
    return Markup('<time datetime="{}">{}</time>').format(at.strftime("%Y-%m-%dT%H:%M:%SZ"), words)


def _exports(given: Mapping[str, str]) -> Mapping[str, str]:
    """Addresses of the ledger as a file, of the same time. The API's `until` is not itself part of a range."""
    span = {"since": given.get("since", "1970-01-01" if "until" in given else "30d")}
    if until := given.get("until"):
        span["until"] = (date.fromisoformat(until) + timedelta(days=1)).isoformat() if is_day(until) else until
    return {format: "/admin/api/export?" + urlencode({"format": format, **span}) for format in ("csv", "parquet")}
