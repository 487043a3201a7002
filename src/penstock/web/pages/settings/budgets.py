"""`/settings/budgets`: budgets, credit paid in beforehand and monthly allowances, with what is left of them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from penstock.api import admin_documents as documents
from penstock.api import admin_spending
from penstock.core.errors import NotFound
from penstock.core.spending import Allowance, Holder
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Reply
from penstock.store import spending
from penstock.store.spending import AllowanceState, BudgetState, CreditEntry
from penstock.web.charts import share_bar
from penstock.web.forms import Field, Sheet, again, read, sheet
from penstock.web.pages.settings.frame import REFUSED, ask_page, form_page, framed, parameter
from penstock.web.pages.settings.holders import Named, named, suggestions, whom, whom_fields
from penstock.web.visit import Form, Visit

PART = "/settings/budgets"
PERIODS = {"total": "in all", "day": "a day", "week": "a week", "month": "a month"}

_AMOUNT = Field(name="amount_usd", label="US dollars", kind="number", required=True)
_HARD = Field(
    name="hard",
    label="Refuse what does not fit",
    kind="yes",
    hint="Without it such a request is served, and a header of its answer warns.",
)
_UNPRICED = Field(
    name="on_unpriced",
    label="A request whose price nobody knows is",
    kind="choice",
    choices=(("refuse", "refused, for it cannot be counted"), ("allow", "served, and not counted")),
)
_CHANGES = (_AMOUNT, _HARD, _UNPRICED)
_PERIOD = Field(name="period", label="Period", kind="choice", choices=tuple(PERIODS.items()))
_PAID = Field(
    name="amount_usd",
    label="US dollars",
    kind="number",
    required=True,
    hint="A negative amount takes some back.",
)
_NOTE = Field(name="note", label="What it was for", hint="An invoice, a gift.", longest=500)
_REQUESTS = Field(
    name="requests",
    label="Requests a month",
    kind="whole",
    required=True,
    hint="The first so many of each month cost budgets and credit nothing.",
)


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that may be spent."""

    budgets: list[BudgetState]
    credits: list[tuple[BudgetState, list[CreditEntry]]]
    allowances: list[AllowanceState]
    names: Mapping[Holder, Named]


async def list_page(visit: Visit) -> Reply:
    """`GET /settings/budgets`."""
    ended = parameter(visit, "ended") == "yes"
    books = await visit.gateway.books.read(partial(_books, now=visit.now_ms, ended=ended))
    return framed(
        visit, "budgets.html", title="Budgets", part=PART, books=books, periods=PERIODS, used=used_bar, ended=ended
    )


async def new_budget_page(visit: Visit) -> Reply:
    """`GET /settings/budgets/new`."""
    return await _new_page(visit, _BUDGET)


async def make_budget(visit: Visit, form: Form) -> Reply:
    """`POST /settings/budgets/new`."""
    return await _make(visit, form, _BUDGET)


async def new_credit_page(visit: Visit) -> Reply:
    """`GET /settings/budgets/credit`."""
    return await _new_page(visit, _CREDIT)


async def pay_in(visit: Visit, form: Form) -> Reply:
    """`POST /settings/budgets/credit`."""
    return await _make(visit, form, _CREDIT)


async def new_allowance_page(visit: Visit) -> Reply:
    """`GET /settings/budgets/allowance`."""
    return await _new_page(visit, _ALLOWANCE)


async def make_allowance(visit: Visit, form: Form) -> Reply:
    """`POST /settings/budgets/allowance`."""
    return await _make(visit, form, _ALLOWANCE)


async def budget_page(visit: Visit, budget: str) -> Reply:
    """`GET /settings/budgets/{budget}`."""
    return await _budget_page(visit, budget)


async def change(visit: Visit, form: Form, budget: str) -> Reply:
    """`POST /settings/budgets/{budget}`."""
    state = await visit.gateway.books.read(partial(spending.budget, id=budget, now=visit.now_ms))
    fields = _changes(state)
    try:
        await admin_spending.amend_budget(visit.gateway, budget, read(fields, form, documents.BudgetChange))
    except REFUSED as error:
        return await _budget_page(visit, budget, again(fields, form, error))
    return visit.redirect(f"{PART}/{budget}?done=budget-changed")


async def end_page(visit: Visit, budget: str) -> Reply:
    """`GET /settings/budgets/{budget}/end`."""
    state, name = await visit.gateway.books.read(partial(_budget, id=budget, now=visit.now_ms))
    is_credit = state.budget.kind == "credit"
    bounds = "the credit no longer bounds" if is_credit else "the budget no longer bounds"
    return ask_page(
        visit,
        title=f"End the {state.budget.kind} of {name.name}?",
        part=PART,
        sentences=(f"From the very next request on, {bounds} what is spent.", "What was spent stays in the books."),
        warnings=["What is left of the credit can no longer be spent."] if is_credit and state.left else [],
        button="End it",
        back=f"{PART}/{budget}",
        above="Budgets",
    )


async def end(visit: Visit, form: Form, budget: str) -> Reply:
    """`POST /settings/budgets/{budget}/end`."""
    await visit.gateway.books.change(partial(spending.end_budget, id=budget, now=visit.now_ms))
    return visit.redirect(f"{PART}?done=budget-ended")


