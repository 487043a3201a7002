"""The key of a request, or of a session: whose it is and what bounds it, or why it opens nothing.

What was looked up is trusted until the books change, in this process or another, and for a second at most; so a
change counts for the very next request, and a caller with a wrong key costs one read a second.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import BindParameter, Connection, RowMapping, bindparam, or_, select

from penstock.core.clock import Clock
from penstock.core.networks import network_of
from penstock.core.principal import Principal, holders
from penstock.store import tables
from penstock.store.db import Database
from penstock.store.keys import KEY_COLUMNS, Key, hashed, key_of
from penstock.store.marker import Marker, State
from penstock.store.spending import applying

TRUSTED_SECONDS = 1.0
"""How long a looked-up key, or the absence of one, is believed."""

MOST_KNOWN = 10_000
MOST_UNKNOWN = 1_000
"""Kept apart, so that a flood of wrong keys pushes no right one out."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a key opens nothing."""

    reason: str
    """`unknown`, `revoked`, `expired`, `rotated` or `archived`."""
    message: str
    """A sentence for the caller."""


UNKNOWN = Refused("unknown", "This API key is not known here. Check that it was copied whole: psk_ and 43 characters.")
REVOKED = Refused("revoked", "This API key was revoked. Ask the administrator of this gateway for another one.")
EXPIRED = Refused("expired", "This API key has expired. Ask the administrator of this gateway for another one.")
ROTATED = Refused("rotated", "This API key was replaced by a new one. Ask the administrator of this gateway for it.")
SIGNED_OUT = Refused("signed_out", "You are signed out. Sign in again with your key.")
ARCHIVED = {
    noun: Refused("archived", f"The {noun} of this API key is archived. Ask the administrator of this gateway.")
    for noun in ("organisation", "team", "user")
}


class Keys:
    """Finds keys, for callers on the event loop."""

    def __init__(self, database: Database, marker: Marker, clock: Clock) -> None:
        self._database = database
        self._marker = marker
        self._clock = clock
        self._known = _Recent(MOST_KNOWN)
        self._unknown = _Recent(MOST_UNKNOWN)
        self._reading: dict[tuple[str, State], asyncio.Task[_Entry]] = {}

    async def find(self, secret: str) -> Principal | Refused:
        """Whose key this is, or why it is refused. Raises Unavailable where the database cannot be read."""
        return await self._answer(hashed(secret), _find)

    async def find_session(self, secret: str) -> Principal | Refused:
        """Whose key a session of the pages was begun with, or why it opens nothing. Raises as `find`."""
        return await self._answer(hashed(secret), _find_session)

    async def _answer(self, hash: str, find: "_Finder") -> Principal | Refused:
        # Asked before the read: what changes in between makes the entry look older than it is, never newer.
        state = self._marker.state()
        now = self._clock.monotonic()
        entry = self._known.get(hash) or self._unknown.get(hash)
        if entry is None or entry.state != state or now - entry.read_at >= TRUSTED_SECONDS:
            entry = await self._read(hash, state, now, find)
        return entry.answer(int(self._clock.now() * 1000))

    async def _read(self, hash: str, state: State, now: float, find: "_Finder") -> "_Entry":
        """Read a key; callers that ask for the same one, with nothing changed meanwhile, share the answer."""
        reading = (hash, state)
        task = self._reading.get(reading)
        if task is None:
            task = asyncio.create_task(self._read_and_keep(hash, state, now, find))
            self._reading[reading] = task
            task.add_done_callback(lambda _: self._reading.pop(reading))
        return await asyncio.shield(task)  # one caller that hangs up must not take the answer from the others

    async def _read_and_keep(self, hash: str, state: State, now: float, find: "_Finder") -> "_Entry":
        opens = await self._database.read(lambda c: find(c, hash))
        entry = _Entry(opens, state, now)
        kept, other = (self._unknown, self._known) if opens in _NOTHINGS else (self._known, self._unknown)
        kept.put(hash, entry)
        other.drop(hash)
        return entry


@dataclass(frozen=True, slots=True)
class _Opens:
    """What a secret opens, as long as nothing changes."""

    now: Principal | Refused
    ends_at: int | None = None
    """Unix milliseconds; None: never."""
    then: Refused = EXPIRED


