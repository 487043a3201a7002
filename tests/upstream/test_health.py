"""How offers have been doing: what is known now, windows up to a day, and what processes tell each other."""

from dataclasses import asdict, dataclass, replace
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.call import Operation
from penstock.core.health import UNKNOWN, Health
from penstock.upstream import histogram
from penstock.upstream.health import Healths, size_class
from penstock.upstream.results import Kind, Result

CHAT, DRAW, EDIT = Operation.CHAT, Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT
EPOCH = 1_780_000_020.0
"""A whole minute."""


def good(seconds: float = 2.0, **more: float | None) -> Result:
    return Result(good=True, seconds=seconds, **more)


BAD = Result(good=False, seconds=1.0)
LIMITED = Result(good=False, limited=True, seconds=0.1)
OWN_FAULT = Result(good=False, counts=False, seconds=0.1)


def healths(**more: Any) -> Healths:
    return Healths(epoch=EPOCH, **more)


def note(
    to: Healths,
    *results: Result,
    at: float = 0.0,
    size: str = "1MP",
    operation: Operation = DRAW,
    offer: str = "home/m",
) -> None:
    for result in results:
        to.note(offer, operation, size, result, at)


def look(at: Healths, now: float = 0.0, size: str = "1MP") -> Health:
    return at.look("home/m", DRAW, size, now)


@pytest.mark.parametrize(
    ("megapixels", "name"),
    [
        (None, ""),
        (0.25, "0.5MP"),
        (0.6, "0.5MP"),
        (1.0, "1MP"),
        (1.3, "1MP"),
        (2.0, "2MP"),
        (4.0, "4MP"),
        (5.0, "4MP"),
        (5.1, "more"),
    ],
)
def test_pictures_of_about_one_size_are_one_class(megapixels: float | None, name: str) -> None:
    assert size_class(megapixels) == name


