"""Quotes as they are shown, for the endpoints and for the command line: one row for each offer of a model."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from penstock.catalogue.schema import UnitRow
from penstock.core.money import plain
from penstock.core.price import Line, Unit
from penstock.core.target import Exclusion, Offer
from penstock.metering.quote import Quote

Certainty = Annotated[
    Literal["exact", "estimate", "unpriced"] | None,
    Meta(
        description="`exact`: this will be charged when everything asked for is delivered. `estimate`: tokens, seconds "
        "or a size are not known beforehand. `unpriced`: nobody's price for this is known. Null where the offer cannot "
        "do it."
    ),
]
Dollars = Annotated[Decimal | None, Meta(description="US dollars, exact; null where it cannot be told.")]


class QuoteLine(msgspec.Struct, frozen=True, kw_only=True):
    """One part of an amount."""

    unit: Annotated[Unit, Meta(description="What is charged for.")]
    unit_name: Annotated[str, Meta(description="The same in words.")]
    quantity: Decimal
    usd: Annotated[Decimal, Meta(description="US dollars for this quantity, exact.")]


class OfferFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An offer, whether it can do what is asked, and where its price is from."""

    provider: str
    offer: Annotated[str, Meta(description="Provider and its own name of the model, such as `bfl/flux-2-pro`.")]
    on: Annotated[bool, Meta(description="Whether the provider is switched on here.")]
    able: Annotated[bool, Meta(description="Whether the offer takes this request as it is.")]
    why_not: Annotated[str | None, Meta(description="Where it does not: the reason, in a sentence.")]
    param: Annotated[str | None, Meta(description="The request field the reason is about.")]
    certainty: Certainty
    lines: Annotated[list[QuoteLine], Meta(description="What the amount is made of.")]
    price_checked: Annotated[date | None, Meta(description="The day the price was last read.")]
    price_source: Annotated[str | None, Meta(description="Where it was read.")]
    unverified: Annotated[bool, Meta(description="The source is weak or contradicted.")]
    price_version: Annotated[str | None, Meta(description="Names the rule; the ledger keeps it with each charge.")]


class OfferQuote(OfferFacts, frozen=True, kw_only=True):
    """What a request costs at one offer, or why it cannot be made there."""

    low_usd: Dollars
    high_usd: Annotated[
        Decimal | None,
        Meta(description="US dollars it comes to at most, which is what a budget sets aside; null: no known bound."),
    ]


def offer_quote(
    offer: Offer, found: Quote | None, excluded: Exclusion | None, *, on: bool, units: Mapping[Unit, UnitRow]
) -> OfferQuote:
    """A quote as it is shown; `found` is None exactly where the offer is excluded."""
    return OfferQuote(
        **offer_facts(offer, found, excluded, on=on),
        lines=quote_lines(found.lines if found else (), units),
        low_usd=tidy(found.low) if found else None,
        high_usd=tidy(found.high) if found else None,
    )


def offer_facts(offer: Offer, found: Quote | None, excluded: Exclusion | None, *, on: bool) -> dict[str, Any]:
    """The fields of `OfferFacts`, without the lines."""
    price = offer.price
    return {
        "provider": offer.provider,
        "offer": offer.id,
        "on": on,
        "able": excluded is None,
        "why_not": excluded.reason if excluded else None,
        "param": excluded.field if excluded else None,
        "certainty": certainty(found) if found else None,
        "price_checked": price.checked if price else None,
        "price_source": price.source if price else None,
        "unverified": bool(price and price.unverified),
        "price_version": price.version if price else None,
    }


def certainty(found: Quote) -> Literal["exact", "estimate", "unpriced"]:
    """How sure a quote is."""
    return "exact" if found.exact else "unpriced" if found.unpriced else "estimate"


def quote_lines(lines: Iterable[Line], units: Mapping[Unit, UnitRow]) -> list[QuoteLine]:
    """The lines of an amount, in its order."""
    return [
        QuoteLine(
            unit=line.unit,
            unit_name=units[line.unit].name if line.quantity == 1 else units[line.unit].plural,
            quantity=Decimal(plain(line.quantity)),
            usd=Decimal(plain(line.amount)),
        )
        for line in lines
    ]


def tidy(amount: Decimal | None) -> Decimal | None:
    """An amount without trailing zeros or exponent."""
    return None if amount is None else Decimal(plain(amount))


def cheapest(offers: Iterable[tuple[OfferFacts, Decimal | None]]) -> str | None:
    """The offer that can be called here for the least; each comes with its amount in dollars."""
    known = [(amount, entry.offer) for entry, amount in offers if entry.on and entry.able and amount is not None]
    return min(known, key=lambda pair: pair[0])[1] if known else None
