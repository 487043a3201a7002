"""Tables of administration: keys, people, budgets, credits, limits, allowances, and what the ledger says.

Amounts are in US dollars and times in UTC. A key has a line per budget.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial
from typing import Any

from rich.table import Table

from penstock.commands.spending import window
from penstock.commands.tables import Column, Row, dollars, drawn
from penstock.commands.values import who
from penstock.core.money import plain
from penstock.store.usage import HOLDERS


def _text(header: str, name: str) -> Column:
    return Column(header, lambda row: str(row[name] or "-"))


def _money(header: str, name: str) -> Column:
    return Column(header, lambda row: dollars(row[name]), right=True)


def _count(header: str, name: str) -> Column:
    return Column(header, lambda row: f"{row[name]:,}", right=True)


def _time(header: str, name: str) -> Column:
    return Column(header, lambda row: _moment(row[name]))


def _moment(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M}"


_ID = _text("Id", "id")
_FOR = Column("For", who)
_CREATED = Column("Created", lambda row: f"{row['created_at']:%Y-%m-%d}")


# Keys.


def _per_budget(header: str, cell: Callable[[Row], str], *, right: bool = False) -> Column:
    """A line for each of a key's budgets."""
    return Column(header, lambda row: "\n".join(cell(budget) for budget in row["budgets"]) or "-", right)


def _belongs(row: Row) -> str:
    return " / ".join(row[name] for name in ("organisation", "team", "user") if row[name]) or "-"


def _period(budget: Row) -> str:
    kind = "" if budget["kind"] == "budget" else " credit"
    return f"{budget['period']}{kind}{'' if budget['hard'] else ' soft'}"


_BUDGETS = (
    _per_budget("Budget $", lambda budget: dollars(budget["amount_usd"]), right=True),
    _per_budget("Period", _period),
    _per_budget("Spent $", lambda budget: dollars(budget["spent_usd"]), right=True),
    _per_budget("Left $", lambda budget: dollars(budget["left_usd"]), right=True),
)


def keys_table(rows: Sequence[Row]) -> Table:
    """Keys by their hints, with what is left of their budgets; columns that no key needs are left out."""
    columns = (
        _text("Name", "name"),
        _text("Key", "hint"),
        Column("Scopes", lambda row: ", ".join(row["scopes"])),
        *([Column("Belongs to", _belongs)] if any(row["organisation"] for row in rows) else ()),
        *(_BUDGETS if any(row["budgets"] for row in rows) else ()),
        _text("State", "state"),
        _ID,
    )
    return drawn(rows, columns)


def key_table(row: Row) -> Table:
    """One key, a line for each thing that is known of it."""
    old = f"until {_moment(row['previous_until'])}" if row["previous_until"] else "none"
    lines = {
        "Name": row["name"],
        "Id": row["id"],
        "Key": row["hint"],
        "State": row["state"],
        "Scopes": ", ".join(row["scopes"]),
        "Belongs to": _belongs(row),
        "Models": ", ".join(row["models"]) or "all",
        "Providers": ", ".join(row["providers"]) or "all",
        "Addresses": ", ".join(row["addresses"]) or "any",
        "Created": _moment(row["created_at"]),
        "Expires": _moment(row["expires_at"]) if row["expires_at"] else "never",
        "Revoked": _moment(row["revoked_at"]) if row["revoked_at"] else "no",
        "Old secret": old,
        "Budgets": "\n".join(map(_budget_words, row["budgets"])) or "none",
    }
    columns = (Column("", lambda line: line["what"]), Column("", lambda line: line["is"]))
    return drawn([{"what": what, "is": is_} for what, is_ in lines.items()], columns)


def _budget_words(budget: Row) -> str:
    left, amount = plain(budget["left_usd"]), plain(budget["amount_usd"])
    return f"${left} of ${amount} left ({_period(budget)}, {budget['id']})"


# People.


def organisations_table(rows: Sequence[Row]) -> Table:
    """Organisations, by name."""
    return drawn(rows, (_text("Name", "name"), _CREATED, _archived(), _ID))


def members_table(rows: Sequence[Row]) -> Table:
    """Teams or users, by organisation and name."""
    return drawn(rows, (_text("Name", "name"), _text("Organisation", "organisation"), _CREATED, _archived(), _ID))


def _archived() -> Column:
    return Column("State", lambda row: f"archived {row['archived_at']:%Y-%m-%d}" if row["archived_at"] else "active")


# Budgets, credits, limits, allowances.