_NOTHING = _Opens(UNKNOWN)
_NO_SESSION = _Opens(SIGNED_OUT)
_NOTHINGS = (_NOTHING, _NO_SESSION)


@dataclass(frozen=True, slots=True)
class _Entry:
    opens: _Opens
    state: State
    """The marker's, from before the read."""
    read_at: float
    """Monotonic seconds, from before the read."""

    def answer(self, unix_ms: int) -> Principal | Refused:
        opens = self.opens
        return opens.now if opens.ends_at is None or unix_ms < opens.ends_at else opens.then


class _Recent:
    """A bounded dictionary that drops what was put in longest ago."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: dict[str, _Entry] = {}
        self.get = self._entries.get

    def put(self, hash: str, entry: _Entry) -> None:
        self.drop(hash)
        if len(self._entries) >= self._most:
            del self._entries[next(iter(self._entries))]
        self._entries[hash] = entry

    def drop(self, hash: str) -> None:
        self._entries.pop(hash, None)


_ABOVE = {
    "organisation": (tables.organisations, tables.keys.c.organisation_id),
    "team": (tables.teams, tables.keys.c.team_id),
    "user": (tables.users, tables.keys.c.user_id),
}
_ARCHIVED_AT = {noun: table.c.archived_at.label(f"{noun}_archived_at") for noun, (table, _) in _ABOVE.items()}
_HASH: BindParameter[str] = bindparam("hash")
_EITHER = or_(tables.keys.c.hash == _HASH, tables.keys.c.previous_hash == _HASH)
_WITH_OWNERS = select(*KEY_COLUMNS, tables.keys.c.hash, *_ARCHIVED_AT.values()).select_from(tables.keys)
for _table, _column in _ABOVE.values():
    _WITH_OWNERS = _WITH_OWNERS.outerjoin(_table, _table.c.id == _column)
_QUERY = _WITH_OWNERS.where(_EITHER)
_OF_SESSION = _WITH_OWNERS.where(tables.keys.c.id == bindparam("id"))
_SESSION = select(tables.sessions.c.key_id, tables.sessions.c.expires_at).where(tables.sessions.c.hash == _HASH)


def _find(c: Connection, hash: str) -> _Opens:
    """In one read transaction, so that the key and what bounds it are of one moment."""
    row = c.execute(_QUERY, {"hash": hash}).mappings().first()
    if row is None:
        return _NOTHING
    key = key_of(row)
    refused = _refused(key, row)
    if refused is not None:
        return _Opens(refused)
    principal = principal_of(c, key)
    if row[tables.keys.c.hash] == hash or key.previous_until is None:
        return _Opens(principal, key.expires_at)
    if key.expires_at is not None and key.expires_at < key.previous_until:
        return _Opens(principal, key.expires_at)
    return _Opens(principal, key.previous_until, ROTATED)


def _find_session(c: Connection, hash: str) -> _Opens:
    """Likewise; it ends with the session, or with the key where that is earlier."""
    session = c.execute(_SESSION, {"hash": hash}).first()
    row = None if session is None else c.execute(_OF_SESSION, {"id": session.key_id}).mappings().first()
    if session is None or row is None:
        return _NO_SESSION
    key = key_of(row)
    refused = _refused(key, row)
    if refused is not None:
        return _Opens(refused)
    if key.expires_at is not None and key.expires_at < session.expires_at:
        return _Opens(principal_of(c, key), key.expires_at)
    return _Opens(principal_of(c, key), session.expires_at, SIGNED_OUT)


_Finder = Callable[[Connection, str], _Opens]


def _refused(key: Key, row: RowMapping) -> Refused | None:
    if key.revoked_at is not None:
        return REVOKED
    return next((ARCHIVED[noun] for noun, at in _ARCHIVED_AT.items() if row[at] is not None), None)


def principal_of(c: Connection, key: Key) -> Principal:
    """The holder of a key, with everything that bounds it; whether the key still opens anything is not asked."""
    bounds = applying(c, holders(key.id, key.user_id, key.team_id, key.organisation_id))
    return Principal(
        key.id,
        key.name,
        key.scopes,
        organisation_id=key.organisation_id,
        team_id=key.team_id,
        user_id=key.user_id,
        models=key.models,
        providers=key.providers,
        addresses=tuple(map(network_of, key.addresses)),
        budgets=bounds.budgets,
        limits=bounds.limits,
        allowances=bounds.allowances,
    )
