"""Who is asked next: everybody once before anybody again, after pauses that chance draws and providers lengthen."""

from typing import Any

import pytest

from penstock.core.errors import (
    BadCredentials,
    ConnectionLost,
    NoCredit,
    ProviderError,
    RateLimited,
    Rejected,
    Unreachable,
    UnusableAnswer,
    UpstreamFailed,
    UpstreamTimeout,
)
from penstock.core.target import Candidate
from penstock.pipeline.rounds import Patience, Rounds, status_of
from tests.pipeline.lives import candidate

ONE, TWO, THREE = CANDIDATES = tuple(candidate(name) for name in ("one", "two", "three"))


def rounds(*order: Candidate, roll: float = 0.5, **patience: Any) -> Rounds:
    known: dict[str, Any] = {"rounds": 3, "backoff": 1.0, "longest": 10.0}
    return Rounds(order or CANDIDATES, Patience(**known | patience), lambda: roll)


def failed(status: int, *, ambiguous: bool = False) -> UpstreamFailed:
    error = UpstreamFailed("It failed.")
    error.upstream_status, error.ambiguous = status, ambiguous
    return error


def asked(going: Rounds, error: ProviderError, *, other_key: bool = False) -> list[str]:
    """Everybody who is asked where everybody fails like this; time passes as the pauses say."""
    now, found = 0.0, []
    while (step := going.next(now)) is not None:
        now += step.pause
        found.append(step.candidate.offer.provider)
        going.failed(step.candidate, error, now, other_key=other_key)
    return found


def test_everybody_is_asked_once_before_anybody_is_asked_again() -> None:
    assert asked(rounds(), Unreachable("No connection.")) == 3 * ["one", "two", "three"]


@pytest.mark.parametrize("roll", [0.0, 0.999])
def test_the_fallbacks_are_asked_without_a_pause(roll: float) -> None:
    going = rounds(roll=roll)
    pauses = []
    for _ in CANDIDATES:
        step = going.next(0.0)
        assert step is not None
        pauses.append(step.pause)
        going.failed(step.candidate, failed(500), 0.0, other_key=False)
    assert pauses == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("roll", [0.0, 0.25, 0.999])
def test_a_pause_is_a_random_part_of_a_bound_that_doubles_up_to_the_longest(roll: float) -> None:
    going = rounds(ONE, roll=roll, rounds=6, longest=5.0)
    now, pauses = 0.0, []
    while (step := going.next(now)) is not None:
        pauses.append(step.pause)
        now += step.pause
        going.failed(ONE, failed(503), now, other_key=False)
    assert pauses == pytest.approx([0.0, *(roll * bound for bound in (1.0, 2.0, 4.0, 5.0, 5.0))])


CERTAIN: list[ProviderError] = [Unreachable("x"), RateLimited("x"), failed(500), failed(503), UpstreamFailed("x")]
UNCERTAIN: list[ProviderError] = [
    *(failed(500, ambiguous=True), failed(404), failed(409), UpstreamTimeout("x"), ConnectionLost("x")),
    *(UnusableAnswer("x"), Rejected("x"), NoCredit("x"), BadCredentials("x")),
]


@pytest.mark.parametrize("error", CERTAIN, ids=repr)
def test_a_provider_is_asked_again_where_nothing_can_have_been_made(error: ProviderError) -> None:
    assert asked(rounds(ONE), error) == 3 * ["one"]


@pytest.mark.parametrize("error", UNCERTAIN, ids=repr)
def test_a_provider_is_asked_once_where_something_may_have_been_made_or_it_would_fail_again(
    error: ProviderError,
) -> None:
    assert asked(rounds(), error) == ["one", "two", "three"]


