"""What a call cost, after it: the provider's own figure where it states one, else our rule on what was delivered.

The order of trust is the provider's stated cost, its count of tokens, the pictures delivered, the pictures asked for.
The rule's figure is kept beside a stated one, so that a price that has changed shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from penstock.core.call import Size
from penstock.core.price import Price, Unit, cost
from penstock.core.target import Offer
from penstock.core.usage import Usage

Source = Literal["stated", "usage", "delivered", "requested", "estimated", "none"]

_BY_PICTURE = frozenset({Unit.IMAGE, Unit.OUTPUT_MEGAPIXEL, Unit.INPUT_MEGAPIXEL, Unit.STEP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a call cost, in US dollars, and how that is known."""

    amount: Decimal | None
    """None where it is not known: unpriced, or used in a way nobody measured."""
    source: Source
    computed: Decimal | None
    """What the catalogue's price comes to, whatever was stated."""


def charge(
    offer: Offer,
    usage: Usage,
    terms: Mapping[str, str],
    stated_cost: Decimal | None = None,
    requested_sizes: Sequence[Size] = (),
) -> Charge:
    """The charge of an answered call.

    `terms` are those of `metering.quote.terms`. `requested_sizes` has one size for each picture delivered whose own
    size could not be measured, and counts only where `usage.outputs` is empty.
    """
    computed, source = _computed(offer.price, usage, terms, requested_sizes)
    if stated_cost is not None:
        return Charge(amount=stated_cost, source="stated", computed=computed)
    return Charge(amount=computed, source=source, computed=computed)


def _computed(
    price: Price | None, usage: Usage, terms: Mapping[str, str], requested_sizes: Sequence[Size]
) -> tuple[Decimal | None, Source]:
    if price is None:
        return None, "none"
    by_request = not usage.outputs and bool(requested_sizes)
    if by_request:
        usage = replace(usage, outputs=tuple(requested_sizes))
    amount = cost(price, usage, terms).amount
    if amount is None:
        return None, "none"
    if not any(meter.unit in _BY_PICTURE for meter in price.meters):
        return amount, "usage"
    return amount, "requested" if by_request else "delivered"
