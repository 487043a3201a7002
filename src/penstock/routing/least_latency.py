"""`least-latency`: the fastest first, by the windowed median of this operation and size of picture.

For streamed chats that is the time until the first byte, where it is known. Offers that are not measured come last; a
small part of the requests goes to new and stale ones first (`exploring`), so that the figures stay true.
"""

from collections.abc import Callable, Sequence
from math import inf

import msgspec

from penstock.core.call import Operation
from penstock.core.health import Health
from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy, Subject
from penstock.routing.bounds import Part
from penstock.routing.exploring import explored, put_first


class LeastLatency(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fastest first."""

    name = "least-latency"

    explore: Part = 0.05
    """The part of the requests that goes first to an offer without current figures, 0 to 1."""

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        known = [(candidate, facts.health(candidate)) for candidate in candidates]
        seconds = _seconds(facts.subject)
        ranked = sorted(known, key=lambda pair: seconds(pair[1]))
        order = tuple(candidate for candidate, _ in ranked)
        chosen = explored(known, self.explore, dice)
        if chosen is not None:
            why = f"{chosen.offer.id} has not been measured lately, so it is asked first."
            return Plan(order=put_first(chosen, order), strategy=self.name, why=why)
        return Plan(order=order, strategy=self.name, why=_why(order[0], seconds(ranked[0][1])))


def _seconds(subject: Subject) -> Callable[[Health], float]:
    if subject.stream and subject.operation is Operation.CHAT:
        return _until_first_byte
    return _until_result


def _until_result(health: Health) -> float:
    return inf if health.p50 is None else health.p50


def _until_first_byte(health: Health) -> float:
    return _until_result(health) if health.first_p50 is None else health.first_p50


def _why(first: Candidate, seconds: float) -> str:
    if seconds == inf:
        return "None of them is measured yet, so they are in the catalogue's order."
    return f"{first.offer.id} is the fastest, with a median of {seconds:.3g} s."
