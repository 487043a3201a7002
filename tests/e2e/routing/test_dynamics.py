"""Strategies that learn how providers are doing: from results alone, and anew whenever things change."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.e2e.doors import client_of
from tests.e2e.routing.kit import (
    Ask,
    costing,
    counted,
    each_call,
    good,
    offers,
    provider,
    quietly,
    routed,
    seeded,
    send,
)
from tests.e2e.routing.kit import served as servers
from tests.e2e.routing.weather import Changing, MovedClock, always, changing, taking_turns
from tests.e2e.running import RunningGateway
from tests.simulators.base import Delay, Status, wait_until

FAST, MIDDLING, SLOW = Delay(0.0), Delay(0.1), Delay(0.2)
GOOD = FAST
MINUTE, HOUR = 60, 3600

PRESETS = {
    "latency": {"strategy": {"name": "least-latency", "explore": 0.5}},
    "throughput": {"strategy": {"name": "highest-throughput", "explore": 0.5}},
    "most": {"strategy": {"name": "highest-throughput", "explore": 0}},
    "quickest": {"strategy": {"name": "least-latency", "explore": 0}},
    "busy": {"strategy": "least-busy"},
    "reliable": {"strategy": "most-reliable"},
    "adaptive": {"strategy": {"name": "adaptive", "latency": 0}},
}
PLACES = {"first": 2, "second": 8}
"""Calls that a provider takes at once."""
PRICES = {"first": "0.01", "second": "0.04"}


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[str, Changing]]:
    with changing(*PLACES) as running:
        yield running


@pytest.fixture(scope="module")
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, providers: dict[str, Changing], clock: MovedClock
) -> Iterator[RunningGateway]:
    sold = {
        name: provider(each, offers(costing(PRICES[name])), concurrency=PLACES[name])
        for name, each in providers.items()
    }
    routing = quietly(presets=PRESETS)
    with routed(tmp_path_factory.mktemp("learning"), sold, routing, clock=clock, dice=seeded(4)) as running:
        yield running


@pytest.fixture(autouse=True)
def an_hour_later(providers: dict[str, Changing], clock: MovedClock) -> None:
    """What was learnt in the test before is long forgotten."""
    for each in providers.values():
        each.reset()
    clock.move(HOUR)


def only(ask: Ask, name: str) -> Ask:
    return ask.given(provider={"only": [name]})


def measure(client: httpx.Client, ask: Ask) -> None:
    """Three results of each provider, so that nothing is new about them."""
    with ThreadPoolExecutor(len(PLACES)) as callers:
        list(callers.map(lambda name: servers(client, only(ask, name), 3), PLACES))


@each_call
def test_least_latency_asks_the_faster(client: httpx.Client, first: Changing, second: Changing, ask: Ask) -> None:
    first.forecast, second.forecast = always(SLOW), always(FAST)
    measure(client, ask)
    found = counted(client, ask.about("@preset/latency"), 10)
    assert found == {"second": 10}


@each_call
def test_least_latency_goes_to_another_when_the_fastest_becomes_slow(
    client: httpx.Client, first: Changing, second: Changing, clock: MovedClock, ask: Ask
) -> None:
    first.forecast, second.forecast = always(FAST), always(MIDDLING)
    measure(client, ask)
    asked = ask.about("@preset/latency")
    assert counted(client, asked, 3) == {"first": 3}
    first.forecast = always(SLOW)
    clock.move(MINUTE + 1)
    found = servers(client, asked, 12)
    assert found[-3:] == ["second"] * 3, found


@each_call
def test_least_latency_returns_to_a_provider_that_became_fast_again(
    client: httpx.Client, first: Changing, second: Changing, clock: MovedClock, ask: Ask
) -> None:
    first.forecast, second.forecast = always(SLOW), always(MIDDLING)
    measure(client, ask)
    asked = ask.about("@preset/latency")
    assert counted(client, asked, 3) == {"second": 3}
    first.forecast = always(FAST)
    clock.move(MINUTE + 1)  # its figures are stale, and not forgotten: it still counts as slow
    assert servers(client, ask.about("@preset/quickest")) == ["second"]
    assert_goes_over_to("first", servers(client, asked, 20))


def assert_goes_over_to(name: str, found: list[str]) -> None:
    """It was tried a few times beside the other, and from then on everybody went there."""
    assert set(found[:6]) == set(PLACES), found
    assert found[-5:] == [name] * 5, found


@each_call
def test_highest_throughput_asks_whoever_makes_the_most_a_second_not_whoever_is_first_to_answer(
    client: httpx.Client, first: Changing, second: Changing, ask: Ask
) -> None:
    """One makes twice as much in less than twice the time; both are of one size class."""
    little, much = LITTLE_AND_MUCH[ask.operation]
    first.forecast, second.forecast = always(Delay(0.08)), always(Delay(0.12))
    servers(client, only(ask.given(**little), "first"), 3)
    servers(client, only(ask.given(**much), "second"), 3)
    assert servers(client, ask.about("@preset/most"), 2) == ["second"] * 2
    assert servers(client, ask.about("@preset/quickest"), 2) == ["first"] * 2


LITTLE_AND_MUCH = {
    "chat": (
        {"messages": [{"role": "user", "content": "word " * 40}]},
        {"messages": [{"role": "user", "content": "word " * 100}]},
    ),
    "image_generation": ({"size": "1024x640"}, {"size": "1024x1280"}),
    "image_edit": ({"size": "1024x640"}, {"size": "1024x1280"}),
}


@each_call
def test_highest_throughput_follows_the_weather(
    client: httpx.Client, first: Changing, second: Changing, clock: MovedClock, ask: Ask
) -> None:
    first.forecast, second.forecast = always(SLOW), always(MIDDLING)
    measure(client, ask)
    asked = ask.about("@preset/throughput")
    assert counted(client, asked, 3) == {"second": 3}
    first.forecast = always(FAST)
    clock.move(MINUTE + 1)
    assert_goes_over_to("first", servers(client, asked, 20))


@each_call
def test_least_busy_fills_providers_by_what_they_take_at_once(
    gateway: RunningGateway, first: Changing, second: Changing, ask: Ask
) -> None:
    first.held = second.held = True
    asked = ask.about("@preset/busy")
    with ThreadPoolExecutor(10) as callers, client_of(gateway) as client:
        seen, answers = [], []
        for number in range(1, 11):
            answers.append(callers.submit(good, client, asked))
            wait_until(lambda number=number: first.waiting + second.waiting == number)
            seen.append((first.waiting, second.waiting))
        first.held = second.held = False
        assert all(answer.result().status_code == 200 for answer in answers)
    assert seen == [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 4), (2, 5), (2, 6), (2, 7), (2, 8)]


@each_call
def test_least_busy_counts_calls_that_are_over_no_longer(client: httpx.Client, ask: Ask) -> None:
    assert counted(client, ask.about("@preset/busy"), 6) == {"first": 6}


@each_call
def test_most_reliable_leaves_whoever_fails(client: httpx.Client, first: Changing, second: Changing, ask: Ask) -> None:
    first.forecast = taking_turns(None, Status(503))
    found = servers(client, ask.about("@preset/reliable"), 20)
    assert found[2:] == ["second"] * 18
    assert first.asked == 2


@each_call
def test_most_reliable_compares_parts_of_all_results_not_the_last_one(
    client: httpx.Client, first: Changing, second: Changing, ask: Ask
) -> None:
    """One fails every second time, the other every fifth, the latter just now."""
    outcomes = {first: (Status(503), None, Status(503), None), second: (None, None, None, None, Status(503))}
    for each, name in ((first, "first"), (second, "second")):
        each.script.extend(behaviour or GOOD for behaviour in outcomes[each])
        for _ in outcomes[each]:
            send(client, only(ask, name))
    assert counted(client, ask.about("@preset/reliable"), 5) == {"second": 5}


@each_call
def test_most_reliable_comes_back_when_the_failures_are_five_minutes_old(
    client: httpx.Client, first: Changing, second: Changing, clock: MovedClock, ask: Ask
) -> None:
    asked = ask.about("@preset/reliable")
    first.forecast = always(Status(503))
    servers(client, asked, 5)
    assert (first.asked, second.asked) == (1, 5)
    first.reset()
    clock.move(4 * MINUTE)
    assert servers(client, asked) == ["second"]
    clock.move(2 * MINUTE)
    assert counted(client, asked, 5) == {"first": 5}


@each_call
def test_adaptive_leaves_a_provider_that_goes_bad_and_comes_back_after_its_repair(
    client: httpx.Client, first: Changing, second: Changing, clock: MovedClock, ask: Ask
) -> None:
    asked = ask.about("@preset/adaptive")
    before = Counter(servers(client, asked, 40)[-20:])
    assert before["first"] >= 15, before  # it is the cheaper one
    first.forecast = always(Status(503))
    tried = []
    for _ in range(110):
        was = first.asked
        good(client, asked)
        tried.append(first.asked - was)
    assert sum(tried[-60:]) <= 6, "nine of ten requests do not even try it"
    first.reset()
    clock.move(10 * MINUTE)
    after = Counter(servers(client, asked, 50)[-20:])
    assert after["first"] >= 15, after


@each_call
def test_adaptive_learns_who_is_fast_among_equals(
    client: httpx.Client, first: Changing, second: Changing, ask: Ask
) -> None:
    """A quarter of the price is worth less than a twentieth of the time."""
    first.forecast, second.forecast = always(SLOW), always(FAST)
    found = servers(client, ask, 25, config='{"strategy": {"name": "adaptive", "latency": 0.8, "price": 0.1}}')
    assert Counter(found[-15:])["second"] >= 12, found
