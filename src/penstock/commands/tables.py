"""Rows as tables in a terminal."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from penstock.core.money import plain
from penstock.store.keys import Key
from penstock.upstream.credentials import Switch

_PIPE_COLUMNS = 10_000


def show(table: Table) -> None:
    """Print a table, as wide as the terminal; a pipe gets all of it."""
    console = Console()
    if not console.is_terminal:
        console.width = _PIPE_COLUMNS
    console.print(table if table.row_count else "Nothing here yet.")


def keys_table(keys: Sequence[Key]) -> Table:
    table = _table("Name", "Key", "Scopes", "Created", "State", "Id")
    for key in keys:
        state = f"revoked {_day(key.revoked_at)}" if key.revoked_at else "valid"
        table.add_row(escape(key.name), key.hint, ", ".join(sorted(key.scopes)), _day(key.created_at), state, key.id)
    return table


def switches_table(switches: Mapping[str, Switch], offers: Mapping[str, int]) -> Table:
    table = _table("Provider", "", "Offers", "Why")
    for slug, switch in switches.items():
        on = "[green]on[/]" if switch.account else "[dim]off[/]"
        table.add_row(slug, on, str(offers[slug]), switch.reason)
    return table


def models_table(rows: Sequence[dict[str, Any]]) -> Table:
    table = _table("Model", "Provider", "Makes", "Price", "Checked")
    for row in rows:
        name = row["model"] if row["on"] else f"[dim]{row['model']}[/]"
        table.add_row(name, row["provider"], ", ".join(row["makes"]), row["price"], row["price_checked"] or "")
    return table


def quote_table(rows: Sequence[dict[str, Any]]) -> Table:
    table = _table("Provider", "Cost", "Made of", "Price checked")
    for row in rows:
        table.add_row(row["provider"], *_quote_cells(row))
    return table


def _quote_cells(row: dict[str, Any]) -> tuple[str, str, str]:
    if not row["able"]:
        return "cannot", escape(row["why_not"]), ""
    if row["unpriced"] or row["low_usd"] is None:
        return "unpriced", "", row["price_checked"] or ""
    low, high = row["low_usd"], row["high_usd"]
    cost = f"${plain(low)}" if row["exact"] else f"${plain(low)} to {f'${plain(high)}' if high is not None else '?'}"
    made = " + ".join(f"{plain(line['quantity'])} {line['unit_name']} ${plain(line['usd'])}" for line in row["lines"])
    return cost, made, (row["price_checked"] or "") + (" unverified" if row["unverified"] else "")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()
