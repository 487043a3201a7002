"""Circuit breakers: an offer that keeps failing at an operation is left alone for a while, then tried with one call.

    closed      every call is let through, and its result counts
    open        none is, for `open_seconds`, and twice as long after every try that fails, up to eight times
    half-open   the time is over: one call is let through, and its result decides

Pure, and fed by the pipeline: `enter` before each attempt, `leave` after it. `now` is in seconds that never go back.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Literal, NamedTuple

from penstock.settings import Breaker

Key = tuple[str, str]
"""An offer's id and the operation it is asked for."""

_PARTS = 16
"""Into so many parts a window is divided: a result counts up to one of them less than the whole window."""
_MOST_TIMES = 8
"""The longest time a breaker stays open, in `open_seconds`."""
_LOST_SECONDS = 600.0
"""After so long a probe is not waited for any more: whoever made it may have died without a word."""
_ANYWAY_SECONDS = 1.0
"""Between two calls that go through an open breaker because nobody else is left."""


class Entry(NamedTuple):
    """An attempt that was let through."""

    key: Key
    era: int
    """Of its breaker, which ends whenever the breaker opens, closes or lets a probe through."""


@dataclass(frozen=True, slots=True)
class State:
    """How a breaker stands, for pages and metrics."""

    name: Literal["closed", "open", "half-open"]
    since: float
    """When it opened or closed, in the seconds of `now`; of one that never opened, its first call."""
    failures: int
    """Of the window; of one that is not closed, those that opened it and those of probes since."""


class Breakers:
    """One breaker for each offer and operation that was ever called. No method waits, so each is atomic."""

    def __init__(self, settings: Breaker | None = None) -> None:
        self.settings = settings or Breaker()
        """May be replaced at any time; what is open stays open, for as long as the new ones say."""
        self._breakers: dict[Key, _Breaker] = {}
        self._down = 0
        """How many are not closed."""

    @property
    def is_calm(self) -> bool:
        """All of them are closed."""
        return not self._down

    def allows(self, key: Key, now: float) -> bool:
        """Whether `enter` would let an attempt through."""
        breaker = self._breakers.get(key)
        return breaker is None or breaker.closed or (breaker.is_over(now, self.settings) and breaker.is_free(now))

    def waits(self, key: Key, now: float) -> float:
        """Seconds until it would; 0 where it does, 1 where all depends on a probe that is under way."""
        if self.allows(key, now):
            return 0.0
        breaker = self._breakers[key]
        wait = breaker.until(self.settings) - now
        return wait if breaker.is_free(now) else max(1.0, wait)

    def enter(self, key: Key, now: float, *, anyway: bool = False) -> Entry | None:
        """Ask to make an attempt; None where it is not let through, else what `leave` wants when it is over.

        `anyway`, for when nobody else is left, goes through an open breaker before its time too, but alone and at most
        once a second.
        """
        breaker = self._breakers.get(key)
        if breaker is None:
            breaker = self._breakers[key] = _Breaker(since=now)
        if breaker.closed:
            return Entry(key, breaker.era)
        due = breaker.is_over(now, self.settings)
        hurried = anyway and now - breaker.probed_at >= _ANYWAY_SECONDS
        if not (due or hurried) or not breaker.is_free(now):
            return None
        return Entry(key, breaker.probe(now, early=not due))

    def leave(self, entry: Entry, outcome: bool | None, now: float) -> None:
        """An attempt is over, well or badly; None says nothing about the offer and only gives its place back.

        A probe that went well closes the breaker. One that failed opens it again, for longer; where it was made before
        the time was over, everything stays as it was. What was begun before the breaker last changed is ignored,
        whatever came of it: it tells how things were then.
        """
        breaker = self._breakers.get(entry.key)
        if breaker is None or breaker.era != entry.era:
            return
        before = breaker.closed
        if not before:
            breaker.probed(outcome, now)
        elif outcome is not None:
            breaker.count(outcome, now, self.settings)
        self._down += before - breaker.closed

    def wake(self, provider: str) -> None:
        """The provider has answered something that costs nothing: its offers may be tried at once."""
        prefix = f"{provider}/"
        for (offer_id, _), breaker in self._breakers.items():
            if offer_id.startswith(prefix):
                breaker.woken = not breaker.closed

    def states(self, now: float) -> Mapping[Key, State]:
        """How each stands."""
        return {key: breaker.state(now, self.settings) for key, breaker in self._breakers.items()}


@dataclass(slots=True, kw_only=True)
class _Part:
    """Results of one part of the window."""

    begun: float
    good: int = 0
    bad: int = 0


@dataclass(slots=True, kw_only=True)
class _Breaker:
    since: float
    era: int = 1
    closed: bool = True
    failures: int = 0
    """That opened it, and of probes since."""
    reopened: int = 0
    """Probes that failed in their time since it opened."""
    woken: bool = False
    probing: bool = False
    early: bool = False
    """Whether the probe under way was let through before the time was over."""
    probed_at: float = -inf
    parts: deque[_Part] = field(default_factory=deque)

    def until(self, settings: Breaker) -> float:
        """When it is half-open."""
        return -inf if self.woken else self.since + settings.open_seconds * min(1 << self.reopened, _MOST_TIMES)

    def is_over(self, now: float, settings: Breaker) -> bool:
        return now >= self.until(settings)

    def is_free(self, now: float) -> bool:
        """No probe is under way that is still waited for."""
        return not self.probing or now - self.probed_at >= _LOST_SECONDS

    def probe(self, now: float, *, early: bool) -> int:
        """Take the place; the era that begins."""
        self.probing, self.early, self.probed_at = True, early, now
        self.era += 1
        return self.era

    def probed(self, outcome: bool | None, now: float) -> None:
        """Give the place back, with what came of it."""
        self.probing = False
        self.era += 1
        if outcome:
            self.closed, self.since = True, now
            self.failures = self.reopened = 0
            self.parts.clear()
        elif outcome is not None:
            self.failures += 1
            if not self.early:
                self._open(now)
                self.reopened = min(self.reopened + 1, _MOST_TIMES)

    def count(self, good: bool, now: float, settings: Breaker) -> None:
        """A result of a closed one, which opens it if it is one failure too many."""
        parts = self.parts
        self._forget(now, settings)
        if not parts or now - parts[-1].begun >= settings.window_seconds / _PARTS:
            parts.append(_Part(begun=now))
        if good:
            parts[-1].good += 1
            return
        parts[-1].bad += 1
        failures = sum(part.bad for part in parts)
        results = failures + sum(part.good for part in parts)
        if results >= settings.minimum and failures / results >= settings.error_rate:
            self.failures, self.reopened, self.probed_at = failures, 0, -inf
            self.closed = False
            self.era += 1
            self._open(now)

    def state(self, now: float, settings: Breaker) -> State:
        if self.closed:
            self._forget(now, settings)
            return State("closed", self.since, sum(part.bad for part in self.parts))
        due = self.is_over(now, settings)
        return State("half-open" if due else "open", self.since, self.failures)

    def _open(self, now: float) -> None:
        self.since, self.woken = now, False

    def _forget(self, now: float, settings: Breaker) -> None:
        while self.parts and self.parts[0].begun + settings.window_seconds <= now:
            self.parts.popleft()
