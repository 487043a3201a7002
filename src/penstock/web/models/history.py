"""What was measured of a model here: how its providers did day by day, and, for those who may know, who used it.

Nothing measured stays not known: it becomes a gap in a line and a grey mark in a strip.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from markupsafe import Markup
from sqlalchemy import Connection

from penstock.store.benchmark_reviews import BenchmarkReview, accepted_for
from penstock.store.health_days import HealthDayRow, read_days
from penstock.store.samples import Sample, latest_pictures_by_model
from penstock.store.sums import DAY_MS
from penstock.store.usage import UsageRow, usage
from penstock.upstream.results import Kind, Window, window_of
from penstock.web.charts import MOST_SERIES, Chart, Series, Value, bars, lines, uptime_strip
from penstock.web.models.view import Offered
from penstock.web.templating import number, seconds, usd_short

DAYS = 30
_WEEK = 7
_MOST_APPS = 10
_MOST_SAMPLES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What the database says of a model."""

    health: list[HealthDayRow]
    reviews: list[BenchmarkReview]
    days: list[UsageRow] | None = None
    """None for whoever may not know."""
    apps: list[UsageRow] | None = None
    samples: list[Sample] = field(default_factory=list)


def gather(
    c: Connection, model: str, offers: Sequence[str], now: int, *, signed_in: bool, key_id: str | None
) -> Gathered:
    """All of it in one read; what was used and made is only for those signed in, with a key of that key alone."""
    today = now // DAY_MS * DAY_MS
    health, reviews = read_days(c, offers, today - (DAYS - 1) * DAY_MS), accepted_for(c, model)
    if not signed_in:
        return Gathered(health=health, reviews=reviews)
    where = {"model": model, **({"key": key_id} if key_id is not None else {})}
    return Gathered(
        health=health,
        reviews=reviews,
        days=usage(c, ["day"], today - (DAYS - 1) * DAY_MS, now + 1, where),
        apps=usage(c, ["app"], now - _WEEK * DAY_MS, now + 1, where)[:_MOST_APPS],
        samples=latest_pictures_by_model(c, [model], key_id, each=_MOST_SAMPLES).get(model, []),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """Thirty days of one offer, or of all together."""

    name: str
    strip: Markup
    share: float | None
    """Of the calls of all days."""
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Thirty days."""

    by_offer: Mapping[str, Uptime]
    """By the offer's id."""
    together: Uptime
    latency: Chart
    throughput: Chart


def history(
    rows: Sequence[HealthDayRow], today: Mapping[str, Window], offers: Sequence[Offered], now: int, pictures: bool
) -> History:
    """How offers did, from the rows of their days, and of today from memory where that has seen more."""
    days = _days(now)
    windows: dict[str, dict[int, Window]] = {}
    for row in rows:
        windows.setdefault(row.offer, {}).setdefault(row.day, Window()).add(window_of(row))
    for id, window in today.items():
        kept = windows.get(id, {}).get(days[-1], Window())
        if _calls([window]) > _calls([kept]):
            windows.setdefault(id, {})[days[-1]] = window
    names = {each.offer.id: each.name for each in offers}
    called = sorted((id for id in windows if id in names), key=lambda id: -_calls(windows[id].values()))
    together: dict[int, Window] = {}
    for id in called:
        for day, window in windows[id].items():
            together.setdefault(day, Window()).add(window)
    unit = "megapixels a second, median" if pictures else "tokens a second, median"
    charted = [(names[id], windows[id]) for id in called[:MOST_SERIES]]
    return History(
        by_offer={id: _uptime(names[id], windows[id], days) for id in called},
        together=_uptime("All providers", together, days),
        latency=_lines("Time to a result", "median of each day", "seconds", charted, days, _seconds),
        throughput=_lines("Throughput", unit, "rate", charted, days, lambda value: number(value, 2)),
    )


def _days(now: int) -> list[int]:
    today = now // DAY_MS * DAY_MS
    return [today - back * DAY_MS for back in range(DAYS - 1, -1, -1)]


def _named(day: int) -> str:
    at = datetime.fromtimestamp(day / 1000, UTC)
    return f"{at.day} {at:%b}"


def _calls(windows: Iterable[Window]) -> int:
    return sum(window.succeeded + window.failed for window in windows)


def _uptime(name: str, windows: Mapping[int, Window], days: Sequence[int]) -> Uptime:
    whole = Window()
    for window in windows.values():
        whole.add(window)
    strip = uptime_strip([(_named(day), windows[day].uptime if day in windows else None) for day in days])
    return Uptime(name=name, strip=strip, share=whole.uptime, calls=whole.succeeded + whole.failed)


def _lines(
    title: str,
    note: str,
    kind: Kind,
    charted: Sequence[tuple[str, Mapping[int, Window]]],
    days: Sequence[int],
    shown: Callable[[Value], Markup | str],
) -> Chart:
    places = [_named(day) for day in days]
    series = [Series(name, [_median(windows.get(day), kind) for day in days]) for name, windows in charted]
    return lines(title, places, series, shown, note=note)


def _median(window: Window | None, kind: Kind) -> float | None:
    return None if window is None else window.quantile(kind, 0.5)


def _seconds(value: Value) -> Markup:
    return seconds(None if value is None else float(value))


# Who used it.


def activity(rows: Sequence[UsageRow], now: int, pictures: bool) -> list[Chart]:
    """A chart for each thing that is counted; none of them where nothing was asked of the model."""
    if not rows:
        return []
    by_day = {row.group["day"]: row for row in rows}
    days = _days(now)
    rows_of_days = [by_day.get(datetime.fromtimestamp(day / 1000, UTC).strftime("%Y-%m-%d")) for day in days]
    places = [_named(day) for day in days]
    counted: list[tuple[str, Callable[[UsageRow], Value], Callable[[Value], Markup | str]]] = [
        ("Requests", lambda row: row.requests, _number),
        *([("Pictures", lambda row: row.images, _number)] if pictures else []),
        *([("Megapixels", lambda row: row.megapixels, _number)] if pictures else []),
        ("Tokens", lambda row: row.tokens_in + row.tokens_out, _number),
        ("Spend", lambda row: row.cost, _dollars),
    ]
    charts = []
    for title, value, shown in counted:
        values = [0 if row is None else value(row) for row in rows_of_days]
        if any(values):
            charts.append(bars(title, places, [Series(title, values)], shown, note=_note(title, rows)))
    return charts


def _note(title: str, rows: Sequence[UsageRow]) -> str:
    unpriced = sum(row.unpriced for row in rows)
    if title != "Spend":
        return ""
    return f"US dollars; the cost of {unpriced} is not known" if unpriced else "US dollars"


def _number(value: Value) -> Markup:
    return number(value, 1)


def _dollars(value: Value) -> Markup | str:
    return "$0" if value == 0 else usd_short(None if value is None else Decimal(str(value)))
