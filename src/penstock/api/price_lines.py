"""Prices as OpenRouter writes them: lines of the images endpoints, and strings per token of the models endpoints.

Every amount is exact. A line says all there is to say: which megapixel it is for, which quality or size, what one
megapixel is and how it is rounded. The strings cannot, so they say `-1` where there is no price per token.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from typing import Annotated

import msgspec

from penstock.core.call import ImageCall, Operation, Size
from penstock.core.money import plain
from penstock.core.price import Meter, Price, Unit, cost
from penstock.core.target import Offer
from penstock.core.usage import Usage
from penstock.metering.quote import quote, terms

NO_TOKEN_PRICE = "-1"
"""OpenRouter's own mark for a price that is not a fixed amount per token; `0` would say that it is free."""

_ONE_PICTURE = Size(1024, 1024)

# What is billed, in which unit, and a variant where two kinds share both.
_BILLED: dict[Unit, tuple[str, str, str | None]] = {
    Unit.REQUEST: ("request", "request", None),
    Unit.IMAGE: ("output_image", "image", None),
    Unit.OUTPUT_MEGAPIXEL: ("output_image", "megapixel", None),
    Unit.INPUT_MEGAPIXEL: ("input_reference", "megapixel", None),
    Unit.TEXT_TOKEN_IN: ("input_text", "token", None),
    Unit.CACHED_TEXT_TOKEN_IN: ("input_text", "token", "cached"),
    Unit.IMAGE_TOKEN_IN: ("input_image", "token", None),
    Unit.CACHED_IMAGE_TOKEN_IN: ("input_image", "token", "cached"),
    Unit.TEXT_TOKEN_OUT: ("output_text", "token", None),
    Unit.IMAGE_TOKEN_OUT: ("output_image", "token", None),
    Unit.STEP: ("output_image", "step", None),
    Unit.SECOND: ("output_image", "second", None),
}


class PriceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a price."""

    billable: Annotated[
        str,
        msgspec.Meta(
            description="What is billed: `output_image`, `input_reference`, `input_image`, `input_text`, `output_text` "
            "or `request`."
        ),
    ]
    unit: Annotated[
        str, msgspec.Meta(description="Per what: `image`, `megapixel`, `token`, `request`, `step` or `second`.")
    ]
    cost_usd: Annotated[Decimal, msgspec.Meta(description="US dollars per unit, exact.")]
    variant: Annotated[
        str | msgspec.UnsetType,
        msgspec.Meta(
            description="What the line holds for: `first_megapixel` and `further_megapixel` of each picture, a "
            "quality, size or size class, `cached` tokens."
        ),
    ] = msgspec.UNSET
    pixels_per_megapixel: Annotated[
        int | msgspec.UnsetType, msgspec.Meta(description="What this provider calls a megapixel: 1048576 or 1000000.")
    ] = msgspec.UNSET
    rounding: Annotated[
        str | msgspec.UnsetType,
        msgspec.Meta(description="Of each picture's megapixels: `ceil` to whole ones, at least one, or `none`."),
    ] = msgspec.UNSET


class PriceOverride(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Prices for long inputs, in place of those beside it."""

    min_prompt_tokens: Annotated[int, msgspec.Meta(description="Holds for inputs of more tokens than this.")]
    prompt: str | msgspec.UnsetType = msgspec.UNSET
    completion: str | msgspec.UnsetType = msgspec.UNSET
    input_cache_read: str | msgspec.UnsetType = msgspec.UNSET


