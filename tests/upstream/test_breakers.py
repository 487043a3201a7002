"""Circuit breakers: they open when too much fails, let one call through to see, and always close again."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.call import Operation
from penstock.settings import Breaker
from penstock.upstream.breakers import Breakers, Entry

KEY = ("home/m", Operation.IMAGE_GENERATION)
SETTINGS = Breaker(error_rate=0.5, minimum=4, window_seconds=30.0, open_seconds=10.0)


def entered(breakers: Breakers, now: float, *, anyway: bool = False) -> Entry:
    entry = breakers.enter(KEY, now, anyway=anyway)
    assert entry is not None
    return entry


def have(breakers: Breakers, *outcomes: bool | None, at: float = 0.0) -> None:
    """Attempts, one after another."""
    for outcome in outcomes:
        breakers.leave(entered(breakers, at), outcome, at)


def opened(at: float = 0.0) -> Breakers:
    breakers = Breakers(SETTINGS)
    have(breakers, False, False, False, False, at=at)
    assert stands(breakers, at) == "open"
    return breakers


def stands(breakers: Breakers, now: float) -> str:
    return breakers.states(now)[KEY].name


@pytest.mark.parametrize(
    ("outcomes", "name"),
    [
        ((False,) * 3, "closed"),
        ((False,) * 4, "open"),
        ((True, True, True, False, False), "closed"),
        ((True, True, False, False), "open"),
        ((True,) * 9 + (False,) * 8, "closed"),
        ((True,) * 8 + (False,) * 8, "open"),
        ((False,) * 3 + (None,) * 9, "closed"),
        ((False,) * 3 + (True,), "closed"),
        ((False,) * 3 + (True, False), "open"),
    ],
)
def test_it_opens_at_a_failure_when_there_are_enough_results_and_too_many_failed(
    outcomes: tuple[bool | None, ...], name: str
) -> None:
    breakers = Breakers(SETTINGS)
    have(breakers, *outcomes)
    assert stands(breakers, 0.0) == name


def test_only_results_of_the_window_count() -> None:
    breakers = Breakers(SETTINGS)
    have(breakers, False, False, False, at=0.0)
    have(breakers, False, at=31.0)
    assert (stands(breakers, 31.0), breakers.states(31.0)[KEY].failures) == ("closed", 1)


def test_an_open_one_lets_nobody_through_until_its_time_is_over() -> None:
    breakers = opened()
    assert not breakers.allows(KEY, 9.9) and breakers.enter(KEY, 9.9) is None
    assert breakers.waits(KEY, 4.0) == 6.0
    assert breakers.allows(KEY, 10.0) and breakers.waits(KEY, 10.0) == 0.0
    assert stands(breakers, 10.0) == "half-open"


def test_one_probe_at_a_time_decides() -> None:
    breakers = opened()
    probe = entered(breakers, 10.0)
    assert not breakers.allows(KEY, 11.0) and breakers.enter(KEY, 11.0) is None
    assert breakers.waits(KEY, 11.0) == 1.0
    breakers.leave(probe, True, 12.0)
    assert stands(breakers, 12.0) == "closed"
    have(breakers, False, False, False, at=12.0)
    assert stands(breakers, 12.0) == "closed", "its window begins anew"


def test_each_probe_that_fails_doubles_the_time_up_to_eight_times() -> None:
    breakers, now, waits = opened(), 0.0, []
    for _ in range(6):
        waits.append(breakers.waits(KEY, now))
        now += waits[-1]
        have(breakers, False, at=now)
    assert waits == [10.0, 20.0, 40.0, 80.0, 80.0, 80.0]
    assert breakers.states(now)[KEY].failures == 10
    have(breakers, True, at=now + 80.0)
    have(breakers, *[False] * 4, at=now + 80.0)
    assert breakers.waits(KEY, now + 80.0) == 10.0


def test_a_probe_that_says_nothing_gives_its_place_back() -> None:
    breakers = opened()
    have(breakers, None, at=10.0)
    assert breakers.allows(KEY, 10.0)
    have(breakers, True, at=10.0)
    assert stands(breakers, 10.0) == "closed"


@pytest.mark.parametrize("outcome", [True, False, None])
def test_what_was_begun_before_it_opened_changes_nothing(outcome: bool | None) -> None:
    breakers = Breakers(SETTINGS)
    late = entered(breakers, 0.0)
    have(breakers, *[False] * 4)
    breakers.leave(late, outcome, 1.0)
    assert (stands(breakers, 1.0), breakers.waits(KEY, 1.0)) == ("open", 9.0)
    probe = entered(breakers, 10.0)
    breakers.leave(late, outcome, 11.0)
    assert not breakers.allows(KEY, 11.0)
    breakers.leave(probe, True, 12.0)
    breakers.leave(late, outcome, 13.0)
    assert (stands(breakers, 13.0), breakers.states(13.0)[KEY].failures) == ("closed", 0)


def test_a_place_that_is_never_given_back_frees_itself() -> None:
    breakers = opened()
    lost = entered(breakers, 10.0)
    assert not breakers.allows(KEY, 609.0)
    assert breakers.allows(KEY, 610.0)
    second = entered(breakers, 610.0)
    breakers.leave(lost, False, 611.0)
    assert not breakers.allows(KEY, 611.0)
    breakers.leave(second, True, 612.0)
    assert stands(breakers, 612.0) == "closed"


def test_where_nobody_else_is_left_one_call_a_second_goes_through_an_open_one() -> None:
    breakers = opened()
    first = entered(breakers, 2.0, anyway=True)
    assert breakers.enter(KEY, 4.0, anyway=True) is None
    breakers.leave(first, False, 4.0)
    assert (stands(breakers, 4.0), breakers.waits(KEY, 4.0)) == ("open", 6.0), "the time stays as it was"
    second = entered(breakers, 4.0, anyway=True)
    breakers.leave(second, False, 4.5)
    assert breakers.enter(KEY, 4.9, anyway=True) is None
    breakers.leave(entered(breakers, 5.0, anyway=True), True, 6.0)
    assert stands(breakers, 6.0) == "closed"


def test_a_provider_that_answers_a_free_question_is_tried_at_once() -> None:
    breakers = opened()
    breakers.wake("hom")
    assert not breakers.allows(KEY, 0.0)
    breakers.wake("home")
    assert breakers.allows(KEY, 0.0)
    have(breakers, False, at=0.0)
    assert breakers.waits(KEY, 0.0) == 20.0


def test_settings_may_change_while_it_is_open() -> None:
    breakers = opened()
    breakers.settings = Breaker(open_seconds=3.0, minimum=1)
    assert breakers.waits(KEY, 0.0) == 3.0
    have(breakers, True, False, at=3.0)
    assert stands(breakers, 3.0) == "open"


def test_offers_and_operations_are_apart() -> None:
    breakers = opened()
    assert breakers.allows(("home/m", Operation.IMAGE_EDIT), 0.0)
    assert breakers.allows(("away/m", Operation.IMAGE_GENERATION), 0.0)


# What happens: some time passes; then an attempt begins (anyway or not), or one under way ends somehow, or neither.
ACTIONS = st.lists(
    st.tuples(
        st.floats(0, 15) | st.sampled_from([0.0, 0.0, 700.0]),
        st.sampled_from(["enter", "anyway", True, False, False, None, "wake"]),
        st.integers(0, 9),
    ),
    max_size=150,
)


@given(ACTIONS)
def test_whatever_happens_there_is_one_probe_at_a_time_and_after_a_repair_it_closes(
    actions: list[tuple[float, str | bool | None, int]],
) -> None:
    breakers, now, under_way = Breakers(SETTINGS), 0.0, list[Entry]()
    probe, probed_at = None, -inf
    for after, action, which in actions:
        now += after
        if action == "wake":
            breakers.wake("home")
        elif isinstance(action, str):
            closed = KEY not in breakers.states(now) or stands(breakers, now) == "closed"
            allowed = breakers.allows(KEY, now)
            entry = breakers.enter(KEY, now, anyway=action == "anyway")
            assert (entry is not None) == allowed or action == "anyway"
            if entry is not None:
                if not closed:
                    assert probe is None or now - probed_at >= 600.0, "two probes at once"
                    probe, probed_at = entry, now
                under_way.append(entry)
        elif under_way:
            entry = under_way.pop(which % len(under_way))
            before = breakers.states(now)[KEY]
            breakers.leave(entry, action, now)
            if before.name != "closed" and entry is not probe:
                assert breakers.states(now)[KEY] == before, "a late result changed something"
            probe = None if entry is probe else probe
    for _ in range(3):
        now += max(breakers.waits(KEY, now), 700.0)
        have(breakers, True, at=now)
    assert stands(breakers, now) == "closed"
