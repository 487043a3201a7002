"""Rows as tables in a terminal."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from penstock.core.money import plain
from penstock.store.paused import Pause
from penstock.upstream.credentials import Switch

_PIPE_COLUMNS = 10_000

Row = Mapping[str, Any]


def show(table: Table) -> None:
    """Print a table, as wide as the terminal; a pipe gets all of it."""
    console = Console()
    if not console.is_terminal:
        console.width = _PIPE_COLUMNS
    console.print(table if table.row_count else "Nothing here yet.")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table that is drawn from rows."""

    header: str
    """With the unit, where it has one."""
    cell: Callable[[Row], str]
    right: bool = False
    """For numbers."""


def drawn(rows: Iterable[Row], columns: Sequence[Column]) -> Table:
    """Rows as a table; every cell is shown as it is, without markup."""
    headed = any(column.header for column in columns)
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=headed)
    for column in columns:
        table.add_column(column.header, overflow="fold", justify="right" if column.right else "left")
    for row in rows:
        table.add_row(*(escape(column.cell(row)) for column in columns))
    return table


def dollars(amount: Decimal | None) -> str:
    """An amount below a heading with a dollar sign: two decimals or more, `-` where it is not known."""
    if amount is None:
        return "-"
    whole, _, fraction = plain(amount).partition(".")
    return f"{whole}.{fraction:0<2}"


def switches_table(switches: Mapping[str, Switch], offers: Mapping[str, int], paused: Mapping[str, Pause]) -> Table:
    table = new_table("Provider", "", "Offers", "Why")
    for slug, switch in switches.items():
        pause = paused.get(slug) if switch.account else None
        on = "[yellow]paused[/]" if pause else "[green]on[/]" if switch.account else "[dim]off[/]"
        reason = f"paused by the administrator: {escape(pause.reason)}" if pause else switch.reason
        table.add_row(slug, on, str(offers[slug]), reason)
    return table


def models_table(rows: Sequence[dict[str, Any]]) -> Table:
    table = new_table("Model", "Provider", "Makes", "Price", "Checked")
    for row in rows:
        name = row["model"] if row["on"] else f"[dim]{row['model']}[/]"
        table.add_row(name, row["provider"], ", ".join(row["makes"]), row["price"], row["price_checked"] or "")
    return table


def quote_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Quotes; those of a workload with what a day and a month come to."""
    periods = ("per_day_usd", "per_month_usd") if any("per_day_usd" in row for row in rows) else ()
    headings = {"per_day_usd": "A day", "per_month_usd": "A month"}
    table = new_table("Provider", "Cost", *(headings[name] for name in periods), "Made of", "Price checked")
    for row in rows:
        cost, *further = _quote_cells(row)
        name = row["provider"] if row["on"] else f"[dim]{row['provider']}[/]"
        table.add_row(name, cost, *("" if row[p] is None else f"${plain(row[p])}" for p in periods), *further)
    return table


def _quote_cells(row: dict[str, Any]) -> tuple[str, str, str]:
    if not row["able"]:
        return "cannot", escape(row["why_not"]), ""
    checked = row["price_checked"].isoformat() if row["price_checked"] else ""
    low = row["low_usd"] if "low_usd" in row else row["per_request_usd"]
    if low is None:
        return "unpriced" if row["certainty"] == "unpriced" else "not known before", "", checked
    made = " + ".join(f"{plain(line.quantity)} {line.unit_name} ${plain(line.usd)}" for line in row["lines"])
    return _amount(row, low), made, checked + (" unverified" if row["unverified"] else "")


def _amount(row: dict[str, Any], low: Decimal) -> str:
    if row["certainty"] == "exact":
        return f"${plain(low)}"
    if "high_usd" not in row:
        return f"about ${plain(low)}"
    high = row["high_usd"]
    return f"${plain(low)} to {'?' if high is None else f'${plain(high)}'}"


def new_table(*columns: str) -> Table:
    """A plain table with these headings."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
