"""The fields of a request for pictures, decoded and checked, whichever endpoint they came by."""

import re
from typing import Any

import msgspec

from penstock.core.call import ImageCall, Size
from penstock.core.errors import BadRequest
from penstock.core.picture import Picture


class ImageFields(msgspec.Struct, kw_only=True):
    """What our endpoints take for pictures; anything else goes on as an option for providers that know it."""

    model: str
    prompt: str
    n: int | None = None
    size: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    quality: str | None = None
    background: str | None = None
    output_format: str | None = None
    output_compression: int | None = None
    seed: int | None = None
    stream: bool | None = None
    partial_images: int | None = None
    user: str | None = None


_KNOWN = frozenset(ImageFields.__struct_fields__)
_SHORT = ("size", "aspect_ratio", "resolution", "quality", "background", "output_format")
_SHORT_CHARACTERS = 64
_FORMATS = {"jpg": "jpeg"}


def image_call(fields: dict[str, Any], references: tuple[Picture, ...], mask: Picture | None) -> ImageCall:
    """The call these fields make. Raises BadRequest naming the field that is wrong."""
    given = converted(fields, ImageFields)
    if not given.prompt.strip():
        raise BadRequest("`prompt` is empty.", param="prompt")
    size, resolution = _size(given)
    _within("n", given.n, 1, 10)
    _within("output_compression", given.output_compression, 0, 100)
    _within("partial_images", given.partial_images, 0, 3)
    _within("seed", given.seed, -(2**63), 2**63 - 1)
    return ImageCall(
        model=given.model,
        prompt=given.prompt,
        n=given.n or 1,
        size=size,
        aspect_ratio=_ratio(given.aspect_ratio),
        resolution=resolution,
        quality=_chosen(given.quality),
        background=_chosen(given.background),
        output_format=_FORMATS.get(given.output_format.lower(), given.output_format.lower())
        if given.output_format
        else None,
        output_compression=given.output_compression,
        seed=given.seed,
        references=references,
        mask=mask,
        stream=bool(given.stream),
        partial_images=given.partial_images or 0,
        user=given.user,
        options={name: value for name, value in fields.items() if name not in _KNOWN and value is not None},
    )


def value_of(raw: msgspec.Raw, name: str) -> Any:
    """A field's value decoded. Raises BadRequest where it is JSON by its form only, such as a number beyond 64 bits."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"`{name[:60]}` cannot be read: {_lowered(error)}.", param=name[:60]) from error


def converted(fields: dict[str, Any], type_: type[ImageFields]) -> ImageFields:
    """The known fields as their types. Raises BadRequest in a sentence with the field's name."""
    for name in ("model", "prompt"):
        if fields.get(name) is None:
            raise BadRequest(f"`{name}` is missing.", param=name, code="missing_required_parameter")
    try:
        given = msgspec.convert({name: value for name, value in fields.items() if name in _KNOWN}, type_)
    except msgspec.ValidationError as error:
        raise wrong_type(error) from error
    for name in _SHORT:
        if len(getattr(given, name) or "") > _SHORT_CHARACTERS:
            raise BadRequest(f"`{name}` is longer than {_SHORT_CHARACTERS} characters.", param=name)
    return given


def wrong_type(error: msgspec.ValidationError) -> BadRequest:
    """msgspec's `Expected int, got str - at $.n` as a sentence about the field."""
    what, _, where = str(error).partition(" - at `$")
    param = where.strip("`.").split(".")[0].split("[")[0] or None
    return BadRequest(f"`{param}` is wrong: {_lowered(what)}." if param else f"{what}.", param=param)


def _lowered(said: object) -> str:
    text = str(said)
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def _size(given: ImageFields) -> tuple[Size | None, str | None]:
    """Pixels and size class; `size` may hold either."""
    text = (given.size or "auto").strip()
    resolution = given.resolution.upper() if given.resolution else None
    if text.lower() == "auto":
        return None, resolution
    if size := Size.parse(text):
        return size, resolution
    if re.fullmatch(r"(512|768|\d(\.\d)?[kK])", text):
        if resolution and resolution != text.upper():
            raise BadRequest(f"`size` {text} and `resolution` {resolution} contradict each other.", param="size")
        return None, text.upper()
    raise BadRequest(f"`size` must be like 1024x1024, 2K or auto, not {text[:40]!r}.", param="size")


def _ratio(text: str | None) -> str | None:
    if text is None or text == "auto":
        return None
    if not re.fullmatch(r"[1-9]\d{0,2}(\.\d)?:[1-9]\d{0,2}(\.\d)?", text):
        raise BadRequest(f"`aspect_ratio` must be like 16:9, not {text[:40]!r}.", param="aspect_ratio")
    return text


def _chosen(text: str | None) -> str | None:
    """`auto` is what happens when nothing is asked."""
    return None if text is None or text == "auto" else text


def _within(name: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise BadRequest(f"`{name}` must be from {least} to {most}, not {value}.", param=name)
