"""What the books hold as rows of plain values, named as in the administration API; tables are drawn from them."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from sqlalchemy import Connection

from penstock.api.times import moment_or_none
from penstock.core.spending import Holder, Level
from penstock.store.usage import HOLDERS, holder_names

_TIMES = ("_at", "_until", "_start")
MONEY = frozenset("amount spent reserved uncertain left cost charged stated computed difference".split())
"""Fields in US dollars; a row calls them `amount_usd` and so on."""


def row_of(value: Any, money: frozenset[str] = MONEY) -> dict[str, Any]:
    """A dataclass as a row: times as instants of UTC, a holder as its level and id, dataclasses in it laid flat."""
    row: dict[str, Any] = {}
    for field in fields(value):
        name, it = field.name, getattr(value, field.name)
        if isinstance(it, Holder):
            row |= {"level": it.level, "holder_id": it.id or None}
        elif is_dataclass(it):
            row |= row_of(it, money)
        elif name.endswith(_TIMES):
            row[name] = moment_or_none(it or None)
        else:
            row[f"{name}_usd" if name in money else name] = sorted(it) if isinstance(it, frozenset) else it
    return row


def name_holders(c: Connection, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with a `level` and a `holder_id`, each with the name of its `holder` (None: the gateway) beside them."""
    rows = list(rows)
    ids = {level: {row["holder_id"] for row in rows if row["level"] == level} for level in HOLDERS}
    names = {level: holder_names(c, level, found) for level, found in ids.items() if found}
    return [
        row | {"holder": None if row["level"] == Level.GATEWAY else names[row["level"]].get(row["holder_id"])}
        for row in rows
    ]


def who(row: Mapping[str, Any]) -> str:
    """A row's holder in words: `key website`, `gateway`."""
    return "gateway" if row["level"] == Level.GATEWAY else f"{row['level']} {row['holder'] or row['holder_id']}"
