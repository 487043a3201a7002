"""`hedged`: a second is asked beside the first when that has taken longer than it nearly always does.

Dean & Barroso, The Tail at Scale, 2013: after the 95th percentile of what the first one takes, which costs about one
call in twenty twice. `most_usd` bounds what both may cost together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from penstock.core.call import Operation
from penstock.core.health import Health
from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy, Subject, Target
from penstock.routing.bounds import check_dollars
from penstock.routing.delegating import delegated
from penstock.routing.priority import Priority

_Pause = Annotated[float, Meta(ge=0, le=86400)]


class Hedged(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A second attempt beside a slow first."""

    name = "hedged"
    across_models = True

    then: Strategy = Priority()
    """Who orders them."""
    most_usd: Decimal | None = None
    """US dollars that what runs at the same time may cost together; where it is more, nothing is hedged."""
    least_seconds: _Pause = 0.05
    """The second is never asked earlier."""
    otherwise_seconds: _Pause | None = None
    """After how long it is asked where nothing is measured yet; by default it is not."""

    def __post_init__(self) -> None:
        check_dollars("most_usd", self.most_usd)

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        plan = delegated(self.then, candidates, facts, dice)
        measured = _measured(facts.health(plan.order[0]), facts.subject) if plan.order else None
        after = self.otherwise_seconds if measured is None else max(self.least_seconds, measured)
        most = plan.most_usd if self.most_usd is None else self.most_usd
        why = f"{_why(plan.order, measured, after)} {plan.why}"
        return replace(plan, strategy=self.name, hedge_after=after, most_usd=most, why=why)

    def targets(self) -> Iterable[Target]:
        return self.then.targets()


def _measured(health: Health, subject: Subject) -> float | None:
    """A streamed chat is there with its first byte."""
    streamed = subject.stream and subject.operation is Operation.CHAT
    return health.first_p95 if streamed and health.first_p95 is not None else health.p95


def _why(order: Sequence[Candidate], measured: float | None, after: float | None) -> str:
    if after is None:
        return "Not hedged, because the first is not measured yet."
    if measured is None:
        return f"The next is asked after {after:.3g} s, because the first is not measured yet."
    return (
        f"The next is asked after {after:.3g} s; 95 of 100 results of {order[0].offer.id} came within {measured:.3g} s."
    )
