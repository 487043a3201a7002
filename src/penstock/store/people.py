"""Organisations, and the teams and users in them: made, found, renamed, archived.

Nothing is deleted: what is archived opens no door any more and stays in the ledger. All of it are functions of a
connection, for `store.books` to run; `which` is an id or a name everywhere, and times are Unix milliseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Table, insert, or_, select, update

from penstock.core import ids
from penstock.core.errors import BadRequest, NotFound
from penstock.store import tables
from penstock.store.administrators import LAST, any_administrator
from penstock.store.checks import checked_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """A company, a department, a household: the highest level below the gateway itself."""

    id: str
    """`org_...`"""
    name: str
    """Its own among all organisations."""
    created_at: int
    archived_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A group in an organisation."""

    id: str
    """`team_...`"""
    organisation_id: str
    name: str
    """Its own among the organisation's teams."""
    created_at: int
    archived_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person, or a program with the standing of one, in an organisation."""

    id: str
    """`user_...`"""
    organisation_id: str
    name: str
    """Its own among the organisation's users."""
    created_at: int
    archived_at: int | None = None


# Organisations.


def create_organisation(c: Connection, name: str, now: int) -> Organisation:
    """Raises BadRequest (`name_taken`) where there is one of that name, an archived one included."""
    return _create(c, _ORGANISATION, {}, name, now)


def organisations(c: Connection, archived: bool = False) -> list[Organisation]:
    """By name; `archived` ones only where asked for."""
    return _list(c, _ORGANISATION, None, archived)


def organisation(c: Connection, which: str) -> Organisation:
    """Raises NotFound (`holder_not_found`)."""
    return _find(c, _ORGANISATION, which)


def rename_organisation(c: Connection, which: str, name: str) -> Organisation:
    """Raises as `organisation` and `create_organisation` do."""
    return _rename(c, _ORGANISATION, organisation(c, which), name)


def archive_organisation(c: Connection, which: str, now: int) -> Organisation:
    """From now on its keys are refused, and those of its teams and users; archived again, it stays as it is."""
    return _archive(c, _ORGANISATION, organisation(c, which), now)


# Teams.


def create_team(c: Connection, organisation: str, name: str, now: int) -> Team:
    """Raises BadRequest (`name_taken`) where the organisation has one of that name, or is archived; NotFound."""
    return _create(c, _TEAM, _within(c, organisation), name, now)


def teams(c: Connection, organisation: str | None = None, archived: bool = False) -> list[Team]:
    """By organisation and name, of one organisation or of all."""
    return _list(c, _TEAM, organisation, archived)


def team(c: Connection, which: str, organisation: str | None = None) -> Team:
    """By id or name, in one organisation or in all.

    Raises NotFound (`holder_not_found`), and BadRequest (`ambiguous_name`) with the ids where several could be meant.
    """
    return _find(c, _TEAM, which, organisation)


def rename_team(c: Connection, which: str, name: str) -> Team:
    """Raises as `team` and `create_team` do."""
    return _rename(c, _TEAM, team(c, which), name)


def archive_team(c: Connection, which: str, now: int) -> Team:
    """From now on its keys are refused."""
    return _archive(c, _TEAM, team(c, which), now)


# Users.


def create_user(c: Connection, organisation: str, name: str, now: int) -> User:
    """Raises BadRequest (`name_taken`) where the organisation has one of that name, or is archived; NotFound."""
    return _create(c, _USER, _within(c, organisation), name, now)


def users(c: Connection, organisation: str | None = None, archived: bool = False) -> list[User]:
    """By organisation and name, of one organisation or of all."""
    return _list(c, _USER, organisation, archived)


def user(c: Connection, which: str, organisation: str | None = None) -> User:
    """As `team`."""
    return _find(c, _USER, which, organisation)


def rename_user(c: Connection, which: str, name: str) -> User:
    """Raises as `user` and `create_user` do."""
    return _rename(c, _USER, user(c, which), name)


def archive_user(c: Connection, which: str, now: int) -> User:
    """From now on its keys are refused."""
    return _archive(c, _USER, user(c, which), now)


# What the three have in common.

Someone = TypeVar("Someone", Organisation, Team, User)


@dataclass(frozen=True, slots=True)
class _Kind(Generic[Someone]):
    table: Table
    make: type[Someone]
    prefix: str
    noun: str
    article: str


