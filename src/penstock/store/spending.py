"""What holders may spend: budgets, credit paid in beforehand, rate limits and monthly allowances.

All of it are functions of a connection, for `store.books` to run. Times are Unix milliseconds, money is in US dollars;
what has been used of a budget or an allowance is counted elsewhere and only read here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, get_args

from sqlalchemy import Connection, RowMapping, insert, select, update

from penstock.core import ids
from penstock.core.errors import BadRequest, NotFound
from penstock.core.money import from_pico, plain, to_pico
from penstock.core.spending import GATEWAY, Allowance, Budget, Holder, Level, Limit, LimitUnit, OnUnpriced, Period
from penstock.store import tables
from penstock.store.checks import MOST_COUNTED, MOST_DOLLARS, checked_count, checked_dollars, checked_pattern
from penstock.store.held import (
    allowance_of,
    budget_of,
    end,
    held_by,
    insert_allowance,
    insert_budget,
    insert_limit,
    limit_of,
    rows_applying,
    rows_held,
)
from penstock.store.keys import Key, get_key
from penstock.store.people import Organisation, Team, User, organisation, team, user

LONGEST_WINDOW_SECONDS = 31 * 24 * 3600

_WHOLE = {LimitUnit.REQUESTS, LimitUnit.IMAGES, LimitUnit.TOKENS, LimitUnit.CONCURRENT}
"""Units that have no fractions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """A budget, and what has become of it in its current period."""

    budget: Budget
    period_start: int
    """0 for `total`. An ended budget's is that of its last period."""
    resets_at: int | None
    """When the period ends; None: never, or the budget has ended."""
    spent: Decimal
    reserved: Decimal
    """For calls that are being made."""
    uncertain: Decimal
    """Of calls that may have been charged, nobody can say."""
    left: Decimal
    """Amount less all three, not below 0."""
    ended_at: int | None = None
    """Since when it no longer applies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditEntry:
    """Money paid in, or a correction."""

    id: str
    """`crd_...`"""
    amount: Decimal
    """Negative where it was taken back."""
    note: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceState:
    """An allowance, and what has been used of it this month."""

    allowance: Allowance
    used: int
    month_start: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What applies to a request."""

    budgets: tuple[Budget, ...]
    """Credits too."""
    limits: tuple[Limit, ...]
    allowances: tuple[Allowance, ...]


# Holders.

_FINDERS: Mapping[Level, Callable[[Connection, str], Organisation | Team | User | Key]] = {
    Level.ORGANISATION: organisation,
    Level.TEAM: team,
    Level.USER: user,
    Level.KEY: get_key,
}


def find_holder(c: Connection, level: Level, which: str) -> Holder:
    """A holder by id or name (a key also by its hint); the gateway whatever `which` is.

    Raises NotFound where there is none, and BadRequest where several could be meant.
    """
    if level is Level.GATEWAY:
        return GATEWAY
    return Holder(level, _FINDERS[level](c, which).id)


def applying(c: Connection, holders: Sequence[Holder]) -> Bounds:
    """What these holders, at most one of each level, are bound by together, the oldest first."""
    return Bounds(
        tuple(budget_of(row) for row in rows_applying(c, tables.budgets, holders)),
        tuple(limit_of(row) for row in rows_applying(c, tables.limits, holders)),
        tuple(allowance_of(row) for row in rows_applying(c, tables.allowances, holders)),
    )


# Budgets.


def create_budget(
    c: Connection,
    holder: Holder,
    amount: Decimal,
    period: Period,
    *,
    hard: bool = True,
    on_unpriced: OnUnpriced = "refuse",
    now: int,
) -> Budget:
    """Dollars a holder may spend in each period, from the current one on. Raises BadRequest and NotFound."""
    made = Budget(
        id=ids.new("bud", now / 1000),
        holder=find_holder(c, holder.level, holder.id),
        period=period,
        amount=checked_dollars(amount),
        hard=hard,
        on_unpriced=_on_unpriced(on_unpriced),
        created_at=now,
    )
    insert_budget(c, made)
    return made


