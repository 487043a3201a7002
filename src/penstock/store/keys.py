"""Keys: made and shown once, kept as a hash, changed, given a new secret, revoked.

All of it are functions of a connection, for `store.books` to run; `store.lookup` finds the key of a request. `which`
is a key's id, name or hint, and times are Unix milliseconds.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection, RowMapping, insert, or_, select, update

from penstock.core import ids
from penstock.core.errors import BadRequest, NotFound
from penstock.core.principal import Scope
from penstock.store import tables
from penstock.store.administrators import LAST, any_administrator
from penstock.store.checks import MOST_CHARACTERS, checked_name, checked_networks, checked_patterns
from penstock.store.people import check_not_archived, organisation, team, user

PREFIX = "psk_"

LONGEST_OVERLAP_SECONDS = 31 * 24 * 3600
"""For which both secrets of a rotated key work."""
_YEAR_10000 = 253_402_300_800_000
"""Unix milliseconds; no date is shown from then on."""


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
    models: tuple[str, ...] = ()
    """Slugs and patterns of the models it may call; empty: all."""
    providers: tuple[str, ...] = ()
    """Likewise of providers."""
    addresses: tuple[str, ...] = ()
    """Addresses and networks it may be used from; empty: any."""
    previous_until: int | None = None
    """Until when the secret it had before its rotation works too; None: it was never rotated."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be made."""

    name: str
    scopes: Iterable[Scope | str]
    organisation: str | None = None
    """Id or name; the key's team and user are of it."""
    team: str | None = None
    """Id or name; brings its organisation along."""
    user: str | None = None
    """Likewise."""
    models: Iterable[str] = ()
    providers: Iterable[str] = ()
    addresses: Iterable[str] = ()
    expires_at: int | None = None


class Changes(TypedDict, total=False):
    """What of a key can be changed; what is not named stays."""

    name: str
    scopes: Iterable[Scope | str]
    models: Iterable[str]
    providers: Iterable[str]
    addresses: Iterable[str]
    expires_at: int | None


def create_key(c: Connection, new: NewKey, now: int) -> tuple[Key, str]:
    """A new key and its secret, which nobody can read again.

    Raises BadRequest for what a key cannot be or cannot be restricted to, and NotFound for an organisation, team or
    user there is not.
    """
    if new.expires_at is not None and new.expires_at <= now:
        raise BadRequest("The key would have expired before it is made.", param="expires_at")
    changes = Changes(
        name=new.name,
        scopes=new.scopes,
        models=new.models,
        providers=new.providers,
        addresses=new.addresses,
        expires_at=new.expires_at,
    )
    id, secret = ids.new("key", now / 1000), _new_secret()
    columns = {"id": id, "created_at": now, **_secret_columns(secret), **_belonging(c, new), **_columns(changes)}
    c.execute(insert(tables.keys).values(columns))
    return get_key(c, id), secret


def list_keys(c: Connection) -> list[Key]:
    """Every key, oldest first, revoked and expired ones included."""
    query = select(*KEY_COLUMNS).order_by(tables.keys.c.created_at, tables.keys.c.id)
    return [key_of(row) for row in c.execute(query).mappings()]


def get_key(c: Connection, which: str) -> Key:
    """A key; of several with one name the one that is not revoked.

    Raises NotFound (`key_not_found`), and BadRequest (`ambiguous_name`) where several could be meant.
    """
    named = or_(tables.keys.c.id == which, tables.keys.c.name == which, tables.keys.c.hint == which)
    query = select(*KEY_COLUMNS).where(named).order_by(tables.keys.c.id)
    keys = [key_of(row) for row in c.execute(query).mappings()]
    by_id = [key for key in keys if key.id == which]
    meant = by_id or [key for key in keys if key.revoked_at is None] or keys
    if not meant:
        # Whoever sends the key itself here must not find it in a log of errors.
        shown = f"{which[:8]}..." if which.startswith(PREFIX) else which[:MOST_CHARACTERS]
        raise NotFound(f"No key has the id, name or hint {shown!r}. List the keys to see them.", code="key_not_found")
    if len(meant) > 1:
        several = ", ".join(key.id for key in meant)
        raise BadRequest(
            f"{len(meant)} keys are called {which!r}. Name one of them by its id: {several}.", code="ambiguous_name"
        )
    return meant[0]


def key_by_hash(c: Connection, sha256_hex: str) -> Key | None:
    """The key whose secret, not the one before its rotation, has this hash."""
    row = c.execute(select(*KEY_COLUMNS).where(tables.keys.c.hash == sha256_hex)).mappings().first()
    return None if row is None else key_of(row)


def change_key(c: Connection, which: str, now: int, **changes: Unpack[Changes]) -> Key:
    """Change what is named.

    Raises as `create_key` and `get_key` do, and BadRequest for a revoked key and where no administrator's key would be
    left (`last_administrator`).
    """
    key = _usable(c, which)
    changed = _update(c, key, _columns(changes))
    _keep_an_administrator(c, key, now)
    return changed


