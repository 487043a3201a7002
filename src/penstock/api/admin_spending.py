"""`/admin/api/budgets`, `/limits`, `/allowances` and `/credits`: what may be spent, and what has been.

What these endpoints do is done by `store.spending`; the routes are in `admin_routes`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from penstock.api import admin_documents as documents
from penstock.api.answers import encode
from penstock.api.bodies import read_body, read_query
from penstock.api.times import moment, moment_or_none, now_ms
from penstock.core.errors import BadRequest, PenstockError
from penstock.core.spending import Allowance, Holder, Level, Limit, Period
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.store import spending
from penstock.store.spending import AllowanceState, BudgetState

# Budgets.


async def list_budgets(gateway: Gateway, incoming: Incoming) -> Reply:
    query, now = read_query(incoming, documents.BudgetQuery), now_ms(gateway)

    def find(c: Connection) -> list[BudgetState]:
        whose = _Filter(c, query.level, query.holder)
        return [state for state in spending.budgets(c, now, whose.holder, query.ended) if whose(state.budget.holder)]

    found = [state for state in await gateway.books.read(find) if state.budget.kind == "budget"]
    return Reply(pieces=(encode(documents.BudgetList(data=[budget_document(state) for state in found])),))


async def create_budget(gateway: Gateway, incoming: Incoming) -> Reply:
    state = await add_budget(gateway, await read_body(incoming, documents.NewBudget))
    return Reply(pieces=(encode(budget_document(state)),))


async def add_budget(gateway: Gateway, given: documents.NewBudget) -> BudgetState:
    """Raises BadRequest and NotFound."""
    now = now_ms(gateway)
    terms = documents.KeyBudget(
        amount_usd=given.amount_usd, period=given.period, hard=given.hard, on_unpriced=given.on_unpriced
    )

    def create(c: Connection) -> BudgetState:
        return make_budget(c, _holder(c, given.level, given.holder), terms, now)

    with dollars_are("amount_usd"):
        return await gateway.books.change(create)


async def show_budget(gateway: Gateway, incoming: Incoming, budget: str) -> Reply:
    now = now_ms(gateway)
    state = await gateway.books.read(lambda c: spending.budget(c, budget, now))
    return Reply(pieces=(encode(budget_document(state)),))


async def change_budget(gateway: Gateway, incoming: Incoming, budget: str) -> Reply:
    state = await amend_budget(gateway, budget, await read_body(incoming, documents.BudgetChange))
    return Reply(pieces=(encode(budget_document(state)),))


async def amend_budget(gateway: Gateway, budget: str, given: documents.BudgetChange) -> BudgetState:
    """Raises BadRequest and NotFound."""
    now = now_ms(gateway)

    def change(c: Connection) -> BudgetState:
        return spending.change_budget(c, budget, now, given.amount_usd, given.hard, given.on_unpriced)

    with dollars_are("amount_usd"):
        return await gateway.books.change(change)


async def end_budget(gateway: Gateway, incoming: Incoming, budget: str) -> Reply:
    now = now_ms(gateway)

    def end(c: Connection) -> BudgetState:
        spending.end_budget(c, budget, now)
        return spending.budget(c, budget, now)

    return Reply(pieces=(encode(budget_document(await gateway.books.change(end))),))


def make_budget(c: Connection, holder: Holder, terms: documents.KeyBudget, now: int) -> BudgetState:
    """A new budget of a holder. Raises BadRequest."""
    made = spending.create_budget(
        c, holder, terms.amount_usd, terms.period, hard=terms.hard, on_unpriced=terms.on_unpriced, now=now
    )
    return spending.budget(c, made.id, now)


def budget_document(state: BudgetState) -> documents.Budget:
    """A budget as it is answered."""
    it = state.budget
    return documents.Budget(
        id=it.id,
        level=it.holder.level,
        holder_id=it.holder.id or None,
        amount_usd=it.amount,
        period=it.period,
        hard=it.hard,
        on_unpriced=it.on_unpriced,
        created_at=moment(it.created_at),
        ended_at=moment_or_none(state.ended_at),
        period_start=moment(state.period_start) if state.period_start else None,
        resets_at=moment_or_none(state.resets_at),
        spent_usd=state.spent,
        reserved_usd=state.reserved,
        uncertain_usd=state.uncertain,
        left_usd=state.left,
    )


# Rate limits.


async def list_limits(gateway: Gateway, incoming: Incoming) -> Reply:
    query = read_query(incoming, documents.HolderQuery)

    def find(c: Connection) -> list[Limit]:
        whose = _Filter(c, query.level, query.holder)
        return [limit for limit in spending.list_limits(c, whose.holder) if whose(limit.holder)]

    found = await gateway.books.read(find)
    return Reply(pieces=(encode(documents.LimitList(data=[_limit(limit) for limit in found])),))


async def create_limit(gateway: Gateway, incoming: Incoming) -> Reply:
    return Reply(pieces=(encode(_limit(await add_limit(gateway, await read_body(incoming, documents.NewLimit)))),))


async def add_limit(gateway: Gateway, given: documents.NewLimit) -> Limit:
    """Raises BadRequest and NotFound."""
    now = now_ms(gateway)

    def create(c: Connection) -> Limit:
        holder = _holder(c, given.level, given.holder)
        return spending.create_limit(c, holder, given.unit, given.amount, given.window_seconds, given.model, now)

    return await gateway.books.change(create)


async def end_limit(gateway: Gateway, incoming: Incoming, limit: str) -> Reply:
    now = now_ms(gateway)
    return Reply(pieces=(encode(_limit(await gateway.books.change(lambda c: spending.end_limit(c, limit, now)))),))


def _limit(it: Limit) -> documents.Limit:
    return documents.Limit(
        id=it.id,
        level=it.holder.level,
        holder_id=it.holder.id or None,
        unit=it.unit,
        amount=it.amount,
        window_seconds=it.window_seconds,
        model=it.model,
        created_at=moment(it.created_at),
    )


# Allowances.


async def list_allowances(gateway: Gateway, incoming: Incoming) -> Reply:
    query, now = read_query(incoming, documents.HolderQuery), now_ms(gateway)

    def find(c: Connection) -> list[AllowanceState]:
        whose = _Filter(c, query.level, query.holder)
        return [state for state in spending.allowances(c, now, whose.holder) if whose(state.allowance.holder)]

    found = await gateway.books.read(find)
    return Reply(pieces=(encode(documents.AllowanceList(data=[_allowance(state) for state in found])),))


async def create_allowance(gateway: Gateway, incoming: Incoming) -> Reply:
    made = await add_allowance(gateway, await read_body(incoming, documents.NewAllowance))
    unused = AllowanceState(allowance=made, used=0, month_start=Period.MONTH.start(made.created_at))
    return Reply(pieces=(encode(_allowance(unused)),))


async def add_allowance(gateway: Gateway, given: documents.NewAllowance) -> Allowance:
    """Raises BadRequest and NotFound."""
    now = now_ms(gateway)

    def create(c: Connection) -> Allowance:
        return spending.create_allowance(c, _holder(c, given.level, given.holder), given.requests, now)

    return await gateway.books.change(create)


async def end_allowance(gateway: Gateway, incoming: Incoming, allowance: str) -> Reply:
    now = now_ms(gateway)

    def end(c: Connection) -> AllowanceState:
        states = {state.allowance.id: state for state in spending.allowances(c, now)}
        return states[spending.end_allowance(c, allowance, now).id]

    return Reply(pieces=(encode(_allowance(await gateway.books.change(end))),))


def _allowance(state: AllowanceState) -> documents.Allowance:
    it = state.allowance
    return documents.Allowance(
        id=it.id,
        level=it.holder.level,
        holder_id=it.holder.id or None,
        requests=it.requests,
        used=state.used,
        month_start=moment(state.month_start),
        created_at=moment(it.created_at),
    )


# Credits.


async def list_credits(gateway: Gateway, incoming: Incoming) -> Reply:
    query, now = read_query(incoming, documents.HolderQuery), now_ms(gateway)

    def find(c: Connection) -> list[documents.Credit]:
        whose = _Filter(c, query.level, query.holder)
        states = [state for state in spending.budgets(c, now, whose.holder) if whose(state.budget.holder)]
        return [_credit(c, state) for state in states if state.budget.kind == "credit"]

    return Reply(pieces=(encode(documents.CreditList(data=await gateway.books.read(find))),))


async def add_credit(gateway: Gateway, incoming: Incoming) -> Reply:
    return Reply(pieces=(encode(await pay_in(gateway, await read_body(incoming, documents.NewCredit))),))


async def pay_in(gateway: Gateway, given: documents.NewCredit) -> documents.Credit:
    """Raises BadRequest and NotFound."""
    now = now_ms(gateway)

    def add(c: Connection) -> documents.Credit:
        holder = _holder(c, given.level, given.holder)
        return _credit(c, spending.add_credit(c, holder, given.amount_usd, given.note, now))

    with dollars_are("amount_usd"):
        return await gateway.books.change(add)


def _credit(c: Connection, state: BudgetState) -> documents.Credit:
    it = state.budget
    return documents.Credit(
        budget_id=it.id,
        level=it.holder.level,
        holder_id=it.holder.id or None,
        balance_usd=it.amount,
        spent_usd=state.spent,
        reserved_usd=state.reserved,
        uncertain_usd=state.uncertain,
        left_usd=state.left,
        entries=[
            documents.CreditEntry(
                id=entry.id, amount_usd=entry.amount, note=entry.note, created_at=moment(entry.created_at)
            )
            for entry in spending.credit_entries(c, it.holder)
        ],
    )


# Holders.


def _holder(c: Connection, level: Level, which: str | None) -> Holder:
    """Whom something is made for. Raises BadRequest where level and holder do not fit, and NotFound."""
    if level is not Level.GATEWAY and which is None:
        raise BadRequest(
            f"`holder` is missing: the id or name of the {level}.", param="holder", code="missing_required_parameter"
        )
    if level is Level.GATEWAY and which is not None:
        raise BadRequest("The gateway as a whole has no `holder`; leave it out.", param="holder")
    return spending.find_holder(c, level, which or "")


class _Filter:
    """Whose a list shows: everybody's, those of a level, or one holder's."""

    def __init__(self, c: Connection, level: Level | None, which: str | None) -> None:
        if which is not None and level is None:
            raise BadRequest("`holder` needs `level` beside it: organisation, team, user or key.", param="level")
        self.holder = _holder(c, level, which) if level is not None and which is not None else None
        self._level = level

    def __call__(self, holder: Holder) -> bool:
        return self._level is None or holder.level == self._level


@contextmanager
def dollars_are(field: str) -> Iterator[None]:
    """The store calls money `amount`; callers are told the name of their field."""
    try:
        yield
    except PenstockError as error:
        error.param = field if error.param == "amount" else error.param
        raise
