"""The sandbox's pictures as bytes: landscapes, edits of reference pictures, coarse previews.

Pure and repeatable: the same task gives the same bytes with the same Pillow. Every picture says on it that the sandbox
made it. What is drawn is in `sandbox_scenes`; this file fits it to the size, format and references asked for.
"""

import io
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

from penstock.core.call import Size
from penstock.core.errors import BadRequest
from penstock.providers.sandbox_scenes import landscape

MAX_REFERENCE_PIXELS = 50_000_000
"""Width times height of a reference or mask; looked at before it is decoded."""
_DRAWN_PIXELS = 2_400_000
"""Scenes are drawn at most this large and scaled up: their edges are soft, so that it does not show."""
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One picture to make."""

    prompt: str
    seed: int
    size: Size
    output_format: str = "png"
    """`png`, `jpeg` or `webp`."""
    compression: int | None = None
    """Quality of jpeg and webp, 0 to 100."""
    background: str = "opaque"
    """`transparent`, `opaque` or `auto`."""


def draw(task: Task) -> bytes:
    """A landscape; where the background is transparent, a medallion of it."""
    image = _scene(task)
    if task.background == "transparent":
        image.putalpha(_medallion(task.size))
    _label(image, task, (0, 0, *image.size))
    return _encoded(image, task)


def edit(task: Task, references: Sequence[bytes], mask: bytes | None = None) -> bytes:
    """The first reference with the prompt's landscape laid over it and the further references pinned on.

    With a mask only the pixels that are transparent in it change. Raises BadRequest for pictures that cannot be read.
    """
    original = _opened(references[0], "image").convert("RGBA")
    region = None if mask is None else _cover(_region(mask, original), task.size)
    ground = _cover(original, task.size)
    box = (0, 0, *ground.size) if region is None else region.getbbox() or (0, 0, 0, 0)
    flat = ground.convert("RGB")
    painted = _double_exposure(flat, _scene(task))
    _pin(painted, references[1:], box)
    alpha = ground.getchannel("A")
    if region is not None:
        _label(painted, task, _line_in(region, box))
        painted = Image.composite(painted, flat, region)
        painted.putalpha(ImageChops.lighter(alpha, region))
    else:
        painted.putalpha(ImageChops.darker(alpha, _medallion(task.size)) if task.background == "transparent" else alpha)
        _label(painted, task, box)
    return _encoded(painted, task)


def previews(data: bytes, task: Task, count: int) -> list[bytes]:
    """A finished picture as it might have looked while it was made: coarse first, then finer."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    made = []
    for step in range(count):
        grain = max(2, round(max(image.size) / (16 * 3**step)))
        small = image.reduce(min(grain, *image.size))
        coarse = small.resize(image.size, Image.Resampling.BICUBIC)
        _label(coarse, task, (0, 0, *coarse.size))
        made.append(_encoded(coarse, task))
    return made


def too_large(width: int, height: int, param: str) -> BadRequest:
    """The error for a picture that is not decoded because of its size."""
    most = MAX_REFERENCE_PIXELS // 1_000_000
    return BadRequest(
        f"The sandbox reads pictures of at most {most} megapixels; this is {width}x{height}.", param=param
    )


def _scene(task: Task) -> Image.Image:
    width, height = task.size.width, task.size.height
    scale = min(math.sqrt(_DRAWN_PIXELS / task.size.pixels), max(1.0, 320 / min(width, height)))
    image = landscape(task.prompt, task.seed, max(1, round(width * scale)), max(1, round(height * scale)))
    return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.LANCZOS)


def _opened(data: bytes, param: str) -> Image.Image:
    """A picture decoded, its first frame, its EXIF orientation ignored."""
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=_FORMATS)
        if image.width * image.height > MAX_REFERENCE_PIXELS:
            raise too_large(image.width, image.height, param)
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadRequest("The picture is broken, or not a PNG, JPEG, WebP or GIF.", param=param) from error
    # Pillow clips sixteen-bit grey to white unless it goes through eight bits.
    return image.convert("L") if image.mode.startswith("I;16") else image


