"""What OpenAI's Images API accepts of GPT image models, how many tokens a picture takes, and what tokens cost.

Written from the published reference and price page, apart from the gateway's own catalogue on purpose.
"""

import base64
import binascii
import hashlib
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from PIL import Image, UnidentifiedImageError

from tests.simulators.base import Upload, draw, encoded

MILLION = Decimal(1_000_000)
LARGEST_FILE = 50 * 1000 * 1000

PRICES = {
    "gpt-image-1-mini": (Decimal(2), Decimal("2.5"), Decimal(8)),
    "gpt-image-1.5": (Decimal(5), Decimal(8), Decimal(32)),
    "chatgpt-image": (Decimal(5), Decimal(8), Decimal(32)),
    "gpt-image-2": (Decimal(5), Decimal(8), Decimal(30)),
    "gpt-image-1": (Decimal(5), Decimal(10), Decimal(40)),
}
"""US dollars for a million text tokens in, image tokens in and image tokens out; the first name that fits counts."""

TABLE = {"low": (272, 408, 400), "medium": (1056, 1584, 1568), "high": (4160, 6240, 6208)}
"""Output tokens of the gpt-image-1 family: square, portrait, landscape."""

AREA = {"low": 16, "medium": 48, "high": 96}
"""The factor of gpt-image-2's rule, which the community worked out."""

REFERENCE_TOKENS = 258
"""Input tokens of one reference. Invented: OpenAI's own rule depends on its size and fidelity."""

FIELDS = {
    *("model", "prompt", "n", "size", "quality", "background", "moderation", "user"),
    *("output_format", "output_compression", "stream", "partial_images"),
}
EDIT_FIELDS = {*FIELDS, "input_fidelity", "mask"}
NUMBERS = {"n": (1, 10), "output_compression": (0, 100), "partial_images": (0, 3)}
CHOICES = {
    "quality": ("auto", "low", "medium", "high"),
    "background": ("auto", "transparent", "opaque"),
    "moderation": ("auto", "low"),
    "output_format": ("png", "jpeg", "webp"),
    "input_fidelity": ("low", "high"),
}


