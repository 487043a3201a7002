"""Keys: made and shown once, kept as a hash, listed, revoked, and looked up for every request.

A looked-up key is trusted for one second and then read again, so that what the command line does to the same
database counts within that second, and a caller with a wrong key costs one read a second.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, or_, select, update

from penstock.core import ids
from penstock.core.clock import Clock
from penstock.core.errors import BadRequest, NotFound
from penstock.core.principal import Principal, Scope
from penstock.store import tables
from penstock.store.db import Database
from penstock.store.writer import Writer

PREFIX = "psk_"

TRUSTED_SECONDS = 1.0
"""How long a looked-up key, or the absence of one, is believed."""

MOST_KNOWN = 10_000
MOST_UNKNOWN = 1_000
"""Kept apart, so that a flood of wrong keys pushes no right one out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key as everybody but its holder sees it. Times are Unix milliseconds."""

    id: str
    """`key_...`"""
    name: str
    hint: str
    """Its first 8 and last 4 characters, `psk_Ab3d...x9Yz`: enough to tell keys apart."""
    scopes: frozenset[Scope]
    created_at: int
    expires_at: int | None = None
    """None: never."""
    revoked_at: int | None = None
    organisation_id: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    models: Sequence[str] | None = None
    """Slugs and patterns of the models it may call; None: all."""
    providers: Sequence[str] | None = None
    """Likewise of providers."""
    addresses: Sequence[str] | None = None
    """Addresses and networks it may be used from; None: any."""
    previous_until: int | None = None
    """Until when the secret it had before its rotation works too."""

    @property
    def principal(self) -> Principal:
        return Principal(
            self.id,
            self.name,
            self.scopes,
            organisation_id=self.organisation_id,
            team_id=self.team_id,
            user_id=self.user_id,
            models=tuple(self.models or ()),
            providers=tuple(self.providers or ()),
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a key opens nothing."""

    reason: str
    """`unknown`, `revoked` or `expired`."""
    message: str
    """A sentence for the caller."""


UNKNOWN = Refused("unknown", "This API key is not known here. Check that it was copied whole: psk_ and 43 characters.")
REVOKED = Refused("revoked", "This API key was revoked. Ask the administrator of this gateway for another one.")
EXPIRED = Refused("expired", "This API key has expired. Ask the administrator of this gateway for another one.")


class Keys:
    """The keys, for callers on the event loop."""

    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self._database = database
        self._writer = writer
        self._clock = clock
        self._known = _Recent(MOST_KNOWN)
        self._unknown = _Recent(MOST_UNKNOWN)
        self._reading: dict[str, asyncio.Task[Key | None]] = {}

    async def create(self, name: str, scopes: Iterable[Scope], *, expires_at: int | None = None) -> tuple[Key, str]:
        """A new key and its plaintext, which nobody can read again. Raises BadRequest without a name or a scope."""
        key, plaintext = _new(name, scopes, expires_at, self._clock)
        await self._writer.run(partial(_insert, key=key, plaintext=plaintext))
        self._forget()
        return key, plaintext

    async def list(self) -> Sequence[Key]:
        """Every key, oldest first, revoked and expired ones included."""
        return await self._database.read(_list)

    async def revoke(self, which: str) -> Key:
        """Revoke a key by its id, name or hint; a revoked key stays as it is.

        Raises NotFound where there is none, BadRequest where several could be meant.
        """
        key = await self._writer.run(partial(_revoke, which=which, now=_now_ms(self._clock)))
        self._forget()
        return key

    async def find(self, plaintext: str) -> Principal | Refused:
        """Whose key this is, or why it is refused. Raises Unavailable where the database cannot be read."""
        hashed = _hash(plaintext)
        now = self._clock.monotonic()
        entry = self._known.get(hashed) or self._unknown.get(hashed)
        key = entry.key if entry and now - entry.read_at < TRUSTED_SECONDS else await self._read(hashed, now)
        if key is None:
            return UNKNOWN
        if key.revoked_at is not None:
            return REVOKED
        if key.expires_at is not None and key.expires_at <= _now_ms(self._clock):
            return EXPIRED
        return key.principal

    async def _read(self, hashed: str, now: float) -> Key | None:
        """Read a key; callers that ask for the same one meanwhile share the answer."""
        task = self._reading.get(hashed)
        if task is None:
            task = asyncio.create_task(self._read_and_keep(hashed, now))
            self._reading[hashed] = task
            task.add_done_callback(lambda _: self._reading.pop(hashed))
        return await asyncio.shield(task)  # one caller that hangs up must not take the answer from the others

    async def _read_and_keep(self, hashed: str, now: float) -> Key | None:
        key = await self._database.read(partial(_find, hashed=hashed))
        kept, other = (self._unknown, self._known) if key is None else (self._known, self._unknown)
        kept.put(hashed, _Entry(key, now))
        other.drop(hashed)
        return key

    def _forget(self) -> None:
        """What this process does to a key counts at once."""
        self._known.clear()
        self._unknown.clear()