def _cover(image: Image.Image, size: Size) -> Image.Image:
    """The picture filling the size, what hangs over cut off; untouched where it fits already."""
    wanted = (size.width, size.height)
    return image if image.size == wanted else ImageOps.fit(image, wanted, Image.Resampling.LANCZOS)


def _region(mask: bytes, original: Image.Image) -> Image.Image:
    """Where to paint, white on black, from a mask in OpenAI's polarity: transparent means edit."""
    image = _opened(mask, "mask")
    if image.size != original.size:
        raise BadRequest(
            f"The mask is {image.width}x{image.height} and the first picture {original.width}x{original.height}; "
            "they must be the same size.",
            param="mask",
        )
    if not image.has_transparency_data:
        raise BadRequest("The mask has no transparency, so nothing is marked for editing.", param="mask")
    return ImageChops.invert(image.convert("RGBA").getchannel("A"))


def _double_exposure(ground: Image.Image, scene: Image.Image) -> Image.Image:
    """The scene's colours everywhere, its shapes growing stronger towards the bottom."""
    toned = ImageChops.soft_light(ground, scene)
    rise = bytes(round(50 + 120 * (row / 255) ** 1.6) for row in range(256))
    veil = Image.frombytes("L", (1, 256), rise).resize(ground.size, Image.Resampling.BILINEAR)
    return Image.composite(scene, toned, veil)


def _pin(image: Image.Image, references: Sequence[bytes], box: Box) -> None:
    """Pins small prints of the references into the lower part of a box, in the caller's order."""
    if not references:
        return
    left, top, right, bottom = box
    rows = 1 if len(references) <= 5 else 2
    columns = math.ceil(len(references) / rows)
    side = max(6, round(min(0.34 * min(right - left, bottom - top) / rows**0.5, 0.84 * (right - left) / columns)))
    for number, data in enumerate(references):
        row, column = divmod(number, columns)
        across = left + (right - left) * (column + 0.5) / min(columns, len(references) - row * columns)
        down = bottom - (bottom - top) * 0.09 - side * 1.12 * (rows - row - 0.44)
        _paste_print(image, _opened(data, "image"), side, (across, down), tilt=(-5, 4, -3, 6)[number % 4])


