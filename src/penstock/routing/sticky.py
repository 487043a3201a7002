"""`sticky`: the same session, user or set of seeds goes to the same offer, on every worker and after every restart.

Rendezvous hashing (Thaler & Ravishankar, Using name-based mappings to increase hit rates, 1998): each offer's score is
the hash of whom it is for and of its id, and the highest is first. When an offer goes, only those who were there move.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Annotated

import msgspec
from msgspec import Meta

from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy, Target, asked_for
from penstock.routing.delegating import by_model, delegated
from penstock.routing.identity import Trait, identity
from penstock.routing.priority import Priority


class Sticky(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everyone where they were before."""

    name = "sticky"
    across_models = True

    by: Annotated[tuple[Trait, ...], Meta(min_length=1)] = ("session", "user", "seed")
    """What is kept together, of `session`, `user`, `key`, `seed` and `prompt`: the first that a request has."""
    then: Strategy = Priority()
    """Who orders the offers for a request that has none of them."""

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        found = identity(self.by, facts.subject)
        if found is None:
            plan = delegated(self.then, candidates, facts, dice)
            why = f"The request has no {' or '.join(self.by)}. {plan.why}"
            return replace(plan, strategy=self.name, why=why)
        trait, value = found
        offers = asked_for(candidates, facts.subject)
        order = by_model(_ranked(offers, value), facts.subject)
        return Plan(order=order, strategy=self.name, why=f"The same {trait} goes to the same offer.")

    def targets(self) -> Iterable[Target]:
        return self.then.targets()


def _ranked(offers: Sequence[Candidate], value: str) -> list[Candidate]:
    """The highest score first."""
    begun = blake2b(value.encode(errors="replace") + b"\0", digest_size=8)

    def score(candidate: Candidate) -> bytes:
        # A prompt can be long, and is hashed once.
        whole = begun.copy()
        whole.update(candidate.offer.id.encode())
        return whole.digest()

    return sorted(offers, key=score, reverse=True)
