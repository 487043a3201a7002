"""Pictures for end-to-end tests: made to be sent, and opened when they come back."""

import base64
import io
import random
from dataclasses import dataclass

from PIL import Image

Colour = tuple[int, int, int]


def png(width: int, height: int, colour: str = "teal") -> bytes:
    """A png of one colour."""
    return _encoded(Image.new("RGB", (width, height), colour))


def noise(width: int, height: int) -> bytes:
    """A png that does not compress: three bytes a pixel, for bodies that must be large."""
    return _encoded(Image.frombytes("RGB", (width, height), random.Random(7).randbytes(3 * width * height)))


def left_half_mask(width: int, height: int) -> bytes:
    """A mask in OpenAI's polarity that opens the left half: transparent there, opaque on the right."""
    mask = Image.new("RGBA", (width, height), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, width // 2, height))
    return _encoded(mask)


def data_url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a decoder makes of a picture."""

    size: tuple[int, int]
    format: str
    """`png`, `jpeg` or `webp`."""
    left: Colour
    """The pixel in the middle of the left half, and of the right one."""
    right: Colour


def seen(data: bytes) -> Seen:
    """Decode all of a picture."""
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
        colours = image.convert("RGB")
        left, right = (colours.getpixel((width * part // 4, height // 2)) for part in (1, 3))
        return Seen(image.size, (image.format or "").lower(), left, right)


def from_base64(text: str | None) -> bytes:
    """The bytes of a `b64_json` field."""
    assert text, "there is no picture"
    return base64.b64decode(text, validate=True)


def from_data_url(url: str) -> bytes:
    """The bytes of a data URL, whose media type must be what is in it."""
    head, _, text = url.partition(",")
    data = from_base64(text)
    assert head == f"data:image/{seen(data).format};base64"
    return data


def _encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
