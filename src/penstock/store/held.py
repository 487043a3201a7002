"""Rows of what somebody holds, budgets, limits and allowances alike: written, found, ended, and read as core types."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Table,
    and_,
    bindparam,
    insert,
    or_,
    select,
    update,
)

from penstock.core.money import from_pico, to_pico
from penstock.core.spending import Allowance, Budget, Holder, Level, Limit, LimitUnit, Period
from penstock.store import tables

MICRO = 10**6
"""Of a limit's amount, in its row."""


def rows_held(
    c: Connection, table: Table, holders: Sequence[Holder] | None = None, ended: bool = False
) -> Sequence[RowMapping]:
    """What these holders hold, or everybody, the oldest first; what has `ended` only where asked for."""
    query = select(table).order_by(table.c.created_at, table.c.id)
    if holders is not None:
        query = query.where(held_by(table, holders))
    if not ended:
        query = query.where(table.c.ended_at.is_(None))
    return c.execute(query).mappings().all()


def rows_applying(c: Connection, table: Table, holders: Sequence[Holder]) -> Sequence[RowMapping]:
    """What these holders, at most one of each level, hold together and has not ended, the oldest first."""
    if len(holders) > len(Level):
        raise ValueError("more holders than levels")
    slots: dict[str, str] = {}
    for place, holder in enumerate(holders):
        slots |= {f"level_{place}": holder.level, f"holder_{place}": holder.id}
    return c.execute(_APPLYING[table], _NOBODY | slots).mappings().all()


def _applying(table: Table) -> Select[Any]:
    """The query of `rows_applying`, made once: making it took four times as long as asking it."""
    pairs = [
        and_(table.c.level == bindparam(f"level_{place}"), table.c.holder_id == bindparam(f"holder_{place}"))
        for place in range(len(Level))
    ]
    return select(table).where(or_(*pairs), table.c.ended_at.is_(None)).order_by(table.c.created_at, table.c.id)


_APPLYING = {table: _applying(table) for table in (tables.budgets, tables.limits, tables.allowances)}
_NOBODY: dict[str, str | None] = {
    f"{what}_{place}": None for place in range(len(Level)) for what in ("level", "holder")
}


def held_by(table: Table, holders: Sequence[Holder]) -> ColumnElement[bool]:
    """The condition that one of them holds a row."""
    return or_(*(and_(table.c.level == holder.level, table.c.holder_id == holder.id) for holder in holders))


def end(c: Connection, table: Table, id: str, now: int) -> None:
    """From now on it no longer applies; what has ended before stays as it is."""
    c.execute(update(table).where(table.c.id == id, table.c.ended_at.is_(None)).values(ended_at=now))


def insert_budget(c: Connection, budget: Budget) -> None:
    c.execute(
        insert(tables.budgets).values(
            **_common(budget),
            kind=budget.kind,
            period=budget.period,
            amount_pico=to_pico(budget.amount),
            hard=budget.hard,
            on_unpriced=budget.on_unpriced,
        )
    )


def insert_limit(c: Connection, limit: Limit) -> None:
    c.execute(
        insert(tables.limits).values(
            **_common(limit),
            unit=limit.unit,
            amount_micro=int(limit.amount * MICRO),
            window_seconds=limit.window_seconds,
            model=limit.model,
        )
    )


def insert_allowance(c: Connection, allowance: Allowance) -> None:
    c.execute(insert(tables.allowances).values(**_common(allowance), requests=allowance.requests))


def _common(held: Budget | Limit | Allowance) -> dict[str, str | int]:
    holder = held.holder
    return {"id": held.id, "level": holder.level, "holder_id": holder.id, "created_at": held.created_at}


def budget_of(row: RowMapping) -> Budget:
    return Budget(
        id=row["id"],
        holder=_holder(row),
        period=Period(row["period"]),
        amount=from_pico(row["amount_pico"]),
        hard=row["hard"],
        on_unpriced=row["on_unpriced"],
        kind=row["kind"],
        created_at=row["created_at"],
    )


def limit_of(row: RowMapping) -> Limit:
    return Limit(
        id=row["id"],
        holder=_holder(row),
        unit=LimitUnit(row["unit"]),
        amount=Decimal(row["amount_micro"]) / MICRO,
        window_seconds=row["window_seconds"],
        model=row["model"],
        created_at=row["created_at"],
    )


def allowance_of(row: RowMapping) -> Allowance:
    return Allowance(id=row["id"], holder=_holder(row), requests=row["requests"], created_at=row["created_at"])


def _holder(row: RowMapping) -> Holder:
    return Holder(Level(row["level"]), row["holder_id"])