_ORGANISATION = _Kind(tables.organisations, Organisation, "org", "organisation", "An")
_TEAM = _Kind(tables.teams, Team, "team", "team", "A")
_USER = _Kind(tables.users, User, "user", "user", "A")


def _create(c: Connection, kind: _Kind[Someone], within: Mapping[str, Any], name: str, now: int) -> Someone:
    made = kind.make(
        id=ids.new(kind.prefix, now / 1000),
        name=checked_name(f"{kind.article} {kind.noun}", name),
        created_at=now,
        **within,
    )
    _check_free(c, kind, made)
    c.execute(insert(kind.table).values({field.name: getattr(made, field.name) for field in fields(made)}))
    return made


def _within(c: Connection, which: str) -> dict[str, str]:
    """The column of a new team or user."""
    found = organisation(c, which)
    check_not_archived(found)
    return {"organisation_id": found.id}


def check_not_archived(someone: Organisation | Team | User) -> None:
    """Raises BadRequest for one that nothing new can be made for."""
    if someone.archived_at is not None:
        raise BadRequest(f"The {_noun(someone)} `{someone.name}` is archived: nothing new is made for it.")


def _noun(someone: Organisation | Team | User) -> str:
    return type(someone).__name__.lower()


def _check_free(c: Connection, kind: _Kind[Someone], someone: Someone) -> None:
    """Raises BadRequest where another one beside it has its name."""
    same = [kind.table.c.name == someone.name, kind.table.c.id != someone.id]
    if not isinstance(someone, Organisation):
        same.append(kind.table.c.organisation_id == someone.organisation_id)
    taken = c.execute(select(kind.table.c.id, kind.table.c.archived_at).where(*same)).first()
    if taken is not None:
        archived = "" if taken.archived_at is None else " and is archived"
        raise BadRequest(
            f"The name {someone.name!r} is taken: {kind.noun} {taken.id} has it{archived}.",
            code="name_taken",
            param="name",
        )


def _list(c: Connection, kind: _Kind[Someone], within: str | None, archived: bool) -> list[Someone]:
    query = select(kind.table)
    if within is not None:
        query = query.where(kind.table.c.organisation_id == organisation(c, within).id)
    if not archived:
        query = query.where(kind.table.c.archived_at.is_(None))
    order = [kind.table.c[name] for name in ("organisation_id", "name") if name in kind.table.c]
    return [kind.make(**row) for row in c.execute(query.order_by(*order)).mappings()]


def _find(c: Connection, kind: _Kind[Someone], which: str, within: str | None = None) -> Someone:
    query = select(kind.table).where(or_(kind.table.c.id == which, kind.table.c.name == which))
    if within is not None:
        query = query.where(kind.table.c.organisation_id == organisation(c, within).id)
    found: Sequence[Someone] = [kind.make(**row) for row in c.execute(query.order_by(kind.table.c.id)).mappings()]
    by_id = [someone for someone in found if someone.id == which]
    meant = by_id or [someone for someone in found if someone.archived_at is None] or found
    if not meant:
        where = "" if within is None else f" in the organisation {within!r}"
        raise NotFound(f"No {kind.noun}{where} has the id or name {which!r}.", code="holder_not_found")
    if len(meant) > 1:
        several = ", ".join(someone.id for someone in meant)
        raise BadRequest(
            f"{len(meant)} {kind.noun}s are called {which!r}. Name one of them by its id: {several}.",
            code="ambiguous_name",
        )
    return meant[0]


def _rename(c: Connection, kind: _Kind[Someone], someone: Someone, name: str) -> Someone:
    name = checked_name(f"{kind.article} {kind.noun}", name)
    renamed = kind.make(**{field.name: getattr(someone, field.name) for field in fields(someone)} | {"name": name})
    _check_free(c, kind, renamed)
    c.execute(update(kind.table).where(kind.table.c.id == someone.id).values(name=name))
    return renamed


def _archive(c: Connection, kind: _Kind[Someone], someone: Someone, now: int) -> Someone:
    """Raises BadRequest (`last_administrator`) where that would close the last key that may administer."""
    not_yet = (kind.table.c.id == someone.id, kind.table.c.archived_at.is_(None))
    there_was_one = any_administrator(c, now)
    c.execute(update(kind.table).where(*not_yet).values(archived_at=now))
    if there_was_one and not any_administrator(c, now):
        raise BadRequest(
            f"The last key with the scope admin is one of this {kind.noun}'s. Make another one first.", code=LAST
        )
    return _find(c, kind, someone.id)
