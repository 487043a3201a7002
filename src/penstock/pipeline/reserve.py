"""Money set aside before anything is called: the most the call may cost at the candidates of its plan.

Every request for pictures is written down here too, with or without a budget, so that it is finished and recorded
when the gateway dies in its middle (`pipeline.resume`).
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_UP, Decimal
from math import ceil

from penstock.core.call import ChatCall, ImageCall
from penstock.core.errors import BudgetExceeded, CreditExhausted, Forbidden, PenstockError
from penstock.core.money import PICO, from_pico
from penstock.core.spending import Budget, Period
from penstock.metering.quote import Quote
from penstock.pipeline.facts import facts_of
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Life
from penstock.routing.base import Plan
from penstock.store.reservations import ReservationRow, Shortage

_GRACE_SECONDS = 30.0
"""After its deadline a request may take so long to be recorded."""


async def reserve(life: Life, plan: Plan, gateway: Gateway) -> Plan:
    """Set aside what the plan may cost; the plan without the candidates that do not fit.

    Raises BudgetExceeded or CreditExhausted where none fits, and Forbidden where only candidates without a price are
    left and a budget refuses those. Nothing has been called then.
    """
    plan = _within_cap(life, plan, gateway)
    principal = life.principal
    if not (principal.budgets or principal.allowances or isinstance(life.call, ImageCall)):
        return plan
    plan = _priced(life, plan)
    amounts = {candidate.offer.id: amount(life.quotes[candidate.offer.id], gateway) for candidate in plan.order}
    at_once = _at_once(plan, list(amounts.values()))
    row = _row(life, plan, gateway)
    wanted = sorted({*amounts.values(), at_once})
    found = await gateway.ledger.reserve(row, wanted, principal.budgets, principal.allowances)
    if isinstance(found, Shortage):
        raise _short(life, found, min(amounts.values()), row.created_at)
    life.reserved = found
    life.budget_warning = _warning(life)
    if found.amount_pico < at_once:  # there is not enough for several at once
        plan = one_by_one(plan)
    return replace(plan, order=tuple(c for c in plan.order if amounts[c.offer.id] <= found.amount_pico))


def one_by_one(plan: Plan) -> Plan:
    """The same candidates, one after another."""
    return replace(plan, at_once=1, hedge_after=None)


def _within_cap(life: Life, plan: Plan, gateway: Gateway) -> Plan:
    """The plan asked one by one where what runs at once may cost more than the strategy's own cap."""
    if plan.most_usd is None or _width(plan) == 1:
        return plan
    quotes = [life.quotes[candidate.offer.id] for candidate in plan.order]
    if any(quote.unpriced for quote in quotes):
        return one_by_one(plan)
    together = _at_once(plan, [amount(quote, gateway) for quote in quotes])
    return one_by_one(plan) if together > plan.most_usd * PICO else plan


def _width(plan: Plan) -> int:
    """How many may be under way at the same time."""
    return min(len(plan.order), plan.at_once if plan.hedge_after is None else 2)


def _at_once(plan: Plan, amounts: Sequence[int]) -> int:
    """The most that candidates under way at the same time may cost together: anyone may come in another's place."""
    return sum(sorted(amounts, reverse=True)[: _width(plan)])


def amount(quote: Quote, gateway: Gateway) -> int:
    """Pico-dollars to set aside for a call with this quote; 0 where it has no price."""
    if quote.unpriced:
        return 0
    most = quote.high
    if most is None:
        most = max(quote.low or Decimal(0), gateway.settings.spending.unbounded_reserve_usd)
    return int((most * PICO).to_integral_value(ROUND_UP))


def _priced(life: Life, plan: Plan) -> Plan:
    """The plan without the candidates whose price nobody knows, where a budget refuses them."""
    refusing = [budget for budget in life.principal.budgets if budget.hard and budget.on_unpriced == "refuse"]
    if not refusing:
        return plan
    order = tuple(c for c in plan.order if not life.quotes[c.offer.id].unpriced)
    if not order:
        raise Forbidden(
            f"{_owner(refusing[0])} refuses calls whose price is not known, and nobody's price for this one is. "
            "An administrator can give the offer a price, or let the budget allow unpriced calls.",
            code="unpriced_refused",
            param="model",
        )
    return replace(plan, order=order)


def _row(life: Life, plan: Plan, gateway: Gateway) -> ReservationRow:
    now = gateway.clock.now()
    left = life.timeout - (gateway.clock.monotonic() - life.incoming.started)
    return ReservationRow(
        request_id=life.incoming.id,
        owner=gateway.presence.id,
        created_at=int(now * 1000),
        deadline=int((now + max(left, 0.0) + _GRACE_SECONDS) * 1000),
        facts=facts_of(life, plan),
    )


def _short(life: Life, shortage: Shortage, wanted: int, now: int) -> PenstockError:
    budget, left = shortage.budget, _dollars(from_pico(shortage.left_pico))
    may_cost = f"this call may cost {'up to ' if life.quotes else ''}{_dollars(from_pico(wanted))}"
    advice = " A smaller `max_tokens` makes that less." if isinstance(life.call, ChatCall) else ""
    headers = {"x-should-retry": "false"}
    if budget.kind == "credit":
        return CreditExhausted(
            f"The credit paid in beforehand has {left} left, and {may_cost}.{advice}", headers=headers
        )
    ends = budget.period.end(now)
    if ends is not None:
        headers["retry-after"] = str(ceil((ends - now) / 1000))
    return BudgetExceeded(
        f"{_owner(budget)} of {_dollars(budget.amount)} {_PER[budget.period]} has {left} left, and {may_cost}.{advice}",
        headers=headers,
    )


_PER = {Period.DAY: "a day", Period.WEEK: "a week", Period.MONTH: "a month", Period.TOTAL: "in total"}


def _owner(budget: Budget) -> str:
    return f"The {budget.holder.level}'s budget"


def _dollars(dollars: Decimal) -> str:
    """At least cents, and every digit there is."""
    text = f"{dollars.normalize():f}"
    whole, _, cents = text.partition(".")
    return f"${whole}.{cents.ljust(2, '0')}"


def _warning(life: Life) -> str | None:
    """The soft budgets that are used up, for a header."""
    left = life.reserved.left if life.reserved else None
    if not left:
        return None
    over = [budget for budget in life.principal.budgets if not budget.hard and left[budget.id] < 0]
    return "; ".join(f"{_owner(b)} of {_dollars(b.amount)} {_PER[b.period]} is used up" for b in over) or None
