"""What a request without an answer cost: nothing, what was stated, or not known. Not known is never shown as zero."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from penstock.core.errors import (
    ConnectionLost,
    Moderated,
    RateLimited,
    Unavailable,
    Unreachable,
    UpstreamFailed,
    UpstreamTimeout,
)
from penstock.core.target import Account
from penstock.metering.quote import Quote
from penstock.pipeline.request import Life
from penstock.pipeline.settle import settle_failure
from penstock.store.reservations import Reserved
from tests.pipeline.lives import CENT, attempt, life

FREE = Decimal(0)

REFUSED = {"outcome": "failed", "error": RateLimited("r")}
UNREACHED = {"outcome": "failed", "error": Unreachable("r")}
BROKEN = {"outcome": "failed", "error": UpstreamFailed("r"), "stated_cost": CENT}
MODERATED = {"outcome": "moderated", "error": Moderated("r", stage="input"), "stated_cost": CENT}
LOST = {"outcome": "failed", "error": ConnectionLost("r")}
LATE = {"outcome": "failed", "error": UpstreamTimeout("r")}
CANCELLED = {"outcome": "cancelled"}
PENDING = {"outcome": "pending", "stated_cost": CENT}
EXPIRED = {"outcome": "failed", "error": UpstreamFailed("r"), "answered": True, "stated_cost": CENT}
UNPRICED = {"outcome": "failed", "error": UpstreamFailed("r"), "answered": True}
NOT_STORED = {"outcome": "failed", "error": Unavailable("r")}

CASES: dict[str, tuple[list[dict[str, Any]], Decimal | None]] = {
    "nobody was asked": ([], FREE),
    "refused": ([REFUSED], FREE),
    "not reached": ([UNREACHED], FREE),
    "ended without a result": ([BROKEN], FREE),
    "moderated, though a cost was stated when the job was taken": ([MODERATED], FREE),
    "refused, then not reached": ([REFUSED, UNREACHED], FREE),
    "made, and its result is gone": ([EXPIRED], CENT),
    "two made, and their results are gone": ([EXPIRED, EXPIRED], 2 * CENT),
    "one refused, one made": ([REFUSED, EXPIRED], CENT),
    "made, and its price is not known": ([UNPRICED], None),
    "lost": ([LOST], None),
    "late": ([LATE], None),
    "cancelled": ([CANCELLED], None),
    "left behind": ([PENDING], None),
    "one made, one lost": ([EXPIRED, LOST], None),
    "refused, then lost": ([REFUSED, LOST], None),
    "made, and the disk was full": ([NOT_STORED], None),
}


UNCERTAIN: dict[str, Decimal | None] = {
    "made, and its price is not known": 3 * CENT,
    "lost": 3 * CENT,
    "late": 3 * CENT,
    "cancelled": 3 * CENT,
    "left behind": CENT,
    "one made, one lost": 4 * CENT,
    "refused, then lost": 3 * CENT,
    "made, and the disk was full": 3 * CENT,
}
"""Where something may have been charged: what providers stated, and else the most that the quote says."""


def with_attempts(attempts: list[dict[str, Any]]) -> Life:
    of = life()
    of.attempts = [attempt(number=number, **facts) for number, facts in enumerate(attempts, start=1)]
    of.quotes = {made.candidate.offer.id: Quote(low=CENT, high=3 * CENT, exact=False) for made in of.attempts}
    return of


@pytest.mark.parametrize("case", CASES)
def test_a_failed_request_costs(case: str) -> None:
    attempts, cost = CASES[case]
    of = with_attempts(attempts)
    settle_failure(of)
    assert of.charge is not None
    assert of.charge.amount == cost
    assert of.charge.source == ("stated" if cost else "none")
    assert of.charge.computed is None
    assert of.uncertain == UNCERTAIN.get(case, FREE)
    assert (of.charge_reason is None) == (cost == FREE)


def test_what_may_have_been_charged_and_nothing_bounds_is_not_known() -> None:
    of = with_attempts([LATE])
    of.quotes = {}
    settle_failure(of)
    assert of.uncertain is None


def test_what_may_have_been_charged_and_nothing_bounds_is_at_most_what_was_reserved() -> None:
    of = with_attempts([LATE])
    of.quotes = {}
    of.reserved = Reserved(amount_pico=5 * 10**11)
    settle_failure(of)
    assert of.uncertain == Decimal("0.5")


@pytest.mark.parametrize(
    ("charges", "stage", "stated", "cost"),
    [
        (("input", "output"), "input", CENT, CENT),
        (("output",), "input", CENT, FREE),
        (("output",), "output", None, 3 * CENT),
        ((), "output", CENT, FREE),
    ],
)
def test_what_moderation_refuses_is_charged_where_its_provider_charges_for_that(
    charges: tuple[str, ...], stage: str, stated: Decimal | None, cost: Decimal
) -> None:
    of = with_attempts([{"outcome": "moderated", "error": Moderated("r", stage=stage), "stated_cost": stated}])
    (made,) = of.attempts
    provider = replace(made.candidate.account.provider, charges_moderated=charges)
    made.candidate = replace(made.candidate, account=Account(provider=provider))
    settle_failure(of)
    assert of.charge is not None
    assert of.charge.amount == cost
    assert bool(of.charge_reason) == bool(cost)


def test_a_failure_that_may_have_been_paid_for_says_so_itself() -> None:
    doubtful = UpstreamFailed("r")
    doubtful.ambiguous = True
    of = life()
    of.attempts = [attempt(outcome="failed", error=doubtful)]
    settle_failure(of)
    assert of.charge is not None
    assert of.charge.amount is None