@pytest.mark.parametrize(("wanted", "roll", "pause"), [(4.0, 0.5, 4.0), (0.2, 0.5, 0.5), (None, 0.5, 0.5)])
def test_a_pause_is_never_shorter_than_the_provider_asked_for(wanted: float | None, roll: float, pause: float) -> None:
    going = rounds(ONE, roll=roll)
    going.next(0.0)
    going.failed(ONE, RateLimited("Too many.", retry_after=wanted), 0.0, other_key=False)
    step = going.next(0.0)
    assert step is not None
    assert step.pause == pytest.approx(pause)


def test_a_provider_that_wants_a_longer_pause_than_the_longest_is_not_asked_again() -> None:
    assert asked(rounds(ONE), RateLimited("Too many.", retry_after=10.1)) == ["one"]


def test_what_a_provider_asks_for_can_be_ignored() -> None:
    error = RateLimited("Too many.", retry_after=3600.0)
    assert asked(rounds(ONE, heeds_retry_after=False), error) == 3 * ["one"]


def test_whoever_is_ready_goes_before_whoever_has_been_asked_less_and_must_wait() -> None:
    going = rounds(ONE, TWO)
    for each, seconds in ((ONE, 0.0), (TWO, 9.0)):
        going.next(0.0)
        going.failed(each, RateLimited("Too many.", retry_after=seconds), 0.0, other_key=False)
    step = going.next(5.0)
    assert step is not None
    assert (step.candidate, step.pause, step.again) == (ONE, 0.0, True)


def test_nobody_is_waited_for_where_that_is_not_wanted() -> None:
    going = rounds(ONE)
    going.next(0.0)
    going.failed(ONE, failed(500), 0.0, other_key=False)
    assert going.next(0.0, wait=False) is None
    assert going.next(0.5, wait=False) is not None


@pytest.mark.parametrize("error", [NoCredit("x"), BadCredentials("x"), RateLimited("x", retry_after=3600.0)], ids=repr)
def test_another_key_of_the_same_provider_is_tried_at_once_and_does_not_count_as_another_time(
    error: ProviderError,
) -> None:
    going = rounds(ONE, TWO, rounds=1)
    going.next(0.0)
    going.failed(ONE, error, 0.0, other_key=True)
    step = going.next(0.0)
    assert step is not None
    assert (step.candidate, step.pause, step.again) == (ONE, 0.0, False)


def test_another_key_does_not_help_where_the_provider_itself_fails() -> None:
    assert asked(rounds(ONE, rounds=1), failed(500), other_key=True) == ["one"]


def test_who_was_put_off_is_asked_later_as_if_for_the_first_time() -> None:
    going = rounds(ONE, TWO, rounds=1)
    assert going.next(0.0) is not None
    going.put_off(ONE, 3.0)
    steps = [going.next(0.0), going.next(0.0), going.next(3.0)]
    assert [(step.candidate, step.pause, step.again) if step else None for step in steps] == [
        (TWO, 0.0, False),
        (ONE, 3.0, False),
        None,
    ]


def test_a_provider_can_be_kept_to() -> None:
    going = rounds()
    going.next(0.0)
    going.failed(ONE, failed(500), 0.0, other_key=False)
    going.keep(ONE)
    step = going.next(9.0)
    assert step is not None
    assert step.candidate is ONE
    going.failed(ONE, failed(400), 9.0, other_key=False)
    assert going.next(99.0) is None


def test_a_provider_is_asked_again_only_after_the_statuses_that_are_wanted() -> None:
    only = frozenset({503, 429})
    assert asked(rounds(ONE, retried_statuses=only), failed(500)) == ["one"]
    assert asked(rounds(ONE, retried_statuses=only), failed(503)) == 3 * ["one"]
    assert asked(rounds(ONE, retried_statuses=only), RateLimited("x")) == 3 * ["one"]


@pytest.mark.parametrize(
    ("error", "status"),
    [(failed(503), 503), (RateLimited("x"), 429), (UpstreamTimeout("x"), 504), (Rejected("x"), 400)],
)
def test_a_failure_has_the_status_of_the_provider_or_of_what_it_means(error: ProviderError, status: int) -> None:
    assert status_of(error) == status