_USE = (
    _money("Spent $", "spent_usd"),
    _money("Reserved $", "reserved_usd"),
    _money("Uncertain $", "uncertain_usd"),
    _money("Left $", "left_usd"),
)


def budgets_table(rows: Sequence[Row]) -> Table:
    """Budgets, with what has become of each in its current period."""
    kind = Column("Kind", lambda row: "hard" if row["hard"] else "soft")
    resets = Column("Resets", lambda row: f"ended {_moment(row['ended_at'])}" if row["ended_at"] else _reset(row))
    unpriced = _text("Unpriced", "on_unpriced")
    amount = _money("Amount $", "amount_usd")
    return drawn(rows, (_FOR, amount, _text("Period", "period"), kind, unpriced, *_USE, resets, _ID))


def _reset(row: Row) -> str:
    return _moment(row["resets_at"]) if row["resets_at"] else "never"


def credits_table(rows: Sequence[Row]) -> Table:
    """Credits, with what is left of them."""
    return drawn(rows, (_FOR, _money("Paid in $", "balance_usd"), *_USE, _text("Id", "budget_id")))


def payments_table(rows: Sequence[Row]) -> Table:
    """Every payment of these credits, and their sums."""
    table = drawn(
        [entry for row in rows for entry in row["entries"]],
        (_time("Paid in", "created_at"), _money("Amount $", "amount_usd"), _text("Note", "note"), _ID),
    )
    for row in rows:
        left = f"{dollars(row['left_usd'])} left, {dollars(row['spent_usd'])} spent"
        table.add_row("Together", dollars(row["balance_usd"]), left, row["budget_id"])
    return table


def limits_table(rows: Sequence[Row]) -> Table:
    """Rate limits."""
    most = Column("At most", lambda row: f"{row['amount']:,f}", right=True)
    per = Column("Per", lambda row: window(row) or "-")
    model = Column("Model", lambda row: row["model"] or "all together")
    return drawn(rows, (_FOR, most, _text("Unit", "unit"), per, model, _ID))


def allowances_table(rows: Sequence[Row]) -> Table:
    """Allowances, with what is used of them this month."""
    return drawn(rows, (_FOR, _count("Requests a month", "requests"), _count("Used", "used"), _ID))


# What the ledger says.


def usage_table(answer: dict[str, Any]) -> Table:
    """Sums by group and together; columns of nothing but zeros are left out."""
    total, by = answer["total"], answer["by"]
    groups = [Column(name.capitalize(), partial(_group, name)) for name in by]
    columns = [
        _count("Requests", "requests"),
        *(_count(name.capitalize(), name) for name in ("failed", "unpriced", "images") if total[name]),
        *([_MEGAPIXELS] if total["megapixels"] else []),
        *(_count(name.replace("_", " ").capitalize(), name) for name in ("tokens_in", "tokens_out") if total[name]),
        _money("Cost $", "cost_usd"),
        *([_money("Charged $", "charged_usd")] if total["charged_usd"] != total["cost_usd"] else []),
        *([_money("Uncertain $", "uncertain_usd")] if total["uncertain_usd"] else []),
        *([_count("Cache hits", "cache_hits")] if total["cache_hits"] else []),
        Column("Mean ms", lambda row: f"{row['mean_latency_ms']:,.0f}", right=True),
    ]
    together = {**dict.fromkeys(by), **({by[0]: "Total"} if by else {}), **total}
    return drawn([*answer["rows"], together] if answer["rows"] and by else answer["rows"], [*groups, *columns])


def _group(name: str, row: Row) -> str:
    """The name where there is one, since an id tells a person nothing."""
    return str((name in HOLDERS and row.get(f"{name}_name")) or row[name] or "-")


_MEGAPIXELS = Column("Megapixels", lambda row: plain(_rounded(row["megapixels"])), right=True)


def _rounded(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def reconcile_table(answer: dict[str, Any]) -> Table:
    """Models at providers whose costs can be compared, or are not known for certain."""
    columns = (
        _text("Provider", "provider"),
        _text("Model", "model"),
        _count("Requests", "requests"),
        _count("Compared", "compared"),
        _count("Differing", "differing"),
        _money("Stated $", "stated_usd"),
        _money("Computed $", "computed_usd"),
        _money("Difference $", "difference_usd"),
        _money("Uncertain $", "uncertain_usd"),
        _count("Unknown", "unknown"),
    )
    together = {**answer["total"], "provider": "Total", "model": None}
    return drawn([*answer["rows"], together] if answer["rows"] else (), columns)
