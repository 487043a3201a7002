"""How an offer has been doing, as strategies and pages look at it: a snapshot, made by `upstream.health`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One offer at one operation, and at pictures of about one size. None means that nothing is known."""

    fresh: int = 0
    """Results of the last minute; where there are fewer than three, the medians are of the last 32 in five minutes."""
    p50: float | None = None
    """Seconds from the call until its result, median of the successes."""
    p95: float | None = None
    """Seconds within which 95 of a hundred successes of the last five minutes came."""
    first_p50: float | None = None
    """Seconds until the first byte of a stream, median."""
    first_p95: float | None = None
    """Seconds within which 95 of a hundred streams began in the last five minutes."""
    rate_p50: float | None = None
    """Megapixels, or tokens of text, a second, median."""
    success: float | None = None
    """The part of the results of the last five minutes that were good, 0 to 1; rate limits do not count."""
    in_flight: int = 0
    """Calls under way now, at this offer and operation."""
    good: float = 0.0
    """Successes, each worth less by half for every `routing.memory_seconds` that have passed."""
    bad: float = 0.0
    """Failures, likewise."""
    pace: float | None = None
    """Seconds a success took, on average in the same fading memory."""
    stable: bool = True
    """No outage in the last 30 seconds: fewer than three failures, or more successes than failures."""


UNKNOWN = Health()
