"""`race`: several are asked at the same time, and the first success is the answer, at once.

Whoever loses is called off; where a provider charges all the same, that is what the speed costs. `most_usd` bounds it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy, Target
from penstock.routing.bounds import check_dollars
from penstock.routing.delegating import delegated
from penstock.routing.priority import Priority


class Race(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The first success of several."""

    name = "race"
    across_models = True

    width: Annotated[int, Meta(ge=2, le=4)] = 2
    """How many are asked at once, 2 to 4."""
    then: Strategy = Priority()
    """Who orders them: the first so many run."""
    most_usd: Decimal | None = None
    """US dollars that all of them may cost together; where it is more, one is asked after another."""

    def __post_init__(self) -> None:
        check_dollars("most_usd", self.most_usd)

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        plan = delegated(self.then, candidates, facts, dice)
        width = min(self.width, len(plan.order))
        names = ", ".join(candidate.offer.id for candidate in plan.order[:width])
        why = f"The first success of {width} asked at once: {names}. {plan.why}"
        most = plan.most_usd if self.most_usd is None else self.most_usd
        return replace(plan, strategy=self.name, at_once=max(1, width), most_usd=most, why=why)

    def targets(self) -> Iterable[Target]:
        return self.then.targets()
