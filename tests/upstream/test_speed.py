"""How fast offers have been: medians of the last results, apart for each offer and operation."""

import pytest

from penstock.core.call import Operation
from penstock.upstream.speed import Speeds

CHAT, DRAW = Operation.CHAT, Operation.IMAGE_GENERATION


@pytest.mark.parametrize(
    ("seconds", "median"),
    [((), None), ((2.0,), 2.0), ((1.0, 9.0, 2.0), 2.0), ((5.0,) * 20 + (1.0,) * 11, 1.0), ((5.0,) * 11, 5.0)],
)
def test_the_middle_of_the_last_twenty_counts(seconds: tuple[float, ...], median: float | None) -> None:
    speeds = Speeds()
    for each in seconds:
        speeds.note("home/m", CHAT, each)
    assert speeds.median("home/m", CHAT) == median


def test_offers_and_operations_are_measured_apart() -> None:
    speeds = Speeds()
    speeds.note("home/m", CHAT, 1.0)
    speeds.note("away/m", CHAT, 2.0)
    assert (speeds.median("home/m", CHAT), speeds.median("away/m", CHAT)) == (1.0, 2.0)
    assert speeds.median("home/m", DRAW) is None
