"""Ratios and size classes as pixels: the arithmetic behind `fit` and the size checks of `capability`.

A size class is an area: `2K` has the pixels of 2048x2048 whatever the ratio. Sides come in multiples and stay within
that area, so that a picture never costs more than its class.
"""

import re
from dataclasses import replace
from fractions import Fraction
from math import isqrt, log

from penstock.core.call import ImageCall, Size
from penstock.core.target import Limits, Offer

CLASSES = {"512": 512, "768": 768, "1K": 1024, "1.5K": 1536, "2K": 2048, "4K": 4096}
"""Size class to the side of its square."""

ONE_K = {
    text: Size(*sides)
    for text, sides in {
        "1:1": (1024, 1024),
        "2:3": (832, 1248),
        "3:2": (1248, 832),
        "3:4": (864, 1184),
        "4:3": (1184, 864),
        "4:5": (896, 1152),
        "5:4": (1152, 896),
        "9:16": (768, 1344),
        "16:9": (1344, 768),
        "21:9": (1536, 672),
    }.items()
}
"""Sizes of class 1K that callers of OpenRouter's `aspect_ratio` know; other ratios are computed."""

_USUAL_SIZE = Size(1024, 1024)
_STEP = 16
_RATIO_TOLERANCE = 0.03
_AREA_TOLERANCE = 1.6
_SIDE_TOLERANCE = 0.1


def fit(call: ImageCall, offer: Offer) -> ImageCall:
    """The call as this offer takes it: `resolution` in our spelling, ratio and class as `size` where it takes pixels.

    A ratio or class the provider takes itself stays; so does one that no pixel size can stand for, which `refusal`
    then explains. Fitting twice changes nothing.
    """
    resolution = normal_resolution(call.resolution)
    if resolution != call.resolution:
        call = replace(call, resolution=resolution)
    if call.size is not None or not _wants_pixels(call, offer):
        return call
    size = _size(call, offer.limits)
    return call if size is None else replace(call, size=size, aspect_ratio=None, resolution=None)


def usual_size(call: ImageCall, offer: Offer) -> Size:
    """The size of the pictures a call brings there: as asked, that of the ratio and class, or the offer's own."""
    fitted = fit(call, offer)
    found = fitted.size or Size.parse(offer.defaults.get("size", ""))
    if found is None:
        side = CLASSES.get(fitted.resolution or offer.defaults.get("resolution", ""))
        found = Size(side, side) if side else None
    return found or _USUAL_SIZE


def normal_resolution(text: str | None) -> str | None:
    """`1k` as `1K`; None and `auto` mean that nothing is asked."""
    if text is None or text.strip().lower() == "auto":
        return None
    return text.strip().upper()


def parse_ratio(text: str) -> Fraction | None:
    """`16:9` or `19.5:9` as width divided by height; None for anything else."""
    match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,3})?):(\d{1,4}(?:\.\d{1,3})?)", text.strip())
    if match is None:
        return None
    width, height = Fraction(match[1]), Fraction(match[2])
    return width / height if width and height else None


def asked_ratio(call: ImageCall) -> str | None:
    """The ratio asked for; None where none is, or `auto`."""
    return None if call.aspect_ratio is None or call.aspect_ratio.lower() == "auto" else call.aspect_ratio.strip()


def has_ratio(size: Size, ratio: Fraction) -> bool:
    """Whether a size is of this ratio, as near as sides in multiples come."""
    return abs(size.width / size.height / float(ratio) - 1) <= _RATIO_TOLERANCE


def has_class(size: Size, resolution: str) -> bool:
    """Whether people call a size by this class: by its area, or by its longer side as with 3840x2160."""
    side = CLASSES[resolution]
    by_area = abs(log(size.pixels / side**2)) <= log(_AREA_TOLERANCE)
    return by_area or abs(max(size.width, size.height) / side - 1) <= _SIDE_TOLERANCE


def nearest_ratio(size: Size, ratios: tuple[str, ...]) -> str | None:
    """Of these ratios the one most like the size."""
    known = [(text, ratio) for text in ratios if (ratio := parse_ratio(text)) is not None]
    shape = log(size.width / size.height)
    return min(known, key=lambda row: abs(log(row[1]) - shape))[0] if known else None


def sized(ratio: Fraction, resolution: str, multiple: int = 1, name: str | None = None) -> Size:
    """The size of a ratio in a class, with sides in multiples of 16 and of `multiple`, not larger than the class."""
    step = max(_STEP, multiple)
    known = ONE_K.get(name or "") if resolution == "1K" else None
    if known is not None and known.width % step == 0 and known.height % step == 0:
        return known
    area = CLASSES[resolution] ** 2
    stretch = max(ratio, 1 / ratio)
    short = max(isqrt(int(area / stretch)) // step * step, step)
    long = round(short * stretch / step) * step
    while short * long > area and long > short:
        long -= step
    return Size(long, short) if ratio > 1 else Size(short, long)


def _wants_pixels(call: ImageCall, offer: Offer) -> bool:
    limits = offer.limits
    if not limits.free_size and not limits.sizes:
        return False
    ratio, resolution = asked_ratio(call), call.resolution
    return (ratio is not None and ratio not in limits.aspect_ratios) or (
        resolution is not None and resolution not in limits.resolutions
    )


def _size(call: ImageCall, limits: Limits) -> Size | None:
    name = asked_ratio(call)
    ratio = Fraction(1) if name is None else parse_ratio(name)
    if name is None and call.references:
        ratio = Fraction(call.references[0].width, call.references[0].height)
    if ratio is None or (call.resolution is not None and call.resolution not in CLASSES):
        return None
    resolution = call.resolution or "1K"
    if limits.free_size:
        return sized(ratio, resolution, limits.multiple, name or ("1:1" if ratio == 1 else None))
    sizes = [size for text in limits.sizes if (size := Size.parse(text))]
    return next((size for size in sizes if has_ratio(size, ratio) and has_class(size, resolution)), None)
