"""Counts of values in buckets whose bounds grow by a tenth: small, added up by adding, and quantiles within 5%.

A histogram is a mapping from the number of a bucket to how many values it holds, so it can be written as JSON.
"""

from collections.abc import Mapping
from math import ceil, exp, floor, log

Histogram = dict[int, int]

_RATIO = log(1.1)
_LEAST, _MOST = 1e-6, 1e9
"""What is less or more is put into the first or the last bucket."""


def bucket(value: float) -> int:
    """The number of the bucket that holds a value: of seconds, or of units a second."""
    return floor(log(min(max(value, _LEAST), _MOST)) / _RATIO)


def middle(number: int) -> float:
    """The value that stands for a bucket: at most 5% from any that it holds."""
    return exp((number + 0.5) * _RATIO)


def add(to: Histogram, other: Mapping[int, int], times: int = 1) -> None:
    """Add another histogram, or take it out with -1."""
    for number, count in other.items():
        total = to.get(number, 0) + times * count
        if total:
            to[number] = total
        else:
            to.pop(number, None)


def quantile(histogram: Mapping[int, int], share: float) -> float | None:
    """The value that the share (0 to 1) of all values do not exceed; None where there are none."""
    rank = max(1, ceil(share * sum(histogram.values())))
    for number in sorted(histogram):
        rank -= histogram[number]
        if rank <= 0:
            return middle(number)
    return None
