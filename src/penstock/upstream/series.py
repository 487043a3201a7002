"""What is remembered of an offer at one operation: results, and slots of minutes and hours, by size of picture.

A level is one size, or all sizes together; both are asked the same questions.
"""

from collections import deque
from dataclasses import dataclass
from math import inf

from penstock.core.health import Health
from penstock.upstream.results import Result, Window

MINUTE, HOUR = 60, 3600
MINUTES_KEPT = 60
"""Slots of one minute up to this age; then they are part of an hour."""

_RECENT = 32
_RECENT_SECONDS = 300.0
_FRESH_SECONDS = 60.0
_FRESH_ENOUGH = 3
_OUTAGE_SECONDS = 30.0
_OUTAGE_FAILURES = 3


@dataclass(frozen=True, slots=True)
class View:
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


class Level:
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

    def lately(self, view: View) -> Window:
        """The last five minutes, in all processes."""
        minute = int(view.unix // MINUTE)
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


class Series(Level):
    """One size."""

    __slots__ = ("health", "hours", "key", "looked_at", "minutes", "version")

    def __init__(self, key: tuple[str, str, str]) -> None:
        super().__init__()
        self.key = key
        self.minutes: dict[int, Slot] = {}
        """By Unix minute."""
        self.hours: dict[int, Window] = {}
        """By Unix hour: what was in minutes that are gone."""
        self.health: Health | None = None
        self.looked_at = -inf
        self.version = -1

    def add_to(self, window: Window, begin: float, end: float) -> None:
        first, last = int(begin // MINUTE), int(end // MINUTE)
        for minute in range(max(first, last - MINUTES_KEPT), last + 1):
            slot = self.minutes.get(minute)
            if slot is not None:
                slot.add_to(window)
        if last - first > MINUTES_KEPT:
            self._add_old(window, first, last - MINUTES_KEPT)

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


class Sizes(Level):
    """All sizes of one offer at one operation."""

    __slots__ = ("_key", "in_flight", "sizes", "version")

    def __init__(self, offer_id: str, operation: str) -> None:
        super().__init__()
        self._key = offer_id, operation
        self.in_flight = 0
        self.sizes: dict[str, Series] = {}
        self.version = 0
        """Counts what was noted and merged."""

    def sized(self, size_class: str) -> Series:
        series = self.sizes.get(size_class)
        if series is None:
            series = self.sizes[size_class] = Series((*self._key, size_class))
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


class Slot:
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
