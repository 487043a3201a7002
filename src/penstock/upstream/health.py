"""How offers have been doing, by operation and by about how large the pictures are: pure, and fed by the pipeline.

Two memories. The last 32 results of this process say how things are now. Slots of one minute, counts and histograms,
go back a day and are shared: `changed` has what this process noted, for others to `merge`. After an hour slots of one
minute become slots of one hour, so a day of a busy offer takes little memory, and an offer that is never called none.

`now` is in seconds that never go back; `Healths.epoch` says which minute that is for everybody.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from statistics import median
from typing import Literal, Protocol

from penstock.core.call import Operation
from penstock.core.health import UNKNOWN, Health
from penstock.upstream import histogram
from penstock.upstream.histogram import Histogram

Kind = Literal["seconds", "first", "rate"]
"""What is measured of a success: seconds to its result, seconds to its first byte, units a second."""

DAY_SECONDS = 86_400.0
"""For how long slots are kept."""

_RECENT = 32
_RECENT_SECONDS = 300.0
_FRESH_SECONDS = 60.0
_FRESH_ENOUGH = 3
_OUTAGE_SECONDS = 30.0
_OUTAGE_FAILURES = 3
_LOOK_SECONDS = 1.0
"""How old a snapshot may be when nothing was noted since."""
_MINUTE, _HOUR = 60, 3600
_MINUTES_KEPT = 60
"""Slots of one minute up to this age; then they are part of an hour."""

_SIZES = ((0.6, "0.5MP"), (1.3, "1MP"), (2.6, "2MP"), (5.0, "4MP"))


def size_class(megapixels: float | None) -> str:
    """About how large a picture of so many megapixels (of 2^20 pixels) is; empty for text."""
    if megapixels is None:
        return ""
    return next((name for most, name in _SIZES if megapixels <= most), "more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one attempt."""

    good: bool
    counts: bool = True
    """False where it says nothing about the offer: the caller's own fault, moderation, cancelled."""
    limited: bool = False
    """The provider refused it for the rate of calls, which is told apart."""
    seconds: float
    """From the call until its result."""
    first_seconds: float | None = None
    """Until the first byte of a stream."""
    rate: float | None = None
    """Megapixels, or tokens of text, a second."""


