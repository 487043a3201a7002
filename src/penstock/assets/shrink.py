"""Pictures made smaller: `python -m penstock.assets.shrink` does so for whoever writes to it, until its input ends.

Decodes what anybody may have sent, so the gateway runs it as a process of its own (`workers`): what breaks a decoder
breaks that process only.
"""

import os
import signal
import struct
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageOps

from penstock.assets.measure import MAX_PIXELS, NotAPicture

ASK = struct.Struct(">II")
"""The longest side wanted and the length of the picture, which follows."""

TELL = struct.Struct(">?I")
"""Whether it went well, and the length of what follows: a WebP, or a sentence in UTF-8."""

QUALITY = 80
_GAP = 2.0
"""How many times larger than wanted a picture is decoded or averaged to before the last, careful step."""
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_PROFILE_BYTES = 4096
"""Larger colour profiles are those of printers and scanners."""
_NICENESS = 10
_GOES_FIRST = Path("/proc/self/oom_score_adj")


def shrink(data: bytes, side: int) -> bytes:
    """The picture as WebP, no side longer than `side` pixels and none longer than it was.

    Upright where EXIF says how it was held, with its transparency and colour profile and nothing else of what came
    with it; of an animation the first frame. Raises NotAPicture.
    """
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as picture:
            # What Pillow is about to decode: a GIF's frame may be larger than its header says.
            if picture.width * picture.height > MAX_PIXELS:
                raise NotAPicture(f"The picture is {picture.width}x{picture.height} pixels.", code="image_too_large")
            return _webp(_upright(picture, side))
    except NotAPicture:
        raise
    except Exception as error:  # decoders raise nearly anything for bytes that are wrong
        raise NotAPicture(f"The picture cannot be decoded: {error or type(error).__name__}.") from error


def _upright(picture: Image.Image, side: int) -> Image.Image:
    wanted = "RGBA" if picture.has_transparency_data else "RGB"
    colours = picture.info.get("icc_profile") if picture.mode in ("RGB", "RGBA") else None
    if picture.mode == "I;16":
        picture = picture.point(lambda value: value / 256)  # to convert it cuts off what is above 255
    if picture.mode != wanted:
        picture = picture.convert(wanted)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=_GAP)
    picture = ImageOps.exif_transpose(picture)
    picture.info = {"icc_profile": colours} if colours and len(colours) <= _PROFILE_BYTES else {}
    return picture


def _webp(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "WEBP", quality=QUALITY, icc_profile=picture.info.get("icc_profile", b""), exif=b"", xmp=b"")
    return out.getvalue()


def serve(asked: BinaryIO, told: BinaryIO) -> None:
    """Answer one question after the other, until there is no other."""
    while head := asked.read(ASK.size):
        side, length = ASK.unpack(head)
        try:
            well, result = True, shrink(asked.read(length), side)
        except NotAPicture as error:
            well, result = False, error.message.encode()
        told.write(TELL.pack(well, len(result)))
        told.write(result)
        told.flush()


def main() -> None:
    """Behind requests where processors are short, before the gateway where memory is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the gateway ends this process
    with suppress(OSError):
        os.nice(_NICENESS)
    with suppress(OSError):
        _GOES_FIRST.write_text("1000")
    Image.MAX_IMAGE_PIXELS = None  # the bound is `shrink`'s own
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
