"""`/settings/keys`: keys, made, changed, given another secret and revoked. A secret is shown on one page, once."""

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from penstock.api import admin_documents as documents
from penstock.api import admin_keys
from penstock.api.addresses import own_address
from penstock.core.principal import Scope
from penstock.core.spending import Holder, Level
from penstock.pipeline.request import Reply
from penstock.store.keys import LONGEST_OVERLAP_SECONDS, Key, get_key, list_keys, revoke_key
from penstock.store.people import Organisation, Team, User, organisations, teams, users
from penstock.store.spending import BudgetState, budgets
from penstock.store.sums import DAY_MS
from penstock.store.usage import usage
from penstock.web.forms import Field, Sheet, again, read, sheet
from penstock.web.pages.settings.frame import REFUSED, ask_page, framed, parameter, unkept
from penstock.web.pages.settings.holders import MOST_CHOICES, Everybody, above, everybody, named, whose
from penstock.web.visit import Form, Visit

PART = "/settings/keys"
SCOPES = (
    ("inference", "Make pictures and text"),
    ("read", "See models, prices and its own requests"),
    ("admin", "Everything, these settings too"),
)
PERIODS = {"total": "in all", "day": "a day", "week": "a week", "month": "a month"}
_SCOPE_WORDS = {"inference": "make", "read": "see", "admin": "administer"}
_A_PAGE = 50

