"""`penstock organisations`, `teams` and `users`: what each of the three can be asked, and their rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from penstock.commands.values import row_of
from penstock.store import people
from penstock.store.people import Organisation, Team, User
from penstock.store.usage import holder_names

Someone = Organisation | Team | User


@dataclass(frozen=True, slots=True)
class Members:
    """Teams or users: what lives in an organisation."""

    create: Callable[[Connection, str, str, int], Someone]
    list: Callable[[Connection, str | None, bool], list[Team] | list[User]]
    rename: Callable[[Connection, str, str], Someone]
    archive: Callable[[Connection, str, int], Someone]


MEMBERS: Mapping[str, Members] = {
    "team": Members(people.create_team, people.teams, people.rename_team, people.archive_team),
    "user": Members(people.create_user, people.users, people.rename_user, people.archive_user),
}


def organisation_rows(c: Connection, archived: bool) -> list[dict[str, Any]]:
    """One row per organisation, by name."""
    return [row_of(someone) for someone in people.organisations(c, archived)]


def member_rows(c: Connection, noun: str, organisation: str | None, archived: bool) -> list[dict[str, Any]]:
    """One row per team or user, with its organisation's name. Raises NotFound for the organisation."""
    rows = [row_of(someone) for someone in MEMBERS[noun].list(c, organisation, archived)]
    names = holder_names(c, "organisation", {row["organisation_id"] for row in rows})
    return [row | {"organisation": names.get(row["organisation_id"])} for row in rows]
