"""`/settings/people`: organisations, and the teams and users in them, made, renamed and archived."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import msgspec
from sqlalchemy import Connection

from penstock.api import admin_documents as documents
from penstock.core.errors import NotFound
from penstock.pipeline.request import Reply
from penstock.store import people
from penstock.store.keys import list_keys
from penstock.store.people import Organisation, Team, User
from penstock.web.forms import Field, Sheet, again, read, sheet
from penstock.web.pages.settings.frame import REFUSED, ask_page, form_page, framed, parameter
from penstock.web.pages.settings.holders import MOST_CHOICES
from penstock.web.visit import Form, Visit

PART = "/settings/people"
Someone = Organisation | Team | User

_MOST_SHOWN = 300
"""Of teams, and of users, in one list."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """Organisations, teams, or users."""

    noun: str
    article: str
    request: type[msgspec.Struct]
    find: Callable[[Connection, str], Someone]
    rename: Callable[[Connection, str, str], Someone]
    archive: Callable[[Connection, str, int], Someone]
    covers: str


_KINDS: Mapping[str, _Kind] = {
    "organisations": _Kind(
        "organisation",
        "an",
        documents.NewOrganisation,
        people.organisation,
        people.rename_organisation,
        people.archive_organisation,
        "Its keys, and those of its teams and users, are refused",
    ),
    "teams": _Kind(
        "team", "a", documents.NewMember, people.team, people.rename_team, people.archive_team, "Its keys are refused"
    ),
    "users": _Kind(
        "user", "a", documents.NewMember, people.user, people.rename_user, people.archive_user, "Their keys are refused"
    ),
}
_NAME = Field(name="name", label="Name", required=True)


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody in a list."""

    someone: Someone
    organisation: str
    """The name of the organisation they are in; empty for one."""
    keys: int
    """Those that are not revoked."""


async def list_page(visit: Visit) -> Reply:
    """`GET /settings/people`."""
    archived = parameter(visit, "archived") == "yes"
    lists = await visit.gateway.books.read(partial(_lists, archived=archived))
    return framed(visit, "people.html", title="People", part=PART, lists=lists, archived=archived, most=_MOST_SHOWN)


async def new_page(visit: Visit, kind: str) -> Reply:
    """`GET /settings/people/{kind}/new`."""
    fields = await _fields(visit, kind)
    return _new_page(visit, kind, sheet(fields, {"organisation": parameter(visit, "organisation")[:200]}))


async def make(visit: Visit, form: Form, kind: str) -> Reply:
    """`POST /settings/people/{kind}/new`."""
    fields = await _fields(visit, kind)
    try:
        given, now = read(fields, form, _found(kind).request), visit.now_ms
        await visit.gateway.books.change(lambda c: _make(c, kind, given, now))
    except REFUSED as error:
        return _new_page(visit, kind, again(fields, form, error))
    return visit.redirect(f"{PART}?done=made")


async def one_page(visit: Visit, kind: str, who: str) -> Reply:
    """`GET /settings/people/{kind}/{who}`."""
    someone = await visit.gateway.books.read(lambda c: _found(kind).find(c, who))
    return _one_page(visit, kind, someone, sheet((_NAME,), {"name": someone.name}))


async def rename(visit: Visit, form: Form, kind: str, who: str) -> Reply:
    """`POST /settings/people/{kind}/{who}`."""
    someone = await visit.gateway.books.read(lambda c: _found(kind).find(c, who))
    try:
        given = read((_NAME,), form, documents.Rename)
        await visit.gateway.books.change(lambda c: _found(kind).rename(c, someone.id, given.name))
    except REFUSED as error:
        return _one_page(visit, kind, someone, again((_NAME,), form, error))
    return visit.redirect(f"{PART}/{kind}/{someone.id}?done=renamed")


async def archive_page(visit: Visit, kind: str, who: str) -> Reply:
    """`GET /settings/people/{kind}/{who}/archive`."""
    someone = await visit.gateway.books.read(lambda c: _found(kind).find(c, who))
    own = visit.principal and someone.id in (
        visit.principal.organisation_id,
        visit.principal.team_id,
        visit.principal.user_id,
    )
    return ask_page(
        visit,
        title=f"Archive {someone.name}?",
        part=PART,
        sentences=(
            f"{_found(kind).covers} from the very next request on, for good.",
            "What they did stays in the ledger.",
        ),
        warnings=["The key you are signed in with is among them, so you will be signed out."] if own else [],
        button="Archive",
        back=f"{PART}/{kind}/{someone.id}",
        above=someone.name,
    )


async def archive(visit: Visit, form: Form, kind: str, who: str) -> Reply:
    """`POST /settings/people/{kind}/{who}/archive`."""
    now = visit.now_ms
    await visit.gateway.books.change(lambda c: _found(kind).archive(c, who, now))
    return visit.redirect(f"{PART}?done=archived")


def _found(kind: str) -> _Kind:
    if kind not in _KINDS:
        raise NotFound(f"There are organisations, teams and users, and no {kind[:60]}.")
    return _KINDS[kind]


def _lists(c: Connection, archived: bool) -> dict[str, list[Listed]]:
    organisations = people.organisations(c, True)
    names = {one.id: one.name for one in organisations}
    counts: dict[str, int] = {}
    for key in list_keys(c):
        for id in (key.organisation_id, key.team_id, key.user_id) if key.revoked_at is None else ():
            counts[id or ""] = counts.get(id or "", 0) + 1
    found: Mapping[str, list[Organisation] | list[Team] | list[User]] = {
        "organisations": [one for one in organisations if archived or one.archived_at is None],
        "teams": people.teams(c, archived=archived),
        "users": people.users(c, archived=archived),
    }
    return {
        kind: [
            Listed(one, "" if isinstance(one, Organisation) else names[one.organisation_id], counts.get(one.id, 0))
            for one in several
        ]
        for kind, several in found.items()
    }


async def _fields(visit: Visit, kind: str) -> tuple[Field, ...]:
    if _found(kind).request is documents.NewOrganisation:
        return (_NAME,)
    organisations = await visit.gateway.books.read(people.organisations)
    if len(organisations) > MOST_CHOICES:
        return (_NAME, Field(name="organisation", label="Organisation", hint="Its name or id.", required=True))
    choices = [("", "Choose one"), *((one.id, one.name) for one in organisations)]
    return (_NAME, Field(name="organisation", label="Organisation", kind="choice", choices=choices, required=True))


def _make(c: Connection, kind: str, given: msgspec.Struct, now: int) -> None:
    match given:
        case documents.NewOrganisation():
            people.create_organisation(c, given.name, now)
        case documents.NewMember() if kind == "teams":
            people.create_team(c, given.organisation, given.name, now)
        case documents.NewMember():
            people.create_user(c, given.organisation, given.name, now)


def _new_page(visit: Visit, kind: str, shown: Sheet) -> Reply:
    found = _found(kind)
    return form_page(
        visit,
        shown,
        title=f"Make {found.article} {found.noun}",
        part=PART,
        button=f"Make the {found.noun}",
        back=PART,
        above="People",
        lead="Teams and users are in an organisation; budgets and limits of each count for all keys below it.",
    )


def _one_page(visit: Visit, kind: str, someone: Someone, shown: Sheet) -> Reply:
    return framed(
        visit,
        "person.html",
        title=someone.name,
        part=PART,
        status=400 if shown.fault else 200,
        kind=kind,
        noun=_found(kind).noun,
        someone=someone,
        sheet=shown,
        crumb=("People", PART),
    )