_BOUNDS = (
    Field(
        name="models",
        label="Models it may call",
        kind="lines",
        hint="Slugs or patterns such as openai/*, one a line. Empty: all.",
    ),
    Field(name="providers", label="Providers it may call", kind="lines", hint="Such as bfl, one a line. Empty: all."),
    Field(
        name="addresses",
        label="Addresses it may be used from",
        kind="lines",
        hint="IP addresses or networks such as 10.0.0.0/8, one a line. Empty: any.",
    ),
)
_NAME = Field(name="name", label="Name", required=True, hint="What it is for: a program, a person, a machine.")
_SCOPES = Field(name="scopes", label="What it may do", kind="several", choices=SCOPES)
_DAYS = Field(name="expires_in_days", label="Ends after so many days", kind="number", hint="Empty: never.")
_CHANGES = (
    _NAME,
    _SCOPES,
    *_BOUNDS,
    Field(
        name="expires_in_days",
        label="Ends after so many days from now",
        kind="number",
        hint="Empty: it ends as it does now, unless the box below says otherwise.",
    ),
)
_ROTATION = (
    Field(
        name="hours",
        label="Hours for which the old secret works too",
        kind="number",
        hint="0 ends it at once, which is right where others have seen it. At most 744.",
    ),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A key in the list."""

    key: Key
    whose: str
    state: str
    """`works`, `expired` or `revoked`, or the level that is archived."""
    may: list[str]
    spent: Decimal | None
    """US dollars of the last day; None: its requests have no known cost."""


async def list_page(visit: Visit) -> Reply:
    """`GET /settings/keys`."""
    wanted, revoked = parameter(visit, "q")[:200], parameter(visit, "revoked") == "yes"
    rows = await visit.gateway.books.read(partial(_rows, now=visit.now_ms, wanted=wanted, revoked=revoked))
    page, last, notes = _page_of(parameter(visit, "page"), len(rows))
    return framed(
        visit,
        "keys.html",
        title="Keys",
        part=PART,
        rows=rows[(page - 1) * _A_PAGE : page * _A_PAGE],
        count=len(rows),
        page=page,
        last=last,
        notes_of_address=notes,
        wanted=wanted,
        revoked=revoked,
        own=visit.principal.key_id if visit.principal else "",
    )


async def new_page(visit: Visit) -> Reply:
    """`GET /settings/keys/new`."""
    fields = _new_fields(await visit.gateway.books.read(everybody))
    given = {name: parameter(visit, name)[:200] for name in ("organisation", "team", "user")}
    return _new_page(visit, sheet(fields, {"scopes": ["inference", "read"], "budget.period": "month", **given}))


async def make(visit: Visit, form: Form) -> Reply:
    """`POST /settings/keys/new`."""
    fields = _new_fields(await visit.gateway.books.read(everybody))
    try:
        made = await admin_keys.make_key(visit.gateway, read(fields, form, documents.NewKey))
    except REFUSED as error:
        return _new_page(visit, again(fields, form, error))
    return _made_page(visit, made, "The key is made", "Copy it now, and give it to whoever uses it.")


async def key_page(visit: Visit, key: str) -> Reply:
    """`GET /settings/keys/{key}`."""
    return await _key_page(visit, key)


async def change(visit: Visit, form: Form, key: str) -> Reply:
    """`POST /settings/keys/{key}`."""
    try:
        given = read(_CHANGES, form, documents.KeyChange)
        if given.expires_in_days is None and form.text("never"):
            given = msgspec.structs.replace(given, expires_at=None)
        changed = await admin_keys.change(visit.gateway, key, given)
    except REFUSED as error:
        return await _key_page(visit, key, changing=again(_CHANGES, form, error), never=bool(form.text("never")))
    return visit.redirect(f"{PART}/{changed.id}?done=key-changed")


async def rotate(visit: Visit, form: Form, key: str) -> Reply:
    """`POST /settings/keys/{key}/rotate`."""
    try:
        hours = read(_ROTATION, form, _Hours).hours
        made = await admin_keys.rotate(visit.gateway, key, documents.Rotation(overlap_seconds=int(hours * 3600)))
    except REFUSED as error:
        return await _key_page(visit, key, rotating=again(_ROTATION, form, error))
    return _made_page(
        visit, made, "The key has another secret", "It stays the same key, with its bounds and budgets.", rotated=True
    )


async def revoke_page(visit: Visit, key: str) -> Reply:
    """`GET /settings/keys/{key}/revoke`."""
    return await _revoke_page(visit, key)


async def revoke(visit: Visit, form: Form, key: str) -> Reply:
    """`POST /settings/keys/{key}/revoke`."""
    try:
        await visit.gateway.books.change(partial(revoke_key, which=key, now=visit.now_ms))
    except REFUSED as error:
        return await _revoke_page(visit, key, error.message)
    return visit.redirect(f"{PART}?done=key-revoked")


class _Hours(msgspec.Struct, frozen=True, kw_only=True):
    """How a key is given another secret."""

    hours: Annotated[float, Meta(ge=0, le=LONGEST_OVERLAP_SECONDS // 3600)] = 0


def _rows(c: Connection, now: int, wanted: str, revoked: bool) -> list[Row]:
    keys = [key for key in list_keys(c) if (revoked or key.revoked_at is None) and _is_meant(key, wanted)]
    names, archived = named(c, above(keys)), _archived(c)
    spent = {row.group["key"]: row.cost for row in usage(c, ["key"], now - DAY_MS, now)}
    rows = [
        Row(key, whose(key, names), _state(key, now, archived), _may(key), spent.get(key.id, Decimal(0)))
        for key in keys
    ]
    return sorted(rows, key=lambda row: (row.key.revoked_at is not None, -row.key.created_at))


def _page_of(given: str, count: int) -> tuple[int, int, list[str]]:
    """The page to show, the last one there is, and what is to be said where another was asked for."""
    last = max(-(-count // _A_PAGE), 1)
    if not given:
        return 1, last, []
    page = int(given[:6]) if given.isascii() and given.isdecimal() else 0
    if 1 <= page <= last:
        return page, last, []
    return 1, last, [f"There is no page {given[:20]}, so this is the first."]


def _is_meant(key: Key, wanted: str) -> bool:
    return wanted.casefold() in key.name.casefold() or wanted in (key.id, key.hint)


def _archived(c: Connection) -> dict[str, str]:
    """Ids of everybody who is archived, and what they are."""
    everyone: list[Organisation | Team | User] = [
        *organisations(c, True),
        *teams(c, archived=True),
        *users(c, archived=True),
    ]
    return {one.id: type(one).__name__.lower() for one in everyone if one.archived_at is not None}


def _state(key: Key, now: int, archived: dict[str, str]) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    owners = (key.organisation_id, key.team_id, key.user_id)
    return next((f"its {archived[id]} is archived" for id in owners if id in archived), "works")


def _may(key: Key) -> list[str]:
    return [words for scope, words in _SCOPE_WORDS.items() if Scope(scope) in key.scopes]


def _new_fields(all_of_them: Everybody) -> tuple[Field, ...]:
    levels = (
        ("organisation", "Organisation", all_of_them.organisations, "No organisation"),
        ("team", "Team", all_of_them.teams, "No team"),
        ("user", "User", all_of_them.users, "No user"),
    )
    owners = [
        Field(name=name, label=label, hint="Its name or id.")
        if len(members) > MOST_CHOICES
        else Field(name=name, label=label, kind="choice", choices=all_of_them.choices(members, nobody))
        for name, label, members, nobody in levels
    ]
    return (
        _NAME,
        _SCOPES,
        *owners,
        *_BOUNDS,
        _DAYS,
        Field(
            name="budget.amount_usd",
            label="Budget in US dollars",
            kind="number",
            hint="Empty: no budget of its own. What does not fit is refused, and so is a model without a known price.",
        ),
        Field(name="budget.period", label="Period", kind="choice", choices=tuple(PERIODS.items())),
    )


def _new_page(visit: Visit, shown: Sheet) -> Reply:
    status = 400 if shown.fault else 200
    return framed(
        visit, "key_new.html", title="Make a key", part=PART, status=status, sheet=shown, crumb=("Keys", PART)
    )


def _made_page(visit: Visit, made: documents.MadeKey, title: str, lead: str, *, rotated: bool = False) -> Reply:
    curl = (
        f"curl {own_address(visit.incoming, visit.gateway)}/v1/images/generations \\\n"
        f'  -H "Authorization: Bearer {made.key}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        '  -d \'{"model": "sandbox/image", "prompt": "a lighthouse at dusk", "size": "512x512"}\''
    )
    until = None
    if rotated and made.previous_until is not None:
        until = f"Works until {made.previous_until:%Y-%m-%d %H:%M} UTC."
    reply = framed(
        visit,
        "key_made.html",
        title=title,
        part=PART,
        lead=lead,
        made=made,
        scopes=[words for scope, words in SCOPES if scope in made.scopes],
        periods=PERIODS,
        until=until,
        curl=curl,
        crumb=("Keys", PART),
    )
    return unkept(reply)


@dataclass(frozen=True, slots=True)
class _Known:
    """A key with what belongs to it."""

    row: Row
    budgets: list[BudgetState]
    administrators: int
    """Keys that may administer, this one included."""


def _known(c: Connection, which: str, now: int) -> _Known:
    key = get_key(c, which)
    spent = usage(c, [], now - DAY_MS, now, {"key": key.id})
    row = Row(
        key,
        whose(key, named(c, above([key]))),
        _state(key, now, _archived(c)),
        _may(key),
        spent[0].cost if spent else Decimal(0),
    )
    working = [one for one in list_keys(c) if Scope.ADMIN in one.scopes and _state(one, now, {}) == "works"]
    return _Known(row, budgets(c, now, Holder(Level.KEY, key.id)), len(working))


async def _key_page(
    visit: Visit, which: str, *, changing: Sheet | None = None, rotating: Sheet | None = None, never: bool = False
) -> Reply:
    known = await visit.gateway.books.read(partial(_known, which=which, now=visit.now_ms))
    key = known.row.key
    stands: dict[str, str | list[str]] = {"name": key.name, "scopes": [str(scope) for scope in key.scopes]}
    stands |= {name: ["\n".join(getattr(key, name))] for name in ("models", "providers", "addresses")}
    faulty = any(one and one.fault for one in (changing, rotating))
    return framed(
        visit,
        "key.html",
        title=key.name,
        part=PART,
        status=400 if faulty else 200,
        row=known.row,
        key=key,
        scopes=[words for scope, words in SCOPES if Scope(scope) in key.scopes],
        budgets=known.budgets,
        periods=PERIODS,
        changing=changing or sheet(_CHANGES, stands),
        rotating=rotating or sheet(_ROTATION, {"hours": "24"}),
        never=never,
        is_own=bool(visit.principal and visit.principal.key_id == key.id),
        crumb=("Keys", PART),
    )


async def _revoke_page(visit: Visit, which: str, fault: str = "") -> Reply:
    known = await visit.gateway.books.read(partial(_known, which=which, now=visit.now_ms))
    key, warnings = known.row.key, []
    is_last = known.administrators == 1 and Scope.ADMIN in key.scopes and known.row.state != "expired"
    if is_last and not fault:
        warnings.append("It is the last key that may administer this gateway, so it cannot be revoked. Make another.")
    elif visit.principal and visit.principal.key_id == key.id:
        warnings.append("You are signed in with this key. You will be signed out, and need another one to come back.")
    return ask_page(
        visit,
        title=f"Revoke {key.name}?",
        part=PART,
        sentences=(
            f"The key {key.name} ({key.hint}) is refused from the very next request on, for good.",
            "What it did stays in the ledger. To replace a secret, give it another one instead.",
        ),
        warnings=warnings,
        button="" if is_last else "Revoke it",
        back=f"{PART}/{key.id}",
        above=key.name,
        fault=fault,
    )
