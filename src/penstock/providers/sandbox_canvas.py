"""What the sandbox paints on: colours, palettes, and a canvas with smooth shapes, light and mist.

Pure drawing with Pillow. Places are fractions of width and height and lengths are fractions of the shorter side, so
that one composition looks the same at every size. Used by `sandbox_scenes`.
"""

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one time and place."""

    top: Colour
    """Of the sky, as are the next two."""
    middle: Colour
    low: Colour
    light: Colour
    """Sun or moon."""
    far: Colour
    """Land at the horizon; what is nearer is mixed towards `near`."""
    near: Colour

    @property
    def dark(self) -> bool:
        return sum(self.top) < 150


class Canvas:
    """A picture being drawn. Places are fractions of width and height; lengths are fractions of the shorter side."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height))
        self.width, self.height, self.unit = width, height, min(width, height)

    @property
    def breadth(self) -> float:
        """The width, in lengths."""
        return self.width / self.unit

    def sky(self, colours: Sequence[Colour], until: float = 1.0, bend: float = 0.0) -> None:
        """A gradient from the top down to a height, its right side `bend` further along than its left."""
        rows = 48
        grid = b"".join(
            bytes(between(colours, row / (rows - 1) / until + bend * (column / 3 - 0.5)))
            for row in range(rows)
            for column in range(4)
        )
        small = Image.frombytes("RGB", (4, rows), grid)
        self.image.paste(small.resize((self.width, self.height), Image.Resampling.BICUBIC))

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """Light that falls off from a place."""
        reach = max(1, int(radius * self.unit))
        # Pillow's gradient reaches 181 at the middle of its edges and 255 in its corners.
        curve = [round(255 * strength * max(0.0, 1 - level / 181) ** 2.2) for level in range(256)]
        mask = Image.radial_gradient("L").point(curve).resize((2 * reach, 2 * reach), Image.Resampling.BICUBIC)
        self.image.paste(colour, (round(x * self.width) - reach, round(y * self.height) - reach), mask)

    def shape(
        self, points: Sequence[Point], top: Colour, bottom: Colour | None = None, *, alpha: float = 1.0, fade: int = 0
    ) -> None:
        """A filled outline with smooth edges, its colour running from the outline's highest point to its lowest.

        It fades out towards the right where `fade` is 1, towards the left where it is -1.
        """
        pixels = [(x * self.width, y * self.height) for x, y in points]
        left = max(0, math.floor(min(x for x, _ in pixels)))
        upper = max(0, math.floor(min(y for _, y in pixels)))
        width = min(self.width, math.ceil(max(x for x, _ in pixels))) - left
        height = min(self.height, math.ceil(max(y for _, y in pixels))) - upper
        if width <= 0 or height <= 0:
            return
        mask = Image.new("L", (width * 2, height * 2))
        outline = [((x - left) * 2, (y - upper) * 2) for x, y in pixels]
        ImageDraw.Draw(mask).polygon(outline, fill=round(255 * alpha))
        mask = mask.reduce(2)
        if fade:
            ramp = bytes(round(255 * (1 - x / width if fade > 0 else x / width) ** 1.3) for x in range(width))
            mask = ImageChops.multiply(mask, Image.frombytes("L", (width, 1), ramp).resize(mask.size))
        self.image.paste(gradient(width, height, top, bottom or top), (left, upper), mask)

    def circle(self, x: float, y: float, radius: float, corners: int) -> list[Point]:
        """The outline of a disc."""
        turns = [math.tau * corner / corners for corner in range(corners)]
        return [self.off(x, y, radius * math.cos(turn), radius * math.sin(turn)) for turn in turns]

    def off(self, x: float, y: float, right: float, down: float) -> Point:
        """The place so many lengths from another."""
        return x + right * self.unit / self.width, y + down * self.unit / self.height

    def mist(self, blots: Sequence[tuple[float, float, float, float]], colour: Colour, strength: float) -> None:
        """Soft blots (x, y, half width, half height): clouds and fog."""
        wide = max(8, round(160 * self.breadth**0.5))
        high = max(8, round(160 / self.breadth**0.5))
        mask = Image.new("L", (wide, high))
        draw = ImageDraw.Draw(mask)
        for x, y, across, tall in blots:
            box = ((x - across) * wide, (y - tall) * high, (x + across) * wide, (y + tall) * high)
            draw.ellipse(box, fill=round(255 * strength))
        mask = mask.filter(ImageFilter.GaussianBlur(3.2)).resize((self.width, self.height), Image.Resampling.BICUBIC)
        self.image.paste(colour, (0, 0), mask)


def from_hex(text: str) -> Colour:
    """`"ffe3a8"` as a colour."""
    red, green, blue = bytes.fromhex(text)
    return red, green, blue


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """The first colour with this share (0 to 1) of the other in it."""
    share = min(1.0, max(0.0, share))
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def between(colours: Sequence[Colour], at: float) -> Colour:
    """The colour at a place (0 to 1) of a row of colours."""
    place = min(1.0, max(0.0, at)) * (len(colours) - 1)
    step = min(len(colours) - 2, int(place))
    return mix(colours[step], colours[step + 1], place - step)


def turned(colour: Colour, turn: float) -> Colour:
    """The colour with its hue moved on by a share of the colour circle."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value))
    return red, green, blue


def vivid(colour: Colour) -> Colour:
    """The colour's hue, bright and strong."""
    hue, _, _ = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.75, 1))
    return red, green, blue


def gradient(width: int, height: int, top: Colour, bottom: Colour) -> Image.Image:
    """A picture that runs from one colour at its top to another at its bottom."""
    column = b"".join(bytes(mix(top, bottom, row / max(1, height - 1))) for row in range(height))
    return Image.frombytes("RGB", (1, height), column).resize((width, height), Image.Resampling.NEAREST)
