"""Prices as lists of meters, and what a use of them costs.

A price is what a provider publishes: an amount per unit, perhaps with a dearer first unit, perhaps only for one
quality or resolution class. `cost` multiplies and adds, in Decimal, and says of what the amount is made. It never
guesses: a unit that is priced but not known makes the whole unknown.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

from penstock.core.call import Size
from penstock.core.usage import Usage

BINARY_MEGAPIXEL = 1024 * 1024


class Unit(StrEnum):
    """What an amount is charged for one of."""

    REQUEST = "request"
    IMAGE = "image"
    OUTPUT_MEGAPIXEL = "output_megapixel"
    INPUT_MEGAPIXEL = "input_megapixel"
    TEXT_TOKEN_IN = "text_token_in"
    CACHED_TEXT_TOKEN_IN = "cached_text_token_in"
    IMAGE_TOKEN_IN = "image_token_in"
    CACHED_IMAGE_TOKEN_IN = "cached_image_token_in"
    TEXT_TOKEN_OUT = "text_token_out"
    IMAGE_TOKEN_OUT = "image_token_out"
    STEP = "step"
    SECOND = "second"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """One line of a price."""

    unit: Unit
    amount: Decimal
    """US dollars per unit (already divided where the provider quotes a million)."""
    first: Decimal | None = None
    """US dollars for the first unit of each picture, where it differs."""
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Only for these terms of the call, e.g. `{"resolution": ("2k",)}` or `{"quality": ("high",), "size": (...)}`."""
    above: int | None = None
    """Only for calls whose input is more tokens than this. Of a unit's meters the first that applies counts."""
    rounding: str = "ceil"
    """Megapixels per picture: `ceil` to whole ones, at least one; or `none`."""
    pixels: int = BINARY_MEGAPIXEL
    """Pixels in one megapixel: 2^20 or 10^6, as the provider counts."""
    steps: int | None = None
    """Where set, the amount holds at this number of steps and is scaled by the steps asked for."""

    def applies(self, terms: Mapping[str, str], tokens_in: int | None = None) -> bool:
        """Whether this meter is the one for a call with these terms and this much input."""
        if self.above is not None and (tokens_in is None or tokens_in <= self.above):
            return False
        return not self.when or all(terms.get(name, "").lower() in values for name, values in self.when.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A provider's price for one offer, with where and when it was read."""

    meters: tuple[Meter, ...]
    source: str
    """Address or document it was read from."""
    checked: date
    unverified: bool = False
    """True where the source is weak or contradicted; shown with the price."""
    note: str = ""
    units: frozenset[Unit] = field(init=False, repr=False)
    """Those of the meters."""
    varies: bool = field(init=False, repr=False)
    """Whether any meter holds for some calls only."""
    _version: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", frozenset(meter.unit for meter in self.meters))
        object.__setattr__(self, "varies", any(meter.when for meter in self.meters))

    @property
    def version(self) -> str:
        """Names the rule in the ledger: the first 12 hexadecimal digits of the SHA-256 of its meters."""
        if not self._version:  # found out when it is first asked for: a catalogue has thousands of prices
            digest = hashlib.sha256(repr(self.meters).encode()).hexdigest()
            object.__setattr__(self, "_version", digest[:12])
        return self._version


@dataclass(frozen=True, slots=True)
class Line:
    """One meter's share of an amount."""

    unit: Unit
    quantity: Decimal
    amount: Decimal
    """US dollars."""


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount in US dollars and what it is made of; `amount` is None when it cannot be known."""

    amount: Decimal | None
    lines: tuple[Line, ...] = ()


UNKNOWN = Cost(None)
_ZERO = Decimal(0)


def covers(price: Price | None, terms: Mapping[str, str]) -> bool:
    """Whether a call with these terms has a price: every unit has a meter for them."""
    if price is None or not price.meters:
        return False
    if not price.varies:
        return True
    return price.units == {meter.unit for meter in price.meters if meter.applies(terms)}


def cost(price: Price | None, usage: Usage, terms: Mapping[str, str]) -> Cost:
    """What `usage` costs by `price`.

    `terms` are the call's variant keys (quality, resolution, size) with the offer's defaults filled in. The
    result is unknown when there is no price, when a unit's variants are all for other terms, or when a metered count
    is not known.
    """
    if price is None or not price.meters:
        return UNKNOWN
    lines: list[Line] = []
    total = _ZERO
    usage = _folded(usage, price.units)
    tokens_in = usage.tokens_in
    open_units = set(price.units)
    for meter in price.meters:
        if meter.unit in open_units and meter.applies(terms, tokens_in):
            open_units.remove(meter.unit)
            line = _line(meter, usage)
            if line is None:
                return UNKNOWN
            if line.quantity:
                lines.append(line)
                total += line.amount
    return UNKNOWN if open_units else Cost(total, tuple(lines))


def stated(units: Decimal | int | float | str, usd_per_unit: Decimal) -> Decimal:
    """A provider's own figure in dollars: credits, ticks or API units times what one of them is worth."""
    return Decimal(str(units)) * usd_per_unit


def _folded(usage: Usage, units: Iterable[Unit]) -> Usage:
    """Tokens of a kind without a price of its own count as the kind above it: cached as fresh, image as text."""
    text, cached = usage.text_tokens_in, usage.cached_text_tokens_in
    image, cached_image = usage.image_tokens_in, usage.cached_image_tokens_in
    if not (cached or image or cached_image or usage.image_tokens_out):
        return usage
    if cached_image and Unit.CACHED_IMAGE_TOKEN_IN not in units:
        image, cached_image = (image or 0) + cached_image, None
    if image and Unit.IMAGE_TOKEN_IN not in units:
        text, image = (text or 0) + image, None
    if cached and Unit.CACHED_TEXT_TOKEN_IN not in units:
        text, cached = (text or 0) + cached, None
    text_out, image_out = usage.text_tokens_out, usage.image_tokens_out
    if image_out and Unit.IMAGE_TOKEN_OUT not in units:
        text_out, image_out = (text_out or 0) + image_out, None
    return replace(
        usage,
        text_tokens_in=text,
        cached_text_tokens_in=cached,
        image_tokens_in=image,
        cached_image_tokens_in=cached_image,
        text_tokens_out=text_out,
        image_tokens_out=image_out,
    )


def _line(meter: Meter, usage: Usage) -> Line | None:
    if meter.unit is Unit.OUTPUT_MEGAPIXEL:
        return _megapixels(meter, usage.outputs, usage.steps)
    if meter.unit is Unit.INPUT_MEGAPIXEL:
        return _megapixels(meter, usage.references, usage.steps)
    count = _count(meter.unit, usage)
    if count is None:
        return None
    return Line(meter.unit, count, count * meter.amount)


def _megapixels(meter: Meter, sizes: Iterable[Size], steps: int | None) -> Line | None:
    total = Decimal(0)
    quantity = Decimal(0)
    for size in sizes:
        count = Decimal(size.pixels) / meter.pixels
        if meter.rounding == "ceil":
            count = max(Decimal(1), count.to_integral_value(ROUND_CEILING))
        quantity += count
        if meter.first is not None:
            total += meter.first + max(Decimal(0), count - 1) * meter.amount
        elif meter.steps is not None:
            if steps is None:
                return None
            total += meter.amount * size.pixels * steps / (meter.pixels * meter.steps)
        else:
            total += count * meter.amount
    return Line(meter.unit, quantity, total)


_TOKENS = {
    Unit.TEXT_TOKEN_IN: "text_tokens_in",
    Unit.CACHED_TEXT_TOKEN_IN: "cached_text_tokens_in",
    Unit.IMAGE_TOKEN_IN: "image_tokens_in",
    Unit.CACHED_IMAGE_TOKEN_IN: "cached_image_tokens_in",
    Unit.TEXT_TOKEN_OUT: "text_tokens_out",
    Unit.IMAGE_TOKEN_OUT: "image_tokens_out",
}


def _count(unit: Unit, usage: Usage) -> Decimal | None:
    if unit is Unit.REQUEST:
        return Decimal(1)
    if unit is Unit.IMAGE:
        return Decimal(len(usage.outputs))
    if unit is Unit.STEP:
        return None if usage.steps is None else Decimal(usage.steps) * len(usage.outputs)
    if unit is Unit.SECOND:
        return None if usage.seconds is None else Decimal(str(usage.seconds))
    if usage.tokens_in is None and usage.tokens_out is None:
        return None
    # A provider that counts tokens leaves out the kinds it did not use.
    return Decimal(getattr(usage, _TOKENS[unit]) or 0)
