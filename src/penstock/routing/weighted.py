"""`weighted`: drawn by weights that the operator gives to offers, providers or models.

A weighted order without replacement (`drawing`), so that the fallbacks are drawn by their weights too. What has no
weight, or weight 0, comes last and in order.
"""

from collections.abc import Sequence
from math import inf, isfinite

import msgspec

from penstock.core.target import Candidate
from penstock.routing import drawing
from penstock.routing.base import Dice, Facts, Plan, Strategy
from penstock.routing.delegating import by_model


class Weighted(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """By weights."""

    name = "weighted"
    across_models = True

    weights: dict[str, float]
    """By offer (`bfl/flux-2-pro`), provider or model; the first of these that is there counts. 0 or more."""

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            if not (isfinite(weight) and weight >= 0):
                raise ValueError(f"expected the weight of `{name}` to be 0 or more")
        if not any(self.weights.values()):
            raise ValueError("expected at least one of the `weights` above 0")

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        weights = [self._weight(candidate) for candidate in candidates]
        keys = [drawing.key(weight, dice) if weight else inf for weight in weights]
        places = sorted(range(len(candidates)), key=keys.__getitem__)
        order = tuple(candidates[place] for place in places)
        # Weights of offers and providers choose within each model that was asked for.
        if len(facts.subject.models) > 1 and not any(candidate.model.slug in self.weights for candidate in candidates):
            order = by_model(order, facts.subject)
        return Plan(order=order, strategy=self.name, why=self._why(order[0], sum(weights)))

    def _weight(self, candidate: Candidate) -> float:
        offer = candidate.offer
        for name in (offer.id, offer.provider, candidate.model.slug):
            if name in self.weights:
                return self.weights[name]
        return 0.0

    def _why(self, first: Candidate, total: float) -> str:
        if not total:
            return "None of these has a weight, so they are in the catalogue's order."
        return f"Drawn by weight: {first.offer.id} has {self._weight(first):g} of {total:g}."
