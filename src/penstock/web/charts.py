"""Charts drawn here as SVG: what is drawn is shapes only, and the words and the numbers behind them stand beside it.

A `Chart` is laid out by the macro `chart` of `templates/macros.html`, which puts a table of the same numbers under it.
The shapes are stretched to the page's width, so they carry no text. A value that is None is a gap, never a zero.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from markupsafe import Markup

WIDTH, HEIGHT = 1000, 200
"""Of the drawing; the page stretches it."""
MOST_SERIES = 8
"""Colours there are; what is more belongs into one series of the rest."""

Value = float | int | Decimal | None
Shown = Callable[[Value], Markup | str]
"""How a value is written for people."""


@dataclass(frozen=True, slots=True)
class Row:
    """One place on the axis, in words."""

    label: str
    values: tuple[Markup | str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing and the numbers behind it."""

    title: str
    note: str = ""
    """The unit, or whatever else must be said beside the title."""
    svg: Markup = field(default_factory=Markup)
    scale: tuple[Markup | str, ...] = ()
    """Labels of the upright axis, from the top."""
    ends: tuple[str, ...] = ()
    """Labels of the level axis: its first, its middle and its last place."""
    series: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    rows_are: str = "Day"
    """What the places are: a day, a size."""
    empty: str = ""
    """Said instead, where there is nothing to draw."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or one colour of the bars: a value for each place, None where none is known."""

    name: str
    values: Sequence[Value]


def lines(
    title: str,
    places: Sequence[str],
    series: Sequence[Series],
    shown: Shown,
    *,
    note: str = "",
    rows_are: str = "Day",
    empty: str = "Nothing measured yet.",
) -> Chart:
    """Lines over places of the same distance; gaps stay gaps, and a value between two of them is a dot."""
    shown = cache(shown)
    top = _top([value for one in series for value in one.values])
    if top is None:
        return Chart(title=title, note=note, empty=empty)
    drawn = [_line(one.values, place + 1, top) for place, one in enumerate(series)]
    return _chart(title, note, rows_are, places, series, shown, top, Markup("").join(drawn))


def bars(
    title: str,
    places: Sequence[str],
    series: Sequence[Series],
    shown: Shown,
    *,
    note: str = "",
    rows_are: str = "Day",
    empty: str = "Nothing in this range.",
) -> Chart:
    """Bars, one upon the other where there are several series; what is not known adds nothing."""
    shown = cache(shown)
    sums = [sum(float(value or 0) for value in column) for column in zip(*(one.values for one in series), strict=True)]
    top = _top(sums)
    if not top:
        return Chart(title=title, note=note, empty=empty)
    slot = WIDTH / len(places)
    drawn: list[Markup] = []
    for at, place in enumerate(places):
        base = 0.0
        for number, one in enumerate(series):
            value = float(one.values[at] or 0)
            if value > 0:
                words = f"{place}: {one.name} {_plain(shown(one.values[at]))}"
                drawn.append(_bar(at * slot, slot, base, value, top, number + 1, words))
                base += value
    return _chart(title, note, rows_are, places, series, shown, top, Markup("").join(drawn))


def uptime_strip(days: Sequence[tuple[str, float | None]]) -> Markup:
    """A narrow strip with one mark for each day: green from 99.5 %, amber from 95 %, else red, or grey.

    The words for it stand beside it; each mark has its own on hover.
    """
    slot = WIDTH / max(len(days), 1)
    marks = [
        Markup('<rect x="{:.1f}" y="0" width="{:.1f}" height="30" class="{}"><title>{}</title></rect>').format(
            at * slot, max(slot - 6, 1), _standing(uptime), f"{day}: {_uptime(uptime)}"
        )
        for at, (day, uptime) in enumerate(days)
    ]
    return Markup(
        '<svg class="strip" viewBox="0 0 {} 30" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(WIDTH, Markup("").join(marks))


def share_bar(share: float, kind: str = "accent") -> Markup:
    """A level bar filled to a share from 0 to 1; the number stands beside it. `kind` is accent, good, warn or bad."""
    return Markup(
        '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="{:.2f}" height="1" class="fill-{}"/></svg>'
    ).format(100 * min(max(share, 0.0), 1.0), kind)


def _chart(
    title: str,
    note: str,
    rows_are: str,
    places: Sequence[str],
    series: Sequence[Series],
    shown: Shown,
    top: float,
    drawn: Markup,
) -> Chart:
    svg = Markup('<svg viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}{}</svg>').format(
        WIDTH, HEIGHT, _grid(), drawn
    )
    rows = tuple(Row(place, tuple(shown(one.values[at]) for one in series)) for at, place in enumerate(places))
    middle = [places[len(places) // 2]] if len(places) > 2 else []
    ends = tuple(dict.fromkeys([places[0], *middle, places[-1]]))
    return Chart(
        title=title,
        note=note,
        svg=svg,
        scale=(shown(top), shown(top / 2), shown(0)),
        ends=ends,
        series=tuple(one.name for one in series),
        rows=rows,
        rows_are=rows_are,
    )


def _grid() -> Markup:
    return Markup("").join(
        Markup('<line x1="0" x2="{}" y1="{}" y2="{}" class="grid-line"/>').format(WIDTH, y, y)
        for y in (0, HEIGHT // 2, HEIGHT)
    )


def _line(values: Sequence[Value], number: int, top: float) -> Markup:
    step = WIDTH / max(len(values) - 1, 1)
    parts: list[list[tuple[float, float]]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            parts.append([])
        else:
            parts[-1].append((at * step, HEIGHT - HEIGHT * float(value) / top))
    return Markup("").join(_path(part, number) for part in parts if part)


def _path(points: Sequence[tuple[float, float]], number: int) -> Markup:
    if len(points) == 1:
        (x, y) = points[0]
        return Markup('<path d="M{:.1f} {:.1f}h0" class="dot stroke-{}"/>').format(x, y, number)
    text = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return Markup('<path d="M{}" class="line stroke-{}"/>').format(text, number)


def _bar(x: float, slot: float, base: float, value: float, top: float, number: int, words: str) -> Markup:
    gap = min(slot * 0.2, 6)
    return Markup(
        '<rect x="{:.1f}" y="{:.2f}" width="{:.1f}" height="{:.2f}" class="fill-{}"><title>{}</title></rect>'
    ).format(x + gap / 2, HEIGHT - HEIGHT * (base + value) / top, slot - gap, HEIGHT * value / top, number, words)


def _top(values: Sequence[Value]) -> float | None:
    """The upright axis's end: a round number at or above every value; None where no value is known."""
    known = [float(value) for value in values if value is not None]
    if not known:
        return None
    highest = max(known)
    if highest <= 0:
        return 1.0
    size = 10.0 ** (len(f"{int(highest)}") - 1) if highest >= 1 else 10.0 ** _exponent(highest)
    return next(size * step for step in (1, 2, 2.5, 5, 10) if size * step >= highest)


def _exponent(value: float) -> int:
    return Decimal(repr(value)).adjusted()


def _standing(uptime: float | None) -> str:
    if uptime is None:
        return "fill-none"
    return "fill-good" if uptime >= 0.995 else "fill-warn" if uptime >= 0.95 else "fill-bad"


def _uptime(uptime: float | None) -> str:
    return "no calls" if uptime is None else f"{uptime:.1%} of calls succeeded"


def _plain(shown: Markup | str) -> str:
    return shown.striptags() if isinstance(shown, Markup) else shown
