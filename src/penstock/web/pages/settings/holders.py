"""Whose something is, in words: names of keys, users, teams and organisations, and lists to choose them from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from penstock.core.spending import Holder, Level
from penstock.store import people
from penstock.store.keys import Key, list_keys
from penstock.store.people import Organisation, Team, User
from penstock.store.usage import holder_names
from penstock.web.forms import Choices, Field
from penstock.web.pages.settings.frame import parameter
from penstock.web.visit import Visit

LEVELS: Choices = (
    ("gateway", "The whole gateway"),
    ("organisation", "An organisation"),
    ("team", "A team"),
    ("user", "A user"),
    ("key", "A key"),
)
MOST_SUGGESTED = 200
"""Names that are offered while somebody types; every other can be typed too."""
MOST_CHOICES = 500
"""In a list to choose from; where there are more, the name is typed."""

_NOUNS = {level: level.value.capitalize() for level in Level}


@dataclass(frozen=True, slots=True)
class Named:
    """Whose something is."""

    noun: str
    name: str


def named(c: Connection, holders: Iterable[Holder]) -> Mapping[Holder, Named]:
    """Each of them in words."""
    all_of_them = set(holders)
    found = {}
    for level in Level:
        ids = {holder.id for holder in all_of_them if holder.level is level}
        names = holder_names(c, level, ids) if ids and level is not Level.GATEWAY else {}
        for id in ids:
            name = "The whole gateway" if level is Level.GATEWAY else names.get(id, id)
            found[Holder(level, id)] = Named("" if level is Level.GATEWAY else _NOUNS[level], name)
    return found


def whose(key: Key, names: Mapping[Holder, Named]) -> str:
    """`ada, Design, Lighthouse Studio`: the key's user, team and organisation; empty where it has none."""
    above = ((Level.USER, key.user_id), (Level.TEAM, key.team_id), (Level.ORGANISATION, key.organisation_id))
    return ", ".join(names[Holder(level, id)].name for level, id in above if id)


def above(keys: Iterable[Key]) -> list[Holder]:
    """Everybody above these keys."""
    return [
        Holder(level, id)
        for key in keys
        for level, id in (
            (Level.USER, key.user_id),
            (Level.TEAM, key.team_id),
            (Level.ORGANISATION, key.organisation_id),
        )
        if id
    ]


@dataclass(frozen=True, slots=True)
class Everybody:
    """Organisations, and the teams and users in them, that are not archived."""

    organisations: list[Organisation]
    teams: list[Team]
    users: list[User]

    def choices(self, members: Iterable[Organisation | Team | User], nobody: str) -> Choices:
        """To choose one of them, each with the organisation it is in."""
        names = {one.id: one.name for one in self.organisations}
        found = [(one.id, _in(one, names)) for one in members]
        return [("", nobody), *sorted(found, key=lambda pair: pair[1].casefold())]


def everybody(c: Connection) -> Everybody:
    return Everybody(people.organisations(c), people.teams(c), people.users(c))


def suggestions(c: Connection) -> Choices:
    """Ids and names to be offered where somebody is to be named."""
    all_of_them = everybody(c)
    names = {one.id: one.name for one in all_of_them.organisations}
    rows = [(one.id, f"Organisation {one.name}") for one in all_of_them.organisations]
    rows += [(one.id, f"Team {_in(one, names)}") for one in all_of_them.teams]
    rows += [(one.id, f"User {_in(one, names)}") for one in all_of_them.users]
    rows += [(key.id, f"Key {key.name} ({key.hint})") for key in list_keys(c) if key.revoked_at is None]
    return rows[:MOST_SUGGESTED]


def whom_fields(offered: Choices) -> tuple[Field, Field]:
    """The two fields that say for whom something is made."""
    return (
        Field(name="level", label="For", kind="choice", choices=LEVELS, required=True),
        Field(
            name="holder",
            label="Which one",
            hint="Its name or id; empty for the whole gateway.",
            suggestions=offered,
        ),
    )


def whom(visit: Visit) -> dict[str, str]:
    """For whom a form is opened: what its address says of it."""
    level = parameter(visit, "level")
    known = level if level in dict(LEVELS) else "gateway"
    return {"level": known, "holder": "" if known == "gateway" else parameter(visit, "holder")[:200]}


def _in(one: Organisation | Team | User, organisations: Mapping[str, str]) -> str:
    if isinstance(one, Organisation):
        return one.name
    return f"{one.name} ({organisations.get(one.organisation_id, 'archived organisation')})"
