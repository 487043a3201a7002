"""Rows as tables: nothing is lost, numbers stand below each other, and what is not known is not zero."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from penstock.commands.admin_tables import usage_table
from penstock.commands.tables import Column, dollars, drawn
from penstock.store.usage import UsageRow


def printed(table: Table, width: int = 200) -> list[str]:
    """The lines a terminal of so many columns shows."""
    out = StringIO()
    Console(file=out, width=width).print(table)
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal("1"), "1.00"),
        (Decimal("0.3"), "0.30"),
        (Decimal("0.0000125"), "0.0000125"),
        (Decimal("-25.5"), "-25.50"),
        (Decimal("1E+3"), "1000.00"),
        (None, "-"),
    ],
)
def test_dollars_have_two_decimals_or_all_there_are(amount: Decimal | None, text: str) -> None:
    assert dollars(amount) == text


NAMES = (Column("Name", lambda row: row["name"]), Column("Cost $", lambda row: row["cost"], right=True))


def test_a_long_name_is_folded_and_none_of_it_is_lost() -> None:
    name = "observatory-" * 8
    lines = printed(drawn([{"name": name, "cost": "0.09"}], NAMES), width=40)
    assert len(lines) > 2 and all(len(line) <= 40 for line in lines)
    assert "".join(re.sub(r"\s+0\.09", "", line) for line in lines[1:]).replace(" ", "") == name


def test_numbers_end_below_each_other() -> None:
    lines = printed(drawn([{"name": "a", "cost": "10.00"}, {"name": "b", "cost": "0.0125"}], NAMES))
    assert len({len(line) for line in lines}) == 1


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    assert printed(drawn([{"name": "[red]a[/]", "cost": "1"}], NAMES))[1].startswith("[red]a[/] ")


def sums(**fields: Any) -> dict[str, Any]:
    """A row of usage without anything in it."""
    zeros = dict.fromkeys((name for name in UsageRow.__slots__ if name not in ("group", "names", "latency_ms")), 0)
    money = {f"{name}_usd": zeros.pop(name) for name in ("cost", "charged", "uncertain")}
    return {**zeros, **money, "mean_latency_ms": 1.5, **fields}


def test_a_cost_that_is_not_known_is_not_shown_as_zero() -> None:
    row = sums(model="local/draw", requests=2, unpriced=2, cost_usd=None, charged_usd=None)
    at = datetime(2026, 11, 21, tzinfo=UTC)
    answer = {"since": at, "until": at, "by": ["model"], "rows": [row], "total": {**row, "model": None}}
    lines = [line.split() for line in printed(usage_table(answer))]
    assert lines[0] == ["Model", "Requests", "Unpriced", "Cost", "$", "Mean", "ms"]
    assert lines[1] == ["local/draw", "2", "2", "-", "2"]