class PublicPricing(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars as decimal strings; what is absent has no price of its own."""

    prompt: Annotated[
        str,
        msgspec.Meta(description="Per token in; `-1` where there is no fixed price per token (see `price_lines`)."),
    ]
    completion: Annotated[str, msgspec.Meta(description="Per token out; `-1` as for `prompt`.")]
    request: str | msgspec.UnsetType = msgspec.UNSET
    image: Annotated[
        str | msgspec.UnsetType,
        msgspec.Meta(description="Per reference picture of 1024x1024, where priced by picture or megapixel."),
    ] = msgspec.UNSET
    image_token: Annotated[str | msgspec.UnsetType, msgspec.Meta(description="Per image token in.")] = msgspec.UNSET
    image_output: Annotated[
        str | msgspec.UnsetType,
        msgspec.Meta(description="Per picture of 1024x1024 and default quality, where priced by picture or megapixel."),
    ] = msgspec.UNSET
    input_cache_read: Annotated[str | msgspec.UnsetType, msgspec.Meta(description="Per cached token in.")] = (
        msgspec.UNSET
    )
    overrides: list[PriceOverride] | msgspec.UnsetType = msgspec.UNSET


def price_lines(price: Price) -> list[PriceLine]:
    """The lines of a price, in its order."""
    return [line for meter in price.meters for line in _lines(meter)]


def _lines(meter: Meter) -> Iterator[PriceLine]:
    billable, unit, kind = _BILLED[meter.unit]
    steps: list[tuple[str | None, Decimal]] = [(None, meter.amount)]
    if meter.first is not None:
        steps = [("first_megapixel", meter.first), ("further_megapixel", meter.amount)]
    for values in product(*meter.when.values()):
        for step, amount in steps:
            parts = [*values, kind, step, *_conditions(meter)]
            yield PriceLine(
                billable=billable,
                unit=unit,
                cost_usd=amount,
                variant="_".join(part for part in parts if part) or msgspec.UNSET,
                pixels_per_megapixel=meter.pixels if unit == "megapixel" else msgspec.UNSET,
                rounding=meter.rounding if unit == "megapixel" else msgspec.UNSET,
            )


def _conditions(meter: Meter) -> Iterator[str]:
    if meter.steps is not None:
        yield f"{meter.steps}_steps"
    if meter.above is not None:
        yield f"above_{meter.above}_tokens"


def public_pricing(offer: Offer) -> PublicPricing:
    """The price of an offer per token, and per picture where it has such a price."""
    if offer.price is None:
        return PublicPricing(prompt=NO_TOKEN_PRICE, completion=NO_TOKEN_PRICE)
    return PublicPricing(
        prompt=_amount(offer, Unit.TEXT_TOKEN_IN) or NO_TOKEN_PRICE,
        completion=_completion(offer) or NO_TOKEN_PRICE,
        request=_amount(offer, Unit.REQUEST) or msgspec.UNSET,
        image=_reference_price(offer) or msgspec.UNSET,
        image_token=_amount(offer, Unit.IMAGE_TOKEN_IN) or msgspec.UNSET,
        image_output=_picture_price(offer) or msgspec.UNSET,
        input_cache_read=_amount(offer, Unit.CACHED_TEXT_TOKEN_IN) or msgspec.UNSET,
        overrides=_overrides(offer.price) or msgspec.UNSET,
    )


def _completion(offer: Offer) -> str | None:
    """Per token out: text where the offer chats, else image tokens, else nothing where only tokens in are charged."""
    text, image = _amount(offer, Unit.TEXT_TOKEN_OUT), _amount(offer, Unit.IMAGE_TOKEN_OUT)
    priced = text or image if Operation.CHAT in offer.operations else image or text
    units = offer.price.units if offer.price else frozenset()
    only_in = bool(units) and units <= {Unit.TEXT_TOKEN_IN, Unit.CACHED_TEXT_TOKEN_IN}
    return priced or ("0" if only_in else None)


def _amount(offer: Offer, unit: Unit) -> str | None:
    """Dollars per unit with the offer's defaults and a short input."""
    how = terms(_picture_call(offer), offer)
    meters = offer.price.meters if offer.price else ()
    return next((plain(meter.amount) for meter in meters if meter.unit is unit and meter.applies(how)), None)


def _picture_call(offer: Offer) -> ImageCall:
    takes_pixels = offer.limits.free_size or str(_ONE_PICTURE) in offer.limits.sizes
    return ImageCall(model=offer.model, prompt="", size=_ONE_PICTURE if takes_pixels else None)


def _picture_price(offer: Offer) -> str | None:
    """One picture, where its price is certain before it is made; None for pictures counted in tokens."""
    units = offer.price.units if offer.price else frozenset()
    if not units & {Unit.IMAGE, Unit.OUTPUT_MEGAPIXEL}:
        return None
    quoted = quote(_picture_call(offer), offer)
    return plain(quoted.low) if quoted.exact and quoted.low is not None else None


def _reference_price(offer: Offer) -> str | None:
    """One reference picture of 1024x1024 by itself."""
    if offer.price is None or Unit.INPUT_MEGAPIXEL not in offer.price.units:
        return None
    meters = tuple(meter for meter in offer.price.meters if meter.unit is Unit.INPUT_MEGAPIXEL)
    references = Price(meters=meters, source=offer.price.source, checked=offer.price.checked)
    amount = cost(references, Usage(references=(_ONE_PICTURE,)), terms(_picture_call(offer), offer)).amount
    return None if amount is None else plain(amount)


_OVERRIDDEN = {
    Unit.TEXT_TOKEN_IN: "prompt",
    Unit.TEXT_TOKEN_OUT: "completion",
    Unit.CACHED_TEXT_TOKEN_IN: "input_cache_read",
}


def _overrides(price: Price) -> list[PriceOverride]:
    """One for each length of input from which other prices hold; later ones win, so the shortest comes first."""
    lengths: dict[int, dict[str, str]] = {}
    for meter in price.meters:
        if meter.above is not None and meter.unit in _OVERRIDDEN:
            lengths.setdefault(meter.above, {})[_OVERRIDDEN[meter.unit]] = plain(meter.amount)
    return [PriceOverride(min_prompt_tokens=length, **lengths[length]) for length in sorted(lengths)]
