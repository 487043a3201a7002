"""Sliding windows of rate limits, in this process: pure, with the time passed in.

What is admitted never comes to more than a limit in any interval as long as its window. Memory stays bounded because
what happened close together shares a bucket, and a bucket counts until all of it has left the window: room appears up
to 1/128 of the window later than it might, never sooner.

Everything is counted in whole grains, so that sums are exact: pixels for megapixels, pico-dollars for dollars, ones
for the rest. A limit's id stands for its window: whoever is bound by the same limit shares it, whichever key, and
whichever of the models that its pattern names.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import inf
from typing import NamedTuple

from penstock.core.money import PICO
from penstock.core.price import BINARY_MEGAPIXEL
from penstock.core.spending import Limit, LimitUnit

BUCKETS = 128
"""Into so many parts a window is divided."""

_GRAINS = {LimitUnit.MEGAPIXELS: BINARY_MEGAPIXEL, LimitUnit.DOLLARS: PICO}
_FIRST_SWEEP = 64
"""Windows up to which none is looked for that could be dropped."""


def to_grains(unit: LimitUnit, amount: Decimal) -> int:
    """An amount in whole grains, rounded up."""
    return int((amount * _GRAINS.get(unit, 1)).to_integral_value(ROUND_CEILING))


def from_grains(unit: LimitUnit, grains: int) -> Decimal:
    """Grains as an amount of the unit."""
    return Decimal(grains) / _GRAINS.get(unit, 1)


@dataclass(slots=True)
class Bucket:
    """What was counted within one part of a window."""

    first: float
    last: float
    """Seconds: the times of the first and of the last that it holds."""
    amount: int = 0


@dataclass(slots=True, eq=False)
class Counted:
    """What one request counts for at one limit, until `settle` says what it really was."""

    limit: Limit
    amount: int
    """Grains."""
    bucket: Bucket


@dataclass(frozen=True, slots=True)
class Refusal:
    """The limit that a request does not fit into."""

    limit: Limit
    wanted: int
    """Grains."""
    retry_after: float | None
    """Seconds until enough will have left; 0 where nobody knows (a place becomes free when a request ends), None where
    the request alone is more than the limit."""


class State(NamedTuple):
    """How a limit stands; a tuple, for several are made for each request."""

    remaining: int
    """Grains."""
    resets_at: float | None
    """When all of it is there again, if nothing more comes, in the seconds of `now`; None where nobody knows."""


class Windows:
    """The windows of every limit in use. Times are seconds that never go back. No method waits, so each is atomic."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}
        self._sweep_at = _FIRST_SWEEP

    def __len__(self) -> int:
        return len(self._windows)

    def admit(self, wants: Sequence[tuple[Limit, int]], now: float) -> tuple[Counted, ...] | Refusal:
        """Count a request at all of these limits, or at none; each limit stands there once, with its grains.

        A request of 0 grains, one whose amount is only known afterwards, is admitted while anything is left. Of
        several limits that refuse, the one that lasts longest is told.
        """
        refusals: list[Refusal] = []
        windows: list[_Window] = []
        for limit, amount in wants:
            window = self._window(limit, now)
            if window.total + (amount or 1) > window.most:
                refusals.append(window.refusal(amount or 1, now))
            windows.append(window)
        if refusals:
            return max(refusals, key=_lasts)
        return tuple([window.count(amount, now) for window, (_, amount) in zip(windows, wants, strict=True)])

    def settle(self, counted: Counted, amount: int, now: float) -> None:
        """What a request really was, once: less is taken out where it was counted, more is counted now.

        More than was admitted may come to more than the limit; nothing is admitted then until enough has left.
        """
        more = amount - counted.amount
        counted.amount = amount
        if more > 0:
            self._window(counted.limit, now).count(more, now)
        elif more < 0:
            window = self._window(counted.limit, now)
            if window.holds(counted.bucket):
                counted.bucket.amount += more
                window.total += more

    def state(self, limit: Limit, now: float) -> State:
        """How a limit stands, as far as this process has counted."""
        window = self._windows.get(limit.id)
        if window is None:
            return State(_most(limit), _never_known(limit, now))
        window.forget(now)
        left = window.most - window.total
        return State(left if left > 0 else 0, window.resets_at(now))

    def _window(self, limit: Limit, now: float) -> "_Window":
        window = self._windows.get(limit.id)
        if window is None:
            if len(self._windows) >= self._sweep_at:
                self._sweep(now)
            window = self._windows[limit.id] = _Window(limit)
        else:
            window.forget(now)
        return window

    def _sweep(self, now: float) -> None:
        """Drop the windows that hold nothing; so seldom that it costs each request next to nothing."""
        for window in self._windows.values():
            window.forget(now)
        self._windows = {id: window for id, window in self._windows.items() if window.total}
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._windows))


class _Window:
    """One limit's window. A concurrent limit's never ends: its requests are taken out when they are over."""

    __slots__ = ("_buckets", "_part", "_seconds", "limit", "most", "total")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.most = _most(limit)
        self.total = 0
        self._seconds = inf if limit.unit is LimitUnit.CONCURRENT else float(limit.window_seconds)
        self._part = self._seconds / BUCKETS
        self._buckets: deque[Bucket] = deque()

    def forget(self, now: float) -> None:
        buckets = self._buckets
        while buckets and buckets[0].last + self._seconds <= now:
            self.total -= buckets.popleft().amount

    def holds(self, bucket: Bucket) -> bool:
        """Whether it still counts; what has left is not taken out again."""
        return bool(self._buckets) and bucket.first >= self._buckets[0].first

    def count(self, amount: int, now: float) -> Counted:
        buckets = self._buckets
        bucket = buckets[-1] if buckets else None
        if bucket is None or now - bucket.first >= self._part:
            bucket = Bucket(now, now)
            buckets.append(bucket)
        bucket.last = now
        bucket.amount += amount
        self.total += amount
        return Counted(self.limit, amount, bucket)

    def refusal(self, wanted: int, now: float) -> Refusal:
        if wanted > self.most:
            return Refusal(self.limit, wanted, None)
        excess = self.total + wanted - self.most
        for bucket in self._buckets:
            excess -= bucket.amount
            if excess <= 0:
                wait = bucket.last + self._seconds - now
                return Refusal(self.limit, wanted, 0.0 if wait == inf else wait)
        raise AssertionError("an empty window refuses nothing that fits into it")

    def resets_at(self, now: float) -> float | None:
        if not self.total:
            return _never_known(self.limit, now)
        return None if self._seconds == inf else self._buckets[-1].last + self._seconds


def _most(limit: Limit) -> int:
    return int((limit.amount * _GRAINS.get(limit.unit, 1)).to_integral_value(ROUND_FLOOR))


def _never_known(limit: Limit, now: float) -> float | None:
    return None if limit.unit is LimitUnit.CONCURRENT else now


def _lasts(refusal: Refusal) -> float:
    return inf if refusal.retry_after is None else refusal.retry_after