def _paste_print(image: Image.Image, picture: Image.Image, side: int, centre: tuple[float, float], tilt: int) -> None:
    """A white-framed print with a soft shadow, turned a little, its longer side as given."""
    frame = max(1, side // 22)
    small = ImageOps.contain(picture.convert("RGBA"), (side - 2 * frame, side - 2 * frame), Image.Resampling.LANCZOS)
    paper = Image.new("RGBA", (small.width + 2 * frame, small.height + 2 * frame), (250, 248, 243, 255))
    paper.alpha_composite(small, (frame, frame))
    margin = side // 8 + 2
    sheet = Image.new("RGBA", (paper.width + 2 * margin, paper.height + 2 * margin))
    sheet.paste(paper, (margin, margin))
    sheet = sheet.rotate(tilt, Image.Resampling.BICUBIC)
    shadow = sheet.getchannel("A").filter(ImageFilter.GaussianBlur(side / 30)).point(lambda level: level * 0.55)
    place = (round(centre[0] - sheet.width / 2), round(centre[1] - sheet.height / 2))
    image.paste((8, 8, 20), (place[0] + side // 60, place[1] + side // 30), shadow)
    image.paste(sheet, place, sheet)


def _line_in(region: Image.Image, box: Box) -> Box:
    """The lowest part of a region that is nearly as wide as it gets, for a label to end on."""
    left, top, right, bottom = box
    if right <= left or bottom <= top:
        return box
    filled = region.crop(box).resize((1, bottom - top), Image.Resampling.BOX).tobytes()
    row = max(number for number, level in enumerate(filled) if level >= 0.6 * max(filled))
    line = region.crop((left, top + row, right, top + row + 1)).getbbox() or (0, 0, right - left, 1)
    return left + line[0], top, left + line[2], top + row + 1


def _label(image: Image.Image, task: Task, box: Box) -> None:
    """A band along the box's lower edge that says what this is, as much of it as fits; in tiny ones, a mark."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    if width < 8 or height < 8:
        return
    font = cast(ImageFont.FreeTypeFont, ImageFont.load_default(size=max(9, round(min(width, height) * 0.019))))
    tall = min(height // 3, round(font.size * 1.9))
    band = Image.new("RGBA", (width, tall), (10, 12, 24, 118))
    drawing = ImageDraw.Draw(band)
    text = _text_that_fits(task, font, width - font.size)
    if text and tall >= font.size:
        drawing.text((width / 2, tall / 2), text, (255, 255, 255, 232), font, anchor="mm")
    else:
        drawing.rectangle((width // 4, tall // 3, width - width // 4, tall - 1 - tall // 3), (255, 255, 255, 232))
    if image.mode == "RGBA":
        image.alpha_composite(band, (left, bottom - tall))
    else:
        image.paste(band, (left, bottom - tall), band)


def _text_that_fits(task: Task, font: ImageFont.FreeTypeFont, width: float) -> str:
    """As much as fits in a width; the prompt is shortened before it is left out."""
    facts = f"{task.size.width}x{task.size.height} · seed {task.seed}"
    prompt = _printable(task.prompt)
    shortened = [prompt, *(prompt[:length].rstrip() + "…" for length in range(len(prompt) - 2, 11, -2))]
    prompts = [f"Penstock sandbox · {text} · {facts}" for text in shortened if text]
    texts = (*prompts, f"Penstock sandbox · {facts}", "Penstock sandbox", "sandbox")
    return next((text for text in texts if font.getlength(text) <= width), "")


def _printable(prompt: str) -> str:
    """What of a prompt the built-in font can show: accents are dropped, other scripts left out; 80 characters."""
    plain = unicodedata.normalize("NFKD", prompt[:400]).encode("ascii", "ignore").decode()
    return " ".join("".join(letter if letter.isprintable() else " " for letter in plain).split())[:80]


def _medallion(size: Size) -> Image.Image:
    """The alpha of a picture with a transparent background: a rounded window, and the band for the label."""
    scale = min(1.0, 1024 / max(size.width, size.height))
    width, height = max(1, round(size.width * scale)), max(1, round(size.height * scale))
    short = min(width, height)
    window = Image.new("L", (width * 2, height * 2))
    inset = round(short * 0.12)
    edges = (inset, inset, 2 * width - 1 - inset, 2 * height - 1 - inset)
    ImageDraw.Draw(window).rounded_rectangle(edges, radius=short - inset, fill=255)
    return window.resize((size.width, size.height), Image.Resampling.LANCZOS)


def _encoded(image: Image.Image, task: Task) -> bytes:
    """The picture in the format asked for, with alpha only where it has some and may keep it."""
    solid = task.background == "auto" and _solid(image)
    if image.mode == "RGBA" and (task.output_format == "jpeg" or task.background == "opaque" or solid):
        paper = Image.new("RGB", image.size, (255, 255, 255))
        paper.paste(image, mask=image.getchannel("A"))
        image = paper
    buffer = io.BytesIO()
    if task.output_format == "png":
        image.save(buffer, "PNG", compress_level=1)
    elif task.output_format == "jpeg":
        image.save(buffer, "JPEG", quality=90 if task.compression is None else max(1, task.compression))
    else:
        image.save(buffer, "WEBP", quality=90 if task.compression is None else task.compression, method=2)
    return buffer.getvalue()


def _solid(image: Image.Image) -> bool:
    return image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255)
