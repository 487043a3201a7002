"""What Black Forest Labs' endpoints take, field by field, and the shapes of what they answer.

Its endpoints speak ten request schemas. Each is a row below; a field that is not in the row is never sent, because
the newest schema refuses unknown fields and the older ones ignore them silently. Source: api.bfl.ai/openapi.json and
docs.bfl.ai, as of November 2026.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from penstock.core.call import ImageCall
from penstock.core.errors import BadRequest
from penstock.core.picture import Picture
from penstock.core.pieces import placeholder


class Accepted(msgspec.Struct):
    """The answer to a submission."""

    id: str
    polling_url: str | None = None
    """Always there unless a webhook was asked for, which this adapter never does."""
    cost: Decimal | None = None
    """Credits, perhaps a fraction of one."""


class State(msgspec.Struct):
    """The answer to a poll. It may come with HTTP 503 as well as 200."""

    status: str | None = None
    state: str | None = None
    """Some answers have this instead of `status`."""
    result: msgspec.Raw = msgspec.Raw()
    progress: float | None = None
    details: Any = None
    """An object, text or null; refusals have a list under `Moderation Reasons`."""
    cost: Decimal | None = None
    """Credits, settled. Seen on newer endpoints only."""


class Result(msgspec.Struct):
    """What a job that is ready has made."""

    sample: str
    """Signed address of the picture; it lives ten minutes, an hour for FLUX.3."""
    seed: int | float | str | None = None
    prompt: str | None = None
    """The prompt as the model was given it, perhaps expanded."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What an optional field may hold."""

    words: str
    accepts: Callable[[object], bool]


def whole(low: int, high: int) -> Rule:
    return Rule(f"a whole number from {low} to {high}", lambda value: type(value) is int and low <= value <= high)


def real(low: float, high: float) -> Rule:
    return Rule(
        f"a number from {low:g} to {high:g}",
        lambda value: isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high,
    )


FLAG = Rule("true or false", lambda value: isinstance(value, bool))
TEXT = Rule("text", lambda value: isinstance(value, str))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One request schema."""

    size: bool = False
    """Takes width and height."""
    aspect_ratio: bool = False
    automatic_ratio: bool = False
    """Takes the ratio `auto`; elsewhere automatic is said by leaving the field out."""
    resolution: bool = False
    seed: bool = True
    output_format: bool = True
    references: str
    """`input_image` (numbered from the second on), `images` (a list), `image_prompt` or `image` (one picture)."""
    fewest: int = 0
    """Reference pictures it cannot do without."""
    most: int = 1
    """Reference pictures it takes."""
    mask: bool = False
    options: Mapping[str, Rule] = field(default_factory=dict)


_UPSAMPLING = {"prompt_upsampling": FLAG}
_REPAINT = {"steps": whole(15, 50), "guidance": real(1.5, 100), "safety_tolerance": whole(0, 6)} | _UPSAMPLING
_MARGINS = {side: whole(0, 2048) for side in ("top", "bottom", "left", "right")}

WIRES: Mapping[str, Wire] = {
    "flux1": Wire(size=True, references="image_prompt", options={"safety_tolerance": whole(0, 6)} | _UPSAMPLING),
    "flux1-dev": Wire(
        size=True,
        references="image_prompt",
        options={"safety_tolerance": whole(0, 6), "steps": whole(1, 50), "guidance": real(1.5, 5)} | _UPSAMPLING,
    ),
    "ultra": Wire(
        aspect_ratio=True,
        references="image_prompt",
        options={"safety_tolerance": whole(0, 6), "raw": FLAG, "image_prompt_strength": real(0, 1)} | _UPSAMPLING,
    ),
    "kontext": Wire(
        aspect_ratio=True, references="input_image", most=4, options={"safety_tolerance": whole(0, 6)} | _UPSAMPLING
    ),
    "fill": Wire(references="image", fewest=1, mask=True, options=_REPAINT),
    "expand": Wire(references="image", fewest=1, options=_REPAINT | _MARGINS),
    "flux2": Wire(
        size=True, references="input_image", most=8, options={"safety_tolerance": whole(0, 5), "disable_pup": FLAG}
    ),
    "flux2-flex": Wire(
        size=True,
        references="input_image",
        most=8,
        options={"safety_tolerance": whole(0, 5), "steps": whole(1, 50), "guidance": real(1.5, 10)} | _UPSAMPLING,
    ),
    "klein": Wire(size=True, references="input_image", most=4, options={"safety_tolerance": whole(0, 5)}),
    "flux3": Wire(
        aspect_ratio=True,
        automatic_ratio=True,
        resolution=True,
        seed=False,
        output_format=False,
        references="images",
        most=10,
        options={"safety_tolerance": whole(0, 4), "grounding": FLAG, "version": TEXT},
    ),
}

_RESOLUTIONS = {"768": "768sq", "1K": "1k", "1.5K": "1.5k", "2K": "2k", "4K": "4k"}


def fields(wire: Wire, call: ImageCall, parameters: Collection[str]) -> dict[str, object]:
    """The JSON body of one job, pictures as placeholders; `parameters` is what the offer lets through.

    Raises BadRequest, naming the field, for what the schema cannot say.
    """
    body: dict[str, object] = {"prompt": call.prompt}
    if wire.size and call.size is not None:
        body |= {"width": call.size.width, "height": call.size.height}
    if wire.aspect_ratio and call.aspect_ratio is not None and (wire.automatic_ratio or call.aspect_ratio != "auto"):
        body["aspect_ratio"] = call.aspect_ratio
    if wire.resolution and call.resolution is not None:
        body["resolution"] = _resolution(call.resolution)
    if wire.seed and call.seed is not None:
        body["seed"] = call.seed
    if wire.output_format and call.output_format is not None:
        body["output_format"] = call.output_format
    return body | _options(wire, call.options, parameters) | _pictures(wire, call)


def _resolution(asked: str) -> str:
    if asked not in _RESOLUTIONS:
        known = ", ".join(_RESOLUTIONS)
        raise BadRequest(f"`resolution` must be one of {known} for this model, not {asked}.", param="resolution")
    return _RESOLUTIONS[asked]


def _options(wire: Wire, asked: Mapping[str, object], parameters: Collection[str]) -> dict[str, object]:
    chosen = {}
    for name, rule in wire.options.items():
        value = asked.get(name) if name in parameters else None
        if value is None:
            continue
        if not rule.accepts(value):
            raise BadRequest(f"`{name}` must be {rule.words} for this model.", param=name)
        chosen[name] = value
    return chosen


def _pictures(wire: Wire, call: ImageCall) -> dict[str, object]:
    _check_count(wire, call.references)
    names = [placeholder(picture.digest) for picture in call.references]
    body: dict[str, object] = {}
    if names and wire.references == "images":
        body["images"] = names
    elif names and wire.references == "input_image":
        body |= {"input_image" if place == 1 else f"input_image_{place}": name for place, name in enumerate(names, 1)}
    elif names:
        body[wire.references] = names[0]
    if call.mask is not None:
        if not wire.mask:
            raise BadRequest("This model takes no mask. Say in the prompt what to change.", param="mask")
        body["mask"] = placeholder(call.mask.digest)
    return body


def _check_count(wire: Wire, pictures: tuple[Picture, ...]) -> None:
    if len(pictures) < wire.fewest:
        raise BadRequest("This model changes a picture and was sent none.", param="image")
    if len(pictures) > wire.most:
        raise BadRequest(
            f"This model takes at most {wire.most} reference picture{'s' if wire.most > 1 else ''}; "
            f"the request has {len(pictures)}.",
            param="image",
        )
