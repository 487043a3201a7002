"""An explanation of `penstock routes test` for people."""

from decimal import Decimal
from typing import Any

from penstock.commands.tables import new_table, show
from penstock.core.money import plain


def routes_lines(found: dict[str, Any]) -> None:
    """Print who would be asked, and who not."""
    asked = f"{found['asked_model']}, {found['operation'].replace('_', ' ')}"
    _say(f"{asked}: {found['strategy'] or 'nobody'}", found["why"])
    _say(*(f"{target} may get a copy for comparison." for target in found["mirrors"]))
    if found["order"]:
        table = new_table("", "Offer", "Model", "Cost", "Median", "Good", "State")
        for place, row in enumerate(found["order"], start=1):
            table.add_row(str(place), row["offer"], row["model"], _cost(row), *_measured(row["measured"]), _state(row))
        show(table)
    _say(*(f"Not {row['offer']}: {row['why_not']}" for row in found["excluded"]))
    _say(*(f"Config header: {warning}" for warning in found["warnings"]))


def _say(*lines: str) -> None:
    for line in lines:
        print(line)


def _cost(row: dict[str, Any]) -> str:
    if row["certainty"] == "unpriced":
        return "unpriced"
    low, high = row["low_usd"], row["high_usd"]
    if low is None:
        return "not known before"
    if low == high:
        return f"${plain(Decimal(low))}"
    return f"${plain(Decimal(low))} to {'?' if high is None else f'${plain(Decimal(high))}'}"


def _measured(measured: dict[str, Any]) -> tuple[str, str]:
    median, success = measured["p50_seconds"], measured["success"]
    return (
        "not measured" if median is None else f"{median:.3g} s",
        "" if success is None else f"{float(success):.0%}",
    )


def _state(row: dict[str, Any]) -> str:
    if not row["key_in_rotation"]:
        return "its key rests"
    return {"closed": "", "open": "down", "half-open": "tried again"}[row["breaker"]]
