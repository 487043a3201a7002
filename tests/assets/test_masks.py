"""Masks turned from transparent to white and back."""

from io import BytesIO

import pytest
from asset_pictures import png, real
from PIL import Image

from penstock.assets.masks import to_transparent, to_white
from penstock.assets.measure import NotAPicture
from penstock.core.errors import BadRequest


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def transparent_left_half() -> Image.Image:
    picture = Image.new("RGBA", (8, 4), (200, 10, 10, 255))
    picture.paste((200, 10, 10, 0), (0, 0, 4, 4))
    picture.putpixel((7, 3), (0, 0, 0, 100))
    return picture


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparent_pixels_become_white(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    white = opened(to_white(encoded(transparent_left_half(), kind, **options)))
    assert (white.format, white.mode, white.size) == ("PNG", "L", (8, 4))
    assert [white.getpixel(at) for at in ((0, 0), (3, 3), (4, 0), (7, 3))] == [255, 255, 0, 155]


@pytest.mark.parametrize(
    ("mode", "transparency"), [("P", 0), ("L", 0), ("RGB", (0, 0, 0))], ids=["palette", "grey", "colour"]
)
def test_a_transparent_colour_counts_as_transparent(mode: str, transparency: object) -> None:
    picture = Image.new("L", (4, 4), 255)
    picture.paste(0, (0, 0, 2, 4))
    white = opened(to_white(encoded(picture.convert(mode), transparency=transparency)))
    assert [white.getpixel(at) for at in ((0, 0), (3, 3))] == [255, 0]


def test_white_pixels_become_transparent_and_back() -> None:
    picture = Image.new("L", (8, 4), 0)
    picture.paste(255, (0, 0, 4, 4))
    picture.putpixel((7, 3), 40)
    mask = opened(to_transparent(encoded(picture)))
    assert (mask.format, mask.mode) == ("PNG", "RGBA")
    assert [mask.getpixel(at)[3] for at in ((0, 0), (4, 0), (7, 3))] == [0, 255, 215]
    assert opened(to_white(encoded(mask))).tobytes() == picture.tobytes()


@pytest.mark.parametrize("data", [real("PNG"), real("JPEG")])
def test_a_mask_without_transparency_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        to_white(data)
    assert (caught.value.code, caught.value.param) == ("invalid_mask", "mask")


@pytest.mark.parametrize("turn", [to_white, to_transparent])
@pytest.mark.parametrize(
    "data",
    [b"", b"text", png(2000), real("PNG", 40, 40)[:-5], png(100, width=9000, height=9000)],
    ids=["empty", "text", "noise", "cut", "bomb"],
)
def test_a_broken_mask_is_refused(turn: object, data: bytes) -> None:
    with pytest.raises(NotAPicture):
        turn(data)
