"""What a request without an answer cost: nothing, what was stated, or not known. Not known is never shown as zero."""

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
from penstock.pipeline.settle import settle_failure
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


@pytest.mark.parametrize(("attempts", "cost"), CASES.values(), ids=CASES)
def test_a_failed_request_costs(attempts: list[dict[str, Any]], cost: Decimal | None) -> None:
    of = life()
    of.attempts = [attempt(number=number, **facts) for number, facts in enumerate(attempts, start=1)]
    settle_failure(of)
    assert of.charge is not None
    assert of.charge.amount == cost
    assert of.charge.source == ("stated" if cost else "none")
    assert of.charge.computed is None


def test_a_failure_that_may_have_been_paid_for_says_so_itself() -> None:
    doubtful = UpstreamFailed("r")
    doubtful.ambiguous = True
    of = life()
    of.attempts = [attempt(outcome="failed", error=doubtful)]
    settle_failure(of)
    assert of.charge is not None
    assert of.charge.amount is None
