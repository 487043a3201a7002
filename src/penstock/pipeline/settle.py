"""What the request really cost: exact after an answer, and what was paid all the same where there is none."""

from decimal import Decimal

from penstock.core.errors import Unavailable
from penstock.metering.quote import terms
from penstock.metering.settle import Charge, charge
from penstock.pipeline.request import Attempt, Life


def settle(life: Life) -> None:
    """Fill in the charge of an answered request."""
    assert life.answer is not None and life.served_by is not None and life.call is not None
    answer, offer = life.answer, life.served_by.offer
    life.charge = charge(offer, answer.usage, terms(life.call, offer), answer.stated_cost)


def settle_failure(life: Life) -> None:
    """Fill in the charge of a request without an answer: nothing, what providers stated, or not known."""
    if any(_may_be_charged(attempt) for attempt in life.attempts):
        life.charge = Charge(amount=None, source="none", computed=None)
        return
    stated = [attempt.stated_cost for attempt in life.attempts if attempt.answered]
    amount = sum((cost for cost in stated if cost is not None), Decimal(0))
    life.charge = Charge(amount=amount, source="stated" if amount else "none", computed=None)


def _may_be_charged(attempt: Attempt) -> bool:
    """A job that was left behind, or a request whose answer never came: the provider may charge for either."""
    if attempt.answered:
        return attempt.stated_cost is None
    if attempt.outcome in ("cancelled", "pending"):
        return True
    # Storage that failed while a result came in says nothing about what the provider charges for it.
    return isinstance(attempt.error, Unavailable) or bool(getattr(attempt.error, "ambiguous", False))
