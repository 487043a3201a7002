"""`quality-first`: the best rated model first, by the catalogue's benchmarks of this operation, under a price cap.

Unrated models come after the rated ones. With a cap, the quote of this very request counts: what is dearer comes last,
the cheapest of it first, and then what has no price.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import inf

import msgspec

from penstock.core.money import plain
from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy
from penstock.routing.bounds import check_dollars

_NOTHING = Decimal(0)
_ANYTHING = Decimal("Infinity")


class QualityFirst(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The best first."""

    name = "quality-first"
    across_models = True

    most_usd: Decimal | None = None
    """US dollars that the request may cost there; by default any amount."""

    def __post_init__(self) -> None:
        check_dollars("most_usd", self.most_usd)

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        ratings = [facts.rating(candidate) for candidate in candidates]
        excesses = [self._excess(candidate, facts) for candidate in candidates]
        # What is within the cap has the same excess, so that there the rating decides.
        keys = [(excess, inf if rating is None else -rating) for excess, rating in zip(excesses, ratings, strict=True)]
        first, *others = sorted(range(len(candidates)), key=keys.__getitem__)
        order = (candidates[first], *(candidates[place] for place in others))
        return Plan(order=order, strategy=self.name, why=self._why(order[0], ratings[first], excesses[first]))

    def _excess(self, candidate: Candidate, facts: Facts) -> Decimal:
        """0 within the cap; else the price, which is infinite where it is not known."""
        if self.most_usd is None:
            return _NOTHING
        price = facts.price(candidate)
        if price is None:
            return _ANYTHING
        return _NOTHING if price <= self.most_usd else price

    def _why(self, first: Candidate, rating: float | None, excess: Decimal) -> str:
        if excess and self.most_usd is not None:
            return f"None of them is known to cost ${plain(self.most_usd)} or less; {first.offer.id} is the nearest."
        if rating is None:
            return "None of them is rated, so they are in the catalogue's order."
        within = "" if self.most_usd is None else f" of those for ${plain(self.most_usd)} or less"
        return f"{first.model.slug} is rated best{within}, at {rating:g}."
