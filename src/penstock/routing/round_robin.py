"""`round-robin`: the offers of each model take turns.

The turn is the number of requests planned for these models before, so that every offer is first equally often, and the
ones that follow it are its fallbacks.
"""

from collections.abc import Sequence

import msgspec

from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy


class RoundRobin(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Each in its turn."""

    name = "round-robin"

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        models: dict[str, list[Candidate]] = {}
        for candidate in candidates:
            models.setdefault(candidate.model.slug, []).append(candidate)
        order = tuple(candidate for offers in models.values() for candidate in _turned(offers, facts.turn))
        why = f"Request {facts.turn + 1}, and it is the turn of {order[0].offer.id}."
        return Plan(order=order, strategy=self.name, why=why)


def _turned(offers: list[Candidate], turn: int) -> list[Candidate]:
    start = turn % len(offers)
    return offers[start:] + offers[:start]
