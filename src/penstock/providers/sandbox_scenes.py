"""The sandbox's landscapes: what stands in a picture and in which colours, decided by the prompt's words and a hash.

Pure drawing. A scene is a function over a canvas, a palette and dice; everything is placed in fractions of the canvas,
so that one prompt and seed give one composition at every size. Called by `sandbox_pictures`.
"""

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from PIL import Image, ImageFilter

from penstock.providers.sandbox_canvas import (
    Canvas,
    Colour,
    Palette,
    Point,
    between,
    from_hex,
    gradient,
    mix,
    turned,
    vivid,
)


def landscape(prompt: str, seed: int, width: int, height: int) -> Image.Image:
    """The prompt's scene as an RGB picture of this size in pixels.

    The same prompt and seed give the same composition at every size, and the same bytes at the same size.
    """
    chance = Random(hashlib.sha256(f"{seed}\n{prompt}".encode()).digest())  # noqa: S311 - drawing, not secrets
    palette = _palette(prompt, chance)
    scene = chance.choice(_asked(prompt, [(words, scene) for scene, words in _SCENES.items()]))
    canvas = Canvas(width, height)
    scene(canvas, palette, chance)
    return canvas.image


def _palette(prompt: str, chance: Random) -> Palette:
    """A palette the prompt's words ask for, or any; its hue turned a little, so that no two pictures share one."""
    asked = chance.choice(_asked(prompt, _PALETTES))
    turn = chance.uniform(-0.03, 0.03)
    colours = (asked.top, asked.middle, asked.low, asked.light, asked.far, asked.near)
    return Palette(*(turned(colour, turn) for colour in colours))


Wave = Callable[[float], float]


def _waves(chance: Random, pitch: float, octaves: int, *, folded: bool = False) -> Wave:
    """A line of hills, roughly between -1 and 1, over lengths; folded, its crests are sharp as mountains are."""
    parts = [(pitch * 1.93**k, 0.5**k, chance.uniform(0, math.tau)) for k in range(octaves)]
    total = sum(weight for _, weight, _ in parts)

    def at(along: float) -> float:
        if folded:
            return sum((1 - 2 * abs(math.sin(f * along / 2 + p))) * w for f, w, p in parts) / total
        return sum(math.sin(f * along + p) * w for f, w, p in parts) / total

    return at


