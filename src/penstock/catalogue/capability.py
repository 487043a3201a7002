"""Whether an offer can carry out a call, and if not, why: the first limit it cannot honour, in a sentence.

Each check looks at one thing and answers with the request field and the sentence, or None. A value the caller did not
give, or gave as `auto`, always passes, and nothing is changed silently: a size that cannot be had is refused.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import msgspec

from penstock.catalogue.sizes import (
    CLASSES,
    asked_ratio,
    fit,
    has_class,
    has_ratio,
    nearest_ratio,
    normal_resolution,
    parse_ratio,
)
from penstock.core.call import Call, ChatCall, ImageCall, Operation, Size
from penstock.core.picture import Picture
from penstock.core.price import BINARY_MEGAPIXEL
from penstock.core.target import Exclusion, Limits, Model, Offer

__all__ = ["fit", "ignored", "refusal"]

Fault = tuple[str | None, str]
"""Request field and sentence; the sentence goes on after the offer's name."""

_DOES = {
    Operation.CHAT: "chat",
    Operation.IMAGE_GENERATION: "image generation",
    Operation.IMAGE_EDIT: "image editing",
    Operation.EMBEDDING: "embeddings",
}


def refusal(call: Call, offer: Offer, model: Model) -> Exclusion | None:
    """Why this offer of this model cannot carry out the call; None where it can. The call may be fitted or not."""
    fault = _operation(call, offer)
    if fault is None and isinstance(call, ImageCall):
        fault = next((found for check in _IMAGE_CHECKS if (found := check(call, offer.limits))), None)
    if fault is None and isinstance(call, ImageCall):
        fault = _size(call, offer)
    if fault is None and isinstance(call, ChatCall):
        fault = _chat(call, offer.limits, model)
    if fault is None:
        return None
    field, sentence = fault
    return Exclusion(offer, f"{offer.upstream} at {offer.provider} {sentence}", field)


def ignored(call: ImageCall, offer: Offer) -> tuple[str, ...]:
    """Names of the request's fields that this offer passes over, in the caller's order.

    Previews are among them: a stream may bring fewer than were asked for, in OpenAI's dialect as here.
    """
    names = [name for name in call.options if name not in offer.parameters]
    if call.partial_images > offer.limits.partial_images:
        names.append("partial_images")
    return tuple(names)


def _operation(call: Call, offer: Offer) -> Fault | None:
    if call.operation in offer.operations:
        return None
    if not offer.operations:
        return "model", "is reached by an endpoint of its provider that this gateway does not have."
    does = _listed(_DOES[operation] for operation in Operation if operation in offer.operations)
    field = None
    if isinstance(call, ImageCall) and call.operation is Operation.IMAGE_EDIT:
        field = "image" if call.references else "mask"
    return field, f"does not do {_DOES[call.operation]}; it does {does}."


def _prompt(call: ImageCall, limits: Limits) -> Fault | None:
    most = limits.max_prompt_characters
    if most is None or len(call.prompt) <= most:
        return None
    return "prompt", f"takes prompts of at most {most} characters; this one has {len(call.prompt)}."


def _number(call: ImageCall, limits: Limits) -> Fault | None:
    if call.n <= limits.max_n:
        return None
    return "n", f"makes at most {_count(limits.max_n, 'picture')} in one request; {call.n} were asked for."


def _seed(call: ImageCall, limits: Limits) -> Fault | None:
    if call.seed is None or limits.seed:
        return None
    return "seed", "takes no seed; leave it out."


def _quality(call: ImageCall, limits: Limits) -> Fault | None:
    return _one_of("quality", call.quality, limits.qualities, "has no quality setting; leave it out.")


def _background(call: ImageCall, limits: Limits) -> Fault | None:
    wanted = _asked(call.background)
    if wanted == "opaque" and not limits.backgrounds:
        return None
    fault = _one_of("background", wanted, limits.backgrounds, "makes pictures without transparency; leave it out.")
    if fault is None and wanted == "transparent" and _asked(call.output_format) == "jpeg":
        return "background", "cannot make a jpeg with a transparent background; ask for png or webp."
    return fault


def _format(call: ImageCall, limits: Limits) -> Fault | None:
    return _one_of(
        "output_format", call.output_format, limits.output_formats, "chooses the picture format itself; leave it out."
    )


