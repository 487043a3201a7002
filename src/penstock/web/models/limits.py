"""An offer's limits in words, the same on a model's page and where models stand side by side.

What an imported price list leaves out may be there all the same, so of its rows only what they say is certain.
"""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from penstock.core.call import Operation
from penstock.core.target import Limits, Offer
from penstock.web.templating import number, unknown

_MOST_NAMED = 8
"""Sizes or ratios that are named in a cell."""


def sizes(offer: Offer, *, certain: bool) -> Markup | str:
    return sizes_in_words(offer.limits) or _if(certain, "chosen by the provider")


def references(offer: Offer, *, certain: bool) -> Markup | str:
    """How many reference pictures a request may bring."""
    limits = offer.limits
    if not limits.max_references:
        return unknown() if Operation.IMAGE_EDIT in offer.operations else _if(certain, "none")
    least = max(limits.min_references, 0 if Operation.IMAGE_GENERATION in offer.operations else 1)
    if least >= limits.max_references:
        return f"{least}"
    return f"{least} to {limits.max_references}" if least else f"up to {limits.max_references}"


def formats(offer: Offer, *, certain: bool) -> Markup | str:
    return ", ".join(offer.limits.output_formats) or _if(certain, "chosen by the provider")


def whether(does: bool, *, certain: bool) -> Markup | str:
    return "yes" if does else _if(certain, "no")


def tokens(count: int | None) -> Markup:
    return unknown() if not count else number(count) + " tokens"


def sizes_in_words(limits: Limits) -> str:
    """Which sizes are taken; empty where nothing says."""
    if limits.free_size:
        return ", ".join(["any", *_bounds(limits)])
    parts = [_some(limits.sizes), _some(limits.aspect_ratios), _some(limits.resolutions)]
    return "; ".join(part for part in parts if part)


def _bounds(limits: Limits) -> Iterable[str]:
    if limits.min_side or limits.max_side:
        yield f"sides {_between(limits.min_side, limits.max_side)} pixels"
    if limits.multiple > 1:
        yield f"in multiples of {limits.multiple}"
    if limits.max_ratio is not None:
        yield f"at most {limits.max_ratio:g} times as long as wide"


def _between(least: int | None, most: int | None) -> str:
    if least and most:
        return f"of {least:,} to {most:,}"
    return f"of at least {least:,}" if least else f"of at most {most:,}"


def _some(values: Sequence[str]) -> str:
    left = len(values) - _MOST_NAMED
    return ", ".join(values) if left <= 1 else f"{', '.join(values[:_MOST_NAMED])} and {left} more"


def _if(certain: bool, text: str) -> Markup | str:
    return text if certain else unknown()
