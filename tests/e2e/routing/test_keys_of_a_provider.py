"""Several keys at one provider: by weight, within their limits, and one that does not work is not missed."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock.core.target import Secret
from penstock.pipeline.probe import probe_once
from tests.e2e.doors import FLUX, client_of
from tests.e2e.routing.kit import (
    GENERATION,
    Ask,
    costing,
    each_call,
    good,
    offers,
    provider,
    quietly,
    routed,
    seeded,
    send,
)
from tests.e2e.routing.weather import Changing, MovedClock, always, changing, clear, on_its_loop
from tests.e2e.running import RunningGateway
from tests.simulators.base import Behaviour, RateLimited, Received, Status, wait_until
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import NoQuota

ONE, TWO = "sk-one-5f1c9ab2e7", "sk-two-d04be8116c"
KEYS = {"one": ONE, "two": TWO}
ROTATION = {"no_credit_seconds": 300, "refused_seconds": 60, "rate_limited_seconds": 5}
PRICE = Decimal("0.01")
MINUTE, DAY = 60, 86_400

SOLD: dict[str, list[dict[str, Any]]] = {
    "plain": [{}, {}],
    "weighted": [{}, {"weight": 4}],
    "paced": [{"requests_per_minute": 3}, {"requests_per_minute": 2}],
    "thrifty": [{"usd_per_day": str(2 * PRICE)}, {}],
    "poor": [{"usd_per_day": str(PRICE)}, {"usd_per_day": str(PRICE)}],
}
"""Providers, and what is said of the keys of each, `one` and `two`."""


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[str, Changing]]:
    with changing(*SOLD) as running:
        for each in running.values():
            each.keys = (ONE, TWO)
        yield running


@pytest.fixture(scope="module")
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, providers: dict[str, Changing], clock: MovedClock
) -> Iterator[RunningGateway]:
    sold = {}
    for name, each in providers.items():
        keys = [{"api_key": KEYS[of], "name": of, **said} for of, said in zip(KEYS, SOLD[name], strict=True)]
        sold[name] = {**provider(each, offers(costing(str(PRICE)))), "api_key": None, "keys": keys}
    routing = quietly(strategy="priority", rotation=ROTATION)
    with routed(tmp_path_factory.mktemp("keys"), sold, routing, clock=clock, dice=seeded(1)) as running:
        yield running


@pytest.fixture(autouse=True)
def a_new_day(gateway: RunningGateway, providers: dict[str, Changing], clock: MovedClock) -> None:
    """Every key is in rotation, and none has been used."""
    for each in providers.values():
        each.reset()
    parts = gateway.application.gateway
    for name in providers:
        for key in KEYS:
            parts.rotation.works(parts.accounts[name], key)
    clock.move(DAY)


@pytest.fixture
def first(providers: dict[str, Changing]) -> Changing:
    return providers["plain"]


def at(ask: Ask, name: str) -> Ask:
    return ask.given(provider={"only": [name]})


def used(simulator: Changing) -> list[str]:
    """The keys of its calls, in turn."""
    names = {f"Bearer {key}": name for name, key in KEYS.items()}
    return [names[call.headers["authorization"]] for call in simulator.calls if call.method == "POST"]


def mishap_of(name: str, behaviour: Behaviour) -> Callable[[Received], Behaviour | None]:
    """Calls with this key are met with it."""
    return lambda call: behaviour if KEYS[name] in call.headers["authorization"] else None


def key_names(gateway: RunningGateway, answer: httpx.Response) -> list[tuple[str, str]]:
    rows = gateway.attempts(answer.headers["x-request-id"])
    return [(row["key_name"], row["outcome"]) for row in rows]


@each_call
def test_traffic_is_dealt_out_by_weight(client: httpx.Client, providers: dict[str, Changing], ask: Ask) -> None:
    for _ in range(50):
        good(client, at(ask, "weighted"))
    shares = Counter(used(providers["weighted"]))
    assert 30 <= shares["two"] <= 48, shares


@each_call
@pytest.mark.parametrize("mishap", [Status(402), NoQuota(), Status(401), RateLimited(30)], ids=str)
def test_a_key_that_does_not_work_rests_and_the_other_takes_over_within_the_request(
    gateway: RunningGateway, client: httpx.Client, first: Changing, mishap: Behaviour, ask: Ask
) -> None:
    first.forecast = mishap_of("one", mishap)
    answers = [good(client, at(ask, "plain")) for _ in range(12)]
    assert Counter(used(first)) == {"one": 1, "two": 12}
    (taken_over,) = (answer for answer in answers if answer.headers["x-penstock-attempts"] == "2")
    assert key_names(gateway, taken_over) == [("one", "failed"), ("two", "succeeded")]


@each_call
@pytest.mark.parametrize(
    ("mishap", "seconds"), [(Status(402), 300), (Status(401), 60), (RateLimited(30), 30), (RateLimited(), 5)], ids=str
)
def test_a_key_comes_back_when_its_time_is_over(
    client: httpx.Client, first: Changing, clock: MovedClock, mishap: Behaviour, seconds: int, ask: Ask
) -> None:
    until_both(client, first, ask, mishap)
    first.reset()
    clock.move(seconds - 2)
    for _ in range(8):
        good(client, at(ask, "plain"))
    assert "one" not in used(first)
    clock.move(3)
    for _ in range(12):
        good(client, at(ask, "plain"))
    assert "one" in used(first)


def until_both(client: httpx.Client, first: Changing, ask: Ask, mishap: Behaviour) -> None:
    """Ask until the first key rests."""
    first.forecast = mishap_of("one", mishap)
    while "one" not in used(first):
        good(client, at(ask, "plain"))


@each_call
def test_a_key_that_still_has_no_credit_is_tried_by_one_call_and_rests_again(
    client: httpx.Client, first: Changing, clock: MovedClock, ask: Ask
) -> None:
    until_both(client, first, ask, Status(402))
    tried = first.asked
    clock.move(301)
    for _ in range(20):
        good(client, at(ask, "plain"))
    assert Counter(used(first)[tried:])["one"] == 1


@each_call
def test_calls_of_a_minute_are_bounded_for_each_key(
    client: httpx.Client, providers: dict[str, Changing], clock: MovedClock, ask: Ask
) -> None:
    asked = at(ask, "paced")
    for _ in range(5):
        good(client, asked)
    assert Counter(used(providers["paced"])) == {"one": 3, "two": 2}
    refused = send(client, asked)
    assert refused.status_code == 429, refused.text
    assert "may make in a minute are used up" in refused.text
    assert 30 <= int(refused.headers["retry-after"]) <= MINUTE
    assert providers["paced"].asked == 5
    clock.move(MINUTE + 1)
    good(client, asked)


@each_call
def test_dollars_of_a_day_are_bounded_for_each_key(
    client: httpx.Client, providers: dict[str, Changing], clock: MovedClock, ask: Ask
) -> None:
    asked, poor = at(ask, "thrifty"), providers["thrifty"]
    for _ in range(20):
        good(client, asked)
    assert Counter(used(poor)) == {"one": 2, "two": 18}
    clock.move(DAY)
    for _ in range(20):
        good(client, asked)
    assert Counter(used(poor))["one"] == 4


@each_call
def test_where_the_dollars_of_all_keys_are_spent_the_caller_is_told_so(
    client: httpx.Client, providers: dict[str, Changing], clock: MovedClock, ask: Ask
) -> None:
    asked = at(ask, "poor")
    for _ in range(2):
        good(client, asked)
    refused = send(client, asked)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "no_provider_available")
    assert "may be spent in a day" in refused.text
    assert "retry-after" not in refused.headers, "tomorrow is too far away to be waited for"
    assert sorted(used(providers["poor"])) == ["one", "two"]
    clock.move(DAY)
    good(client, asked)


@each_call
@pytest.mark.parametrize(
    ("mishap", "status", "code"),
    [
        (Status(402), 502, "provider_out_of_credit"),
        (Status(401), 503, "no_provider_available"),
        (RateLimited(20), 429, "rate_limit_exceeded"),
    ],
    ids=str,
)
def test_where_all_keys_rest_the_caller_is_told_why_and_when_to_come_again(
    client: httpx.Client, first: Changing, mishap: Behaviour, status: int, code: str, ask: Ask
) -> None:
    first.default = mishap
    assert send(client, at(ask, "plain")).headers["x-penstock-attempts"] == "2"
    answer = send(client, at(ask, "plain"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert (answer.headers["x-penstock-attempts"], first.asked) == ("0", 2)
    left = {402: 300, 401: 60, 20: 20}[getattr(mishap, "code", 20)]
    assert left - 3 <= int(answer.headers["retry-after"]) <= left


@each_call
@pytest.mark.parametrize("name", [None, "one"], ids=["all keys", "one key"])
def test_keys_that_are_limited_for_a_moment_are_waited_for(
    client: httpx.Client, first: Changing, name: str | None, ask: Ask
) -> None:
    limited = RateLimited(0.4)
    first.forecast = mishap_of(name, limited) if name else always(limited)
    while first.asked < 2:
        send(client, at(ask, "plain"))
    first.forecast = clear
    answers = [good(client, at(ask, "plain")) for _ in range(3)]
    assert [answer.headers["x-penstock-attempts"] for answer in answers] == ["1"] * 3
    waited = first.calls[2].at - first.calls[1].at
    assert waited >= 0.35 if name is None else waited < 0.3, "another key is not waited for"


@each_call
def test_after_a_limited_rate_all_calls_are_let_through_at_once(
    client: httpx.Client, first: Changing, clock: MovedClock, ask: Ask
) -> None:
    first.script.extend([RateLimited(20), RateLimited(20)])
    assert send(client, at(ask, "plain")).status_code == 429
    clock.move(21)
    first.held = True
    with ThreadPoolExecutor(4) as callers:
        answers = [callers.submit(good, client, at(ask, "plain")) for _ in range(4)]
        wait_until(lambda: first.waiting == 4)
        first.held = False
        assert [answer.result().status_code for answer in answers] == [200] * 4


@each_call
def test_keys_are_named_and_never_told(
    gateway: RunningGateway,
    client: httpx.Client,
    first: Changing,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    ask: Ask,
) -> None:
    caplog.set_level(logging.DEBUG)
    told = [good(client, at(ask, "plain"))]
    for key in KEYS.values():
        first.script.append(Status(401, {"error": {"message": f"Incorrect API key provided: {key}."}}))
    told += [
        send(client, at(ask, "plain")),
        send(client, at(ask, "plain")),
        client.post("/v1/explain", json=at(ask, "plain").fields),
    ]
    assert [each.status_code for each in told] == [200, 502, 503, 200]
    written = "".join([*(each.text + str(each.headers) for each in told), caplog.text, *capfd.readouterr()])
    everything = written + str(gateway.rows("select * from requests")) + str(gateway.rows("select * from attempts"))
    assert not any(key in everything for key in KEYS.values())
    assert isinstance(gateway.application.gateway.accounts["plain"].keys[0].key, Secret)


def test_a_free_question_puts_a_refused_key_back(
    gateway: RunningGateway, client: httpx.Client, first: Changing
) -> None:
    until_both(client, first, GENERATION, Status(401))
    assert resting(gateway) == ["one"]
    first.forecast = lambda call: None
    ask_free(gateway)
    assert resting(gateway) == []
    assert first.count(method="GET") == 1


def test_a_free_question_does_not_put_a_key_back_that_may_have_no_credit(
    gateway: RunningGateway, client: httpx.Client, first: Changing
) -> None:
    """OpenAI lists its models whether there is credit or not."""
    until_both(client, first, GENERATION, Status(402))
    ask_free(gateway)
    assert resting(gateway) == ["one"]


def resting(gateway: RunningGateway) -> list[str]:
    parts = gateway.application.gateway
    return [rest.key_name for rest in parts.rotation.resting(parts.clock.monotonic())]


def ask_free(gateway: RunningGateway) -> None:
    """What happens every `probe_seconds`."""
    on_its_loop(gateway, probe_once(gateway.application.gateway))


# Jobs that are polled

BFL_KEYS = {"one": "bfl-one-77aa01", "two": "bfl-two-c3d902"}
PICTURE = {"model": FLUX, "prompt": "a lighthouse", "size": "64x64"}


@pytest.fixture
def lab() -> Iterator[BflSimulator]:
    with BflSimulator() as simulator:
        simulator.keys = tuple(BFL_KEYS.values())
        yield simulator


@pytest.fixture
def with_jobs(tmp_path: Path, lab: BflSimulator, clock: MovedClock) -> Iterator[RunningGateway]:
    settings = {
        "providers": {
            "bfl": {
                "base_url": lab.url,
                "keys": [{"api_key": key, "name": name} for name, key in BFL_KEYS.items()],
                "quirks": {"poll_seconds": 0.01},
            }
        },
        "network": {"allow_private_hosts": ["127.0.0.1"]},
        "routing": quietly(rotation=ROTATION),
    }
    with RunningGateway(tmp_path, settings, clock=clock, dice=seeded(2)) as running:
        yield running


def test_a_job_is_polled_with_the_key_that_it_was_submitted_with(with_jobs: RunningGateway, lab: BflSimulator) -> None:
    with client_of(with_jobs) as client:
        for _ in range(8):
            answer = client.post("/v1/images/generations", json=PICTURE)
            assert answer.status_code == 200, answer.text[:300]
    submitted = Counter(job.key for job in lab.jobs.values())
    assert set(submitted) == set(BFL_KEYS.values())
    for call in lab.calls:
        if call.path == "/v1/get_result":
            assert call.headers["x-key"] == lab.jobs[call.query["id"]].key
    names = Counter(row["key_name"] for row in with_jobs.rows("select key_name from attempts"))
    assert names == {name: submitted[key] for name, key in BFL_KEYS.items()}


def test_a_free_question_puts_a_key_back_that_has_credit_again(with_jobs: RunningGateway, lab: BflSimulator) -> None:
    with client_of(with_jobs) as client:
        for _ in BFL_KEYS:
            lab.script.append(Status(402))
        assert client.post("/v1/images/generations", json=PICTURE).status_code == 502
        assert client.post("/v1/images/generations", json=PICTURE).json()["error"]["code"] == "provider_out_of_credit"
        assert sorted(resting(with_jobs)) == ["one", "two"]
        ask_free(with_jobs)
        assert resting(with_jobs) == []
        assert client.post("/v1/images/generations", json=PICTURE).status_code == 200