def _compression(call: ImageCall, limits: Limits) -> Fault | None:
    if call.output_compression is None:
        return None
    if not limits.output_compression:
        return "output_compression", "does not let the compression be chosen; leave it out."
    if _asked(call.output_format) == "png" and call.output_compression != 100:
        return "output_compression", "compresses jpeg and webp only; ask for one of them, or leave it out for png."
    return None


def _references(call: ImageCall, limits: Limits) -> Fault | None:
    given = len(call.references)
    if given > limits.max_references:
        return "image", f"takes at most {_count(limits.max_references, 'reference picture')}; {given} were sent."
    if given < limits.min_references:
        return "image", f"needs at least {_count(limits.min_references, 'reference picture')}; {given or 'none'} sent."
    for number, picture in enumerate(call.references, start=1):
        sentence = _reference(picture, limits)
        if sentence:
            return "image", f"{sentence}; reference {number} {_measures(picture)}."
    return None


def _reference(picture: Picture, limits: Limits) -> str | None:
    if limits.min_reference_side and min(picture.width, picture.height) < limits.min_reference_side:
        return f"takes reference pictures with sides of at least {limits.min_reference_side} pixels"
    if limits.max_reference_pixels and picture.pixels > limits.max_reference_pixels:
        return f"takes reference pictures of at most {_megapixels(limits.max_reference_pixels)} megapixels"
    if limits.max_reference_bytes and picture.bytes > limits.max_reference_bytes:
        return f"takes reference pictures of at most {limits.max_reference_bytes:,} bytes"
    return None


def _measures(picture: Picture) -> str:
    return f"is {picture.width}x{picture.height}, {_megapixels(picture.pixels)} megapixels, {picture.bytes:,} bytes"


def _mask(call: ImageCall, limits: Limits) -> Fault | None:
    if call.mask is None:
        return None
    if not limits.mask:
        return "mask", "takes no mask; leave it out, or describe the area in the prompt."
    if not call.references:
        return "mask", "takes a mask only together with the picture it belongs to; send that as the first image."
    first = call.references[0]
    if (call.mask.width, call.mask.height) != (first.width, first.height):
        sizes = f"{first.width}x{first.height}, and the mask is {call.mask.width}x{call.mask.height}"
        return "mask", f"takes a mask of the same size as the first image; that is {sizes}."
    if call.mask.media_type == "image/jpeg":
        return "mask", "takes a mask that is transparent where to paint, which a jpeg cannot be; send a png."
    return None


_IMAGE_CHECKS: tuple[Callable[[ImageCall, Limits], Fault | None], ...] = (
    _prompt,
    _references,
    _mask,
    _number,
    _seed,
    _quality,
    _background,
    _format,
    _compression,
)


def _size(call: ImageCall, offer: Offer) -> Fault | None:
    """Size, ratio and class together: malformed, contradictory, not taken, or out of bounds."""
    ratio, resolution = asked_ratio(call), normal_resolution(call.resolution)
    fault = _malformed(ratio, resolution) or _contradiction(call.size, ratio, resolution)
    if fault is not None:
        return fault
    fitted = fit(call, offer)
    if fitted.size is None:
        return _ratio_taken(ratio, offer.limits) or _resolution_taken(resolution, offer)
    sentence = _out_of_bounds(fitted.size, offer.limits)
    if sentence is None:
        return None
    if call.size is not None:
        return "size", f"{sentence}."
    asked = " at ".join(part for part in (resolution, ratio) if part)
    return "resolution" if resolution else "aspect_ratio", f"{sentence}, which is what {asked} comes to."


def _malformed(ratio: str | None, resolution: str | None) -> Fault | None:
    if ratio is not None and parse_ratio(ratio) is None:
        return "aspect_ratio", f"takes a ratio of two numbers such as 16:9; {ratio!r} is none."
    if resolution is not None and resolution not in CLASSES:
        return "resolution", f"knows no size class {resolution!r}; there are {_listed(CLASSES)}."
    return None


def _contradiction(size: Size | None, ratio: str | None, resolution: str | None) -> Fault | None:
    if size is None:
        return None
    shape = parse_ratio(ratio) if ratio else None
    if shape is not None and not has_ratio(size, shape):
        return "size", f"cannot make {size} with the aspect_ratio {ratio}; send one of the two."
    if resolution is not None and not has_class(size, resolution):
        return "size", f"cannot make {size} in the resolution {resolution}; send one of the two."
    return None


