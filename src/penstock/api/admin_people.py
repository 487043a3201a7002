"""`/admin/api/organisations`, `/teams` and `/users`: made, listed, renamed and archived, by id or name.

What these endpoints do is done by `store.people`; the routes are in `admin_routes`.
"""

from penstock.api import admin_documents as documents
from penstock.api.answers import encode
from penstock.api.bodies import read_body, read_query
from penstock.api.times import moment, moment_or_none, now_ms
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.store import people


async def list_organisations(gateway: Gateway, incoming: Incoming) -> Reply:
    query = read_query(incoming, documents.OrganisationQuery)
    found = await gateway.books.read(lambda c: people.organisations(c, query.archived))
    return Reply(pieces=(encode(documents.OrganisationList(data=[_organisation(one) for one in found])),))


async def create_organisation(gateway: Gateway, incoming: Incoming) -> Reply:
    given, now = await read_body(incoming, documents.NewOrganisation), now_ms(gateway)
    return _sent(await gateway.books.change(lambda c: people.create_organisation(c, given.name, now)))


async def show_organisation(gateway: Gateway, incoming: Incoming, organisation: str) -> Reply:
    return _sent(await gateway.books.read(lambda c: people.organisation(c, organisation)))


async def change_organisation(gateway: Gateway, incoming: Incoming, organisation: str) -> Reply:
    given = await read_body(incoming, documents.Rename)
    return _sent(await gateway.books.change(lambda c: people.rename_organisation(c, organisation, given.name)))


async def archive_organisation(gateway: Gateway, incoming: Incoming, organisation: str) -> Reply:
    now = now_ms(gateway)
    return _sent(await gateway.books.change(lambda c: people.archive_organisation(c, organisation, now)))


async def list_teams(gateway: Gateway, incoming: Incoming) -> Reply:
    query = read_query(incoming, documents.MemberQuery)
    found = await gateway.books.read(lambda c: people.teams(c, query.organisation, query.archived))
    return Reply(pieces=(encode(documents.TeamList(data=[_team(one) for one in found])),))


async def create_team(gateway: Gateway, incoming: Incoming) -> Reply:
    given, now = await read_body(incoming, documents.NewMember), now_ms(gateway)
    return _sent(await gateway.books.change(lambda c: people.create_team(c, given.organisation, given.name, now)))


async def show_team(gateway: Gateway, incoming: Incoming, team: str) -> Reply:
    return _sent(await gateway.books.read(lambda c: people.team(c, team)))


async def change_team(gateway: Gateway, incoming: Incoming, team: str) -> Reply:
    given = await read_body(incoming, documents.Rename)
    return _sent(await gateway.books.change(lambda c: people.rename_team(c, team, given.name)))


async def archive_team(gateway: Gateway, incoming: Incoming, team: str) -> Reply:
    now = now_ms(gateway)
    return _sent(await gateway.books.change(lambda c: people.archive_team(c, team, now)))


async def list_users(gateway: Gateway, incoming: Incoming) -> Reply:
    query = read_query(incoming, documents.MemberQuery)
    found = await gateway.books.read(lambda c: people.users(c, query.organisation, query.archived))
    return Reply(pieces=(encode(documents.UserList(data=[_user(one) for one in found])),))


async def create_user(gateway: Gateway, incoming: Incoming) -> Reply:
    given, now = await read_body(incoming, documents.NewMember), now_ms(gateway)
    return _sent(await gateway.books.change(lambda c: people.create_user(c, given.organisation, given.name, now)))


async def show_user(gateway: Gateway, incoming: Incoming, user: str) -> Reply:
    return _sent(await gateway.books.read(lambda c: people.user(c, user)))


async def change_user(gateway: Gateway, incoming: Incoming, user: str) -> Reply:
    given = await read_body(incoming, documents.Rename)
    return _sent(await gateway.books.change(lambda c: people.rename_user(c, user, given.name)))


async def archive_user(gateway: Gateway, incoming: Incoming, user: str) -> Reply:
    now = now_ms(gateway)
    return _sent(await gateway.books.change(lambda c: people.archive_user(c, user, now)))


def _sent(someone: people.Organisation | people.Team | people.User) -> Reply:
    match someone:
        case people.Organisation():
            return Reply(pieces=(encode(_organisation(someone)),))
        case people.Team():
            return Reply(pieces=(encode(_team(someone)),))
        case people.User():
            return Reply(pieces=(encode(_user(someone)),))


def _organisation(it: people.Organisation) -> documents.Organisation:
    return documents.Organisation(
        id=it.id, name=it.name, created_at=moment(it.created_at), archived_at=moment_or_none(it.archived_at)
    )


def _team(it: people.Team) -> documents.Team:
    return documents.Team(
        id=it.id,
        organisation_id=it.organisation_id,
        name=it.name,
        created_at=moment(it.created_at),
        archived_at=moment_or_none(it.archived_at),
    )


def _user(it: people.User) -> documents.User:
    return documents.User(
        id=it.id,
        organisation_id=it.organisation_id,
        name=it.name,
        created_at=moment(it.created_at),
        archived_at=moment_or_none(it.archived_at),
    )