def _crest(canvas: Canvas, base: float, rise: float, wave: Wave) -> list[Point]:
    """The upper edge of a ridge from left to right, a point every few pixels."""
    count = max(24, canvas.width // 3)
    steps = [step / count for step in range(-1, count + 2)]
    return [(x, base - rise * wave(x * canvas.breadth)) for x in steps]


def _down(crest: list[Point]) -> list[Point]:
    """A crest, closed below the picture's lower edge."""
    return [*crest, (crest[-1][0], 1.02), (crest[0][0], 1.02)]


def _stars(canvas: Canvas, colour: Colour, chance: Random, below: float) -> None:
    """Many faint and a few bright ones, thinning out towards the horizon."""
    for _ in range(round(120 * min(6, canvas.breadth))):
        x, y = chance.random(), below * 0.9 * chance.random() ** 1.6
        bright = chance.random() ** 4
        radius = 0.0012 + 0.0016 * bright
        canvas.shape(canvas.circle(x, y, radius, 8), colour, alpha=(0.35 + 0.6 * bright) * (1 - 0.7 * y / below))
        if bright > 0.7:
            canvas.glow(x, y, 0.012, colour, 0.5)


def _clouds(canvas: Canvas, colour: Colour, chance: Random, top: float, bottom: float, strength: float) -> None:
    blots = []
    for _ in range(chance.randint(4, 8)):
        x, y, across = chance.random(), chance.uniform(top, bottom), chance.uniform(0.08, 0.3)
        for _ in range(4):
            spread = across * chance.uniform(0.35, 1)
            tall = chance.uniform(0.004, 0.014)
            blots.append((x + chance.uniform(-0.6, 0.6) * across, y + chance.uniform(-0.02, 0.02), spread, tall))
    canvas.mist(blots, colour, strength)


def _sun(canvas: Canvas, palette: Palette, x: float, y: float, radius: float) -> None:
    canvas.glow(x, y, radius * 9, mix(palette.light, palette.low, 0.6), 0.5)
    canvas.glow(x, y, radius * 3.2, palette.light, 0.7)
    warm = mix(palette.light, palette.low, 0.0 if palette.dark else 0.28)
    canvas.shape(canvas.circle(x, y, radius, 90), palette.light, warm)


def _birds(canvas: Canvas, colour: Colour, chance: Random, x: float, y: float) -> None:
    for _ in range(chance.randint(3, 7)):
        at = canvas.off(x, y, chance.uniform(-0.11, 0.11), chance.uniform(-0.05, 0.05))
        span, lift = chance.uniform(0.008, 0.016), chance.uniform(0.35, 0.6)
        arc = [(-1.0, -lift), (-0.5, -lift * 1.05), (0.0, 0.0), (0.5, -lift * 1.05), (1.0, -lift)]
        under = [(across * 0.96, down + 0.16) for across, down in reversed(arc[1:-1])]
        canvas.shape([canvas.off(*at, across * span, down * span) for across, down in arc + under], colour, alpha=0.85)


def _pines(canvas: Canvas, crest: list[Point], colour: Colour, chance: Random, tall: float, density: float) -> None:
    """Firs along a crest, in one outline so that a forest costs as much as a hill."""
    count = max(3, round(density * min(6, canvas.breadth)))
    grove = _waves(chance, 5.0, 2)
    for k in range(count):
        x = (k + chance.uniform(0.1, 0.9)) / count
        foot = crest[min(len(crest) - 1, round((x + 0.003) * (len(crest) - 3)) + 1)][1] + 0.012
        if grove(x * canvas.breadth) < -0.25:
            continue
        high = tall * chance.uniform(0.45, 1) * (0.75 + 0.25 * grove(x * canvas.breadth))
        half = high * chance.uniform(0.17, 0.23)
        side = []
        for tier in range(5):
            reach = half * (tier + 1) / 5
            side += [(reach, -high + high * (tier + 1.15) / 5.4), (reach * 0.55, -high + high * (tier + 1) / 5.4)]
        outline = [(0.0, -high), *side, (half * 0.12, 0.0)]
        mirrored = [(-across, down) for across, down in reversed(outline[1:])]
        canvas.shape([canvas.off(x, foot, across, down) for across, down in outline + mirrored], colour)


def _ridges(canvas: Canvas, palette: Palette, chance: Random) -> None:
    """Mountains behind hills behind firs, each nearer layer darker, mist between them."""
    horizon = chance.uniform(0.5, 0.6)
    canvas.sky((palette.top, palette.middle, palette.low), until=horizon + 0.12, bend=chance.uniform(-0.2, 0.2))
    if palette.dark:
        _stars(canvas, palette.light, chance, horizon)
    sun = chance.uniform(0.2, 0.8), chance.uniform(0.16, horizon - 0.12)
    _sun(canvas, palette, *sun, chance.uniform(0.04, 0.085))
    _clouds(canvas, mix(palette.low, palette.light, 0.5), chance, 0.1, horizon, 0.4)
    layers = chance.randint(5, 6)
    for layer in range(layers):
        depth = layer / (layers - 1)
        folded = layer < layers - 2
        wave = _waves(chance, chance.uniform(3.5, 6) * (1 - 0.4 * depth), 7 if folded else 4, folded=folded)
        base = horizon + 0.02 + (0.9 - horizon) * depth**1.25
        crest = _crest(canvas, base, 0.16 * (1 - 0.55 * depth), wave)
        body = mix(palette.far, palette.near, depth**0.9)
        haze = mix(body, palette.low, 0.62 * (1 - depth))
        canvas.shape(_down(crest), body, haze)
        if layer >= layers - 3:
            _pines(canvas, crest, body, chance, 0.03 + 0.12 * max(0.0, depth - 0.4) / 0.6, 95 - 60 * depth)
        if layer < layers - 2:
            drift = [(chance.random(), base + chance.uniform(0.06, 0.12), 0.3, 0.015) for _ in range(5)]
            canvas.mist(drift, palette.low, 0.3)
    if not palette.dark:
        away = sun[0] + (0.25 if sun[0] < 0.5 else -0.25)
        _birds(canvas, palette.near, chance, away, chance.uniform(0.2, 0.36))


def _sea(canvas: Canvas, palette: Palette, chance: Random) -> None:
    """A low sun over water, its path broken by waves, and a lighthouse on the headland."""
    horizon = chance.uniform(0.5, 0.62)
    canvas.sky((palette.top, palette.middle, palette.low), until=horizon, bend=chance.uniform(-0.15, 0.15))
    if palette.dark:
        _stars(canvas, palette.light, chance, horizon)
    left = chance.random() < 0.5
    sun = chance.uniform(0.56, 0.78) if left else chance.uniform(0.22, 0.44)
    radius = chance.uniform(0.05, 0.11)
    _sun(canvas, palette, sun, horizon - radius * chance.uniform(0.3, 2.4) * canvas.unit / canvas.height, radius)
    _clouds(canvas, mix(palette.low, palette.light, 0.6), chance, 0.08, horizon - 0.05, 0.45)
    island = _waves(chance, 4.0, 6)
    crest = _crest(canvas, horizon + 0.02, 0.07, lambda along: island(along) * (0.5 + 0.5 * island(along * 0.4)))
    canvas.shape([*crest, (1.1, horizon + 0.012), (-0.1, horizon + 0.012)], mix(palette.far, palette.low, 0.25))
    water = mix(palette.middle, palette.near, 0.35)
    deep = mix(water, palette.near, 0.75)
    canvas.shape([(-0.1, horizon), (1.1, horizon), (1.1, 1.1), (-0.1, 1.1)], mix(water, palette.low, 0.55), deep)
    for layer in range(5):
        base = horizon + (1 - horizon) * (0.3 + 0.16 * layer)
        wave = _waves(chance, 9 - layer, 3)
        body = mix(mix(water, palette.low, 0.3), deep, 0.25 + 0.18 * layer)
        crest = _crest(canvas, base, 0.004 + 0.004 * layer, wave)
        canvas.shape(_down(crest), body, deep, alpha=0.55)
        foam = [(x, y + 0.0012 + 0.0008 * layer) for x, y in reversed(crest)]
        canvas.shape([*crest, *foam], mix(palette.low, palette.light, 0.4), alpha=0.3)
    _shimmer(canvas, palette, chance, sun, horizon, radius)
    boat = sun + chance.uniform(0.07, 0.14) * (-1 if left else 1)
    _boat(canvas, palette, boat, horizon + 0.035, chance.uniform(0.05, 0.08))
    _headland(canvas, palette, chance, horizon, left)
    if not palette.dark:
        _birds(canvas, palette.near, chance, chance.uniform(0.35, 0.65), horizon - 0.28)


def _shimmer(canvas: Canvas, palette: Palette, chance: Random, x: float, horizon: float, radius: float) -> None:
    for k in range(46):
        depth = (k / 46) ** 1.5
        y = horizon + 0.006 + (0.93 - horizon) * depth
        at = canvas.off(x, y, chance.gauss(0, 0.3) * radius * (0.7 + 1.6 * depth), 0)
        half = radius * chance.uniform(0.25, 0.9) * (0.8 + depth)
        thick = 0.0016 + 0.0045 * depth
        lens = [
            (-half, 0.0),
            (-half / 2, -thick),
            (half / 2, -thick),
            (half, 0.0),
            (half / 2, thick),
            (-half / 2, thick),
        ]
        canvas.shape([canvas.off(*at, *point) for point in lens], palette.light, alpha=0.75 - 0.45 * depth)


def _boat(canvas: Canvas, palette: Palette, x: float, y: float, tall: float) -> None:
    hull = [(-0.42, -0.1), (0.46, -0.1), (0.3, 0.06), (-0.3, 0.06)]
    main = [(0.0, -1.0), (0.02, -0.16), (-0.36, -0.16), (-0.16, -0.55)]
    jib = [(0.05, -0.9), (0.36, -0.16), (0.05, -0.16)]
    sail = mix(palette.light, palette.low, 0.25)
    for part, colour in ((hull, palette.near), (main, sail), (jib, mix(sail, palette.far, 0.3))):
        canvas.shape([canvas.off(x, y, across * tall, down * tall) for across, down in part], colour)


def _headland(canvas: Canvas, palette: Palette, chance: Random, horizon: float, left: bool) -> None:
    """A cliff at one side with a lighthouse on it, the lamp lit."""
    foot = chance.uniform(0.16, 0.24)
    height = horizon - chance.uniform(0.0, 0.05)
    wave = _waves(chance, 14, 4)
    profile = [(-0.1, height), *((foot * 2.1 * k / 40, _cliff(height, k / 40, wave(k / 8))) for k in range(41))]
    rock = [(x if left else 1 - x, y) for x, y in [*profile, (-0.1, 1.06)]]
    ground = mix(palette.near, palette.far, 0.12)
    x, y = (foot * 0.85 if left else 1 - foot * 0.85), _cliff(height, 0.4, wave(2)) + 0.03
    tall = chance.uniform(0.24, 0.3)
    lamp = canvas.off(x, y, 0, -tall * 0.93)
    reach = 1.1 if left else -1.1
    beam = [lamp, canvas.off(*lamp, reach, -0.26), canvas.off(*lamp, reach, -0.03)]
    canvas.shape(beam, palette.light, alpha=0.5, fade=1 if left else -1)
    canvas.glow(*lamp, 0.16, palette.light, 0.9)
    _tower(canvas, palette, x, y, tall)
    canvas.shape(rock, ground, mix(ground, (0, 0, 0), 0.45))
    edge = rock[12:42]
    inner = [
        canvas.off(*place, -chance.uniform(0.012, 0.03) if left else chance.uniform(0.012, 0.03), 0.03)
        for place in edge
    ]
    canvas.shape([*edge, *reversed(inner)], mix(ground, palette.low, 0.45), ground, alpha=0.6)


def _cliff(height: float, along: float, roughness: float) -> float:
    slope = max(0.0, along - 0.45) / 0.55
    return height + 0.012 * roughness + (1.04 - height) * math.pow(slope, 1.5)


def _tower(canvas: Canvas, palette: Palette, x: float, y: float, tall: float) -> None:
    white, dark = mix(palette.light, palette.middle, 0.18), mix(palette.near, palette.far, 0.25)

    def part(upper: float, lower: float, wide_upper: float, wide_lower: float, colour: Colour) -> None:
        corners = ((-wide_upper, -upper), (wide_upper, -upper), (wide_lower, -lower), (-wide_lower, -lower))
        canvas.shape([canvas.off(x, y, across * tall, down * tall) for across, down in corners], colour)

    def wide(at: float) -> float:
        return 0.105 - 0.045 * at

    for band in range(5):
        low, high = band * 0.17, (band + 1) * 0.17
        part(high, low, wide(high), wide(low), dark if band % 2 else white)
    part(0.88, 0.845, 0.085, 0.085, palette.near)
    part(0.98, 0.88, 0.042, 0.042, palette.light)
    part(1.07, 0.98, 0.004, 0.06, palette.near)


def _dunes(canvas: Canvas, palette: Palette, chance: Random) -> None:
    """A great sun over sand; each dune has a lit and a shaded side meeting along a flowing edge."""
    horizon = chance.uniform(0.46, 0.56)
    canvas.sky((palette.top, palette.middle, palette.low), until=horizon + 0.08, bend=chance.uniform(-0.2, 0.2))
    if palette.dark:
        _stars(canvas, palette.light, chance, horizon)
    _sun(canvas, palette, chance.uniform(0.25, 0.75), horizon - chance.uniform(0.04, 0.22), chance.uniform(0.1, 0.17))
    _clouds(canvas, mix(palette.low, palette.light, 0.4), chance, 0.08, horizon - 0.06, 0.3)
    for layer in range(5):
        depth = layer / 4
        base = horizon + 0.04 + 0.36 * depth**1.15
        crest = _crest(canvas, base, 0.05 + 0.05 * depth, _waves(chance, 4.4 - 2 * depth, 2))
        lit = mix(mix(palette.far, palette.light, 0.3 * (1 - depth)), palette.near, 0.5 * depth)
        shade = mix(lit, palette.near, 0.55)
        canvas.shape(_down(crest), lit, mix(lit, palette.near, 0.35))
        _shaded_side(canvas, chance, crest, shade, lit)
    if not palette.dark:
        _birds(canvas, palette.near, chance, chance.uniform(0.3, 0.7), horizon - 0.24)


def _shaded_side(canvas: Canvas, chance: Random, crest: list[Point], shade: Colour, lit: Colour) -> None:
    """From every summit an S-shaped edge runs down; the sand to its right lies in shade as far as the next valley."""
    summits = [k for k in range(1, len(crest) - 1) if crest[k - 1][1] >= crest[k][1] < crest[k + 1][1]]
    for summit in summits:
        valley = summit
        while valley + 1 < len(crest) and crest[valley + 1][1] >= crest[valley][1]:
            valley += 1
        x, y = crest[summit]
        reach = crest[valley][0] - x
        bend, drop = reach * chance.uniform(0.15, 0.3), min(0.26, reach * canvas.breadth * chance.uniform(0.3, 0.5))
        edge = [(x + bend * math.sin(k / 20 * math.pi * 1.4) - bend * k / 40, y + drop * k / 20) for k in range(21)]
        canvas.shape([*crest[summit : valley + 1], *reversed(edge)], shade, lit)


def _currents(canvas: Canvas, palette: Palette, chance: Random) -> None:
    """Water in abstract: long ribbons that gather and part, lit from one side."""
    canvas.sky((palette.top, palette.middle, palette.low), bend=chance.uniform(-0.5, 0.5))
    canvas.glow(chance.uniform(0.15, 0.85), chance.uniform(0.0, 0.2), 0.7, mix(palette.light, palette.low, 0.5), 0.8)
    start = chance.uniform(0.06, 0.14)
    slow, quick = _waves(chance, chance.uniform(2.4, 4.2), 2), _waves(chance, chance.uniform(4, 6), 2)
    tilt, phase = chance.uniform(-0.3, 0.3), chance.uniform(0.08, 0.2)
    sky, land = (palette.low, palette.light, palette.low, palette.middle), (palette.far, palette.middle)
    row = (*sky, *land, palette.top, palette.near)
    for k in range(15):
        depth = k / 14
        offset = k * phase

        def edge(along: float, depth: float = depth, offset: float = offset) -> float:
            return slow(along + offset) + (0.2 + 0.5 * depth) * quick(along * 0.8 - offset) - tilt * (along - 0.5)

        crest = _crest(canvas, start + (1.04 - start) * depth, 0.09 + 0.05 * depth, edge)
        body = mix(between(row, depth), chance.choice(row), 0.25)
        canvas.shape(_down(crest), mix(body, palette.light, 0.18), mix(body, palette.near, 0.7), alpha=0.86)
        rim = [(x, y + 0.0022 + 0.0025 * depth) for x, y in reversed(crest)]
        canvas.shape([*crest, *rim], mix(body, palette.light, 0.75), alpha=0.7)


def _night(canvas: Canvas, palette: Palette, chance: Random) -> None:
    """Stars, curtains of northern light and a still lake that carries all of it upside down."""
    shore = chance.uniform(0.6, 0.68)
    canvas.sky((mix(palette.top, (2, 4, 14), 0.72), mix(palette.middle, (4, 10, 30), 0.6), palette.middle), until=shore)
    _stars(canvas, (244, 246, 255), chance, shore)
    for _ in range(chance.randint(2, 3)):
        _curtain(
            canvas,
            chance,
            shore * chance.uniform(0.6, 0.9),
            mix(vivid(palette.low), chance.choice([(60, 255, 190), (150, 120, 255), (90, 240, 140)]), 0.7),
        )
    if chance.random() < 0.6:
        _sun(canvas, palette, chance.uniform(0.15, 0.85), chance.uniform(0.1, 0.25), 0.035)
    for layer, (rise, body) in enumerate(((0.16, 0.35), (0.08, 0.85))):
        crest = _crest(canvas, shore - 0.1 + 0.07 * layer, rise, _waves(chance, 5 - layer, 6, folded=True))
        ground = mix(mix(palette.far, (6, 12, 30), 0.45), (2, 4, 12), body)
        canvas.shape(_down(crest), ground, mix(ground, palette.middle, 0.25 * (1 - layer)))
        if layer:
            _pines(canvas, crest, ground, chance, 0.08, 80)
    line = round(shore * canvas.height)
    under = canvas.image.crop((0, max(0, 2 * line - canvas.height), canvas.width, line))
    under = under.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((canvas.width, max(1, canvas.height - line)))
    veil = gradient(*under.size, mix(palette.middle, (4, 10, 30), 0.7), (1, 3, 10))
    canvas.image.paste(Image.blend(under, veil, 0.25), (0, line))
    for _ in range(40):
        y = shore + (1 - shore) * chance.random() ** 1.6
        x, half = chance.random(), chance.uniform(0.02, 0.09)
        canvas.shape([(x - half, y), (x, y - 0.0012), (x + half, y), (x, y + 0.0012)], palette.low, alpha=0.22)


def _curtain(canvas: Canvas, chance: Random, base: float, colour: Colour) -> None:
    """Northern light: rays that stand on a folded hem, brightest there and fading upwards."""
    fold, ray = _waves(chance, 3.2, 3), _waves(chance, 17.0, 4)
    wide, high = 128, 96
    rows = [bytearray(wide) for _ in range(high)]
    for column in range(wide):
        along = column / wide * canvas.breadth
        hem = (base - 0.1 * fold(along)) * high
        strength = 120 + 75 * ray(along) + 40 * fold(along * 2)
        reach = high * (0.17 + 0.1 * ray(along * 0.7 + 2))
        for row in range(high):
            above = hem - row
            light = math.exp(-above / reach) if above > 0 else math.exp(above / 2.5)
            rows[row][column] = round(max(0.0, min(255.0, strength * light)))
    mask = Image.frombytes("L", (wide, high), b"".join(rows)).filter(ImageFilter.GaussianBlur(1))
    mask = mask.resize((canvas.width, canvas.height), Image.Resampling.BICUBIC)
    canvas.image.paste(colour, (0, 0), mask)


Scene = Callable[[Canvas, Palette, Random], None]

_SCENES: dict[Scene, str] = {
    _ridges: "mountain mountains hill hills forest tree trees valley lake landscape pine alps peak wood woods cabin",
    _sea: "sea ocean lighthouse boat ship harbour harbor coast beach island bay wave waves sail water",
    _dunes: "desert dune dunes sand sahara camel mars canyon heat",
    _night: "night star stars aurora moon midnight galaxy space northern",
    _currents: "abstract current currents river flow pattern penstock stream ribbon ribbons texture music silk",
}
"""What there is to draw, and the words of a prompt that ask for it."""

_PALETTES = tuple(
    (moods, Palette(*(from_hex(text) for text in colours.split())))
    for colours, moods in (
        ("1f1c3f 8a3b6b f6a15b ffe3a8 b9607a 1b1430", "dusk sunset evening warm orange fire cinematic"),
        ("5b86c9 f3b6b0 ffe6c7 fff6df c7a3b8 3a3f63", "dawn sunrise morning soft pastel pink"),
        ("0d2b4e 3f8fb5 d6f0ee ffffff 8fc3d0 0c2238", "winter snow ice glacier cold arctic blue"),
        ("4fa3c7 b7e0d2 fdf3cf fffbe0 a9cfa0 1f4d3a", "spring summer meadow green day garden grass"),
        ("050816 10204a 35508a f4f1de 2a3d6e 04060f", "night midnight dark moon moonlight stars noir"),
        ("3a4a7c e58a7b ffd9a0 fff1c9 d98b6a 5a2433", "desert rose canyon red coral peach"),
        ("0b5c7a 36b3a8 f9e7b5 fff7d6 5ab5a5 06303f", "lagoon tropical turquoise teal beach island"),
        ("2a1140 7a3f8f f0a6b8 ffe9ef a06bb0 1a0a2b", "purple violet dream magic fantasy lavender neon"),
        ("6b8fa8 e9c48b fbe8c0 fff3d1 d98f4e 4a1f16", "autumn fall golden gold harvest amber brown yellow"),
        ("04121f 0b3b46 2aa58a e9fff3 14525a 020a10", "aurora northern emerald deep"),
        ("d8d2c6 e6e0d4 f6f1e7 c8402f a9a49a 24262e", "ink minimal monochrome paper japanese black white sumi"),
        ("27466b d98aa0 fbd3b4 fff4e6 8f86a8 232544", "mist haze calm quiet romantic watercolor watercolour"),
    )
)


Chosen = TypeVar("Chosen")


def _asked(prompt: str, choices: Sequence[tuple[str, Chosen]]) -> list[Chosen]:
    """The choices whose words are in the prompt, or all of them where none is."""
    words = set(re.findall(r"[a-z]+", prompt.lower()))
    return [choice for asked, choice in choices if words & set(asked.split())] or [choice for _, choice in choices]