def _ratio_taken(ratio: str | None, limits: Limits) -> Fault | None:
    if ratio is None or ratio in limits.aspect_ratios:
        return None
    if limits.aspect_ratios:
        return "aspect_ratio", f"takes the ratios {_listed(limits.aspect_ratios)}; {ratio} is none of them."
    if limits.sizes:
        return "aspect_ratio", f"makes pictures of {_listed(limits.sizes, 'or')}; none of them is {ratio}."
    return "aspect_ratio", "takes no aspect_ratio; leave it out."


def _resolution_taken(resolution: str | None, offer: Offer) -> Fault | None:
    limits = offer.limits
    if resolution is None or resolution in limits.resolutions:
        return None
    if resolution == normal_resolution(offer.defaults.get("resolution")):
        return None
    if limits.resolutions:
        return "resolution", f"takes the size classes {_listed(limits.resolutions)}; {resolution} is none of them."
    if limits.sizes:
        return "resolution", f"makes pictures of {_listed(limits.sizes, 'or')}; none of them is {resolution}."
    return "resolution", "takes no resolution; leave it out."


def _out_of_bounds(size: Size, limits: Limits) -> str | None:
    """The bound a pixel size breaks, and by how much."""
    if str(size) in limits.sizes:
        return None
    if not limits.free_size:
        return _not_free(size, limits)
    shortest, longest = sorted((size.width, size.height))
    if limits.min_side is not None and shortest < limits.min_side:
        return f"makes pictures with sides of at least {limits.min_side} pixels; {size} is too small"
    if limits.max_side is not None and longest > limits.max_side:
        return f"makes pictures with sides of at most {limits.max_side} pixels; {size} is too large"
    if limits.max_pixels is not None and size.pixels > limits.max_pixels:
        most = _megapixels(limits.max_pixels)
        return f"makes pictures of at most {most} megapixels; {size} is {_megapixels(size.pixels)}"
    if limits.min_pixels is not None and size.pixels < limits.min_pixels:
        least = _megapixels(limits.min_pixels)
        return f"makes pictures of at least {least} megapixels; {size} is {_megapixels(size.pixels)}"
    if size.width % limits.multiple or size.height % limits.multiple:
        near = Size(*(max(1, side // limits.multiple) * limits.multiple for side in (size.width, size.height)))
        return f"makes pictures with sides in multiples of {limits.multiple}; {size} is none, {near} is"
    if limits.max_ratio is not None and Fraction(longest, shortest) > Fraction(str(limits.max_ratio)):
        return f"makes pictures at most {limits.max_ratio:g} times as long as they are wide; {size} is longer"
    return None


def _not_free(size: Size, limits: Limits) -> str:
    if limits.sizes:
        return f"makes pictures of {_listed(limits.sizes, 'or')}; {size} is none of them"
    near = nearest_ratio(size, limits.aspect_ratios)
    if near is not None:
        return f"takes an aspect_ratio, not a pixel size; the nearest to {size} is {near}"
    return f"takes no size; {size} cannot be had"


def _chat(call: ChatCall, limits: Limits, model: Model) -> Fault | None:
    if call.modalities and "image" in call.modalities and "image" not in model.output_modalities:
        return "modalities", "answers in text only; leave image out of the modalities."
    if call.pictures and "image" not in model.input_modalities:
        return "messages", "reads text only; leave the pictures out."
    for name in ("max_completion_tokens", "max_tokens"):
        asked = _integer(call.body.get(name))
        if limits.max_output_tokens is not None and asked is not None and asked > limits.max_output_tokens:
            return name, f"writes at most {limits.max_output_tokens} tokens; {asked} were asked for."
    return None


def _integer(raw: msgspec.Raw | None) -> int | None:
    try:
        value: Any = None if raw is None else msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, int) else None


def _asked(value: str | None) -> str | None:
    return None if value is None or value.lower() == "auto" else value.lower()


def _one_of(field: str, value: str | None, allowed: tuple[str, ...], nothing: str) -> Fault | None:
    wanted = _asked(value)
    if wanted is None or wanted in allowed:
        return None
    return field, nothing if not allowed else f"takes the {field} {_listed(allowed, 'or')}; {value} is none of them."


def _listed(words: Iterable[str], last: str = "and") -> str:
    *head, tail = words
    return f"{', '.join(head)} {last} {tail}" if head else tail


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _megapixels(pixels: int) -> str:
    return f"{pixels / BINARY_MEGAPIXEL:.3g}"
