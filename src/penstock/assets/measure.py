"""What a picture's header says: format, width, height, and whether its end is there. No pixel is decoded.

Reads PNG, JPEG, WebP and GIF from the first and last bytes of a file. A JPEG may carry hundreds of kilobytes of
metadata before its size, and phones append things after its end; for those, pass the whole file as the head.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from mmap import mmap

from penstock.core.errors import BadRequest

HEAD_BYTES = 64 * 1024
"""Enough of the beginning for nearly every file."""
TAIL_BYTES = 16
"""Enough of the end for every format."""
MAX_PIXELS = 100_000_000

SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"GIF87a", b"GIF89a")
"""What a file of a known format begins with; `RIFF` is WebP only where `WEBP` follows four bytes later."""

_PNG_END = b"IEND\xaeB\x60\x82"
_JPEG_END = b"\xff\xd9"
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers of every coding (ITU-T T.81, table B.1); the three others are tables and a reserved one."""
_JPEG_DATA = (0xD9, 0xDA)
"""The end, and the first scan: no frame header comes after either."""
_JPEG_STEPS = 4096
"""Segments and fill bytes walked before giving up; a hostile file could hold millions."""
_OTHERS = (
    (4, b"ftypavif", "an AVIF picture"),
    (4, b"ftyphei", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIC picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"II*\0", "a TIFF picture"),
    (0, b"MM\0*", "a TIFF picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"<", "markup (SVG, XML or HTML)"),
    (0, b"{", "JSON"),
)

Head = bytes | mmap


class NotAPicture(BadRequest):
    """The bytes are no whole picture of a format that is taken.

    Codes: `invalid_image`, `image_truncated` (its end is missing), `image_too_large` (too many pixels).
    """

    code = "invalid_image"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the header says."""

    media_type: str
    width: int
    """Pixels as stored: an EXIF orientation is not applied."""
    height: int


def measure(head: Head, tail: bytes, length: int, *, max_pixels: int = MAX_PIXELS) -> Facts:
    """Format and size of a picture `length` bytes long, from its first bytes (HEAD_BYTES or more) and its last ones.

    With the whole file as `head`, JPEG and PNG files with something after their end are taken too.
    Raises NotAPicture.
    """
    start = bytes(head[:32])
    reader = next((reader for magic, reader in _READERS if start.startswith(magic)), None)
    if reader is None:
        raise NotAPicture(_unknown(start, length))
    facts, whole = _read(reader, head, tail, length)
    if facts.width < 1 or facts.height < 1:
        raise NotAPicture(f"The {_name(facts)} header says {facts.width}x{facts.height} pixels.")
    if facts.width * facts.height > max_pixels:
        raise NotAPicture(
            f"The picture is {facts.width}x{facts.height} pixels; at most {max_pixels / 1e6:g} megapixels are taken.",
            code="image_too_large",
        )
    if not whole:
        raise NotAPicture(f"The {_name(facts)} file is cut off: its end is missing.", code="image_truncated")
    return facts


_Reader = Callable[[Head, bytes, int], tuple[Facts, bool]]


def _read(reader: _Reader, head: Head, tail: bytes, length: int) -> tuple[Facts, bool]:
    try:
        return reader(head, tail, length)
    except (struct.error, IndexError) as error:
        if len(head) < length:
            raise NotAPicture(f"No picture size in the first {len(head)} bytes.") from error
        raise NotAPicture("The picture is cut off inside its header.", code="image_truncated") from error


def _png(head: Head, tail: bytes, length: int) -> tuple[Facts, bool]:
    """PNG, third edition, 5.3 and 11.2.1: IHDR comes first, IEND last."""
    header, kind, width, height = struct.unpack_from(">I4sII", head, 8)
    if kind != b"IHDR" or header != 13:
        raise NotAPicture("The PNG file does not begin with its header chunk.")
    whole = tail.endswith(_PNG_END) or (len(head) == length and head.find(_PNG_END, 33) > 0)
    return Facts("image/png", width, height), whole


def _jpeg(head: Head, tail: bytes, length: int) -> tuple[Facts, bool]:
    """ITU-T T.81, annex B: segments with a length each, among them the frame header, then the scans."""
    at = 2
    for _ in range(_JPEG_STEPS):
        lead, marker = struct.unpack_from("BB", head, at)
        if lead != 0xFF:
            raise NotAPicture("The JPEG file is damaged: no marker where one must be.")
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", head, at + 5)
            whole = tail.rstrip(b"\0").endswith(_JPEG_END) or (len(head) == length and head.find(_JPEG_END, at) > 0)
            return Facts("image/jpeg", width, height), whole
        elif marker in _JPEG_DATA:
            raise NotAPicture("The JPEG file has no frame header before its data.")
        else:
            at += 2 + max(2, *struct.unpack_from(">H", head, at + 2))
    raise NotAPicture(f"The JPEG file has no frame header among its first {_JPEG_STEPS} segments.")


def _webp(head: Head, tail: bytes, length: int) -> tuple[Facts, bool]:
    """RFC 9649: a RIFF container, whose first chunk is VP8, VP8L or VP8X."""
    size, kind, chunk = struct.unpack_from("<I4s4s", head, 4)
    if kind != b"WEBP":
        raise NotAPicture(f"This is a RIFF file of kind {kind!r}, not a WebP picture.")
    if chunk == b"VP8X":
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", head, 24)
        width, height = 1 + low_width + (high_width << 16), 1 + low_height + (high_height << 16)
    elif chunk == b"VP8L":
        mark, bits = struct.unpack_from("<BI", head, 20)
        if mark != 0x2F:
            raise NotAPicture("The lossless WebP file is damaged.")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif chunk == b"VP8 ":
        mark, width, height = struct.unpack_from("<3sHH", head, 23)
        if mark != b"\x9d\x01\x2a":
            raise NotAPicture("The WebP file is damaged.")
        width, height = width & 0x3FFF, height & 0x3FFF
    else:
        raise NotAPicture(f"The WebP file begins with an unknown chunk {chunk!r}.")
    return Facts("image/webp", width, height), length >= size + 8


def _gif(head: Head, tail: bytes, length: int) -> tuple[Facts, bool]:
    """GIF89a, sections 18 and 27: the logical screen, and one byte as the trailer."""
    width, height = struct.unpack_from("<HH", head, 6)
    return Facts("image/gif", width, height), tail.rstrip(b"\0").endswith(b";")


_READERS: tuple[tuple[bytes, _Reader], ...] = tuple(zip(SIGNATURES, (_png, _jpeg, _webp, _gif, _gif), strict=True))


def _name(facts: Facts) -> str:
    return {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WebP", "image/gif": "GIF"}[facts.media_type]


def _unknown(start: bytes, length: int) -> str:
    if length == 0:
        return "The picture is empty."
    kind = next((kind for at, magic, kind in _OTHERS if start.startswith(magic, at)), None)
    was = f"This is {kind}" if kind else "These bytes are not a picture of a known format"
    return f"{was}; PNG, JPEG, WebP and GIF are taken."
