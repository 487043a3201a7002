"""Money set aside before a call, against every budget that applies: all of it or nothing, in one transaction.

A reservation's row also says what is under way, so that another process can finish it if this one dies. Settling
takes the row away and adds what was really spent, in the transaction that records the request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Dialect, Select, and_, bindparam, func, literal_column, select, update

from penstock.core.spending import Allowance, Budget, Period
from penstock.store import inserts, tables
from penstock.store.writer import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationRow:
    """A request under way. Times are Unix milliseconds."""

    request_id: str
    owner: str
    """The process that carries it out (`store.presence`)."""
    created_at: int
    deadline: int
    """When it is over, whatever became of it."""
    facts: Mapping[str, Any]
    """What another process needs to know to finish it (`pipeline.resume`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one budget holds back for a request."""

    request_id: str
    budget_id: str
    period_start: int
    amount_pico: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """A change of a budget's period, in pico-dollars."""

    budget_id: str
    period_start: int
    spent_pico: int = 0
    reserved_pico: int = 0
    uncertain_pico: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceUse:
    """A change of an allowance's month."""

    allowance_id: str
    month_start: int
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """What was set aside."""

    amount_pico: int
    """The largest of the amounts asked for that fits."""
    parts: tuple[Part, ...] = ()
    allowance: AllowanceUse | None = None
    """The allowance the request is covered by; nothing is held back then."""
    left: Mapping[str, int] | None = None
    """Pico-dollars left of each budget after this, by id; below zero for a soft one that is used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """Nothing was set aside: not even the smallest amount asked for fits."""

    budget: Budget
    left_pico: int
    """What is left of it; the smallest of those that are short."""


class Reservations:
    """Reserves and settles, with statements compiled once for a dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._rows = inserts.inserting_reservations(dialect)
        self._parts = inserts.inserting_reservation_parts(dialect)
        self._budgets = inserts.adding_up_budgets(dialect)
        self._allowances = inserts.adding_up_allowances(dialect)
        self._no_row = inserts.Removal(tables.reservations, dialect)
        self._no_parts = inserts.Removal(tables.reservation_parts, dialect)
        self._used = _compiled(_USED, dialect)
        self._requests_used = _compiled(_REQUESTS_USED, dialect)

    def reserve(
        self,
        connection: Connection,
        row: ReservationRow,
        amounts: Sequence[int],
        budgets: Sequence[Budget],
        allowances: Sequence[Allowance],
    ) -> Reserved | Shortage:
        """Set the largest of `amounts` (pico-dollars, at least one) aside that every hard budget has left.

        An allowance with a request left covers the call, and no budget is touched.
        """
        allowance = self._free_request(connection, allowances, row.created_at)
        if allowance is not None:
            _run(self._rows, connection, replace(row, facts={**row.facts, "allowance": allowance.allowance_id}))
            _run(self._allowances, connection, allowance)
            return Reserved(amount_pico=max(amounts), allowance=allowance)
        left = {budget.id: self._left(connection, budget, row.created_at) for budget in budgets}
        hard = [budget for budget in budgets if budget.hard]
        room = min((left[budget.id] for budget in hard), default=max(amounts))
        fitting = [amount for amount in amounts if amount <= room or not amount]
        if not fitting:
            tightest = min(hard, key=lambda budget: left[budget.id])
            return Shortage(budget=tightest, left_pico=max(0, left[tightest.id]))
        amount = max(fitting)
        parts = tuple(_part(row, budget, amount) for budget in budgets)
        _run(self._rows, connection, row)
        for part in parts:
            _run(self._parts, connection, part)
            _run(self._budgets, connection, _held(part))
        return Reserved(
            amount_pico=amount, parts=parts, left={budget_id: rest - amount for budget_id, rest in left.items()}
        )

    def rows(self, row: ReservationRow) -> Rows:
        """A reservation without budgets, as rows for the writer."""
        return [(self._rows, row)]

    def settlement_rows(self, request_id: str, changes: Sequence[BudgetUse | AllowanceUse]) -> Rows:
        """The end of a reservation, as rows for the writer."""
        return [
            (self._no_row, request_id),
            (self._no_parts, request_id),
            *((self._budgets if isinstance(change, BudgetUse) else self._allowances, change) for change in changes),
        ]

    def _left(self, connection: Connection, budget: Budget, now: int) -> int:
        start = budget.period.start(now)
        amount, used = connection.exec_driver_sql(self._used, (start, budget.id)).one()
        return int(amount) - int(used)

    def _free_request(self, connection: Connection, allowances: Sequence[Allowance], now: int) -> AllowanceUse | None:
        for allowance in allowances:
            month = Period.MONTH.start(now)
            found = connection.exec_driver_sql(self._requests_used, (allowance.id, month)).first()
            if (found[0] if found else 0) < allowance.requests:
                return AllowanceUse(allowance_id=allowance.id, month_start=month, requests=1)
        return None


def open_reservations(connection: Connection) -> list[ReservationRow]:
    """Every request that is under way, or was when its process died; the oldest first."""
    query = select(tables.reservations).order_by(tables.reservations.c.created_at)
    return [ReservationRow(**row) for row in connection.execute(query).mappings()]


def parts_of(connection: Connection, request_id: str) -> tuple[Part, ...]:
    """What a reservation holds back."""
    query = select(tables.reservation_parts).where(tables.reservation_parts.c.request_id == request_id)
    return tuple(Part(**row) for row in connection.execute(query).mappings())


def adopt(connection: Connection, row: ReservationRow, owner: str, deadline: int) -> bool:
    """Take over a request whose process is gone. False where another process was quicker, or it is settled."""
    taken = (
        update(tables.reservations)
        .where(tables.reservations.c.request_id == row.request_id, tables.reservations.c.owner == row.owner)
        .values(owner=owner, deadline=deadline)
    )
    return connection.execute(taken).rowcount == 1


def settled(part: Part, charged_pico: int, uncertain_pico: int) -> BudgetUse:
    """What the end of a request changes in a budget that held money back for it."""
    return BudgetUse(
        budget_id=part.budget_id,
        period_start=part.period_start,
        spent_pico=charged_pico,
        reserved_pico=-part.amount_pico,
        uncertain_pico=uncertain_pico,
    )


_USE = tables.budget_use.c
_USED = (
    select(
        tables.budgets.c.amount_pico,
        func.coalesce(_USE.spent_pico + _USE.reserved_pico + _USE.uncertain_pico, literal_column("0")),
    )
    .select_from(
        tables.budgets.outerjoin(
            tables.budget_use,
            and_(_USE.budget_id == tables.budgets.c.id, _USE.period_start == bindparam("start")),
        )
    )
    .where(tables.budgets.c.id == bindparam("id"))
)
_REQUESTS_USED = select(tables.allowance_use.c.requests).where(
    tables.allowance_use.c.allowance_id == bindparam("id"),
    tables.allowance_use.c.month_start == bindparam("month"),
)


def _compiled(statement: Select[*tuple[Any, ...]], dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect))


def _run(insertion: inserts.Insertion, connection: Connection, row: object) -> None:
    insertion.run(connection, [insertion.bind(row)])


def _part(row: ReservationRow, budget: Budget, amount_pico: int) -> Part:
    return Part(
        request_id=row.request_id,
        budget_id=budget.id,
        period_start=budget.period.start(row.created_at),
        amount_pico=amount_pico,
    )


def _held(part: Part) -> BudgetUse:
    return BudgetUse(budget_id=part.budget_id, period_start=part.period_start, reserved_pico=part.amount_pico)
