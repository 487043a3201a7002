"""A picture of a model's name and price, 1200 by 630 pixels, that is shown where somebody links to its page."""

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

WIDTH, HEIGHT = 1200, 630
_MARGIN = 90
_GROUND, _INK, _QUIET, _ACCENT = "#0f1615", "#e4ecea", "#9fb0ad", "#6fcfcb"
"""As in tokens.css, dark."""
_MOST_LINES = 2


@dataclass(frozen=True, slots=True)
class Shown:
    """What is written on it."""

    name: str
    maker: str
    does: str
    price: str


@lru_cache(maxsize=256)
def social_card(shown: Shown) -> bytes:
    """The picture as PNG. Takes some tens of milliseconds, so not on the event loop."""
    from PIL import Image, ImageDraw  # only whoever shares a link pays for it

    picture = Image.new("RGB", (WIDTH, HEIGHT), _GROUND)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, WIDTH, 14), fill=_ACCENT)
    y = 120
    draw.text((_MARGIN, y), _cut(draw, shown.maker, _font(36)), font=_font(36), fill=_QUIET)
    y += 64
    size, lines = _fitted(draw, shown.name)
    for line in lines:
        draw.text((_MARGIN, y), line, font=_font(size), fill=_INK)
        y += int(size * 1.15)
    draw.text((_MARGIN, y + 30), _cut(draw, shown.does, _font(34)), font=_font(34), fill=_QUIET)
    draw.text((_MARGIN, HEIGHT - 130), _cut(draw, shown.price, _font(46)), font=_font(46), fill=_ACCENT)
    draw.text((WIDTH - _MARGIN, HEIGHT - 120), "Penstock", font=_font(32), fill=_QUIET, anchor="ra")
    out = BytesIO()
    picture.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


@lru_cache(maxsize=16)
def _font(size: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    """The one that Pillow brings, so that no font need be installed."""
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _fitted(draw: "ImageDraw.ImageDraw", name: str) -> tuple[int, list[str]]:
    """The name in one or two lines, as large as fits."""
    for size in (96, 80, 64, 52):
        lines = _wrapped(draw, name, size)
        if len(lines) <= _MOST_LINES and all(_fits(draw, line, size) for line in lines):
            return size, lines
    lines = _wrapped(draw, name, 52)[:_MOST_LINES]
    return 52, [_cut(draw, line, _font(52)) for line in lines]


def _wrapped(draw: "ImageDraw.ImageDraw", text: str, size: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and not _fits(draw, longer, size):
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _fits(draw: "ImageDraw.ImageDraw", text: str, size: int) -> bool:
    return draw.textlength(text, font=_font(size)) <= WIDTH - 2 * _MARGIN


def _cut(draw: "ImageDraw.ImageDraw", text: str, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont") -> str:
    """Shortened to the width there is."""
    text = text[:200]
    if draw.textlength(text, font=font) <= WIDTH - 2 * _MARGIN:
        return text
    while text and draw.textlength(f"{text}…", font=font) > WIDTH - 2 * _MARGIN:
        text = text[:-1]
    return f"{text}…"
