"""`least-busy`: where the smallest part of what may be under way at once is in use.

Calls in flight at the offer, divided by what the provider or the offer takes at once; equal parts stay in order.
"""

from collections.abc import Sequence

import msgspec

from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy

UNLIMITED = 100
"""Calls at once that an offer is taken to bear where no limit is known: more than most accounts are given, so that an
offer without a stated limit is not thought busy early, and a number, so that its load still counts."""


class LeastBusy(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The idlest first."""

    name = "least-busy"

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        flying = [facts.health(candidate).in_flight for candidate in candidates]
        places = [_places(candidate) for candidate in candidates]
        loads = [calls / most for calls, most in zip(flying, places, strict=True)]
        first, *others = sorted(range(len(candidates)), key=loads.__getitem__)
        why = f"Calls under way at {candidates[first].offer.id}: {flying[first]} of the {places[first]} it takes."
        order = (candidates[first], *(candidates[place] for place in others))
        return Plan(order=order, strategy=self.name, why=why)


def _places(candidate: Candidate) -> int:
    of_offer, of_provider = candidate.offer.concurrency, candidate.account.provider.concurrency
    return max(1, min(of_offer or of_provider or UNLIMITED, of_provider or of_offer or UNLIMITED))