@given(st.lists(st.floats(0.001, 3600), min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_within_five_percent_of_the_value_it_stands_for(values: list[float], share: float) -> None:
    counts: histogram.Histogram = {}
    for value in values:
        histogram.add(counts, {histogram.bucket(value): 1})
    exact = next(value for value in sorted(values) if sum(v <= value for v in values) >= share * len(values))
    assert histogram.quantile(counts, share) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("value", [-1.0, 0.0, 1e-300, 1e300, float("inf")])
def test_no_value_is_too_small_or_too_large_to_be_counted(value: float) -> None:
    assert abs(histogram.bucket(value)) < 250


def test_of_an_offer_that_was_never_called_nothing_is_known() -> None:
    assert look(healths()) == UNKNOWN
    assert healths().window("home/m", None, 300, 0.0).uptime is None
    assert healths().quantile("home/m", DRAW, "1MP", "seconds", 0.5, 0.0) is None


def test_medians_are_of_the_successes_of_the_last_minute() -> None:
    it = healths()
    note(it, good(100.0), good(100.0), at=0.0)
    note(it, good(1.0, first_seconds=0.5, rate=1.5), good(3.0, first_seconds=0.1, rate=2.5), BAD, at=61.0)
    health = look(it, 62.0)
    assert (health.fresh, health.p50, health.first_p50, health.rate_p50) == (3, 2.0, 0.3, 2.0)


def test_where_there_are_fewer_than_three_they_are_of_the_last_five_minutes() -> None:
    it = healths()
    note(it, good(10.0), good(20.0), at=0.0)
    note(it, good(30.0), at=100.0)
    assert (look(it, 101.0).fresh, look(it, 101.0).p50) == (1, 20.0)


def test_nearly_all_of_one_that_has_just_become_slow_take_as_long_as_half_of_them_do() -> None:
    it = healths()
    note(it, *[good(1.0, first_seconds=0.1)] * 200, at=0.0)
    assert look(it, 1.0).p95 == pytest.approx(1.0, rel=0.05)
    note(it, *[good(9.0, first_seconds=0.9)] * 3, at=61.0)
    health = look(it, 62.0)
    assert (health.p50, health.p95, health.first_p50, health.first_p95) == (9.0, 9.0, 0.9, 0.9)


def test_at_most_the_last_32_results_are_looked_at() -> None:
    it = healths()
    note(it, *[good(50.0)] * 40, *[good(1.0)] * 32)
    assert (look(it).fresh, look(it).p50) == (32, 1.0)


def test_what_is_older_than_five_minutes_is_no_news() -> None:
    it = healths()
    note(it, good(10.0), BAD)
    assert look(it, 240.0).p50 == 10.0
    later = look(it, 400.0)
    assert (later.fresh, later.p50, later.p95, later.success) == (0, None, None, None)


def test_the_rest_of_what_is_known_of_one_size_comes_from_all_sizes() -> None:
    it = healths()
    note(it, good(2.0), good(4.0), good(6.0), BAD, size="1MP")
    other = look(it, size="4MP")
    assert (other.fresh, other.p50, other.success, other.good) == (0, 4.0, 0.75, 3.0)
    note(it, good(20.0), size="4MP")
    assert (look(it, size="4MP").p50, look(it, size="1MP").p50) == (20.0, 4.0)
    assert (look(it, size="4MP").success, look(it, size="4MP").pace) == (1.0, 20.0)


def test_failures_at_one_size_are_its_own_and_its_medians_still_those_of_the_others() -> None:
    it = healths()
    note(it, good(2.0), size="1MP")
    note(it, BAD, size="4MP")
    assert (look(it, size="4MP").success, look(it, size="4MP").p50) == (0.0, 2.0)
    assert look(it, size="1MP").success == 1.0


def test_operations_and_offers_are_apart() -> None:
    it = healths()
    note(it, good(1.0), operation=EDIT)
    note(it, good(1.0), offer="away/m")
    assert look(it) == UNKNOWN


def test_rate_limits_are_counted_apart_and_the_callers_own_faults_not_at_all() -> None:
    it = healths()
    note(it, good(), LIMITED, LIMITED, OWN_FAULT, replace(OWN_FAULT, good=True))
    window = it.window("home/m", DRAW, 300, 0.0)
    assert (window.succeeded, window.failed, window.limited, window.uptime) == (1, 0, 2, 1.0)
    health = look(it)
    assert (health.success, health.good, health.bad, health.stable, health.fresh) == (1.0, 1.0, 0.0, True, 1)


@pytest.mark.parametrize(
    ("results", "stable"),
    [
        ((BAD, BAD), True),
        ((BAD, BAD, BAD), False),
        ((BAD, BAD, BAD, good(), good(), good()), False),
        ((BAD, BAD, BAD, good(), good(), good(), good()), True),
        ((LIMITED, LIMITED, LIMITED), True),
    ],
)
def test_an_outage_is_three_failures_and_no_more_successes_in_thirty_seconds(
    results: tuple[Result, ...], stable: bool
) -> None:
    it = healths()
    note(it, *results)
    assert look(it, 29.0).stable is look(it, 29.0, size="4MP").stable is stable
    assert look(it, 31.0).stable


def test_memory_fades_by_half_and_is_as_long_as_it_is_set() -> None:
    it = healths(memory_seconds=10.0)
    note(it, good(4.0), good(8.0), BAD)
    health = look(it, 10.0)
    assert (health.good, health.bad, health.pace) == (1.0, 0.5, 6.0)
    note(it, good(12.0), at=20.0)
    assert look(it, 20.0).good == pytest.approx(1.5)
    it.memory_seconds = 1e9
    assert look(it, 60.0).good == pytest.approx(1.5, rel=1e-6)


def test_calls_under_way_are_counted_at_once() -> None:
    it = healths()
    it.begin("home/m", DRAW)
    assert look(it) == replace(UNKNOWN, in_flight=1)
    note(it, good())
    before = look(it)
    it.begin("home/m", DRAW)
    assert look(it) == replace(before, in_flight=2)
    it.end("home/m", DRAW)
    it.end("home/m", DRAW)
    assert look(it).in_flight == 0


def test_a_look_is_the_same_until_something_is_noted_or_a_second_has_passed() -> None:
    it = healths()
    note(it, good())
    first = look(it, 1.0)
    assert look(it, 1.5) is first
    assert look(it, 2.5) is not first
    again = look(it, 2.5)
    note(it, BAD, at=2.5, size="2MP")
    assert look(it, 2.5) is not again


@pytest.mark.parametrize(
    ("kind", "share", "value"), [("seconds", 0.5, 5.0), ("seconds", 0.9, 9.0), ("rate", 0.5, 50.0)]
)
def test_preferences_ask_for_quantiles_of_five_minutes(kind: Kind, share: float, value: float) -> None:
    it = healths()
    note(it, *(good(float(n), rate=10.0 * n) for n in range(1, 11)))
    for size in ("1MP", "4MP"):
        assert it.quantile("home/m", DRAW, size, kind, share, 0.0) == pytest.approx(value, rel=0.05)
    assert it.quantile("home/m", DRAW, "1MP", "first", share, 0.0) is None
    assert it.quantile("home/m", DRAW, "1MP", kind, share, 400.0) is None


def test_windows_reach_back_as_far_as_they_say_to_the_minute_and_then_to_the_hour() -> None:
    it = healths()
    for minute in range(48 * 60):
        note(it, good(), at=60.0 * minute)
        it.tidy(60.0 * minute)
    now = 60.0 * (48 * 60 - 1)
    assert [it.window("home/m", DRAW, seconds, now).succeeded for seconds in (300, 1800, 3600)] == [6, 31, 61]
    assert 24 * 60 <= it.window("home/m", None, 86_400, now).succeeded <= 25 * 60
    assert it.window("home/m", EDIT, 86_400, now).succeeded == 0


def test_a_busy_day_takes_no_more_room_than_an_hour_and_a_day_and_then_goes() -> None:
    it = healths()
    for minute in range(48 * 60):
        note(it, good(), at=60.0 * minute)
        it.tidy(60.0 * minute)
    (operations,) = it._offers.values()
    series = operations[DRAW].sizes["1MP"]
    assert len(series.minutes) <= 61 and len(series.hours) <= 25
    it.tidy(60.0 * 48 * 60 + 90_000)
    assert not it._offers


def test_an_offer_with_a_call_under_way_is_not_forgotten() -> None:
    it = healths()
    it.begin("home/m", DRAW)
    it.tidy(90_000.0)
    it.end("home/m", DRAW)
    assert look(it, 90_000.0).in_flight == 0


def told(by: Healths, process: str) -> list[Any]:
    """Rows as they come out of the database again."""
    return [SimpleNamespace(process=process, **asdict(row)) for row in by.changed()]


def test_what_others_saw_counts_where_this_process_has_seen_nothing() -> None:
    one, two = healths(), Healths(epoch=EPOCH + 500)
    note(one, good(4.0, first_seconds=1.0, rate=8.0), BAD, at=500.0)
    two.merge(told(one, "one"))
    health = look(two, 1.0)
    assert (health.fresh, health.success) == (0, 0.5)
    assert (health.p50, health.first_p50, health.rate_p50) == pytest.approx((4.0, 1.0, 8.0), rel=0.05)
    note(two, good(9.0), at=1.0)
    assert look(two, 1.0).p50 == 9.0
    assert two.window("home/m", DRAW, 300, 1.0).succeeded == 2


def test_a_slot_is_told_again_only_when_something_was_noted_in_it() -> None:
    it = healths()
    note(it, good(), at=0.0)
    note(it, good(), at=61.0)
    assert len(it.changed()) == 2
    assert it.changed() == []
    note(it, BAD, at=62.0)
    (row,) = it.changed()
    assert (row.minute, row.succeeded, row.failed) == (int(EPOCH // 60) + 1, 1, 1)


def test_what_was_heard_from_others_is_not_told_on() -> None:
    one, two = healths(), healths()
    note(one, good())
    two.merge(told(one, "one"))
    assert two.changed() == []


@dataclass(frozen=True)
class Step:
    """Something that one of three processes notes, and whom it tells then, how often."""

    process: int
    good: bool
    seconds: float
    after: float
    tells: tuple[int, ...]


STEPS = st.lists(
    st.builds(
        Step,
        process=st.integers(0, 2),
        good=st.booleans(),
        seconds=st.floats(0.01, 100),
        after=st.floats(0, 30),
        tells=st.lists(st.integers(0, 2), max_size=3).map(tuple),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_is_told_how_often_and_in_which_order_all_know_the_same_in_the_end(steps: list[Step]) -> None:
    all_of_them, everything, now = [healths() for _ in range(3)], healths(), 0.0
    latest: dict[tuple[str, int], Any] = {}
    for step in steps:
        now += step.after
        result = good(step.seconds) if step.good else BAD
        for each in (all_of_them[step.process], everything):
            note(each, result, at=now)
        for number, each in enumerate(all_of_them):
            latest |= {(row.process, row.minute): row for row in told(each, str(number))}
        for to in step.tells:
            all_of_them[to].merge(row for row in latest.values() if row.process != str(to))
        for size in ("1MP", "4MP"):
            look(all_of_them[step.process], now, size)
    wanted = everything.window("home/m", DRAW, 3000, now)
    for number, each in enumerate(all_of_them):
        each.merge(row for row in latest.values() if row.process != str(number))
        assert each.window("home/m", DRAW, 3000, now) == wanted
        for size in ("1MP", "4MP"):
            assert look(each, now, size).success == look(everything, now, size).success


def test_slots_that_have_become_part_of_an_hour_are_added_up_once() -> None:
    one, two = healths(), healths()
    note(one, good())
    rows = told(one, "one")
    two.merge(rows)
    two.tidy(7200.0)
    two.merge(rows)
    assert two.window("home/m", DRAW, 86_400, 7200.0).succeeded == 1


def test_a_clock_that_was_put_right_moves_new_slots_only() -> None:
    it = healths()
    note(it, good())
    look(it)
    it.epoch += 3600
    note(it, good(50.0), at=1.0)
    it.epoch -= 3600
    assert it.quantile("home/m", DRAW, "1MP", "seconds", 1.0, 1.0) == pytest.approx(2.0, rel=0.05)
    assert [row.minute for row in it.changed()] == [int(EPOCH // 60), int(EPOCH // 60) + 60]
    assert look(it, 1.0).good == pytest.approx(2.0, rel=0.02)


@given(st.integers(0, 2**32))
def test_five_minutes_kept_up_with_are_the_five_minutes_added_up(seed: int) -> None:
    chance, it, now = Random(seed), healths(), 0.0
    for _ in range(60):
        now += chance.expovariate(1 / 10)
        size = chance.choice(["1MP", "2MP"])
        note(it, good(chance.uniform(1, 9)) if chance.random() < 0.7 else BAD, at=now, size=size)
        look(it, now, size=chance.choice(["1MP", "4MP"]))
        window = it.window("home/m", DRAW, 300, now)
        assert it.quantile("home/m", DRAW, "4MP", "seconds", 0.9, now) == window.quantile("seconds", 0.9)
        assert look(it, now, size="4MP").success == window.uptime