async def end_allowance_page(visit: Visit, allowance: str) -> Reply:
    """`GET /settings/allowances/{allowance}/end`."""
    found, name = await visit.gateway.books.read(partial(_allowance, id=allowance, now=visit.now_ms))
    return ask_page(
        visit,
        title=f"End the allowance of {name.name}?",
        part=PART,
        sentences=(f"All requests count again, the first {found.requests:,} of a month too.",),
        button="End it",
        back=PART,
        above="Budgets",
    )


async def end_allowance(visit: Visit, form: Form, allowance: str) -> Reply:
    """`POST /settings/allowances/{allowance}/end`."""
    await visit.gateway.books.change(partial(spending.end_allowance, id=allowance, now=visit.now_ms))
    return visit.redirect(f"{PART}?done=allowance-ended")


def _changes(state: BudgetState) -> tuple[Field, ...]:
    """What can be changed of it; credit is always hard, and its amount is what was paid in."""
    return (_UNPRICED,) if state.budget.kind == "credit" else _CHANGES


def used_bar(state: BudgetState) -> Any:
    """How much of a budget is used, drawn."""
    share = float(1 - state.left / state.budget.amount) if state.budget.amount else 1.0
    return share_bar(share, "bad" if share >= 1 else "warn" if share >= 0.8 else "accent")


async def _budget_made(gateway: Gateway, given: Any) -> None:
    await admin_spending.add_budget(gateway, given)


async def _paid(gateway: Gateway, given: Any) -> None:
    await admin_spending.pay_in(gateway, given)


async def _allowed(gateway: Gateway, given: Any) -> None:
    await admin_spending.add_allowance(gateway, given)


@dataclass(frozen=True, slots=True)
class _Making:
    """A form by which something is made for somebody."""

    title: str
    button: str
    lead: str
    fields: Sequence[Field]
    stands: Mapping[str, str]
    request: type[Any]
    make: Callable[[Gateway, Any], Awaitable[None]]
    done: str


_BUDGET = _Making(
    "Make a budget",
    "Make the budget",
    "What a holder may spend in a period. It counts what is spent from now on.",
    (_AMOUNT, _PERIOD, _HARD, _UNPRICED),
    {"period": "month", "hard": "yes", "on_unpriced": "refuse"},
    documents.NewBudget,
    _budget_made,
    "budget-made",
)
_CREDIT = _Making(
    "Pay in",
    "Pay it in",
    "Money paid in beforehand. Who has credit can spend that, and nothing more.",
    (_PAID, _NOTE),
    {},
    documents.NewCredit,
    _paid,
    "paid",
)
_ALLOWANCE = _Making(
    "Make an allowance",
    "Make the allowance",
    "Requests of each month that cost a holder's budgets and credit nothing.",
    (_REQUESTS,),
    {},
    documents.NewAllowance,
    _allowed,
    "allowance-made",
)


async def _new_page(visit: Visit, making: _Making, shown: Sheet | None = None) -> Reply:
    if shown is None:
        fields = await _fields(visit, making)
        shown = sheet(fields, {**making.stands, **whom(visit)})
    return form_page(
        visit,
        shown,
        title=making.title,
        part=PART,
        button=making.button,
        back=PART,
        above="Budgets",
        lead=making.lead,
    )


async def _make(visit: Visit, form: Form, making: _Making) -> Reply:
    fields = await _fields(visit, making)
    try:
        await making.make(visit.gateway, read(fields, form, making.request))
    except REFUSED as error:
        return await _new_page(visit, making, again(fields, form, error))
    return visit.redirect(f"{PART}?done={making.done}")


async def _fields(visit: Visit, making: _Making) -> tuple[Field, ...]:
    return (*whom_fields(await visit.gateway.books.read(suggestions)), *making.fields)


def _books(c: Connection, now: int, ended: bool) -> Books:
    states = spending.budgets(c, now, ended=ended)
    allowances = spending.allowances(c, now)
    holders = [state.budget.holder for state in states] + [state.allowance.holder for state in allowances]
    credits = [state for state in states if state.budget.kind == "credit"]
    return Books(
        budgets=[state for state in states if state.budget.kind == "budget"],
        credits=[(state, spending.credit_entries(c, state.budget.holder)[-3:]) for state in credits],
        allowances=allowances,
        names=named(c, holders),
    )


def _budget(c: Connection, id: str, now: int) -> tuple[BudgetState, Named]:
    state = spending.budget(c, id, now)
    return state, named(c, [state.budget.holder])[state.budget.holder]


def _allowance(c: Connection, id: str, now: int) -> tuple[Allowance, Named]:
    found = next((state.allowance for state in spending.allowances(c, now) if state.allowance.id == id), None)
    if found is None:
        raise NotFound(f"There is no allowance {id[:60]}, or it has ended.", code="allowance_not_found")
    return found, named(c, [found.holder])[found.holder]


async def _budget_page(visit: Visit, id: str, shown: Sheet | None = None) -> Reply:
    state, name = await visit.gateway.books.read(partial(_budget, id=id, now=visit.now_ms))
    budget = state.budget
    stands = {
        "amount_usd": f"{budget.amount:f}",
        "hard": "yes" if budget.hard else "",
        "on_unpriced": budget.on_unpriced,
    }
    return framed(
        visit,
        "budget.html",
        title=f"{'Credit' if budget.kind == 'credit' else 'Budget'} of {name.name}",
        part=PART,
        status=400 if shown and shown.fault else 200,
        state=state,
        name=name,
        periods=PERIODS,
        used=used_bar,
        sheet=shown or sheet(_changes(state), stands),
        crumb=("Budgets", PART),
    )