class Shared(Protocol):
    """A slot as it goes from process to process."""

    @property
    def offer(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def size_class(self) -> str: ...
    @property
    def minute(self) -> int: ...
    @property
    def process(self) -> str: ...
    @property
    def succeeded(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def limited(self) -> int: ...
    @property
    def seconds(self) -> Mapping[str, int]: ...
    @property
    def firsts(self) -> Mapping[str, int]: ...
    @property
    def rates(self) -> Mapping[str, int]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """All that this process has noted of one minute so far. Histograms are keyed by text, as in JSON."""

    offer: str
    operation: str
    size_class: str
    minute: int
    """Unix minutes."""
    succeeded: int
    failed: int
    limited: int
    seconds: Mapping[str, int]
    firsts: Mapping[str, int]
    rates: Mapping[str, int]


@dataclass(slots=True)
class Window:
    """Results of some time, added up."""

    succeeded: int = 0
    failed: int = 0
    limited: int = 0
    """Refused for the rate of calls; neither of the above."""
    seconds: Histogram = field(default_factory=dict)
    firsts: Histogram = field(default_factory=dict)
    rates: Histogram = field(default_factory=dict)

    @property
    def uptime(self) -> float | None:
        """The part that succeeded, 0 to 1, rate limits left out; None where there are no results."""
        results = self.succeeded + self.failed
        return self.succeeded / results if results else None

    def quantile(self, kind: Kind, share: float) -> float | None:
        """What the share (0 to 1) of the successes do not exceed, within 5%; None where it was never measured."""
        return histogram.quantile(self._of(kind), share)

    def note(self, result: Result) -> None:
        """Add one result."""
        if result.limited:
            self.limited += 1
        elif not result.good:
            self.failed += 1
        else:
            self.succeeded += 1
            _count(self.seconds, result.seconds)
            if result.first_seconds is not None:
                _count(self.firsts, result.first_seconds)
            if result.rate is not None:
                _count(self.rates, result.rate)

    def add(self, other: "Window", times: int = 1) -> None:
        """Add another one, or take it out with -1."""
        self.succeeded += times * other.succeeded
        self.failed += times * other.failed
        self.limited += times * other.limited
        histogram.add(self.seconds, other.seconds, times)
        histogram.add(self.firsts, other.firsts, times)
        histogram.add(self.rates, other.rates, times)

    def _of(self, kind: Kind) -> Histogram:
        return {"seconds": self.seconds, "first": self.firsts, "rate": self.rates}[kind]


def _count(counts: Histogram, value: float) -> None:
    number = histogram.bucket(value)
    counts[number] = counts.get(number, 0) + 1


class Healths:
    """Every offer that was called within a day. No method waits, so each is atomic."""

    def __init__(self, *, epoch: float = 0.0, memory_seconds: float = 60.0) -> None:
        self.epoch = epoch
        """Unix seconds at which `now` was 0. May be set again, for a machine's clock can be put right."""
        self.memory_seconds = memory_seconds
        """After how long what happened counts half as much for `good`, `bad` and `pace`. May be set at any time."""
        self._offers: dict[str, dict[str, _Operation]] = {}
        self._changed: list[tuple[_Series, int]] = []
        self._oldest_minute = 0

    def begin(self, offer_id: str, operation: Operation) -> None:
        """A call is under way."""
        self._operation(offer_id, operation).in_flight += 1

    def end(self, offer_id: str, operation: Operation) -> None:
        """It no longer is, whatever came of it."""
        self._operation(offer_id, operation).in_flight -= 1

    def note(self, offer_id: str, operation: Operation, size_class: str, result: Result, now: float) -> None:
        """A call came to something."""
        if not (result.counts or result.limited):
            return
        known = self._operation(offer_id, operation)
        series = known.sized(size_class)
        minute = int((self.epoch + now) // _MINUTE)
        slot = series.minutes.get(minute)
        if slot is None:
            slot = series.minutes[minute] = _Slot()
        slot.own.note(result)
        if not slot.changed:
            slot.changed = True
            self._changed.append((series, minute))
        for level in (known, series):
            level.note(result, minute, now, self.memory_seconds)
        known.version += 1

    def look(self, offer_id: str, operation: Operation, size_class: str, now: float) -> Health:
        """How an offer is doing at an operation and pictures of about one size.

        What is not known of this size is taken from all sizes together; whether there is an outage always is.
        """
        operations = self._offers.get(offer_id)
        known = None if operations is None else operations.get(operation)
        if known is None:
            return UNKNOWN
        series = known.sized(size_class)
        health = series.health
        if health is None or series.version != known.version or now - series.looked_at > _LOOK_SECONDS:
            health = series.health = _snapshot(known, series, self._view(now))
            series.version, series.looked_at = known.version, now
        elif health.in_flight != known.in_flight:
            health = series.health = _with_in_flight(health, known.in_flight)
        return health

    def quantile(
        self, offer_id: str, operation: Operation, size_class: str, kind: Kind, share: float, now: float
    ) -> float | None:
        """What the share of the successes of the last five minutes do not exceed; of all sizes if this one has none."""
        known = self._offers.get(offer_id, {}).get(operation)
        if known is None:
            return None
        view = self._view(now)
        sized = known.sized(size_class).lately(view)
        return (sized if sized.succeeded else known.lately(view)).quantile(kind, share)

    def window(self, offer_id: str, operation: Operation | None, seconds: float, now: float) -> Window:
        """What came of all calls of an offer at an operation, or at all of them, in so many seconds before now.

        To the minute, and beyond the last hour to the hour: what lies across its beginning is part of it.
        """
        found = Window()
        view = self._view(now)
        for name, known in self._offers.get(offer_id, {}).items():
            if operation is None or name == operation:
                known.add_to(found, view.unix - seconds, view.unix)
        return found

    def changed(self) -> list[Changed]:
        """The slots of this process in which something was noted since this was last asked, each as a whole."""
        rows = [_row(series, minute) for series, minute in self._changed if minute in series.minutes]
        self._changed.clear()
        return rows

    def merge(self, rows: Iterable[Shared]) -> None:
        """Take over slots of other processes; a row replaces what its process said of the slot before.

        Rows of minutes that have become part of an hour are left out, since they have been added up.
        """
        for row in rows:
            if row.minute < self._oldest_minute:
                continue
            known = self._operation(row.offer, row.operation)
            series = known.sized(row.size_class)
            slot = series.minutes.setdefault(row.minute, _Slot())
            if slot.replace(row.process, _window_of(row)):
                series.forget_lately()
                known.forget_lately()
                known.version += 1

    def tidy(self, now: float) -> None:
        """Make hours out of old minutes and forget what is older than a day; worth calling every minute."""
        unix = self.epoch + now
        oldest_minute = int(unix // _MINUTE) - _MINUTES_KEPT
        if oldest_minute == self._oldest_minute:
            return
        self._oldest_minute = oldest_minute
        oldest_hour = int((unix - DAY_SECONDS) // _HOUR)
        for offer_id, operations in list(self._offers.items()):
            for name, known in list(operations.items()):
                known.tidy(oldest_minute, oldest_hour)
                if not known.sizes and not known.in_flight:
                    del operations[name]
            if not operations:
                del self._offers[offer_id]

    def _operation(self, offer_id: str, operation: str) -> "_Operation":
        operations = self._offers.get(offer_id)
        if operations is None:
            operations = self._offers[offer_id] = {}
        known = operations.get(operation)
        if known is None:
            known = operations[operation] = _Operation(offer_id, operation)
        return known

    def _view(self, now: float) -> "_View":
        return _View(now, self.epoch + now, self.memory_seconds)


@dataclass(frozen=True, slots=True)
class _View:
    """From when something is looked at."""

    now: float
    unix: float
    memory_seconds: float


@dataclass(slots=True)
class _Memory:
    """Successes and failures, worth less the longer ago they were."""

    good: float = 0.0
    bad: float = 0.0
    seconds: float = 0.0
    """That the successes took."""
    at: float = -inf

    def note(self, result: Result, now: float, half_life: float) -> None:
        self.fade(now, half_life)
        if result.good:
            self.good += 1
            self.seconds += result.seconds
        else:
            self.bad += 1

    def fade(self, now: float, half_life: float) -> None:
        if now > self.at:
            part = 0.5 ** ((now - self.at) / half_life)
            self.good *= part
            self.bad *= part
            self.seconds *= part
            self.at = now

    @property
    def pace(self) -> float | None:
        return self.seconds / self.good if self.good else None


class _Level:
    """What there is of one size, and of all sizes of an operation together."""

    __slots__ = ("_lately", "_lately_minute", "memory", "recent")

    def __init__(self) -> None:
        self.recent: deque[tuple[float, Result]] = deque(maxlen=_RECENT)
        self.memory = _Memory()
        self._lately: Window | None = None
        """The last five minutes as they were added up, and have been kept up with since."""
        self._lately_minute = 0

    def add_to(self, window: Window, begin: float, end: float) -> None:
        """Add the slots between two Unix times."""
        raise NotImplementedError

    def note(self, result: Result, minute: int, now: float, half_life: float) -> None:
        if not result.limited:
            self.recent.append((now, result))
            self.memory.note(result, now, half_life)
        if self._lately is not None and self._lately_minute == minute:
            self._lately.note(result)
        else:
            self._lately = None

    def lately(self, view: _View) -> Window:
        """The last five minutes, in all processes."""
        minute = int(view.unix // _MINUTE)
        if self._lately is None or self._lately_minute != minute:
            self._lately, self._lately_minute = Window(), minute
            self.add_to(self._lately, view.unix - _RECENT_SECONDS, view.unix)
        return self._lately

    def forget_lately(self) -> None:
        """A slot has changed."""
        self._lately = None

    def successes(self, now: float) -> tuple[int, list[Result]]:
        """How many results are of the last minute, and the successes that medians are of."""
        recent = self.recent
        while recent and recent[0][0] + _RECENT_SECONDS <= now:
            recent.popleft()
        fresh = [result for at, result in recent if at + _FRESH_SECONDS > now]
        if len(fresh) >= _FRESH_ENOUGH:
            good = [result for result in fresh if result.good]
            if good:
                return len(fresh), good
        return len(fresh), [result for _, result in recent if result.good]


class _Series(_Level):
    """One size."""

    __slots__ = ("health", "hours", "key", "looked_at", "minutes", "version")

    def __init__(self, key: tuple[str, str, str]) -> None:
        super().__init__()
        self.key = key
        self.minutes: dict[int, _Slot] = {}
        """By Unix minute."""
        self.hours: dict[int, Window] = {}
        """By Unix hour: what was in minutes that are gone."""
        self.health: Health | None = None
        self.looked_at = -inf
        self.version = -1

    def add_to(self, window: Window, begin: float, end: float) -> None:
        first, last = int(begin // _MINUTE), int(end // _MINUTE)
        for minute in range(max(first, last - _MINUTES_KEPT), last + 1):
            slot = self.minutes.get(minute)
            if slot is not None:
                slot.add_to(window)
        if last - first > _MINUTES_KEPT:
            self._add_old(window, first, last - _MINUTES_KEPT)

    def _add_old(self, window: Window, first: int, end: int) -> None:
        for minute, slot in self.minutes.items():
            if first <= minute < end:
                slot.add_to(window)
        for hour, whole in self.hours.items():
            if first // 60 <= hour <= end // 60:
                window.add(whole)

    def tidy(self, oldest_minute: int, oldest_hour: int) -> None:
        for minute in [minute for minute in self.minutes if minute < oldest_minute]:
            self.minutes.pop(minute).add_to(self.hours.setdefault(minute // 60, Window()))
        for hour in [hour for hour in self.hours if hour < oldest_hour]:
            del self.hours[hour]


class _Operation(_Level):
    """All sizes of one offer at one operation."""

    __slots__ = ("_key", "in_flight", "sizes", "version")

    def __init__(self, offer_id: str, operation: str) -> None:
        super().__init__()
        self._key = offer_id, operation
        self.in_flight = 0
        self.sizes: dict[str, _Series] = {}
        self.version = 0
        """Counts what was noted and merged."""

    def sized(self, size_class: str) -> _Series:
        series = self.sizes.get(size_class)
        if series is None:
            series = self.sizes[size_class] = _Series((*self._key, size_class))
        return series

    def add_to(self, window: Window, begin: float, end: float) -> None:
        for series in self.sizes.values():
            series.add_to(window, begin, end)

    def tidy(self, oldest_minute: int, oldest_hour: int) -> None:
        for name, series in list(self.sizes.items()):
            series.tidy(oldest_minute, oldest_hour)
            if not series.minutes and not series.hours:
                del self.sizes[name]

    def stable(self, now: float) -> bool:
        """No outage in the last 30 seconds."""
        lately = [result.good for at, result in self.recent if at + _OUTAGE_SECONDS > now]
        failures = lately.count(False)
        return failures < _OUTAGE_FAILURES or failures < len(lately) - failures


class _Slot:
    """One minute: what this process noted, and what the others did."""

    __slots__ = ("_others", "_parts", "changed", "own")

    def __init__(self) -> None:
        self.own = Window()
        self.changed = False
        """Whether there is something new in `own`."""
        self._others: Window | None = None
        self._parts: dict[str, Window] = {}

    def replace(self, process: str, window: Window) -> bool:
        """Whether that is something new."""
        before = self._parts.get(process)
        if before == window:
            return False
        if self._others is None:
            self._others = Window()
        if before is not None:
            self._others.add(before, -1)
        self._others.add(window)
        self._parts[process] = window
        return True

    def add_to(self, window: Window) -> None:
        window.add(self.own)
        if self._others is not None:
            window.add(self._others)


def _snapshot(known: _Operation, series: _Series, view: _View) -> Health:
    now = view.now
    lately = series.lately(view)
    fresh, good = series.successes(now)
    level: _Level = series
    if not good and not lately.succeeded:
        level = known
        _, good = known.successes(now)
    speeds = level.lately(view)
    # Of an offer that failed at this size only, that counts; its medians may still be those of other sizes.
    counted: _Level = series if lately.succeeded or lately.failed else known
    memory = counted.memory
    memory.fade(now, view.memory_seconds)
    return Health(
        fresh=fresh,
        p50=_median([result.seconds for result in good], "seconds", speeds),
        p95=speeds.quantile("seconds", 0.95),
        first_p50=_median([r.first_seconds for r in good if r.first_seconds is not None], "first", speeds),
        first_p95=speeds.quantile("first", 0.95),
        rate_p50=_median([result.rate for result in good if result.rate is not None], "rate", speeds),
        success=counted.lately(view).uptime,
        in_flight=known.in_flight,
        good=memory.good,
        bad=memory.bad,
        pace=series.memory.pace or known.memory.pace,
        stable=known.stable(now),
    )


def _median(values: list[float], kind: Kind, speeds: Window) -> float | None:
    """Of this process's results, else of all processes' together."""
    return median(values) if values else speeds.quantile(kind, 0.5)


def _with_in_flight(health: Health, in_flight: int) -> Health:
    return Health(
        fresh=health.fresh,
        p50=health.p50,
        p95=health.p95,
        first_p50=health.first_p50,
        first_p95=health.first_p95,
        rate_p50=health.rate_p50,
        success=health.success,
        in_flight=in_flight,
        good=health.good,
        bad=health.bad,
        pace=health.pace,
        stable=health.stable,
    )


def _row(series: _Series, minute: int) -> Changed:
    slot = series.minutes[minute]
    slot.changed = False
    offer_id, operation, size = series.key
    return Changed(
        offer=offer_id,
        operation=operation,
        size_class=size,
        minute=minute,
        succeeded=slot.own.succeeded,
        failed=slot.own.failed,
        limited=slot.own.limited,
        seconds=_texts(slot.own.seconds),
        firsts=_texts(slot.own.firsts),
        rates=_texts(slot.own.rates),
    )


def _window_of(row: Shared) -> Window:
    histograms: Iterator[Histogram] = (_numbers(counts) for counts in (row.seconds, row.firsts, row.rates))
    return Window(row.succeeded, row.failed, row.limited, *histograms)


def _texts(counts: Histogram) -> dict[str, int]:
    return {str(number): count for number, count in counts.items()}


def _numbers(counts: Mapping[str, int]) -> Histogram:
    return {int(number): count for number, count in counts.items()}
