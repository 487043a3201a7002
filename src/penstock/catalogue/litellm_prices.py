"""A row's price in LiteLLM's file as meters of ours, or the reason why it has none here.

The file knows one amount per token, picture, pixel or second, and its keys do not always mean what they say. What it
cannot say truly is not read: such an offer is unpriced, and its note tells why.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from penstock.catalogue.imported import ImportedMeter
from penstock.catalogue.litellm_names import Name
from penstock.core.call import Operation
from penstock.core.money import plain
from penstock.core.price import BINARY_MEGAPIXEL, Unit

Row = Mapping[str, Any]

FREE = {
    "ollama": "Runs on your own machine, so it costs nothing by the token.",
    "lemonade": "Runs on your own machine, so it costs nothing by the token.",
}
"""Sellers, as LiteLLM names them, at whom a price of zero is true."""

PICTURES = frozenset({Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT})

_IN, _CACHED, _OUT = "input_cost_per_token", "cache_read_input_token_cost", "output_cost_per_token"
_TOKENS = {_IN: Unit.TEXT_TOKEN_IN, _CACHED: Unit.CACHED_TEXT_TOKEN_IN, _OUT: Unit.TEXT_TOKEN_OUT}
_PICTURE_TOKENS = {
    "input_cost_per_image_token": Unit.IMAGE_TOKEN_IN,
    "cache_read_input_image_token_cost": Unit.CACHED_IMAGE_TOKEN_IN,
    "output_cost_per_image_token": Unit.IMAGE_TOKEN_OUT,
}
_ABOVE = re.compile(r"(?P<key>.*)_above_(?P<thousands>\d+)k_tokens")
_CLASSES = {"0.5K": "512", "1K": "1K", "2K": "2K", "4K": "4K"}
_NOISE = re.compile(r"^\d{6,}(0{6,}|9{6,})\d{1,2}$")
"""Significant digits that are the leftover of somebody's floating point."""
_TRUE_DIGITS = 11
_PER_MEGAPIXEL = frozenset({"black-forest-labs"})
"""Makers whose models are sold by the megapixel, wherever a flat price is written."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a row says of a price: meters, or none and a note."""

    meters: tuple[ImportedMeter, ...] = ()
    note: str = ""
    unverified: bool = False


def text_price(row: Row, name: Name, operation: Operation) -> Found | None:
    """The price of a row of text or vectors; None where it states none at all."""
    if not any(_amount(row, key) is not None for key in _TOKENS) and not row.get("tiered_pricing"):
        return None
    free = _free(row, name.bare.endswith("-cloud"))
    if free is not None:
        return free
    reason = _inexpressible(row)
    if reason:
        return Found(note=reason)
    meters = _token_meters(row, {**_TOKENS, **_PICTURE_TOKENS})
    needed = {Unit.TEXT_TOKEN_IN} if operation is Operation.EMBEDDING else {Unit.TEXT_TOKEN_IN, Unit.TEXT_TOKEN_OUT}
    if operation is Operation.EMBEDDING:
        meters = tuple(meter for meter in meters if meter.unit in needed)
    if needed - {meter.unit for meter in meters if meter.above is None}:
        return Found(note="The file has no whole price of it.")
    return Found(meters, _of_sound(row))


def picture_price(row: Row, name: Name) -> Found | None:
    """The price of a row of pictures; None where it states none that can be read without guessing."""
    if _amount(row, "output_cost_per_image_token") or _amount(row, "input_cost_per_image_token"):
        return _token_price(row)
    classes = {key: _amount(row, f"output_cost_per_image_{key}") for key in _CLASSES}
    if any(classes.values()):
        return Found(
            tuple(
                ImportedMeter(unit=Unit.IMAGE, amount=amount, when={"resolution": (_CLASSES[key].lower(),)})
                for key, amount in classes.items()
                if amount
            )
        )
    per_pixel = _pixel_amount(row)
    if per_pixel and not name.size:
        return Found((_by_pixels(per_pixel),), "The provider may count whole megapixels.", unverified=True)
    return _flat_price(row, name, per_pixel)


def _token_price(row: Row) -> Found | None:
    """By tokens; a flat price beside them is only that of the usual size."""
    meters = _token_meters(row, {**_TOKENS, **_PICTURE_TOKENS})
    units = {meter.unit for meter in meters}
    if not {Unit.TEXT_TOKEN_IN, Unit.IMAGE_TOKEN_OUT} <= units:
        return None
    return Found(meters)


def _flat_price(row: Row, name: Name, per_pixel: Decimal | None) -> Found | None:
    """By the picture: that of one quality and size where the row's name has them, else of any."""
    if name.maker in _PER_MEGAPIXEL or name.steps:
        return None
    amount = _amount(row, "output_cost_per_image") or _amount(row, "input_cost_per_image")
    if not name.size:
        note = "One price for every size and quality, which may differ."
        return Found((ImportedMeter(unit=Unit.IMAGE, amount=amount),), note, unverified=True) if amount else None
    side = re.fullmatch(r"(\d+)x(\d+)", name.size)
    if side is None:
        return None
    note, doubtful = "", False
    if not amount and per_pixel:
        amount = _cents(per_pixel * int(side[1]) * int(side[2]))
        note, doubtful = "Computed from a price per pixel of one size.", True
    if not amount:
        return None
    when: dict[str, tuple[str, ...]] = {"quality": (name.quality,)} if name.quality else {}
    when["size"] = (name.size,)
    return Found((ImportedMeter(unit=Unit.IMAGE, amount=amount, when=when),), note, doubtful)


