"""Providers that fail at random: whoever can be asked again without paying twice is, and nobody else is."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from random import Random

import aiohttp
import httpx
import pytest

from tests.e2e.routing.kit import (
    CALLS,
    CHAT,
    EDIT,
    GENERATION,
    NAMES,
    Ask,
    costing,
    dice,
    each_call,
    good,
    offers,
    provider,
    quietly,
    routed,
    send,
    server_of,
)
from tests.e2e.routing.weather import Changing, Forecast, Sketching, always, changing
from tests.e2e.running import RunningGateway
from tests.simulators.base import (
    Behaviour,
    CloseConnection,
    Delay,
    Garbage,
    Hang,
    RateLimited,
    Received,
    Status,
    Truncated,
    wait_until,
)
from tests.simulators.openai import Blocked, ErrorInside, NoQuota

each_picture = pytest.mark.parametrize("ask", [GENERATION, EDIT], ids=["image_generation", "image_edit"])
ATTEMPT, BACKOFF, LONGEST, ROLL = 0.5, 0.2, 1.0, 0.5
RETRY = {"rounds": 3, "backoff_seconds": BACKOFF, "longest_wait_seconds": LONGEST}
SLACK = 0.2
"""Seconds by which a busy machine may be late."""


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[str, Changing]]:
    with changing() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, providers: dict[str, Changing]) -> Iterator[RunningGateway]:
    sold = {name: provider(each, offers(costing("0.01"))) for name, each in providers.items()}
    timeouts = dict.fromkeys(CALLS, ATTEMPT)
    routing = quietly(strategy="priority", retry=RETRY, timeouts=timeouts)
    with routed(tmp_path_factory.mktemp("rounds"), sold, routing, dice=dice(ROLL)) as running:
        yield running


@pytest.fixture(autouse=True)
def clear_skies(providers: dict[str, Changing]) -> None:
    for each in providers.values():
        each.reset()


def only(ask: Ask, *names: str) -> Ask:
    return ask.given(provider={"only": list(names)})


def tries(gateway: RunningGateway, answer: httpx.Response) -> list[tuple[str, str, str]]:
    """Whom it went to, why, and what came of it."""
    rows = gateway.attempts(answer.headers["x-request-id"])
    return [(row["provider"], row["reason"], row["outcome"]) for row in rows]


def gaps(asked: Changing) -> list[float]:
    """Seconds between its calls."""
    times = [call.at for call in asked.calls]
    return [later - earlier for earlier, later in pairwise(times)]


# Two thousand pictures

MISHAPS: list[Behaviour] = [
    Status(500),
    Status(503),
    Status(502),
    RateLimited(0.0),
    ErrorInside("The server is overloaded.", 503),
]


def failing(share: float, seed: int) -> Forecast:
    """So great a part of the calls fails, by chance and in various ways."""
    random, lock = Random(seed), threading.Lock()

    def forecast(call: Received) -> Behaviour | None:
        with lock:
            return random.choice(MISHAPS) if random.random() < share else None

    return forecast


def test_two_thousand_pictures_of_three_providers_that_fail_in_three_calls_of_ten(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """All settings of routing are the defaults."""
    with changing(*NAMES, kind=Sketching) as sketching:
        for seed, each in enumerate(sketching.values()):
            each.forecast = failing(0.3, seed)
        sold = {name: provider(each, offers(costing("0.01"))) for name, each in sketching.items()}
        with routed(tmp_path_factory.mktemp("thousands"), sold, {}) as gateway:
            statuses = asyncio.run(many(gateway, GENERATION.given(response_format="url"), 2000, 32))
            succeeded = statuses[200]
            assert succeeded >= 1998, statuses
            assert sum(len(each.billed) for each in sketching.values()) == succeeded
            assert sum(each.asked for each in sketching.values()) > 2500, "many calls did fail"
            paid = gateway.rows(
                "select requests.status, sum(outcome = 'succeeded') as good, count(*) as requests from requests "
                "left join attempts on request_id = requests.id group by requests.id"
            )
            assert Counter((row["status"], row["good"]) for row in paid) == {(200, 1): succeeded} | {
                (status, 0): number for status, number in statuses.items() if status != 200
            }
            (total,) = gateway.rows("select sum(cost_pico) as cost, sum(uncertain_pico) as unsure from requests")
            assert (total["cost"], total["unsure"]) == (succeeded * 10**10, 0)


async def many(gateway: RunningGateway, ask: Ask, times: int, at_once: int) -> Counter[int]:
    """The statuses of so many requests."""
    statuses: Counter[int] = Counter()
    left = iter(range(times))
    headers = {"authorization": f"Bearer {gateway.key}"}

    async def caller(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(gateway.url + ask.path, json=ask.fields) as answer:
                await answer.read()
                statuses[answer.status] += 1

    async with aiohttp.ClientSession(headers=headers) as session:
        await asyncio.gather(*(caller(session) for _ in range(at_once)))
    return statuses


# Who is asked after which failure

ELSEWHERE: list[Behaviour] = [
    *(Status(code) for code in (404, 409, 500, 502, 503)),
    *(Status(529, {"error": {"message": "Overloaded"}}), RateLimited(), ErrorInside(), NoQuota(), Status(401)),
]
"""Nothing was made."""
DOUBTFUL: list[Behaviour] = [Status(408), Status(504), CloseConnection(), Truncated(), Garbage(), Hang()]
"""Something may have been."""
OWN_FAULT: list[Behaviour] = [Blocked(), Status(400), Status(413), Status(422)]


@each_call
@pytest.mark.parametrize("mishap", ELSEWHERE, ids=str)
def test_the_next_is_asked_where_nothing_was_made(
    gateway: RunningGateway, client: httpx.Client, first: Changing, mishap: Behaviour, ask: Ask
) -> None:
    first.forecast = always(mishap)
    answer = good(client, ask)
    assert tries(gateway, answer) == [("first", "first", "failed"), ("second", "fallback", "succeeded")]
    assert (answer.headers["x-penstock-attempts"], answer.headers["x-penstock-fallback-used"]) == ("2", "true")


@pytest.mark.parametrize("mishap", DOUBTFUL, ids=str)
def test_a_chat_whose_answer_never_came_is_asked_elsewhere(
    gateway: RunningGateway, client: httpx.Client, first: Changing, mishap: Behaviour
) -> None:
    first.forecast = always(mishap)
    answer = good(client, CHAT)
    assert tries(gateway, answer) == [("first", "first", "failed"), ("second", "fallback", "succeeded")]
    assert first.asked == 1


@each_picture
@pytest.mark.parametrize("mishap", DOUBTFUL, ids=str)
def test_a_picture_that_may_have_been_made_is_asked_for_once(
    gateway: RunningGateway, client: httpx.Client, providers: dict[str, Changing], mishap: Behaviour, ask: Ask
) -> None:
    providers["first"].forecast = always(mishap)
    answer = send(client, ask)
    assert answer.status_code in (502, 504)
    assert [each.asked for each in providers.values()] == [1, 0, 0]
    assert gateway.request(answer.headers["x-request-id"])["uncertain_pico"] == 10**10


@each_call
@pytest.mark.parametrize("mishap", OWN_FAULT, ids=str)
def test_moderation_and_the_caller_s_own_fault_are_final(
    client: httpx.Client, providers: dict[str, Changing], mishap: Behaviour, ask: Ask
) -> None:
    providers["first"].forecast = always(mishap)
    assert send(client, ask).status_code == 400
    assert [each.asked for each in providers.values()] == [1, 0, 0]


# When somebody is asked again


@each_call
def test_everybody_is_asked_before_somebody_is_asked_again(
    gateway: RunningGateway, client: httpx.Client, providers: dict[str, Changing], ask: Ask
) -> None:
    for each in providers.values():
        each.script.append(Status(503))
    answer = good(client, ask)
    assert tries(gateway, answer) == [
        ("first", "first", "failed"),
        ("second", "fallback", "failed"),
        ("third", "fallback", "failed"),
        ("first", "retry", "succeeded"),
    ]
    assert len(providers["first"].billed) == 1


@each_call
def test_the_rounds_are_as_many_as_configured(client: httpx.Client, providers: dict[str, Changing], ask: Ask) -> None:
    for each in providers.values():
        each.forecast = always(Status(503))
    answer = send(client, ask)
    assert (answer.status_code, answer.headers["x-penstock-attempts"]) == (502, "9")
    assert [each.asked for each in providers.values()] == [3, 3, 3]


@each_call
def test_pauses_are_the_part_of_a_doubling_bound_that_the_dice_show(
    client: httpx.Client, first: Changing, ask: Ask
) -> None:
    first.forecast = always(Status(503))
    send(client, only(ask, "first"))
    one, two = gaps(first)
    assert BACKOFF * ROLL <= one < BACKOFF * ROLL + SLACK
    assert 2 * BACKOFF * ROLL <= two < 2 * BACKOFF * ROLL + SLACK


@each_call
def test_a_provider_is_not_asked_before_it_said_to_come_again(client: httpx.Client, first: Changing, ask: Ask) -> None:
    first.script.append(RateLimited(0.6))
    good(client, only(ask, "first"))
    (gap,) = gaps(first)
    assert 0.6 <= gap < 0.6 + SLACK


@each_call
def test_a_provider_that_wants_a_longer_wait_than_the_longest_is_not_asked_again(
    client: httpx.Client, first: Changing, ask: Ask
) -> None:
    first.script.append(RateLimited(LONGEST + 1))
    answer = send(client, only(ask, "first"))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    assert first.asked == 1


@each_call
def test_others_are_asked_while_one_wants_to_be_left_alone(
    gateway: RunningGateway, client: httpx.Client, providers: dict[str, Changing], ask: Ask
) -> None:
    providers["first"].script.append(RateLimited(LONGEST))
    providers["second"].script.append(Status(503))
    answer = good(client, only(ask, "first", "second"))
    assert tries(gateway, answer)[-1] == ("second", "retry", "succeeded")
    assert answer.elapsed.total_seconds() < LONGEST


# Time


def test_a_chat_that_takes_too_long_is_asked_elsewhere_and_the_slow_one_is_hung_up_on(
    gateway: RunningGateway, client: httpx.Client, first: Changing
) -> None:
    first.held = True
    answer = good(client, CHAT)
    assert server_of(answer) == "second"
    assert ATTEMPT <= answer.elapsed.total_seconds() < ATTEMPT + 2 * SLACK
    wait_until(lambda: first.hung_up == 1)


@each_call
def test_the_request_s_time_is_one_deadline_over_all_attempts(
    gateway: RunningGateway, client: httpx.Client, providers: dict[str, Changing], ask: Ask
) -> None:
    for each in providers.values():
        each.forecast = always(Delay(0.25, Status(503)))
    answer = send(client, ask, request_timeout="400")
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert 0.4 <= answer.elapsed.total_seconds() < 0.4 + SLACK
    assert [each.asked for each in providers.values()] == [1, 1, 0]


@each_call
def test_nobody_waits_for_a_pause_that_the_request_s_time_does_not_last(
    client: httpx.Client, first: Changing, ask: Ask
) -> None:
    first.forecast = always(RateLimited(0.9))
    answer = send(client, only(ask, "first"), request_timeout="700")
    assert answer.status_code == 429
    assert answer.elapsed.total_seconds() < 0.6
