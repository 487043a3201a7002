"""What came of calls: of one, and of all of some time added up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from penstock.upstream import histogram
from penstock.upstream.histogram import Histogram

Kind = Literal["seconds", "first", "rate"]
"""What is measured of a success: seconds to its result, seconds to its first byte, units a second."""


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


class Counts(Protocol):
    """Results of some time as they are written down: histograms are keyed by text, as in JSON."""

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


def window_of(counts: Counts) -> Window:
    """What was written down, to be asked and added to."""
    histograms = (_numbers(each) for each in (counts.seconds, counts.firsts, counts.rates))
    return Window(counts.succeeded, counts.failed, counts.limited, *histograms)


def _numbers(counts: Mapping[str, int]) -> Histogram:
    return {int(number): count for number, count in counts.items()}


def _count(counts: Histogram, value: float) -> None:
    number = histogram.bucket(value)
    counts[number] = counts.get(number, 0) + 1
