"""`highest-throughput`: the most megapixels, or tokens of text, a second first, by their windowed median.

Offers that are not measured come last; a small part of the requests goes to new and stale ones first (`exploring`).
"""

from collections.abc import Sequence

import msgspec

from penstock.core.call import Operation
from penstock.core.health import Health
from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy
from penstock.routing.bounds import Part
from penstock.routing.exploring import explored, put_first

_TEXT = frozenset({Operation.CHAT, Operation.EMBEDDING})


class HighestThroughput(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The most a second first."""

    name = "highest-throughput"

    explore: Part = 0.05
    """The part of the requests that goes first to an offer without current figures, 0 to 1."""

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        known = [(candidate, facts.health(candidate)) for candidate in candidates]
        ranked = sorted(known, key=_slowness)
        order = tuple(candidate for candidate, _ in ranked)
        chosen = explored(known, self.explore, dice)
        if chosen is not None:
            why = f"{chosen.offer.id} has not been measured lately, so it is asked first."
            return Plan(order=put_first(chosen, order), strategy=self.name, why=why)
        return Plan(order=order, strategy=self.name, why=_why(*ranked[0], facts.subject.operation))


def _slowness(pair: tuple[Candidate, Health]) -> float:
    """Ascending; what is not measured is slower than all others."""
    rate = pair[1].rate_p50
    return 1.0 if rate is None else -rate


def _why(first: Candidate, health: Health, operation: Operation) -> str:
    if health.rate_p50 is None:
        return "None of them is measured yet, so they are in the catalogue's order."
    unit = "tokens" if operation in _TEXT else "megapixels"
    return f"{first.offer.id} makes the most, {health.rate_p50:.3g} {unit} a second in the median."
