"""`mirror`: some requests are asked of another target too, after the answer, for comparison only.

The caller never waits for the copy. What all copies may cost in a day is `routing.mirror_usd_per_day`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec

from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy, Target
from penstock.routing.bounds import Part
from penstock.routing.delegating import called, delegated
from penstock.routing.priority import Priority


class Mirror(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A copy for comparison."""

    name = "mirror"
    across_models = True

    to: Target
    """Who gets the copy. It never answers the caller, so it is not among `targets`."""
    sample: Part = 0.1
    """The part of the requests that is copied, 0 to 1."""
    then: Strategy = Priority()
    """Who orders the offers for the answer itself."""

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        copied = dice() < self.sample
        plan = delegated(self.then, candidates, facts, dice)
        mirrors = (*plan.mirrors, self.to) if copied else plan.mirrors
        what = f"Copied to {called(self.to)}" if copied else "Not copied"
        why = f"{what} ({self.sample:.0%} are). {plan.why}"
        return replace(plan, strategy=self.name, mirrors=mirrors, why=why)

    def targets(self) -> Iterable[Target]:
        return self.then.targets()
