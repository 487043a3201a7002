"""How offers have been doing, by operation and by about how large the pictures are: pure, and fed by the pipeline.

Two memories. The last 32 results of this process say how things are now. Slots of one minute, counts and histograms,
go back a day and are shared: `changed` has what this process noted, for others to `merge`. After an hour slots of one
minute become slots of one hour, so a day of a busy offer takes little memory, and an offer that is never called none.

`now` is in seconds that never go back; `Healths.epoch` says which minute that is for everybody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from penstock.core.call import Operation
from penstock.core.health import UNKNOWN, Health
from penstock.upstream.histogram import Histogram
from penstock.upstream.results import Counts, Kind, Result, Window, window_of
from penstock.upstream.series import HOUR, MINUTE, MINUTES_KEPT, Level, Series, Sizes, Slot, View

DAY_SECONDS = 86_400.0
"""For how long slots are kept."""

_LOOK_SECONDS = 1.0
"""How old a snapshot may be when nothing was noted since."""

_SIZES = ((0.6, "0.5MP"), (1.3, "1MP"), (2.6, "2MP"), (5.0, "4MP"))


def size_class(megapixels: float | None) -> str:
    """About how large a picture of so many megapixels (of 2^20 pixels) is; empty for text."""
    if megapixels is None:
        return ""
    return next((name for most, name in _SIZES if megapixels <= most), "more")


class Shared(Counts, Protocol):
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


class Healths:
    """Every offer that was called within a day. No method waits, so each is atomic."""

    def __init__(self, *, epoch: float = 0.0, memory_seconds: float = 60.0) -> None:
        self.epoch = epoch
        """Unix seconds at which `now` was 0. May be set again, for a machine's clock can be put right."""
        self.memory_seconds = memory_seconds
        """After how long what happened counts half as much for `good`, `bad` and `pace`. May be set at any time."""
        self._offers: dict[str, dict[str, Sizes]] = {}
        self._changed: list[tuple[Series, int]] = []
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
        minute = int((self.epoch + now) // MINUTE)
        slot = series.minutes.get(minute)
        if slot is None:
            slot = series.minutes[minute] = Slot()
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

    def called(self) -> list[tuple[str, Operation]]:
        """Offers and operations that were called within a day, or are being called."""
        return [(offer, Operation(name)) for offer, operations in self._offers.items() for name in operations]

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
            slot = series.minutes.setdefault(row.minute, Slot())
            if slot.replace(row.process, window_of(row)):
                series.forget_lately()
                known.forget_lately()
                known.version += 1

    def tidy(self, now: float) -> None:
        """Make hours out of old minutes and forget what is older than a day; worth calling every minute."""
        unix = self.epoch + now
        oldest_minute = int(unix // MINUTE) - MINUTES_KEPT
        if oldest_minute == self._oldest_minute:
            return
        self._oldest_minute = oldest_minute
        oldest_hour = int((unix - DAY_SECONDS) // HOUR)
        for offer_id, operations in list(self._offers.items()):
            for name, known in list(operations.items()):
                known.tidy(oldest_minute, oldest_hour)
                if not known.sizes and not known.in_flight:
                    del operations[name]
            if not operations:
                del self._offers[offer_id]

    def _operation(self, offer_id: str, operation: str) -> "Sizes":
        operations = self._offers.get(offer_id)
        if operations is None:
            operations = self._offers[offer_id] = {}
        known = operations.get(operation)
        if known is None:
            known = operations[operation] = Sizes(offer_id, operation)
        return known

    def _view(self, now: float) -> "View":
        return View(now, self.epoch + now, self.memory_seconds)


def _snapshot(known: Sizes, series: Series, view: View) -> Health:
    now = view.now
    lately = series.lately(view)
    fresh, good = series.successes(now)
    level: Level = series
    if not good and not lately.succeeded:
        level = known
        _, good = known.successes(now)
    speeds = level.lately(view)
    # Of an offer that failed at this size only, that counts; its medians may still be those of other sizes.
    counted: Level = series if lately.succeeded or lately.failed else known
    memory = counted.memory
    memory.fade(now, view.memory_seconds)
    p50 = _median([result.seconds for result in good], "seconds", speeds)
    first_p50 = _median([r.first_seconds for r in good if r.first_seconds is not None], "first", speeds)
    return Health(
        fresh=fresh,
        p50=p50,
        p95=_at_least(p50, speeds.quantile("seconds", 0.95)),
        first_p50=first_p50,
        first_p95=_at_least(first_p50, speeds.quantile("first", 0.95)),
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


def _at_least(p50: float | None, p95: float | None) -> float | None:
    """The median is exact, and of an offer that has just become slow it is newer."""
    return p95 if p50 is None or p95 is None else max(p50, p95)


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


def _row(series: Series, minute: int) -> Changed:
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


def _texts(counts: Histogram) -> dict[str, int]:
    return {str(number): count for number, count in counts.items()}