def budgets(c: Connection, now: int, holder: Holder | None = None, ended: bool = False) -> list[BudgetState]:
    """Budgets and credits of one holder or of all, the oldest first; `ended` ones only where asked for."""
    rows = rows_held(c, tables.budgets, None if holder is None else [holder], ended)
    return [_state(c, row, now) for row in rows]


def budget(c: Connection, id: str, now: int) -> BudgetState:
    """Raises NotFound (`budget_not_found`)."""
    row = c.execute(select(tables.budgets).where(tables.budgets.c.id == id)).mappings().first()
    if row is None:
        raise NotFound(f"There is no budget {id!r}.", code="budget_not_found")
    return _state(c, row, now)


def change_budget(
    c: Connection,
    id: str,
    now: int,
    amount: Decimal | None = None,
    hard: bool | None = None,
    on_unpriced: OnUnpriced | None = None,
) -> BudgetState:
    """Change what is not None; what was spent in the current period stays spent.

    Raises NotFound, and BadRequest for an ended budget and for amount or hardness of a credit.
    """
    found = budget(c, id, now)
    if found.ended_at is not None:
        raise BadRequest(f"The budget {id} has ended. Make another one.")
    if found.budget.kind == "credit" and (amount is not None or hard is not None):
        raise BadRequest(f"{id} is credit: it is always hard, and its amount changes by what is paid in.")
    columns: dict[str, Any] = {}
    if amount is not None:
        columns["amount_pico"] = to_pico(checked_dollars(amount))
    if hard is not None:
        columns["hard"] = hard
    if on_unpriced is not None:
        columns["on_unpriced"] = _on_unpriced(on_unpriced)
    if columns:
        c.execute(update(tables.budgets).where(tables.budgets.c.id == id).values(columns))
    return budget(c, id, now)


def end_budget(c: Connection, id: str, now: int) -> Budget:
    """It no longer applies, its use stays readable; ended again, it stays as it is. Raises NotFound."""
    found = budget(c, id, now).budget
    end(c, tables.budgets, id, now)
    return found


def _state(c: Connection, row: RowMapping, now: int) -> BudgetState:
    found, ended_at, use = budget_of(row), row["ended_at"], tables.budget_use
    start = found.period.start(now if ended_at is None else min(now, ended_at))
    used = c.execute(select(use).where(use.c.budget_id == found.id, use.c.period_start == start)).first()
    spent, reserved, uncertain = (
        (from_pico(used.spent_pico), from_pico(used.reserved_pico), from_pico(used.uncertain_pico))
        if used
        else (Decimal(0), Decimal(0), Decimal(0))
    )
    return BudgetState(
        budget=found,
        period_start=start,
        resets_at=None if ended_at is not None else found.period.end(now),
        spent=spent,
        reserved=reserved,
        uncertain=uncertain,
        left=max(Decimal(0), found.amount - spent - reserved - uncertain),
        ended_at=ended_at,
    )


def _on_unpriced(wish: OnUnpriced) -> OnUnpriced:
    if wish not in get_args(OnUnpriced):
        raise BadRequest("A budget's `on_unpriced` is refuse or allow.", param="on_unpriced")
    return wish


# Credit.


def add_credit(c: Connection, holder: Holder, amount: Decimal, note: str, now: int) -> BudgetState:
    """Pay in, or take back with a negative amount; a holder's first payment makes its one credit.

    Raises NotFound for the holder, and BadRequest where the credit would be negative or too much.
    """
    holder = find_holder(c, holder.level, holder.id)
    checked_dollars(abs(amount))
    before = credit(c, holder, now)
    total = amount + (before.budget.amount if before else 0)
    if total < 0 or total > MOST_DOLLARS:
        raise BadRequest(
            f"The credit would be ${plain(total)}; it is at least $0 and at most ${plain(MOST_DOLLARS)}.",
            param="amount",
        )
    if before is None:
        id = ids.new("bud", now / 1000)
        made = Budget(id=id, holder=holder, period=Period.TOTAL, amount=total, kind="credit", created_at=now)
        insert_budget(c, made)
    else:
        id = before.budget.id
        c.execute(update(tables.budgets).where(tables.budgets.c.id == id).values(amount_pico=to_pico(total)))
    entry = {"id": ids.new("crd", now / 1000), "budget_id": id, "amount_pico": to_pico(amount), "note": note.strip()}
    c.execute(insert(tables.credit_entries).values(created_at=now, **entry))
    return budget(c, id, now)


