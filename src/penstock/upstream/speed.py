"""How fast offers have been lately, for choosing the fastest: pure, and fed by the pipeline.

Each offer is measured by operation, since a picture takes longer than a vector; the median of the last results is not
moved by one slow day of one request.
"""

from collections import deque
from statistics import median

from penstock.core.call import Operation

_WINDOW = 20
"""Results of one offer and operation that are looked at."""


class Speeds:
    """Seconds that the last successful calls took, by offer and operation."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, Operation], deque[float]] = {}

    def note(self, offer_id: str, operation: Operation, seconds: float) -> None:
        """A call has succeeded after so many seconds."""
        window = self._seconds.get((offer_id, operation))
        if window is None:
            window = self._seconds[offer_id, operation] = deque(maxlen=_WINDOW)
        window.append(seconds)

    def median(self, offer_id: str, operation: Operation) -> float | None:
        """Seconds of the middle one of the last results; None where there has been none."""
        window = self._seconds.get((offer_id, operation))
        return median(window) if window else None
