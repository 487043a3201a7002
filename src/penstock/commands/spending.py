"""`penstock budgets`, `credits`, `limits` and `allowances`: their rows, each with whose it is."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from penstock.commands.given import holder, holder_or_all
from penstock.commands.values import MONEY, name_holders, row_of, who
from penstock.core.money import plain
from penstock.core.spending import Limit, LimitUnit, OnUnpriced, Period
from penstock.store import spending
from penstock.store.spending import BudgetState


def budget_row(c: Connection, id: str, now: int) -> dict[str, Any]:
    """One budget or credit. Raises NotFound."""
    return name_holders(c, [row_of(spending.budget(c, id, now))])[0]


def made_budget(
    c: Connection, whose: str, amount: Decimal, period: Period, hard: bool, on_unpriced: OnUnpriced, now: int
) -> dict[str, Any]:
    """A new budget. Raises BadRequest and NotFound."""
    made = spending.create_budget(c, holder(c, whose), amount, period, hard=hard, on_unpriced=on_unpriced, now=now)
    return budget_row(c, made.id, now)


def budget_rows(c: Connection, whose: str | None, ended: bool, now: int) -> list[dict[str, Any]]:
    """The budgets of one holder (`team:design`) or of all, without credits. Raises as `given.holder`."""
    states = spending.budgets(c, now, holder_or_all(c, whose), ended)
    return name_holders(c, [row_of(state) for state in states if state.budget.kind == "budget"])


def credit_row(c: Connection, state: BudgetState) -> dict[str, Any]:
    """A holder's credit with every payment, as the administration API names its fields."""
    row = row_of(state)
    kept = {
        name: row[name] for name in ("level", "holder_id", "spent_usd", "reserved_usd", "uncertain_usd", "left_usd")
    }
    entries = [row_of(entry) for entry in spending.credit_entries(c, state.budget.holder)]
    credit = {"budget_id": row["id"], "balance_usd": row["amount_usd"], **kept, "entries": entries}
    return name_holders(c, [credit])[0]


def credit_rows(c: Connection, whose: str | None, now: int) -> list[dict[str, Any]]:
    """The credits of one holder or of all. Raises as `given.holder`."""
    states = spending.budgets(c, now, holder_or_all(c, whose))
    return [credit_row(c, state) for state in states if state.budget.kind == "credit"]


def limit_rows(c: Connection, whose: str | None) -> list[dict[str, Any]]:
    """The rate limits of one holder or of all. Raises as `given.holder`."""
    return named_limits(c, spending.list_limits(c, holder_or_all(c, whose)))


def named_limits(c: Connection, limits: list[Limit]) -> list[dict[str, Any]]:
    """Their rows; an amount is of the limit's unit, which may be dollars."""
    return name_holders(c, [row_of(limit, MONEY - {"amount"}) for limit in limits])


def allowance_rows(c: Connection, whose: str | None, now: int) -> list[dict[str, Any]]:
    """The allowances of one holder or of all, with what is used of them this month. Raises as `given.holder`."""
    return name_holders(c, [row_of(state) for state in spending.allowances(c, now, holder_or_all(c, whose))])


def made_allowance(c: Connection, whose: str, requests: int, now: int) -> dict[str, Any]:
    """A new allowance. Raises BadRequest and NotFound."""
    made = spending.create_allowance(c, holder(c, whose), requests, now)
    return next(row for row in allowance_rows(c, None, now) if row["id"] == made.id)


def ended_allowance(c: Connection, id: str, now: int) -> dict[str, Any]:
    """An allowance as it was when it ended. Raises NotFound."""
    rows = {row["id"]: row for row in allowance_rows(c, None, now)}
    return rows[spending.end_allowance(c, id, now).id]


def budget_sentence(row: dict[str, Any]) -> str:
    """A budget in words."""
    per = "in total" if row["period"] == Period.TOTAL else f"a {row['period']}"
    kind = "hard" if row["hard"] else "soft"
    return f"{row['id']}: {who(row)} may spend ${plain(row['amount_usd'])} {per} ({kind})."


def credit_sentence(row: dict[str, Any]) -> str:
    """A credit in words."""
    return f"{row['budget_id']}: {who(row)} has ${plain(row['left_usd'])} of ${plain(row['balance_usd'])} left."


def limit_sentence(row: dict[str, Any]) -> str:
    """A rate limit in words."""
    amount = plain(row["amount"])
    counted = {LimitUnit.DOLLARS: f"${amount}", LimitUnit.CONCURRENT: f"{amount} requests at once"}
    most = counted.get(row["unit"], f"{amount} {row['unit']}")
    per = f" per {window(row)}" if window(row) else ""
    of = f" of {row['model']}" if row["model"] else ""
    return f"{row['id']}: {who(row)} gets at most {most}{of}{per}."


def window(row: Mapping[str, Any]) -> str:
    """A limit's window in words: `minute`, `15 minutes`, `day`; empty for requests in flight, which have none."""
    count = row["window_seconds"]
    if row["unit"] == LimitUnit.CONCURRENT:
        return ""
    unit, length = next(it for it in _WINDOWS if count % it[1] == 0)
    return unit if count == length else f"{count // length} {unit}s"


_WINDOWS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))