def credit(c: Connection, holder: Holder, now: int) -> BudgetState | None:
    """What a holder has paid in beforehand; None where it has not."""
    found = [row for row in rows_held(c, tables.budgets, [holder]) if row["kind"] == "credit"]
    return _state(c, found[0], now) if found else None


def credit_entries(c: Connection, holder: Holder) -> list[CreditEntry]:
    """Everything a holder ever paid in, the oldest first."""
    entries, its = tables.credit_entries.c, tables.budgets.c
    query = (
        select(tables.credit_entries)
        .join(tables.budgets, its.id == entries.budget_id)
        .where(held_by(tables.budgets, [holder]))
    )
    return [
        CreditEntry(id=row.id, amount=from_pico(row.amount_pico), note=row.note, created_at=row.created_at)
        for row in c.execute(query.order_by(entries.created_at, entries.id))
    ]


# Limits.


def create_limit(
    c: Connection,
    holder: Holder,
    unit: LimitUnit,
    amount: Decimal,
    window_seconds: int,
    model: str | None,
    now: int,
) -> Limit:
    """At most so much in any window of so many seconds. Raises BadRequest and NotFound."""
    if not 1 <= window_seconds <= LONGEST_WINDOW_SECONDS:
        raise BadRequest("A limit's window is 1 second up to 31 days (2678400).", param="window_seconds")
    made = Limit(
        id=ids.new("lim", now / 1000),
        holder=find_holder(c, holder.level, holder.id),
        unit=unit,
        amount=checked_count(amount, whole=unit in _WHOLE),
        window_seconds=window_seconds,
        model=None if model is None else checked_pattern(model, "model"),
        created_at=now,
    )
    insert_limit(c, made)
    return made


def list_limits(c: Connection, holder: Holder | None = None) -> list[Limit]:
    """Limits of one holder or of all that apply, the oldest first."""
    return [limit_of(row) for row in rows_held(c, tables.limits, None if holder is None else [holder])]


def end_limit(c: Connection, id: str, now: int) -> Limit:
    """It no longer applies. Raises NotFound (`limit_not_found`) where none has this id, or it has ended."""
    found = next((limit for limit in list_limits(c) if limit.id == id), None)
    if found is None:
        raise NotFound(f"There is no limit {id!r}, or it has ended.", code="limit_not_found")
    end(c, tables.limits, id, now)
    return found


# Allowances.


def create_allowance(c: Connection, holder: Holder, requests: int, now: int) -> Allowance:
    """So many requests a month that cost nothing. Raises BadRequest and NotFound."""
    if not 1 <= requests <= MOST_COUNTED:
        raise BadRequest("An allowance is a number of requests above 0.", param="requests")
    made = Allowance(
        id=ids.new("alw", now / 1000),
        holder=find_holder(c, holder.level, holder.id),
        requests=requests,
        created_at=now,
    )
    insert_allowance(c, made)
    return made


def allowances(c: Connection, now: int, holder: Holder | None = None) -> list[AllowanceState]:
    """Allowances of one holder or of all that apply, the oldest first, with what is used of them this month."""
    month, use = Period.MONTH.start(now), tables.allowance_use
    states = []
    for row in rows_held(c, tables.allowances, None if holder is None else [holder]):
        query = select(use.c.requests).where(use.c.allowance_id == row["id"], use.c.month_start == month)
        used = c.execute(query).scalar_one_or_none()
        states.append(AllowanceState(allowance=allowance_of(row), used=used or 0, month_start=month))
    return states


def end_allowance(c: Connection, id: str, now: int) -> Allowance:
    """It no longer applies. Raises NotFound (`allowance_not_found`) where none has this id, or it has ended."""
    found = next((state.allowance for state in allowances(c, now) if state.allowance.id == id), None)
    if found is None:
        raise NotFound(f"There is no allowance {id!r}, or it has ended.", code="allowance_not_found")
    end(c, tables.allowances, id, now)
    return found
