"""Edit masks turned round: some providers want transparent pixels where to edit, others white ones.

Decodes pixels, so callers run it in a thread. The size is read from the header first and bounded.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from PIL import Image, ImageChops

from penstock.assets.measure import NotAPicture, measure
from penstock.core.errors import BadRequest

MAX_MASK_PIXELS = 50_000_000
"""200 MB decoded, and below the size at which Pillow warns of a decompression bomb."""

_FORMATS = ("PNG", "WEBP", "GIF", "JPEG")


def to_white(data: bytes) -> bytes:
    """A mask whose transparent pixels are to be edited (OpenAI) as an 8-bit grey PNG whose white ones are.

    Half-transparent pixels become grey. Raises NotAPicture, and BadRequest (`invalid_mask`) where the picture has no
    transparency: it would edit nothing.
    """
    with _opened(data) as picture:
        if not picture.has_transparency_data:
            raise BadRequest(
                "The mask has no transparent pixels; make those transparent that are to be edited.",
                code="invalid_mask",
                param="mask",
            )
        return _png(ImageChops.invert(picture.convert("RGBA").getchannel("A")))


def to_transparent(data: bytes) -> bytes:
    """A mask whose white pixels are to be edited as an RGBA PNG, black, whose transparent ones are.

    Raises NotAPicture.
    """
    with _opened(data) as picture:
        grey = picture.convert("L")
        mask = Image.new("RGBA", grey.size)
        mask.putalpha(ImageChops.invert(grey))
        return _png(mask)


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    measure(data, data[-16:], len(data), max_pixels=MAX_MASK_PIXELS)
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as picture:
            picture.load()
            yield picture
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise NotAPicture(f"The mask cannot be decoded: {error}.") from error


def _png(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()
