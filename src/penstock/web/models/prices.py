"""Prices in words: each meter of a price as a part of a sentence, and as a line of a table.

What is written here is what `core.price.cost` calculates; nothing is rounded, and what is not known is said to be so.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isqrt

from penstock.core.price import BINARY_MEGAPIXEL, Meter, Price, Unit
from penstock.core.target import Offer
from penstock.web.templating import dollars

MILLION = 1_000_000

TOKENS = {
    Unit.TEXT_TOKEN_IN: "input tokens",
    Unit.CACHED_TEXT_TOKEN_IN: "cached input tokens",
    Unit.IMAGE_TOKEN_IN: "image input tokens",
    Unit.CACHED_IMAGE_TOKEN_IN: "cached image input tokens",
    Unit.TEXT_TOKEN_OUT: "output tokens",
    Unit.IMAGE_TOKEN_OUT: "image output tokens",
}
"""Priced by the million wherever people read it."""

_COUNTED = {
    Unit.REQUEST: "for each request",
    Unit.STEP: "for each step of each picture",
    Unit.SECOND: "for each second of computing",
}
_MEGAPIXELS = {Unit.OUTPUT_MEGAPIXEL: "picture", Unit.INPUT_MEGAPIXEL: "reference picture"}
_MOST_IN_PROSE = 4
"""Amounts for one thing; of more, prose has the range and the table all of them."""


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One line of the table."""

    what: str
    when: str
    """Empty: always."""
    amount: str
    per: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a price was read."""

    text: str
    address: str | None = None
    """None where it is not on the web."""


def price_sentences(offer: Offer) -> tuple[str, ...]:
    """What an offer charges, in sentences; one that says so where no price is known."""
    if offer.price is None or not offer.price.meters:
        return ("No price of this provider is known here, which does not mean that it is free.",)
    usual = _usual(offer) if offer.price.varies else ""
    return (*sentences(offer.price), *([usual] if usual else []))


def sentences(price: Price) -> tuple[str, ...]:
    """The same of the price alone."""
    meters = price.meters
    if not any(meter.amount or meter.first for meter in meters):
        return ("The published price is zero.",)
    parts = (_pictures(meters), _megapixels(meters), _counted(meters), _tokens(meters))
    return tuple(sentence for part in parts for sentence in part)


def price_lines(price: Price) -> list[PriceLine]:
    """Every amount of a price, in its order."""
    return [line for meter in price.meters for line in _lines(meter)]


def source_of(price: Price) -> Source:
    """An address becomes a link only where it is one of the web; what is beside it stays text."""
    address, _, rest = price.source.partition(" ")
    if address.startswith(("https://", "http://")):
        return Source(rest.strip("()") or address.split("/")[2], address)
    return Source(price.source)


def short(meter: Meter) -> str:
    """`$0.0005 per step`, for where there is room for one amount."""
    if meter.unit in TOKENS:
        return f"{dollars(meter.amount * MILLION)} per million {TOKENS[meter.unit]}"
    if meter.unit in _MEGAPIXELS:
        return f"{dollars(meter.amount if meter.first is None else meter.first)} per megapixel"
    words = {Unit.REQUEST: "request", Unit.IMAGE: "picture", Unit.STEP: "step", Unit.SECOND: "second"}
    return f"{dollars(meter.amount)} per {words[meter.unit]}"


def megapixel(pixels: int) -> str:
    """How many pixels a provider calls a megapixel, in words."""
    side = isqrt(pixels)
    if pixels == BINARY_MEGAPIXEL or (side * side == pixels and pixels % 4096 == 0):
        return f"{side}x{side} pixels"
    return f"{pixels:,} pixels"


# Sentences.


def _pictures(meters: Sequence[Meter]) -> Iterator[str]:
    found = [meter for meter in meters if meter.unit is Unit.IMAGE]
    if len(found) > _MOST_IN_PROSE:
        names = dict.fromkeys(name for meter in found for name in meter.when)
        yield f"{_range(found)} for each picture, by {_listed(names, 'and')}; the lines below have every amount."
    elif found:
        several = len(found) > 1
        parts = [_cased(meter, f"{_money(meter.amount)} for each picture", several) for meter in found]
        yield f"{'; '.join(parts)}."


def _megapixels(meters: Sequence[Meter]) -> Iterator[str]:
    found = [meter for meter in meters if meter.unit in _MEGAPIXELS]
    for meter in found:
        yield f"{_cased(meter, _megapixel_amount(meter), False)}."
    for pixels, rounded in dict.fromkeys((meter.pixels, _is_rounded(meter)) for meter in found):
        how = "each picture is rounded up to whole ones" if rounded else "parts of one count as parts"
        yield f"A megapixel is {megapixel(pixels)} here, and {how}."


def _megapixel_amount(meter: Meter) -> str:
    picture = _MEGAPIXELS[meter.unit]
    if meter.first is not None:
        first, further = _money(meter.first), _money(meter.amount)
        return f"{first} for the first megapixel of each {picture}, {further} for each further one"
    each = f"{_money(meter.amount)} for each megapixel of each {picture}"
    return each if meter.steps is None else f"{each} at {meter.steps} steps, in proportion to the steps"


def _is_rounded(meter: Meter) -> bool:
    """Where steps count, `core.price` takes the exact area."""
    return meter.rounding == "ceil" and (meter.steps is None or meter.first is not None)


def _counted(meters: Sequence[Meter]) -> Iterator[str]:
    for meter in meters:
        if meter.unit in _COUNTED:
            yield f"{_cased(meter, f'{_money(meter.amount)} {_COUNTED[meter.unit]}', False)}."


def _tokens(meters: Sequence[Meter]) -> Iterator[str]:
    """One sentence for each length of input from which other prices hold, the shortest first."""
    lengths: dict[int | None, list[Meter]] = {}
    for meter in meters:
        if meter.unit in TOKENS:
            lengths.setdefault(meter.above, []).append(meter)
    for length in sorted(lengths, key=lambda length: length or 0):
        amounts = [_token_amount(meter) for meter in _in_order(lengths[length])]
        start = f"For inputs of more than {length:,} tokens: " if length is not None else ""
        yield f"{start}{_listed(amounts, 'and')}."


def _token_amount(meter: Meter) -> str:
    return _cased(meter, f"{_money(meter.amount * MILLION)} per million {TOKENS[meter.unit]}", False)


def _in_order(meters: Iterable[Meter]) -> list[Meter]:
    order = list(TOKENS)
    return sorted(meters, key=lambda meter: order.index(meter.unit))


def _cased(meter: Meter, text: str, several: bool) -> str:
    """With the terms it holds for; a last amount without any holds for all that is left."""
    if meter.when:
        return f"{text} {_when(meter, in_prose=True)}"
    return f"{text} in all other cases" if several else text


def _usual(offer: Offer) -> str:
    """What the provider does where nothing is asked."""
    asked = {name for meter in (offer.price.meters if offer.price else ()) for name in meter.when}
    words = [_term(name, (value,)) for name, value in offer.defaults.items() if name in asked]
    return f"Where nothing is asked, pictures are made {' '.join(words)}." if words else ""


def _range(meters: Sequence[Meter]) -> str:
    amounts = [meter.amount for meter in meters]
    least, most = min(amounts), max(amounts)
    return _money(least) if least == most else f"From {_money(least)} to {_money(most)}"


def _money(amount: Decimal) -> str:
    return dollars(amount) if amount else "nothing"


def _when(meter: Meter, *, in_prose: bool) -> str:
    return " ".join(_term(name, values, in_prose) for name, values in meter.when.items())


def _term(name: str, values: Sequence[str], in_prose: bool = False) -> str:
    few = list(values[:3]) if in_prose and len(values) > 4 else list(values)
    left = [f"{len(values) - len(few)} more"] if len(few) < len(values) else []
    if name == "quality":
        return f"in {_listed([*few, *left], 'or')} quality"
    if name == "resolution":
        return f"at {_listed([*(value.upper() for value in few), *left], 'or')}"
    return f"of {_listed([*few, *left], 'or')}"


def _listed(words: Iterable[str], last: str) -> str:
    *head, tail = words
    return f"{', '.join(head)} {last} {tail}" if head else tail


# The table.


def _lines(meter: Meter) -> Iterator[PriceLine]:
    when = _when(meter, in_prose=False)
    if meter.above is not None:
        when = f"{when} for inputs of more than {meter.above:,} tokens".strip()
    if meter.unit in TOKENS:
        what = TOKENS[meter.unit].capitalize()
        yield PriceLine(what, when, dollars(meter.amount * MILLION), "per million")
    elif meter.unit in _MEGAPIXELS:
        what = f"Megapixels of each {_MEGAPIXELS[meter.unit]}"
        counted = f"megapixel of {megapixel(meter.pixels)}, {'rounded up' if _is_rounded(meter) else 'exact'}"
        if meter.first is not None:
            yield PriceLine(what, f"{when} first one".strip(), dollars(meter.first), f"per {counted}")
            yield PriceLine(what, f"{when} each further one".strip(), dollars(meter.amount), f"per {counted}")
        else:
            steps = f"{when} at {meter.steps} steps".strip() if meter.steps is not None else when
            yield PriceLine(what, steps, dollars(meter.amount), f"per {counted}")
    else:
        names = {
            Unit.REQUEST: ("Requests", "per request"),
            Unit.IMAGE: ("Pictures", "per picture"),
            Unit.STEP: ("Steps", "per step of each picture"),
            Unit.SECOND: ("Time", "per second of computing"),
        }
        what, per = names[meter.unit]
        yield PriceLine(what, when, dollars(meter.amount), per)
