"""`adaptive`: a bandit that learns from every result whom to ask, by success, speed and price.

Thompson sampling (Thompson 1933; Russo and others, A Tutorial on Thompson Sampling, 2018): for each offer a probability
of success is drawn from what is believed of it, Beta(1 + good, 1 + bad), multiplied by its worth, and the highest is
asked first. The belief is narrow where there are many results, so it learns; it is wide where there are few, so it
tries. Old results fade (half of them each `routing.memory_seconds`), so the belief in an offer that failed widens again
by itself, it is tried again, and recovers by its own successes.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import log, pi, sqrt

import msgspec

from penstock.core.health import Health
from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy
from penstock.routing.bounds import Part

_LOGISTIC = sqrt(3) / pi
"""Makes the standard deviation of a logistic draw one. A logistic for the Beta, because it takes one throw."""
_SMALLEST = 1e-12
"""A throw of 0 would be infinitely unlikely."""


class Adaptive(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What has been working best, and now and then the others."""

    name = "adaptive"

    latency: Part = 0.3
    """How much of an offer's worth is its speed, 0 to 1."""
    price: Part = 0.3
    """How much of it is its price. The remaining part is worth the same at every offer."""

    def __post_init__(self) -> None:
        if self.latency + self.price > 1:
            raise ValueError("expected `latency` and `price` to be 1 or less together")

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        healths = [facts.health(candidate) for candidate in candidates]
        worths = self._worths([health.pace for health in healths], [facts.price(candidate) for candidate in candidates])
        chances = [_drawn(health, dice) for health in healths]
        losses = [-chance * worth for chance, worth in zip(chances, worths, strict=True)]
        first, *others = sorted(range(len(candidates)), key=losses.__getitem__)
        health, offer = healths[first], candidates[first].offer.id
        why = (
            f"{offer} drew {chances[first]:.2f} for success after {health.good:.1f} good and {health.bad:.1f} bad "
            f"results, times {worths[first]:.2f} for speed and price."
        )
        return Plan(
            order=(candidates[first], *(candidates[place] for place in others)),
            strategy=self.name,
            why=why,
        )

    def _worths(self, paces: Sequence[float | None], prices: Sequence[Decimal | None]) -> list[float]:
        """0 to 1 each; what is not known counts as the best that is, so that it is found out."""
        fastest = min((pace for pace in paces if pace is not None), default=0.0)
        dollars = [None if price is None else float(price) for price in prices]
        cheapest = min((price for price in dollars if price is not None), default=0.0)
        same = 1.0 - self.latency - self.price
        return [
            same + self.latency * _relative(fastest, pace) + self.price * _relative(cheapest, price)
            for pace, price in zip(paces, dollars, strict=True)
        ]


def _relative(best: float, own: float | None) -> float:
    return 1.0 if own is None or own <= best else best / own


def _drawn(health: Health, dice: Dice) -> float:
    """A probability of success, drawn from what is believed."""
    good, bad = 1.0 + health.good, 1.0 + health.bad
    total = good + bad
    mean = good / total
    roll = max(dice(), _SMALLEST)
    deviation = sqrt(mean * (1.0 - mean) / (total + 1.0))
    return min(1.0, max(0.0, mean + deviation * _LOGISTIC * log(roll / (1.0 - roll))))
