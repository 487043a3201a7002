"""`/admin/api/keys`: made, listed, changed, given a new secret and revoked, by id, name or hint.

What these endpoints do is done by `store.keys`; the routes are in `admin_routes`. A secret is in the answer to the
request that makes it, and nowhere else.
"""

from datetime import datetime
from typing import Any, cast

from msgspec import UNSET
from msgspec.structs import asdict
from sqlalchemy import Connection

from penstock.api import admin_documents as documents
from penstock.api.admin_spending import budget_document, dollars_are, make_budget
from penstock.api.answers import encode
from penstock.api.bodies import read_body, read_query
from penstock.api.times import moment, moment_or_none, now_ms, unix_ms
from penstock.core.errors import BadRequest
from penstock.core.spending import Holder, Level
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.store import keys, people
from penstock.store.keys import Changes, Key, NewKey

_SCOPES: tuple[documents.ScopeName, ...] = ("inference", "read", "admin")
_UNCACHED = {"cache-control": "no-store"}


async def list_keys(gateway: Gateway, incoming: Incoming) -> Reply:
    query = read_query(incoming, documents.KeyQuery)
    found = await gateway.books.read(lambda c: _found(c, query))
    return Reply(pieces=(encode(documents.KeyList(data=[_key(key) for key in found])),))


def _found(c: Connection, query: documents.KeyQuery) -> list[Key]:
    organisation = None if query.organisation is None else people.organisation(c, query.organisation).id
    team = None if query.team is None else people.team(c, query.team, organisation).id
    user = None if query.user is None else people.user(c, query.user, organisation).id
    return [
        key
        for key in keys.list_keys(c)
        if (query.revoked or key.revoked_at is None)
        and organisation in (None, key.organisation_id)
        and team in (None, key.team_id)
        and user in (None, key.user_id)
    ]


async def create_key(gateway: Gateway, incoming: Incoming) -> Reply:
    made = await make_key(gateway, await read_body(incoming, documents.NewKey))
    return Reply(headers=_UNCACHED, pieces=(encode(made),))


async def make_key(gateway: Gateway, given: documents.NewKey) -> documents.MadeKey:
    """A new key, and its budget where one is given. Raises BadRequest and NotFound."""
    now = now_ms(gateway)
    new = NewKey(
        given.name,
        given.scopes,
        organisation=given.organisation,
        team=given.team,
        user=given.user,
        models=given.models,
        providers=given.providers,
        addresses=given.addresses,
        expires_at=_expiry(given.expires_at, given.expires_in_days, now),
    )

    def create(c: Connection) -> documents.MadeKey:
        key, secret = keys.create_key(c, new, now)
        if given.budget is None:
            return _made(key, secret)
        state = make_budget(c, Holder(Level.KEY, key.id), given.budget, now)
        return _made(key, secret, budget_document(state))

    with dollars_are("budget.amount_usd"):
        return await gateway.books.change(create)


async def show_key(gateway: Gateway, incoming: Incoming, key: str) -> Reply:
    return Reply(pieces=(encode(_key(await gateway.books.read(lambda c: keys.get_key(c, key)))),))


async def change_key(gateway: Gateway, incoming: Incoming, key: str) -> Reply:
    return Reply(pieces=(encode(await change(gateway, key, await read_body(incoming, documents.KeyChange))),))


async def change(gateway: Gateway, key: str, given: documents.KeyChange) -> documents.Key:
    """Raises BadRequest and NotFound."""
    now = now_ms(gateway)
    changes = _changes(given, now)
    return _key(await gateway.books.change(lambda c: keys.change_key(c, key, now, **changes)))


async def rotate_key(gateway: Gateway, incoming: Incoming, key: str) -> Reply:
    made = await rotate(gateway, key, await read_body(incoming, documents.Rotation))
    return Reply(headers=_UNCACHED, pieces=(encode(made),))


async def rotate(gateway: Gateway, key: str, given: documents.Rotation) -> documents.MadeKey:
    """The key with its new secret. Raises BadRequest and NotFound."""
    now = now_ms(gateway)
    return _made(*await gateway.books.change(lambda c: keys.rotate_key(c, key, given.overlap_seconds, now)))


async def revoke_key(gateway: Gateway, incoming: Incoming, key: str) -> Reply:
    now = now_ms(gateway)
    return Reply(pieces=(encode(_key(await gateway.books.change(lambda c: keys.revoke_key(c, key, now)))),))


def _changes(given: documents.KeyChange, now: int) -> Changes:
    """What was named."""
    named = ("name", "scopes", "models", "providers", "addresses")
    changes: dict[str, Any] = {name: value for name in named if (value := getattr(given, name)) is not None}
    if given.expires_at is not UNSET or given.expires_in_days is not None:
        at = None if given.expires_at is UNSET else given.expires_at
        changes["expires_at"] = _expiry(at, given.expires_in_days, now)
    return cast(Changes, changes)


def _expiry(at: datetime | None, days: float | None, now: int) -> int | None:
    """Unix milliseconds; None: never."""
    if days is None:
        return None if at is None else unix_ms(at)
    if at is not None:
        raise BadRequest("Send `expires_at` or `expires_in_days`, not both.", param="expires_in_days")
    return now + int(days * 24 * 3600 * 1000)


def _key(it: Key) -> documents.Key:
    return documents.Key(
        id=it.id,
        name=it.name,
        hint=it.hint,
        scopes=[scope for scope in _SCOPES if scope in it.scopes],
        organisation_id=it.organisation_id,
        team_id=it.team_id,
        user_id=it.user_id,
        models=list(it.models),
        providers=list(it.providers),
        addresses=list(it.addresses),
        created_at=moment(it.created_at),
        expires_at=moment_or_none(it.expires_at),
        revoked_at=moment_or_none(it.revoked_at),
        previous_until=moment_or_none(it.previous_until),
    )


def _made(key: Key, secret: str, budget: documents.Budget | None = None) -> documents.MadeKey:
    return documents.MadeKey(**asdict(_key(key)), key=secret, budget=budget)