class Refused(Exception):
    """A request that is answered with an error in OpenAI's form."""

    def __init__(self, message: str, param: str | None = None, code: str | None = "invalid_value", status: int = 400):
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request for pictures that was accepted."""

    model: str
    prompt: str
    n: int
    width: int
    height: int
    quality: str
    background: str
    form: str
    stream: bool
    partials: int
    references: tuple[bytes, ...]
    mask: Image.Image | None

    @property
    def usage(self) -> dict[str, Any]:
        """As the real one reports it."""
        text, image = text_tokens(self.prompt), REFERENCE_TOKENS * len(self.references)
        out = self.n * (output_tokens(self.model, self.quality, self.width, self.height) + 100 * self.partials)
        return {
            "input_tokens": text + image,
            "output_tokens": out,
            "total_tokens": text + image + out,
            "input_tokens_details": {"text_tokens": text, "image_tokens": image},
        }

    @property
    def dollars(self) -> Decimal:
        text, image, out = next(prices for name, prices in PRICES.items() if self.model.startswith(name))
        usage, details = self.usage, self.usage["input_tokens_details"]
        tokens = details["text_tokens"] * text + details["image_tokens"] * image + usage["output_tokens"] * out
        return Decimal(tokens) / MILLION

    def picture(self, index: int, stage: str = "done") -> bytes:
        """Drawn from all that was asked; an edit paints where its mask is transparent and keeps the rest."""
        digests = [hashlib.sha256(data).hexdigest() for data in self.references]
        words = f"{self.prompt}|{index}|{stage}|{','.join(digests)}"
        made = draw(self.width, self.height, self.form, words)
        if self.mask is None:
            return made
        size = (self.width, self.height)
        kept = Image.open(io.BytesIO(self.references[0])).convert("RGB").resize(size)
        opaque = self.mask.getchannel("A").resize(size)
        return encoded(Image.composite(kept, Image.open(io.BytesIO(made)).convert("RGB"), opaque), self.form)


def text_tokens(text: str) -> int:
    """One for each four characters begun. Invented: the real tokenizer is not here."""
    return math.ceil(len(text) / 4)


def output_tokens(model: str, quality: str, width: int, height: int) -> int:
    """Tokens of one picture."""
    if model.startswith("gpt-image-2"):
        factor = AREA[quality]
        short = round(factor * min(width, height) / max(width, height))
        return math.ceil(factor * short * (2_000_000 + width * height) / 4_000_000)
    return TABLE[quality][(width < height) + 2 * (width > height)]


def known(model: object) -> bool:
    return isinstance(model, str) and any(model.startswith(name) for name in PRICES)


def ask(body: Any, *, edit: bool) -> Asked:
    """What a request asks for. Raises Refused as the real one would."""
    form = edit and isinstance(body, Mapping) and all(isinstance(value, list) for value in body.values())
    fields, pictures = _form(body) if form else _json(body, edit=edit)
    _check(fields, EDIT_FIELDS if edit else FIELDS, numbers_as_text=form)
    if edit and not pictures:
        raise Refused("Missing required parameter: 'image'.", "image", "missing_required_parameter")
    if len(pictures) > 16:
        raise Refused("Too many images; the maximum is 16.", "image")
    mask = fields.get("mask")
    width, height = _size(str(fields["model"]), fields.get("size") or "auto")
    output = fields.get("output_format") or "png"
    if fields.get("background") == "transparent" and output == "jpeg":
        raise Refused("Transparent background is not supported for JPEG output format.", "background")
    return Asked(
        model=str(fields["model"]),
        prompt=str(fields["prompt"]),
        n=int(fields.get("n") or 1),
        width=width,
        height=height,
        quality=_concrete(fields.get("quality"), "medium"),
        background=_concrete(fields.get("background"), "opaque"),
        form=str(output),
        stream=str(fields.get("stream")).lower() == "true",
        partials=int(fields.get("partial_images") or 0),
        references=tuple(pictures),
        mask=_mask(mask, pictures[0]) if mask else None,
    )


def _concrete(value: Any, automatic: str) -> str:
    return automatic if value in (None, "auto") else str(value)


def _json(body: Any, *, edit: bool) -> tuple[dict[str, Any], list[bytes]]:
    if not isinstance(body, Mapping):
        raise Refused("We could not parse the JSON body of your request.", code=None)
    fields = dict(body)
    if not edit:
        return fields, []
    pictures = [_data_url(entry, "images") for entry in fields.pop("images", [])]
    if "mask" in fields:
        fields["mask"] = _data_url(fields["mask"], "mask")
    return fields, [_decodable(data, "images") for data in pictures]


def _form(body: Mapping[str, list[str | Upload]]) -> tuple[dict[str, Any], list[bytes]]:
    fields: dict[str, Any] = {}
    pictures: list[bytes] = []
    for name, values in body.items():
        if name in ("image", "image[]"):
            if name == "image" and len(values) > 1:
                raise Refused(
                    "Duplicate parameter: 'image'. Use 'image[]' for several.", "image", "duplicate_parameter"
                )
            pictures += [_file(value, "image") for value in values]
        else:
            fields[name] = _file(values[0], name) if name == "mask" else values[0]
    return fields, pictures


def _file(value: str | Upload, name: str) -> bytes:
    if not isinstance(value, Upload):
        raise Refused(f"Expected a file for '{name}', but got a string.", name, "invalid_type")
    if value.media_type not in ("image/png", "image/jpeg", "image/webp"):
        raise Refused(
            f"Invalid file '{name}': unsupported mimetype ('{value.media_type}').", name, "unsupported_file_mimetype"
        )
    if not value.filename:
        raise Refused(f"Invalid file '{name}': it has no name.", name, "invalid_image_file")
    return _decodable(value.data, name)


def _data_url(entry: Any, name: str) -> bytes:
    url = entry.get("image_url") if isinstance(entry, Mapping) else None
    match = re.fullmatch(r"data:image/(png|jpeg|webp);base64,(.*)", url) if isinstance(url, str) else None
    if match is None:
        raise Refused(f"Invalid '{name}': expected a data URL.", name)
    try:
        return base64.b64decode(match[2], validate=True)
    except binascii.Error as error:
        raise Refused(f"Invalid base64 in '{name}'.", name) from error


def _decodable(data: bytes, name: str) -> bytes:
    try:
        Image.open(io.BytesIO(data)).load()
    except (UnidentifiedImageError, OSError) as error:
        raise Refused(
            "Invalid image file or mode, please check your image file.", name, "invalid_image_file"
        ) from error
    if len(data) >= LARGEST_FILE:
        raise Refused("Image file is too large; the maximum is 50MB.", name, status=413)
    return data


def _mask(data: bytes, first: bytes) -> Image.Image:
    mask, picture = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(first))
    if "A" not in mask.getbands():
        raise Refused(
            "Invalid mask image format - mask image missing alpha channel", "mask", "invalid_mask_image_format"
        )
    if mask.size != picture.size:
        raise Refused("Invalid mask image: its size does not match the image.", "mask", "invalid_mask_image_format")
    return mask


def _check(fields: Mapping[str, Any], taken: set[str], *, numbers_as_text: bool) -> None:
    for name in fields:
        if name not in taken:
            raise Refused(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    for name in ("model", "prompt"):
        if not fields.get(name) or not isinstance(fields[name], str):
            raise Refused(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    if len(fields["prompt"]) > 32_000:
        raise Refused(
            "Invalid 'prompt': string too long. Expected a maximum length of 32000.",
            "prompt",
            "string_above_max_length",
        )
    if not known(fields["model"]):
        raise Refused(f"The model '{fields['model']}' does not exist.", "model", "model_not_found", 404)
    for name, (low, high) in NUMBERS.items():
        if name in fields:
            _number(name, fields[name], low, high, as_text=numbers_as_text)
    for name, choices in CHOICES.items():
        if name in fields and fields[name] not in choices:
            supported = ", ".join(f"'{choice}'" for choice in choices)
            raise Refused(f"Invalid value: '{fields[name]}'. Supported values are: {supported}.", name)


def _number(name: str, value: Any, low: int, high: int, *, as_text: bool) -> None:
    if as_text and isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused(f"Invalid type for '{name}': expected an integer.", name, "invalid_type")
    if not low <= value <= high:
        raise Refused(f"Invalid '{name}': expected a value between {low} and {high}.", name, "integer_out_of_range")


def _size(model: str, size: Any) -> tuple[int, int]:
    if size == "auto":
        return 1024, 1024
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", size) if isinstance(size, str) else None
    if match is None:
        raise Refused(f"Invalid size '{size}'.", "size")
    width, height = int(match[1]), int(match[2])
    if not model.startswith("gpt-image-2"):
        if (width, height) not in ((1024, 1024), (1536, 1024), (1024, 1536)):
            raise Refused(
                f"Invalid value: '{size}'. Supported values are: '1024x1024', '1024x1536', '1536x1024', and 'auto'.",
                "size",
            )
        return width, height
    whole = width % 16 == 0 and height % 16 == 0 and max(width, height) <= 3840
    if not whole or max(width, height) > 3 * min(width, height) or not 655_360 <= width * height <= 8_294_400:
        raise Refused(f"Invalid size '{size}'.", "size")
    return width, height