class BlockingKeys:
    """The same for the command line, which may work on the database of a gateway that is running."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, name: str, scopes: Iterable[Scope], *, expires_at: int | None = None) -> tuple[Key, str]:
        """As `Keys.create`."""
        key, plaintext = _new(name, scopes, expires_at, self._clock)
        with self._database.begin() as connection:
            _insert(connection, key, plaintext)
        return key, plaintext

    def list(self) -> Sequence[Key]:
        """As `Keys.list`."""
        with self._database.look() as connection:
            return _list(connection)

    def revoke(self, which: str) -> Key:
        """As `Keys.revoke`."""
        with self._database.begin() as connection:
            return _revoke(connection, which, _now_ms(self._clock))


@dataclass(frozen=True, slots=True)
class _Entry:
    key: Key | None
    read_at: float
    """Monotonic seconds, from before the read."""


class _Recent:
    """A bounded dictionary that drops what was put in longest ago."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: dict[str, _Entry] = {}
        self.get = self._entries.get
        self.clear = self._entries.clear

    def put(self, hashed: str, entry: _Entry) -> None:
        self.drop(hashed)
        if len(self._entries) >= self._most:
            del self._entries[next(iter(self._entries))]
        self._entries[hashed] = entry

    def drop(self, hashed: str) -> None:
        self._entries.pop(hashed, None)


def _now_ms(clock: Clock) -> int:
    return int(clock.now() * 1000)


def _hash(plaintext: str) -> str:
    # A plain hash is enough: the key is 256 bits of chance, so there is nothing to guess.
    return hashlib.sha256(plaintext.encode("utf-8", "replace")).hexdigest()


def _new(name: str, scopes: Iterable[Scope], expires_at: int | None, clock: Clock) -> tuple[Key, str]:
    granted = frozenset(scopes) - {Scope.PUBLIC}
    if not name.strip():
        raise BadRequest("A key needs a name, so that it can be told from the others later.", param="name")
    if not granted:
        raise BadRequest("A key needs at least one scope: inference, read or admin.", param="scopes")
    plaintext = PREFIX + secrets.token_urlsafe(32)
    key = Key(
        id=ids.new("key", clock.now()),
        name=name.strip(),
        hint=f"{plaintext[:8]}...{plaintext[-4:]}",
        scopes=granted,
        created_at=_now_ms(clock),
        expires_at=expires_at,
    )
    return key, plaintext


def _insert(connection: Connection, key: Key, plaintext: str) -> None:
    connection.execute(
        insert(tables.keys).values(
            id=key.id,
            name=key.name,
            hash=_hash(plaintext),
            hint=key.hint,
            scopes=sorted(key.scopes),
            created_at=key.created_at,
            expires_at=key.expires_at,
        )
    )


_COLUMNS = [column for column in tables.keys.c if column.name not in ("hash", "previous_hash")]


def _list(connection: Connection) -> Sequence[Key]:
    query = select(*_COLUMNS).order_by(tables.keys.c.created_at, tables.keys.c.id)
    return [_key(row) for row in connection.execute(query).mappings()]


def _find(connection: Connection, hashed: str) -> Key | None:
    row = connection.execute(select(*_COLUMNS).where(tables.keys.c.hash == hashed)).mappings().first()
    return None if row is None else _key(row)


def _revoke(connection: Connection, which: str, now: int) -> Key:
    named = or_(tables.keys.c.id == which, tables.keys.c.name == which, tables.keys.c.hint == which)
    keys = [_key(row) for row in connection.execute(select(*_COLUMNS).where(named)).mappings()]
    meant = [key for key in keys if key.revoked_at is None] or keys
    if not meant:
        raise NotFound(f"No key has the id, name or hint {which!r}. List the keys to see them.", code="key_not_found")
    if len(meant) > 1:
        several = ", ".join(key.id for key in meant)
        raise BadRequest(f"{len(meant)} keys are called {which!r}. Name one of them by its id: {several}.")
    chosen = tables.keys.c.id == meant[0].id
    connection.execute(update(tables.keys).where(chosen, tables.keys.c.revoked_at.is_(None)).values(revoked_at=now))
    return _key(connection.execute(select(*_COLUMNS).where(chosen)).mappings().one())


def _key(row: RowMapping) -> Key:
    values: dict[str, Any] = dict(row)
    return Key(**values | {"scopes": frozenset(map(Scope, values["scopes"]))})
