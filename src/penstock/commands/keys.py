"""`penstock keys`: rows of keys, with whose they are and what is left of their budgets."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from penstock.commands.people import Someone
from penstock.commands.values import row_of
from penstock.core.spending import Holder, Level, Period
from penstock.store.keys import Key, NewKey, create_key, get_key, list_keys
from penstock.store.people import organisations, teams, users
from penstock.store.spending import budgets, create_budget


@dataclass(frozen=True, slots=True)
class KeyBudget:
    """A budget to be made together with a key."""

    amount: Decimal
    """US dollars."""
    period: Period
    hard: bool


def made_key(c: Connection, new: NewKey, terms: KeyBudget | None, now: int) -> dict[str, Any]:
    """A new key and its budget, both or neither: its row, with the secret in `key`. Raises as `create_key`."""
    key, secret = create_key(c, new, now)
    if terms:
        create_budget(c, Holder(Level.KEY, key.id), terms.amount, terms.period, hard=terms.hard, now=now)
    row = key_row(c, key, now)
    held = row.pop("budgets")
    return {"key": secret, **row, "budget": held[0] if held else None}


def key_row(c: Connection, key: Key, now: int) -> dict[str, Any]:
    """The row of one key."""
    return _rows(c, [key], now)[0]


def one_key(c: Connection, which: str, now: int) -> dict[str, Any]:
    """The row of the key with this id, name or hint. Raises as `get_key`."""
    return key_row(c, get_key(c, which), now)


def key_rows(c: Connection, now: int, *, revoked: bool) -> list[dict[str, Any]]:
    """One row per key, oldest first; `revoked` ones only where asked for."""
    return _rows(c, [key for key in list_keys(c) if revoked or key.revoked_at is None], now)


def _rows(c: Connection, keys: list[Key], now: int) -> list[dict[str, Any]]:
    people: list[Someone] = [*organisations(c, True), *teams(c, archived=True), *users(c, archived=True)]
    above = {someone.id: someone for someone in people}
    whose = Holder(Level.KEY, keys[0].id) if len(keys) == 1 else None
    held = [row_of(state) for state in budgets(c, now, whose)]
    return [
        row_of(key)
        | {name: it.name if it else None for name, it in _above(key, above).items()}
        | {
            "state": _state(key, above, now),
            "budgets": [row for row in held if (row["level"], row["holder_id"]) == (Level.KEY, key.id)],
        }
        for key in keys
    ]


def _above(key: Key, above: dict[str, Someone]) -> dict[str, Someone | None]:
    ids = {"organisation": key.organisation_id, "team": key.team_id, "user": key.user_id}
    return {noun: above.get(id) if id else None for noun, id in ids.items()}


def _state(key: Key, above: dict[str, Someone], now: int) -> str:
    """`valid`, or why it opens nothing: `revoked`, `expired`, `archived` with somebody above it."""
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return "archived" if any(it and it.archived_at is not None for it in _above(key, above).values()) else "valid"
