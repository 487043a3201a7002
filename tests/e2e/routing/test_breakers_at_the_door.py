"""Offers that keep failing are left alone, tried by one call at a time, and back as soon as they work."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.routing.kit import (
    CALLS,
    CHAT,
    GENERATION,
    Ask,
    costing,
    each_call,
    good,
    offers,
    provider,
    quietly,
    routed,
    send,
    server_of,
)
from tests.e2e.routing.kit import served as servers
from tests.e2e.routing.weather import Changing, MovedClock, always, changing, taking_turns
from tests.e2e.running import RunningGateway
from tests.simulators.base import RateLimited, Status, wait_until

CLIENTS = 64
MINIMUM, OPEN, HOUR = 4, 15, 3600
BREAKER = {"error_rate": 0.5, "minimum": MINIMUM, "window_seconds": 30, "open_seconds": OPEN}


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[str, Changing]]:
    with changing("first", "second") as running:
        yield running


@pytest.fixture(scope="module")
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, providers: dict[str, Changing], clock: MovedClock
) -> Iterator[RunningGateway]:
    sold = {name: provider(each, offers(costing("0.01"))) for name, each in providers.items()}
    routing = quietly(strategy="priority", breaker=BREAKER)
    with routed(tmp_path_factory.mktemp("breakers"), sold, routing, clock=clock) as running:
        yield running


@pytest.fixture(autouse=True)
def everybody_works(
    gateway: RunningGateway, client: httpx.Client, providers: dict[str, Changing], clock: MovedClock
) -> None:
    """An hour later each has answered one call of each operation, so that nothing is open."""
    clock.move(HOUR)
    for name, each in providers.items():
        each.reset()
        for ask in CALLS.values():
            if (f"{name}/{upstream_of(ask)}", ask.operation) in gateway.application.gateway.breakers.states(0.0):
                good(client, ask.given(provider={"only": [name]}))
        each.reset()
    clock.move(HOUR)


def upstream_of(ask: Ask) -> str:
    return "gpt-image-2" if ask.of_pictures else "gpt-4o-mini"


def only(ask: Ask, name: str) -> Ask:
    return ask.given(provider={"only": [name]})


def break_down(client: httpx.Client, ask: Ask, *broken: Changing) -> None:
    """Let them fail until they are left alone."""
    for each in broken:
        each.forecast = always(Status(500))
    for _ in range(MINIMUM):
        send(client, ask)
    assert all(each.asked == MINIMUM for each in broken)


@each_call
def test_an_offer_is_left_alone_when_so_many_of_its_calls_have_failed(
    client: httpx.Client, first: Changing, second: Changing, ask: Ask
) -> None:
    first.forecast = always(Status(500))
    assert servers(client, ask, 10) == ["second"] * 10
    assert (first.asked, second.asked) == (MINIMUM, 10)


@each_call
def test_metrics_tell_who_is_left_alone_and_what_fell_back(
    gateway: RunningGateway, client: httpx.Client, first: Changing, ask: Ask
) -> None:
    upstream = upstream_of(ask)
    labels = {"operation": ask.operation, "provider": "first", "offer": f"first/{upstream}"}
    served = {"operation": ask.operation, "provider": "second", "model": ask.model}
    good(client, ask)
    before = metrics(gateway)
    assert before["penstock_breaker_open", *sorted(labels.items())] == 0
    break_down(client, ask, first)
    wait_until(lambda: added(gateway, before, "penstock_fallbacks_total", served) == MINIMUM - 1)
    assert added(gateway, before, "penstock_attempts_total", served) == 2 * MINIMUM - 1, "the last is not sent there"
    assert metrics(gateway)["penstock_breaker_open", *sorted(labels.items())] == 1


def metrics(gateway: RunningGateway) -> dict[tuple[Any, ...], float]:
    """Every sample by its name and labels."""
    answer = httpx.get(f"{gateway.url}/metrics", headers={"authorization": f"Bearer {gateway.admin_key}"})
    families = text_string_to_metric_families(answer.text)
    return {(each.name, *sorted(each.labels.items())): each.value for family in families for each in family.samples}


def added(gateway: RunningGateway, before: dict[tuple[Any, ...], float], name: str, labels: dict[str, str]) -> float:
    key = name, *sorted(labels.items())
    return metrics(gateway).get(key, 0) - before.get(key, 0)


@each_call
def test_fewer_failures_than_that_part_change_nothing(client: httpx.Client, first: Changing, ask: Ask) -> None:
    first.forecast = taking_turns(None, None, Status(500))
    servers(client, ask, 18)
    assert first.asked == 18


@each_call
@pytest.mark.parametrize("mishap", [RateLimited(), Status(400), Status(401), Status(402)], ids=str)
def test_limits_keys_and_callers_own_faults_open_nothing(
    client: httpx.Client, first: Changing, mishap: Any, ask: Ask
) -> None:
    first.forecast = always(mishap)
    for _ in range(2 * MINIMUM):
        send(client, ask)
    assert first.asked == 2 * MINIMUM


@each_call
def test_one_call_of_sixty_four_at_once_is_the_probe_and_its_success_closes(
    gateway: RunningGateway, client: httpx.Client, first: Changing, second: Changing, clock: MovedClock, ask: Ask
) -> None:
    break_down(client, ask, first)
    first.reset()
    first.held = True
    clock.move(OPEN + 1)
    probed = Probed(first, second)
    answers = asyncio.run(all_at_once(gateway, ask, probed.until_the_others_are_served))
    assert Counter(answers) == {"first": 1, "second": CLIENTS - 1}
    assert first.asked == 1
    assert servers(client, ask, 5) == ["first"] * 5


class Probed:
    """The provider that is tried answers when all others have been served."""

    def __init__(self, tried: Changing, other: Changing) -> None:
        self.tried, self.other, self.before = tried, other, other.asked

    def until_the_others_are_served(self, done: int) -> None:
        if done == CLIENTS - 1:
            self.tried.held = False


async def all_at_once(gateway: RunningGateway, ask: Ask, told: Any = lambda done: None) -> list[str]:
    """Who answered each of sixty-four callers."""
    limits = httpx.Limits(max_connections=CLIENTS)
    headers = {"authorization": f"Bearer {gateway.key}"}
    found: list[str] = []

    async def caller(client: httpx.AsyncClient) -> None:
        answer = await client.post(ask.path, json=ask.fields)
        assert answer.status_code == 200, answer.text[:300]
        found.append(server_of(answer))
        told(len(found))

    async with httpx.AsyncClient(
        base_url=gateway.url, headers=headers, timeout=60, limits=limits, trust_env=False
    ) as client:
        await asyncio.gather(*(caller(client) for _ in range(CLIENTS)))
    return found


@each_call
def test_a_probe_that_fails_is_answered_by_another_and_the_next_one_waits_twice_as_long(
    client: httpx.Client, first: Changing, clock: MovedClock, ask: Ask
) -> None:
    break_down(client, ask, first)
    calls = []
    for seconds in (OPEN - 2, 4, OPEN, OPEN - 3, 4):  # 13, 17; then 15, 27 and 31 seconds after the probe
        clock.move(seconds)
        assert servers(client, ask, 2) == ["second"] * 2
        calls.append(first.asked - MINIMUM)
    assert calls == [0, 1, 1, 1, 2]


@each_call
def test_sixty_four_callers_are_served_while_one_of_two_is_dead(
    gateway: RunningGateway, first: Changing, ask: Ask
) -> None:
    first.forecast = always(Status(500))
    assert Counter(asyncio.run(all_at_once(gateway, ask))) == {"second": CLIENTS}
    asked = first.asked
    assert Counter(asyncio.run(all_at_once(gateway, ask))) == {"second": CLIENTS}
    assert first.asked == asked, "nobody asks it any more"


@each_call
def test_a_model_works_again_a_second_after_one_of_its_dead_providers_does(
    client: httpx.Client, first: Changing, second: Changing, ask: Ask
) -> None:
    break_down(client, ask, first, second)
    send(client, ask)
    second.reset()
    repaired = time.monotonic()
    while (answer := send(client, ask)).status_code != 200:
        assert time.monotonic() - repaired < 5
    assert time.monotonic() - repaired < 2
    assert server_of(answer) == "second"
    assert servers(client, ask, 5) == ["second"] * 5
    assert second.asked == 6


@each_call
def test_sixty_four_callers_of_two_dead_providers_are_told_when_to_come_again(
    gateway: RunningGateway, client: httpx.Client, first: Changing, second: Changing, clock: MovedClock, ask: Ask
) -> None:
    break_down(client, ask, first, second)
    send(client, ask)  # one goes through all the same, since nobody else is left
    answer = send(client, ask)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_provider_available")
    assert OPEN - 2 <= int(answer.headers["retry-after"]) <= OPEN
    assert "first" in answer.json()["error"]["message"]
    assert answer.headers["x-penstock-attempts"] == "0"
    assert gateway.request(answer.headers["x-request-id"])["cost_pico"] == 0
    asked = first.asked
    clock.move(5)
    for _ in range(5):
        send(client, ask)
    assert first.asked - asked <= 2, "once a second at most"


@pytest.mark.parametrize(("broken", "working"), [(CHAT, GENERATION), (GENERATION, CHAT)], ids=["chat", "pictures"])
def test_what_fails_at_one_operation_is_asked_for_the_others(
    client: httpx.Client, first: Changing, broken: Ask, working: Ask
) -> None:
    break_down(client, broken, first)
    first.reset()
    assert servers(client, broken) == ["second"]
    assert servers(client, working, 3) == ["first"] * 3


def test_edits_are_asked_for_where_generations_fail(client: httpx.Client, first: Changing) -> None:
    break_down(client, GENERATION, first)
    first.reset()
    assert servers(client, GENERATION) == ["second"]
    assert servers(client, CALLS["image_edit"], 3) == ["first"] * 3


@each_call
def test_an_open_breaker_is_shown_and_put_last(
    client: httpx.Client, first: Changing, clock: MovedClock, ask: Ask
) -> None:
    break_down(client, ask, first)
    assert explained(client, ask) == [("second", "closed"), ("first", "open")]
    clock.move(OPEN + 1)
    assert explained(client, ask) == [("first", "half-open"), ("second", "closed")]


def explained(client: httpx.Client, ask: Ask) -> list[tuple[str, str]]:
    fields = {name: value for name, value in ask.fields.items() if name != "path"}
    answer = client.post("/v1/explain", json=fields)
    assert answer.status_code == 200, answer.text[:300]
    return [(each["provider"], each["breaker"]) for each in answer.json()["order"]]


@each_call
def test_a_deadline_that_a_provider_lets_pass_counts_against_it(
    client: httpx.Client, first: Changing, ask: Ask
) -> None:
    first.held = True
    for _ in range(MINIMUM):
        assert send(client, ask, request_timeout="60").status_code == 504
    first.held = False
    wait_until(lambda: first.waiting == 0)
    assert servers(client, ask) == ["second"]