def _pixel_amount(row: Row) -> Decimal | None:
    """Dollars per pixel made. `input_cost_per_pixel` is that price too: no provider charges pixels it is sent only."""
    return _amount(row, "output_cost_per_pixel") or _amount(row, "input_cost_per_pixel")


def _by_pixels(per_pixel: Decimal) -> ImportedMeter:
    """Per megapixel, of 2^20 pixels where that is the round number."""
    binary = per_pixel * BINARY_MEGAPIXEL
    if len(binary.normalize().as_tuple().digits) <= 6:
        return ImportedMeter(unit=Unit.OUTPUT_MEGAPIXEL, amount=_tidy(binary), rounding="none")
    amount = _tidy(per_pixel * 1_000_000)
    return ImportedMeter(unit=Unit.OUTPUT_MEGAPIXEL, amount=amount, pixels=1_000_000, rounding="none")


def _cents(amount: Decimal) -> Decimal:
    """A price of one picture computed from pixels, whose digits are cut off: to the hundredth of a cent."""
    return _tidy(amount.quantize(Decimal("0.0001")))


def _free(row: Row, hosted: bool) -> Found | None:
    """A price of zero: free where that is known, and unknown everywhere else, as of Ollama's own cloud."""
    amounts = [_amount(row, key) for key in (_IN, _OUT)]
    if any(amounts) or row.get("tiered_pricing"):
        return None
    why = FREE.get(row["litellm_provider"])
    if why is None or hosted:
        return Found(note="The file says zero, which here means that the price is not known.")
    zero = (Unit.TEXT_TOKEN_IN, Unit.TEXT_TOKEN_OUT)
    return Found(tuple(ImportedMeter(unit=unit, amount=Decimal(0)) for unit in zero), why)


def _inexpressible(row: Row) -> str:
    """Why the price is a rule that meters do not have; empty where it is none."""
    thoughts, answers = _amount(row, "output_cost_per_reasoning_token"), _amount(row, _OUT)
    if row.get("off_peak_pricing"):
        return "Its price depends on the time of day, which no meter here can say."
    if thoughts and answers and thoughts != answers:
        return "Thoughts cost other than answers, which no meter here can say."
    if any("output_cost_per_reasoning_token" in tier for tier in row.get("tiered_pricing") or ()):
        return "Thoughts cost other than answers, which no meter here can say."
    if row["litellm_provider"] == "perplexity" and ("search_context_cost_per_query" in row or "citation_cost" in row):
        return "Each request also pays for a search, by how much of it is read."
    if any(_amount(row, key) for key in ("input_cost_per_request", "citation_cost_per_token", "input_cost_per_second")):
        return "Part of its price is not by the token."
    return ""


def _of_sound(row: Row) -> str:
    priced = any(_amount(row, f"{way}_cost_per_audio_token") for way in ("input", "output"))
    return "Tokens of sound cost other than those of text, which this price leaves out." if priced else ""


def _token_meters(row: Row, units: Mapping[str, Unit]) -> tuple[ImportedMeter, ...]:
    """Those for longer inputs first, because the first that applies counts."""
    found = [*_tiers(row, units), *_bands(row, units)]
    banded = {meter.unit for meter in found if meter.above is None}
    for key, unit in units.items():
        amount = _amount(row, key)
        if amount and unit not in banded:
            found.append(ImportedMeter(unit=unit, amount=amount))
    order = list(units.values())
    return tuple(sorted(found, key=lambda meter: (-(meter.above or 0), order.index(meter.unit))))


def _tiers(row: Row, units: Mapping[str, Unit]) -> Iterator[ImportedMeter]:
    """`input_cost_per_token_above_200k_tokens` and its like."""
    for key in row:
        match = _ABOVE.fullmatch(key)
        amount = _amount(row, key) if match and match["key"] in units else None
        if match and amount:
            yield ImportedMeter(unit=units[match["key"]], amount=amount, above=1000 * int(match["thousands"]))


def _bands(row: Row, units: Mapping[str, Unit]) -> Iterator[ImportedMeter]:
    """`tiered_pricing`: a list of prices, each for inputs of a range of lengths."""
    for band in row.get("tiered_pricing") or ():
        above = int(band["range"][0])
        for key, unit in units.items():
            amount = _amount(band, key)
            if amount:
                yield ImportedMeter(unit=unit, amount=amount, above=above or None)


def _amount(row: Row, key: str) -> Decimal | None:
    """An amount as it is written, digit by digit; None where there is none."""
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        return None
    return _tidy(Decimal(value))


def _tidy(amount: Decimal) -> Decimal:
    """Without exponent and trailing zeros, and without the noise of `1.0000000000000001E-7`."""
    digits = "".join(map(str, amount.as_tuple().digits))
    if _NOISE.search(digits):
        amount = amount.quantize(Decimal(1).scaleb(amount.adjusted() - _TRUE_DIGITS))
    return Decimal(plain(amount))
