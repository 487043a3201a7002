"""`most-reliable`: the greatest part of good results in the last five minutes first.

An offer without results counts as if all had been good, so that it is tried; equal parts stay in order.
"""

from collections.abc import Sequence

import msgspec

from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy


class MostReliable(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Those that succeed first."""

    name = "most-reliable"

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        successes = [facts.health(candidate).success for candidate in candidates]
        failing = [0.0 if success is None else 1.0 - success for success in successes]
        places = sorted(range(len(candidates)), key=failing.__getitem__)
        order = tuple(candidates[place] for place in places)
        return Plan(order=order, strategy=self.name, why=_why(order[0], successes[places[0]]))


def _why(first: Candidate, success: float | None) -> str:
    if success is None:
        return f"{first.offer.id} has no results lately, and counts as if all were good."
    return f"{success:.1%} of the results of {first.offer.id} were good lately."
