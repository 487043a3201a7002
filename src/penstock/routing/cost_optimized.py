"""`cost-optimized`: the lowest quote of this very request first.

The quote counts what is asked for, its size, references and number, so two offers may change places from one request
to the next. Unpriced offers come last; equal prices stay in order.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from penstock.core.money import plain
from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy

_LAST = Decimal("Infinity")


class CostOptimized(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The cheapest first."""

    name = "cost-optimized"

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        prices = [facts.price(candidate) for candidate in candidates]
        costs = [_LAST if price is None else price for price in prices]
        places = sorted(range(len(candidates)), key=costs.__getitem__)
        order = tuple(candidates[place] for place in places)
        return Plan(order=order, strategy=self.name, why=_why(order[0], prices[places[0]]))


def _why(first: Candidate, price: Decimal | None) -> str:
    if price is None:
        return "None of them has a price, so they are in the catalogue's order."
    return f"{first.offer.id} is the cheapest for this request, at ${plain(price)}."
