"""Pictures for the tests of this folder: small real ones, and large ones whose middle is noise."""

from functools import cache
from io import BytesIO
from random import Random

from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


@cache
def real(kind: str, width: int = 7, height: int = 5, mode: str = "RGB", **options: object) -> bytes:
    """A picture as Pillow writes it."""
    out = BytesIO()
    Image.effect_noise((width, height), 60).convert(mode).save(out, kind, **options)
    return out.getvalue()


@cache
def png(length: int, seed: int = 0, width: int = 1024, height: int = 768) -> bytes:
    """`length` bytes with a PNG's header and end, and noise between; at least 45 bytes."""
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size + b"\x08\x02\0\0\0\0\0\0\0"
    end = b"\0\0\0\0IEND\xaeB\x60\x82"
    return head + Random(seed).randbytes(length - len(head) - len(end)) + end


def jpeg_with_metadata(length: int) -> bytes:
    """A JPEG with application segments of `length` bytes in all before its size."""
    picture = real("JPEG")
    segment = b"\xff\xe1\xff\xff" + b"\xff\xd9" + bytes(0xFFFF - 4)
    return picture[:2] + segment * (length // len(segment)) + picture[2:]
