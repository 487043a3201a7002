"""`price-weighted`: stable offers, drawn with probability 1/price^2. The default, as OpenRouter documents its own.

https://openrouter.ai/docs/features/provider-routing: those without an outage in the last 30 seconds are drawn by the
inverse square of the price, the others are fallbacks. The price is the quote of this very request. Free offers come
before all others, unpriced ones after them.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import inf

import msgspec

from penstock.core.money import plain
from penstock.core.target import Candidate
from penstock.routing import drawing
from penstock.routing.base import Dice, Facts, Plan, Strategy


class PriceWeighted(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The cheaper, the likelier."""

    name = "price-weighted"

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        prices = [facts.price(candidate) for candidate in candidates]
        keys = [
            (not facts.health(candidate).stable, _key(price, dice))
            for candidate, price in zip(candidates, prices, strict=True)
        ]
        places = sorted(range(len(candidates)), key=keys.__getitem__)
        order = tuple(candidates[place] for place in places)
        return Plan(order=order, strategy=self.name, why=_why(order[0], prices[places[0]], prices))


def _key(price: Decimal | None, dice: Dice) -> float:
    """Free ones first, then the drawn ones, then the unpriced ones."""
    if price is None:
        return inf
    dollars = float(price)
    weight_to_one = dollars * dollars
    # A price whose square is no number any more is as good as none.
    return drawing.key(1.0, dice) * weight_to_one if dollars > 0 else -1.0


def _why(first: Candidate, price: Decimal | None, prices: Sequence[Decimal | None]) -> str:
    if price is None:
        return "None of the stable ones has a price, so they are in the catalogue's order."
    if price <= 0:
        return f"{first.offer.id} is free."
    lowest = min(known for known in prices if known is not None)
    return f"Drawn by 1/price^2: {first.offer.id} at ${plain(price)}, where the lowest price is ${plain(lowest)}."
