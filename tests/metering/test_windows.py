"""Sliding windows: never more than the limit in any interval, nothing refused without need, and no memory kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.spending import GATEWAY, Limit, LimitUnit
from penstock.metering.windows import BUCKETS, Counted, Refusal, Windows, from_grains, to_grains

_ids = count()


def limit(amount: str = "3", unit: LimitUnit = LimitUnit.REQUESTS, seconds: int = 60) -> Limit:
    return Limit(id=f"lim_{next(_ids)}", holder=GATEWAY, unit=unit, amount=Decimal(amount), window_seconds=seconds)


def admitted(windows: Windows, wants: list[tuple[Limit, int]], now: float) -> tuple[Counted, ...]:
    found = windows.admit(wants, now)
    assert not isinstance(found, Refusal), found
    return found


def refused(windows: Windows, wants: list[tuple[Limit, int]], now: float) -> Refusal:
    found = windows.admit(wants, now)
    assert isinstance(found, Refusal)
    return found


# What arrives: after how long, how much, and in what part it is settled later on.
ARRIVALS = st.lists(
    st.tuples(st.floats(0, 40, allow_subnormal=False), st.integers(0, 12)), min_size=1, max_size=120
) | st.lists(st.tuples(st.floats(0, 0.4), st.integers(1, 3)), min_size=50, max_size=400)


@dataclass
class Seen:
    """One admitted request."""

    at: float
    amount: int


def most_in_any_window(seen: list[Seen], seconds: float) -> int:
    """The largest sum of what was admitted in an interval that begins with one of them and ends before its window."""
    return max((sum(s.amount for s in seen if first.at <= s.at < first.at + seconds) for first in seen), default=0)


@given(ARRIVALS, st.integers(1, 20), st.sampled_from([1, 7, 60]))
def test_what_is_admitted_never_exceeds_the_limit_in_any_window(
    arrivals: list[tuple[float, int]], amount: int, seconds: int
) -> None:
    windows, bound, now, seen = Windows(), limit(str(amount), seconds=seconds), 1000.0, list[Seen]()
    for after, wanted in arrivals:
        now += after
        if not isinstance(windows.admit([(bound, wanted)], now), Refusal):
            seen.append(Seen(now, wanted))
    assert most_in_any_window(seen, seconds) <= amount


@given(ARRIVALS, st.integers(1, 20), st.sampled_from([1, 7, 60]))
def test_what_is_refused_would_have_exceeded_it_within_one_bucket_of_the_window(
    arrivals: list[tuple[float, int]], amount: int, seconds: int
) -> None:
    windows, bound, now, seen = Windows(), limit(str(amount), seconds=seconds), 1000.0, list[Seen]()
    longest = seconds * (1 + 1 / BUCKETS) + 1e-6
    for after, wanted in arrivals:
        now += after
        found = windows.admit([(bound, wanted)], now)
        if isinstance(found, Refusal):
            assert sum(s.amount for s in seen if s.at > now - longest) + max(wanted, 1) > amount
        else:
            seen.append(Seen(now, wanted))


@given(ARRIVALS, st.integers(1, 20))
def test_after_the_time_told_a_refused_request_is_admitted(arrivals: list[tuple[float, int]], amount: int) -> None:
    windows, bound, now = Windows(), limit(str(amount)), 1000.0
    for after, wanted in arrivals:
        now += after
        found = windows.admit([(bound, wanted)], now)
        if not isinstance(found, Refusal):
            continue
        assert (found.retry_after is None) == (wanted > amount)
        if found.retry_after is not None:
            assert 0 < found.retry_after <= 60 + 1e-6
            now += found.retry_after + 1e-6
            admitted(windows, [(bound, wanted)], now)


@given(ARRIVALS, st.lists(st.integers(0, 30), min_size=400, max_size=400))
def test_what_is_corrected_afterwards_is_counted_as_it_really_was(
    arrivals: list[tuple[float, int]], real: list[int]
) -> None:
    windows, bound, now = Windows(), limit("20"), 1000.0
    for (after, wanted), came_to in zip(arrivals, real, strict=False):
        now += after
        found = windows.admit([(bound, wanted)], now)
        if not isinstance(found, Refusal):
            before = windows.state(bound, now).remaining
            windows.settle(found[0], came_to, now)
            assert windows.state(bound, now).remaining == max(0, before + wanted - came_to) or before == 0
    assert windows.state(bound, now).remaining <= 20
    assert windows.state(bound, now + 61).remaining == 20, "nothing is left behind, and no refund outlives its window"


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 10)), max_size=200)


@given(STEPS, st.integers(1, 5))
def test_places_taken_and_given_back_in_any_order_are_never_fewer_than_none_nor_more_than_there_are(
    steps: list[tuple[bool, int]], places: int
) -> None:
    windows, bound, inside = Windows(), limit(str(places), LimitUnit.CONCURRENT), list[Counted]()
    for now, (enters, which) in enumerate(steps):
        if enters:
            found = windows.admit([(bound, 1)], now * 1000.0)
            assert isinstance(found, Refusal) == (len(inside) == places)
            if not isinstance(found, Refusal):
                inside += found
        elif inside:
            gone = inside.pop(which % len(inside))
            windows.settle(gone, 0, now * 1000.0)
            windows.settle(gone, 0, now * 1000.0)
        assert windows.state(bound, now * 1000.0).remaining == places - len(inside)


def test_a_request_is_counted_at_all_of_its_limits_or_at_none() -> None:
    windows, wide, narrow = Windows(), limit("10"), limit("1")
    admitted(windows, [(wide, 1), (narrow, 1)], 0)
    assert refused(windows, [(wide, 1), (narrow, 1)], 1).limit is narrow
    assert windows.state(wide, 1).remaining == 9


def test_of_several_limits_the_one_that_lasts_longest_is_told() -> None:
    windows, minute, hour, small = Windows(), limit("1"), limit("1", seconds=3600), limit("2")
    admitted(windows, [(minute, 1), (hour, 1)], 0)
    assert refused(windows, [(hour, 1), (minute, 1)], 10) == Refusal(hour, 1, 3590)
    assert refused(windows, [(hour, 1), (small, 3)], 10) == Refusal(small, 3, None), "waiting does not help"


def test_a_place_becomes_free_when_a_request_ends_and_nobody_knows_when() -> None:
    windows, bound = Windows(), limit("1", LimitUnit.CONCURRENT, seconds=1)
    (inside,) = admitted(windows, [(bound, 1)], 0)
    assert refused(windows, [(bound, 1)], 1e9).retry_after == 0
    assert windows.state(bound, 1e9).resets_at is None
    windows.settle(inside, 0, 1e9)
    admitted(windows, [(bound, 1)], 1e9)


def test_what_is_only_known_afterwards_is_admitted_while_anything_is_left() -> None:
    windows, bound = Windows(), limit("100", LimitUnit.TOKENS)
    first, second = (admitted(windows, [(bound, 0)], 0)[0] for _ in range(2))
    windows.settle(first, 99, 5)
    (third,) = admitted(windows, [(bound, 0)], 6)
    windows.settle(third, 1, 6)
    assert refused(windows, [(bound, 0)], 6).wanted == 1, "nothing at all is left"
    windows.settle(second, 70, 7)
    assert refused(windows, [(bound, 0)], 8).retry_after == pytest.approx(57), "counted when it became known"
    assert windows.state(bound, 8).remaining == 0


def test_what_comes_back_after_its_window_is_over_is_not_counted_twice() -> None:
    windows, bound = Windows(), limit("10", LimitUnit.TOKENS)
    (old,) = admitted(windows, [(bound, 8)], 0)
    admitted(windows, [(bound, 8)], 60)
    windows.settle(old, 0, 61)
    assert windows.state(bound, 61).remaining == 2


def test_a_window_tells_when_all_of_it_is_there_again() -> None:
    windows, bound = Windows(), limit("3", seconds=10)
    assert windows.state(bound, 5).resets_at == 5
    admitted(windows, [(bound, 1)], 5)
    admitted(windows, [(bound, 1)], 8)
    assert (windows.state(bound, 9).remaining, windows.state(bound, 9).resets_at) == (1, 18)
    assert (windows.state(bound, 18).remaining, windows.state(bound, 18).resets_at) == (3, 18)


def test_a_window_of_a_hundred_thousand_requests_stays_small() -> None:
    windows, bound = Windows(), limit("100000000")
    counted = [admitted(windows, [(bound, 1)], n / 1000)[0] for n in range(100_000)]
    assert len({id(one.bucket) for one in counted[-60_000:]}) <= BUCKETS + 1
    too_many = 100_000_000 - windows.state(bound, 100).remaining - 60_000
    assert 0 <= too_many <= 60_000 / BUCKETS + 1, "what stays longer is one bucket at most"


def times(start: float = 0) -> Iterator[float]:
    while True:
        yield start
        start += 1


def test_limits_no_longer_used_are_forgotten_and_those_in_use_are_not() -> None:
    windows, kept = Windows(), limit("1", LimitUnit.CONCURRENT)
    admitted(windows, [(kept, 1)], 0)
    for now, _ in zip(times(), range(5000), strict=False):
        admitted(windows, [(limit(seconds=10), 1)], now)
    assert len(windows) <= 64
    assert isinstance(windows.admit([(kept, 1)], 5000), Refusal)


@pytest.mark.parametrize(
    ("unit", "amount", "grains"),
    [
        (LimitUnit.REQUESTS, "2", 2),
        (LimitUnit.MEGAPIXELS, "1.5", 1_572_864),
        (LimitUnit.DOLLARS, "0.03", 30_000_000_000),
    ],
)
def test_amounts_are_counted_in_whole_grains(unit: LimitUnit, amount: str, grains: int) -> None:
    assert to_grains(unit, Decimal(amount)) == grains
    assert from_grains(unit, grains) == Decimal(amount)


def test_thirty_three_pictures_of_three_cents_fit_into_a_dollar_and_a_thirty_fourth_does_not() -> None:
    windows, bound = Windows(), limit("1", LimitUnit.DOLLARS)
    three_cents = to_grains(LimitUnit.DOLLARS, Decimal("0.03"))
    for _ in range(33):
        admitted(windows, [(bound, three_cents)], 0)
    refused(windows, [(bound, three_cents)], 0)