def rotate_key(c: Connection, which: str, overlap_seconds: int, now: int) -> tuple[Key, str]:
    """Give a key a new secret: it stays the same key, with its restrictions, budgets and ledger.

    The secret it had works for `overlap_seconds` more, 0 ends it at once; one from before an earlier rotation ends in
    any case. Raises as `get_key` does, and BadRequest for a key that is revoked or has expired.
    """
    key = _usable(c, which)
    if not 0 <= overlap_seconds <= LONGEST_OVERLAP_SECONDS:
        raise BadRequest("Both secrets can work for 0 seconds up to 31 days.", param="overlap_seconds")
    if key.expires_at is not None and key.expires_at <= now:
        raise BadRequest(f"The key `{key.name}` has expired: give it another `expires_at` first.")
    secret = _new_secret()
    before = {"previous_hash": tables.keys.c.hash, "previous_until": now + 1000 * overlap_seconds}
    return _update(c, key, {**before, **_secret_columns(secret)}), secret


def revoke_key(c: Connection, which: str, now: int) -> Key:
    """End a key with all its secrets; a revoked key stays as it is.

    Raises as `get_key` does, and BadRequest for the last key of an administrator (`last_administrator`).
    """
    key = get_key(c, which)
    if key.revoked_at is not None:
        return key
    revoked = _update(c, key, {"revoked_at": now})
    _keep_an_administrator(c, key, now)
    return revoked


def hashed(secret: str) -> str:
    """SHA-256 in hexadecimal. A plain hash is enough: a secret is 256 bits of chance, so there is nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


KEY_COLUMNS = [column for column in tables.keys.c if column.name not in ("hash", "previous_hash")]
"""What `key_of` takes."""


def key_of(row: RowMapping) -> Key:
    """The key a row is."""
    values: dict[str, Any] = {column.name: row[column] for column in KEY_COLUMNS}
    lists = {name: tuple(values[name] or ()) for name in ("models", "providers", "addresses")}
    return Key(**values | lists | {"scopes": frozenset(map(Scope, values["scopes"]))})


def _usable(c: Connection, which: str) -> Key:
    key = get_key(c, which)
    if key.revoked_at is not None:
        raise BadRequest(f"The key `{key.name}` ({key.id}) is revoked, for good. Make another one.")
    return key


def _update(c: Connection, key: Key, columns: Mapping[str, Any]) -> Key:
    if columns:
        c.execute(update(tables.keys).where(tables.keys.c.id == key.id).values(columns))
    return get_key(c, key.id)


def _keep_an_administrator(c: Connection, before: Key, now: int) -> None:
    """Raises BadRequest where what was done to a key leaves nobody who could undo it."""
    if _administers(before, now) and not any_administrator(c, now):
        raise BadRequest(
            f"`{before.name}` ({before.id}) is the last key with the scope admin. Make another one first.", code=LAST
        )


def _administers(key: Key, now: int) -> bool:
    lasts = key.expires_at is None or key.expires_at > now
    return Scope.ADMIN in key.scopes and key.revoked_at is None and lasts


def _new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _secret_columns(secret: str) -> dict[str, str]:
    return {"hash": hashed(secret), "hint": f"{secret[:8]}...{secret[-4:]}"}


def _belonging(c: Connection, new: NewKey) -> dict[str, str | None]:
    """Whose key it is: ids of an organisation, and of a team and a user in it."""
    its_team = None if new.team is None else team(c, new.team, new.organisation)
    its_organisation = its_team.organisation_id if its_team else new.organisation
    its_user = None if new.user is None else user(c, new.user, its_organisation)
    its_organisation = its_user.organisation_id if its_user else its_organisation
    above = None if its_organisation is None else organisation(c, its_organisation)
    for someone in (above, its_team, its_user):
        if someone is not None:
            check_not_archived(someone)
    return {
        "organisation_id": above.id if above else None,
        "team_id": its_team.id if its_team else None,
        "user_id": its_user.id if its_user else None,
    }


def _columns(changes: Changes) -> dict[str, Any]:
    """The columns of what was named, checked."""
    return {name: _CHECKS[name](value) for name, value in changes.items()}


def _scopes(scopes: Iterable[Scope | str]) -> list[str]:
    given = {str(scope) for scope in scopes} - {Scope.PUBLIC}
    unknown = sorted(given - set(Scope))
    if unknown:
        raise BadRequest(f"{unknown[0]!r} is no scope: inference, read or admin.", param="scopes")
    if not given:
        raise BadRequest("A key needs at least one scope: inference, read or admin.", param="scopes")
    return sorted(given)


def _expires_at(unix_ms: int | None) -> int | None:
    if unix_ms is not None and not 0 < unix_ms < _YEAR_10000:
        raise BadRequest("A key ends in the years 1970 to 9999.", param="expires_at")
    return unix_ms


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "name": lambda value: checked_name("A key", value),
    "scopes": _scopes,
    "models": lambda value: checked_patterns(value, "models") or None,
    "providers": lambda value: checked_patterns(value, "providers") or None,
    "addresses": lambda value: checked_networks(value, "addresses") or None,
    "expires_at": _expires_at,
}
