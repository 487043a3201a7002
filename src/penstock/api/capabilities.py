"""What an offer takes of an image request, as OpenRouter describes it: a map of parameter name to descriptor.

Ratios and size classes are listed by asking the same check that requests go through, so what is listed is what is
accepted; the rest is read off the offer's limits.
"""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from penstock.catalogue.capability import refusal
from penstock.catalogue.sizes import CLASSES
from penstock.core.call import ImageCall, Operation
from penstock.core.picture import Picture
from penstock.core.target import Limits, Model, Offer

IMAGE_OPERATIONS = frozenset((Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT))

# The ratios of OpenRouter's images endpoint.
_RATIOS = ("1:1 1:2 1:4 1:8 2:1 2:3 3:2 3:4 4:1 4:3 4:5 5:4 8:1 9:16 16:9 9:19.5 19.5:9 9:20 20:9 9:21 21:9").split()
_REFERENCE = Picture("0" * 64, "image/png", 1024, 1024, 1)


class SizeBounds(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Within what any width and height can be asked for; what is absent is not limited or not known."""

    multiple: Annotated[int, Meta(description="Width and height are multiples of this.")] = 1
    min_side: int | None = None
    max_side: int | None = None
    min_pixels: int | None = None
    max_pixels: int | None = None
    max_ratio: Annotated[float | None, Meta(description="Longer side divided by shorter side.")] = None


class EnumCapability(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="enum"):
    """One of these values."""

    values: list[str]


class RangeCapability(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="range"):
    """A number from `min` to `max`, both included; for lists, how many entries."""

    min: int
    max: int


class BooleanCapability(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="boolean"):
    """Accepted."""

    bounds: Annotated[
        SizeBounds | UnsetType, Meta(description="Of `size`, where any width and height within them is taken.")
    ] = UNSET


Capability = EnumCapability | RangeCapability | BooleanCapability
Capabilities = dict[str, Capability]


def makes_pictures(offer: Offer) -> bool:
    """Whether this offer does any operation of the images endpoints."""
    return bool(offer.operations & IMAGE_OPERATIONS)


def streams_previews(offer: Offer) -> bool:
    """Whether the provider streams pictures itself; the gateway answers `stream: true` with events in any case."""
    return offer.limits.partial_images > 0


def capabilities(model: Model, offer: Offer) -> Capabilities:
    """What this offer takes of an image request; a parameter that is absent is not supported."""
    if not makes_pictures(offer):
        return {}
    limits = offer.limits
    found: dict[str, Capability | None] = {
        "n": RangeCapability(min=1, max=limits.max_n),
        "size": _size(limits),
        "aspect_ratio": _enum_or_auto(_accepted_ratios(model, offer)),
        "resolution": _enum(_accepted_resolutions(model, offer)),
        "quality": _enum_or_auto(limits.qualities),
        "background": _enum_or_auto(limits.backgrounds),
        "output_format": _enum(limits.output_formats),
        "output_compression": RangeCapability(min=0, max=100) if limits.output_compression else None,
        "seed": BooleanCapability() if limits.seed else None,
        "input_references": _references(offer),
        "mask": BooleanCapability() if limits.mask else None,
        "partial_images": RangeCapability(min=0, max=limits.partial_images) if limits.partial_images else None,
    }
    return {name: capability for name, capability in found.items() if capability is not None}


def union(several: Iterable[Capabilities]) -> Capabilities:
    """What any of them takes: a coarse aid, for one offer need not take all of it."""
    joined: Capabilities = {}
    for each in several:
        for name, capability in each.items():
            joined[name] = _joined(joined[name], capability) if name in joined else capability
    return joined


def _joined(one: Capability, other: Capability) -> Capability:
    match one, other:
        case EnumCapability(values=values), EnumCapability(values=more):
            return EnumCapability(values=list(dict.fromkeys([*values, *more])))
        case RangeCapability(), RangeCapability():
            return RangeCapability(min=min(one.min, other.min), max=max(one.max, other.max))
        case _:
            return one if one == other else BooleanCapability()


def _enum(values: Iterable[str]) -> EnumCapability | None:
    """None where there is no value to choose."""
    listed = list(dict.fromkeys(values))
    return EnumCapability(values=listed) if listed else None


def _enum_or_auto(values: Iterable[str]) -> EnumCapability | None:
    """These values and `auto`, which leaves the choice to the provider."""
    listed = list(values)
    return _enum([*listed, "auto"]) if listed else None


def _size(limits: Limits) -> Capability | None:
    if not limits.free_size:
        return _enum_or_auto(limits.sizes)
    return BooleanCapability(
        bounds=SizeBounds(
            multiple=limits.multiple,
            min_side=limits.min_side,
            max_side=limits.max_side,
            min_pixels=limits.min_pixels,
            max_pixels=limits.max_pixels,
            max_ratio=limits.max_ratio,
        )
    )


def _references(offer: Offer) -> RangeCapability | None:
    if Operation.IMAGE_EDIT not in offer.operations or not offer.limits.max_references:
        return None
    return RangeCapability(min=_fewest_references(offer), max=offer.limits.max_references)


def _fewest_references(offer: Offer) -> int:
    generates = Operation.IMAGE_GENERATION in offer.operations
    return offer.limits.min_references if generates else max(1, offer.limits.min_references)


def _accepted_ratios(model: Model, offer: Offer) -> list[str]:
    ratios = dict.fromkeys([*offer.limits.aspect_ratios, *_RATIOS])
    return [ratio for ratio in ratios if ratio == "auto" or _accepts(model, offer, aspect_ratio=ratio)]


def _accepted_resolutions(model: Model, offer: Offer) -> list[str]:
    return [resolution for resolution in CLASSES if _accepts(model, offer, resolution=resolution)]


def _accepts(model: Model, offer: Offer, aspect_ratio: str | None = None, resolution: str | None = None) -> bool:
    call = ImageCall(
        model=model.slug,
        prompt=".",
        references=(_REFERENCE,) * _fewest_references(offer),
        aspect_ratio=aspect_ratio,
        resolution=resolution,
    )
    return refusal(call, offer, model) is None
