"""Races and hedges: the first success is the answer at once, and what the others cost is known when they are done."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import msgspec
import pytest

from penstock.app import build
from penstock.settings import Settings
from penstock.store.books import BlockingBooks
from penstock.store.db import Database
from penstock.store.keys import NewKey, create_key
from tests.e2e.hammering import Account, account, budgeted_key
from tests.e2e.routing.kit import (
    CALLS,
    CHAT,
    EDIT,
    GENERATION,
    Ask,
    costing,
    good,
    models,
    offers,
    provider,
    quietly,
    routed,
    send,
    server_of,
)
from tests.e2e.routing.weather import Changing, MovedClock, always, changing
from tests.e2e.running import RunningGateway
from tests.simulators.base import CloseConnection, Delay, Status, wait_until
from tests.simulators.openai import BreaksOff, SlowEvents

PRICES = {"first": "0.05", "second": "0.02", "third": "0.01"}
PICO = 10**12
BOUNDED = CHAT.given(max_tokens=20)
"""A chat of which it is known what it costs at most."""
each_call = pytest.mark.parametrize("ask", [BOUNDED, GENERATION, EDIT], ids=[*CALLS])
LEAST, MOST = Decimal("0.02"), Decimal("0.07")
"""What the winner costs, and both together."""
PRESETS = {
    "race": {"strategy": "race"},
    "thrifty": {"strategy": {"name": "race", "most_usd": "0.069"}},
    "generous": {"strategy": {"name": "race", "most_usd": "0.07"}},
    "hedged": {"strategy": "hedged"},
    "impatient": {"strategy": {"name": "hedged", "otherwise_seconds": 0.1}},
    "stingy": {"strategy": {"name": "hedged", "otherwise_seconds": 0.1, "most_usd": "0.069"}},
}
PATIENCE = 0.2
"""Seconds after which who was not asked is taken to be not asked at all."""
HOUR = 3600


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[str, Changing]]:
    with changing() as running:
        yield running


@pytest.fixture(scope="module")
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, providers: dict[str, Changing], clock: MovedClock
) -> Iterator[RunningGateway]:
    with routed(
        tmp_path_factory.mktemp("races"), sold(providers), quietly(strategy="priority", presets=PRESETS), clock=clock
    ) as running:
        yield running


def sold(providers: dict[str, Changing]) -> dict[str, dict[str, Any]]:
    return {name: provider(each, offers(costing(PRICES[name]))) for name, each in providers.items()}


@pytest.fixture(autouse=True)
def an_hour_later(gateway: RunningGateway, providers: dict[str, Changing], clock: MovedClock) -> Iterator[None]:
    """Nothing is measured any more. Afterwards nobody runs, and of every attempt it is known what came of it."""
    clock.move(HOUR)
    for each in providers.values():
        each.reset()
    yield
    for each in providers.values():
        each.held = False
    wait_until(lambda: not gateway.rows("select id from attempts where outcome = 'pending'"))


Budgeted = Callable[[Decimal], tuple[httpx.Client, str]]


@pytest.fixture
def budgeted(gateway: RunningGateway) -> Iterator[Budgeted]:
    """A client of a key with a hard budget of so many dollars, and the budget's id."""
    with ExitStack() as opened:

        def make(dollars: Decimal) -> tuple[httpx.Client, str]:
            key, budget = budgeted_key(gateway.data, dollars)
            headers = {"authorization": f"Bearer {key}"}
            client = httpx.Client(base_url=gateway.url, headers=headers, timeout=30, trust_env=False)
            return opened.enter_context(client), budget

        yield make


def row_of(gateway: RunningGateway, answer: httpx.Response) -> dict[str, Any]:
    return gateway.request(answer.headers["x-request-id"])


def cost_of(gateway: RunningGateway, answer: httpx.Response) -> Decimal:
    return Decimal(row_of(gateway, answer)["cost_pico"]) / PICO


def money(found: Account) -> tuple[Decimal, Decimal, Decimal]:
    """What a budget has spent, reserved and held back."""
    return found.spent, found.reserved, found.held_back


def tries(gateway: RunningGateway, answer: httpx.Response) -> list[tuple[str, str, str]]:
    rows = gateway.attempts(answer.headers["x-request-id"])
    return sorted((row["provider"], row["reason"], row["outcome"]) for row in rows)


@each_call
def test_race_returns_the_first_success_in_the_winner_s_time(
    client: httpx.Client, first: Changing, second: Changing, ask: Ask
) -> None:
    first.forecast, second.forecast = always(Delay(0.5)), always(Delay(0.1))
    alone = ask.given(provider={"only": ["second"]})
    for _ in range(4):
        more = median(seconds(client, ask.about("@preset/race")) for _ in range(5)) - median(
            seconds(client, alone) for _ in range(5)
        )
        if more < 0.02:
            return
    pytest.fail(f"a race takes {1000 * more:.0f} ms longer than the winner alone")


def seconds(client: httpx.Client, ask: Ask) -> float:
    began = time.perf_counter()
    assert server_of(good(client, ask)) == "second"
    return time.perf_counter() - began


@each_call
def test_race_adds_what_the_loser_cost_when_it_is_done(
    gateway: RunningGateway, budgeted: Budgeted, first: Changing, second: Changing, ask: Ask
) -> None:
    client, budget = budgeted(Decimal(1))
    first.held = True
    answer = good(client, ask.about("@preset/race"))
    assert server_of(answer) == "second"
    assert Decimal(answer.headers["x-penstock-cost"]) == LEAST == cost_of(gateway, answer)
    assert money(account(gateway.data, budget)) == (LEAST, 0, MOST - LEAST), "what the loser may cost is held back"
    first.held = False
    wait_until(lambda: cost_of(gateway, answer) == MOST)
    assert row_of(gateway, answer)["uncertain_pico"] == 0
    assert money(account(gateway.data, budget)) == (MOST, 0, 0)
    assert tries(gateway, answer) == [("first", "first", "succeeded"), ("second", "race", "succeeded")]
    assert len(first.billed) == len(second.billed) == 1
    assert used(gateway, ask) == spent(gateway, ask)


def used(gateway: RunningGateway, ask: Ask) -> int:
    """Pico-dollars, as the sums of usage have them."""
    query = "select sum(cost_pico) as pico from usage_days where operation = ?"
    return int(gateway.rows(query, ask.operation)[0]["pico"])


def spent(gateway: RunningGateway, ask: Ask) -> int:
    """The same, as the requests have it."""
    return int(
        gateway.rows("select sum(cost_pico) as pico from requests where operation = ?", ask.operation)[0]["pico"]
    )


@each_call
def test_race_adds_nothing_for_a_loser_that_fails(
    gateway: RunningGateway, client: httpx.Client, first: Changing, ask: Ask
) -> None:
    first.forecast = always(Delay(PATIENCE, Status(500)))
    answer = good(client, ask.about("@preset/race"))
    assert Decimal(row_of(gateway, answer)["uncertain_pico"]) / PICO == MOST - LEAST
    wait_until(lambda: row_of(gateway, answer)["uncertain_pico"] == 0)
    assert cost_of(gateway, answer) == LEAST
    assert tries(gateway, answer) == [("first", "first", "failed"), ("second", "race", "succeeded")]


@each_call
def test_race_holds_back_what_a_loser_may_have_cost_whose_answer_never_came(
    gateway: RunningGateway, budgeted: Budgeted, first: Changing, ask: Ask
) -> None:
    client, budget = budgeted(Decimal(1))
    first.forecast = always(Delay(PATIENCE, CloseConnection()))
    answer = good(client, ask.about("@preset/race"))
    wait_until(lambda: ("first", "first", "failed") in tries(gateway, answer))
    assert cost_of(gateway, answer) == LEAST
    assert money(account(gateway.data, budget)) == (LEAST, 0, MOST - LEAST)


@contextmanager
def cancelling(gateway: RunningGateway, name: str, operation: str) -> Iterator[None]:
    """As if a call of the provider cost nothing more when its connection is closed."""
    accounts: Any = gateway.application.gateway.accounts.accounts
    before = accounts[name]
    accounts[name] = replace(before, provider=replace(before.provider, cancels=(operation,)))
    yield
    accounts[name] = before


@each_call
def test_race_hangs_up_on_losers_that_charge_nothing_more_then(
    gateway: RunningGateway, budgeted: Budgeted, first: Changing, second: Changing, ask: Ask
) -> None:
    client, budget = budgeted(Decimal(1))
    first.held = second.held = True
    with cancelling(gateway, "first", ask.operation), asked(client, ask.about("@preset/race")) as under_way:
        wait_until(lambda: first.waiting == second.waiting == 1)
        second.held = False
        answer = under_way.result()
        wait_until(lambda: first.hung_up == 1)
    wait_until(lambda: row_of(gateway, answer)["uncertain_pico"] == 0)
    # What a chat has read by then is charged, and that is all of the price here, which is for a request.
    expected = MOST if ask is BOUNDED else LEAST
    wait_until(lambda: cost_of(gateway, answer) == expected)
    assert money(account(gateway.data, budget)) == (expected, 0, 0)
    assert tries(gateway, answer) == [("first", "first", "cancelled"), ("second", "race", "succeeded")]
    assert first.billed == []


@each_call
def test_race_keeps_the_pictures_of_losers_as_alternatives(
    gateway: RunningGateway, client: httpx.Client, first: Changing, ask: Ask
) -> None:
    first.held = True
    answer = good(client, ask.about("@preset/race"))
    first.held = False
    wait_until(lambda: cost_of(gateway, answer) == MOST)
    links = gateway.rows("select role from asset_links where request_id = ?", answer.headers["x-request-id"])
    roles = [link["role"] for link in links]
    assert roles.count("alternative") == roles.count("output") == int(ask.of_pictures)


@each_call
def test_race_goes_on_when_one_fails(
    gateway: RunningGateway, client: httpx.Client, first: Changing, third: Changing, ask: Ask
) -> None:
    first.forecast, third.held = always(Status(500)), True
    answer = good(client, ask.given(provider={"ignore": ["third"]}).about("@preset/race"))
    assert server_of(answer) == "second"
    wait_until(lambda: tries(gateway, answer) == [("first", "first", "failed"), ("second", "race", "succeeded")])
    assert cost_of(gateway, answer) == LEAST


@each_call
def test_race_lets_the_next_run_in_the_place_of_one_that_failed(
    gateway: RunningGateway, client: httpx.Client, first: Changing, second: Changing, ask: Ask
) -> None:
    first.forecast, second.held = always(Status(500)), True
    answer = good(client, ask.about("@preset/race"))
    assert (server_of(answer), answer.headers["x-penstock-fallback-used"]) == ("third", "true")
    second.held = False
    wait_until(lambda: cost_of(gateway, answer) == Decimal("0.03"))
    assert tries(gateway, answer) == [
        ("first", "first", "failed"),
        ("second", "race", "succeeded"),
        ("third", "fallback", "succeeded"),
    ]


@each_call
def test_race_that_nobody_wins_asks_everybody_once(
    gateway: RunningGateway, client: httpx.Client, providers: dict[str, Changing], ask: Ask
) -> None:
    for each in providers.values():
        each.forecast = always(Status(503))
    answer = send(client, ask.about("@preset/race"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "provider_failed")
    assert {name: each.asked for name, each in providers.items()} == {"first": 1, "second": 1, "third": 1}
    assert row_of(gateway, answer)["uncertain_pico"] == 0


@each_call
def test_race_that_takes_too_long_is_over_for_all(
    gateway: RunningGateway, client: httpx.Client, first: Changing, second: Changing, ask: Ask
) -> None:
    first.held = second.held = True
    answer = send(client, ask.about("@preset/race"), request_timeout="500")
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    wait_until(lambda: first.hung_up == second.hung_up == 1)
    assert Decimal(row_of(gateway, answer)["uncertain_pico"]) / PICO == MOST
    assert [outcome for *_, outcome in tries(gateway, answer)] == ["cancelled", "cancelled"]


@each_call
def test_race_sets_aside_what_both_may_cost(
    gateway: RunningGateway, budgeted: Budgeted, first: Changing, second: Changing, ask: Ask
) -> None:
    client, budget = budgeted(MOST)
    first.held = second.held = True
    with asked(client, ask.about("@preset/race")) as answer:
        wait_until(lambda: first.waiting == second.waiting == 1)
        if ask is BOUNDED:  # reservations of chats are in the budget's row alone
            assert account(gateway.data, budget).reserved == MOST
        assert money(account(gateway.data, budget)) == (0, MOST, 0)
        first.held = second.held = False
        assert answer.result().status_code == 200
    wait_until(lambda: money(account(gateway.data, budget)) == (MOST, 0, 0))


@contextmanager
def asked(client: httpx.Client, ask: Ask) -> Iterator[Future[httpx.Response]]:
    """A request under way."""
    with ThreadPoolExecutor(1) as caller:
        yield caller.submit(send, client, ask)


@each_call
def test_race_is_run_one_after_another_where_a_budget_has_not_enough_for_both(
    gateway: RunningGateway, budgeted: Budgeted, first: Changing, second: Changing, ask: Ask
) -> None:
    client, budget = budgeted(MOST - Decimal("0.001"))
    first.forecast = always(Delay(PATIENCE))
    answer = good(client, ask.about("@preset/race"))
    assert (server_of(answer), second.asked) == ("first", 0)
    assert money(account(gateway.data, budget)) == (Decimal("0.05"), 0, 0)


@each_call
def test_race_is_run_one_after_another_where_it_may_cost_more_than_its_cap(
    client: httpx.Client, first: Changing, second: Changing, ask: Ask
) -> None:
    first.forecast = always(Delay(PATIENCE))
    assert server_of(good(client, ask.about("@preset/thrifty"))) == "first"
    assert second.asked == 0
    assert server_of(good(client, ask.about("@preset/generous"))) == "second"


def test_race_of_streams_lets_only_the_winner_speak(
    gateway: RunningGateway, client: httpx.Client, first: Changing, second: Changing
) -> None:
    whole = good(client, CHAT).json()["choices"][0]["message"]["content"]
    first.reset()
    first.forecast, second.forecast = always(SlowEvents(0.06)), always(SlowEvents(0.02))
    events = streamed(client, CHAT.given(stream=True).about("@preset/race"))
    assert len({event["id"] for event in events}) == 1
    assert "".join(c["delta"].get("content") or "" for event in events for c in event["choices"]) == whole
    assert first.asked == second.asked == 1


def test_race_of_streams_that_breaks_off_after_its_first_word_is_not_taken_over(
    client: httpx.Client, first: Changing, second: Changing
) -> None:
    first.forecast, second.forecast = always(Delay(0.4)), always(BreaksOff(2))
    events = streamed(client, CHAT.given(stream=True).about("@preset/race"))
    assert "error" in events[-1]


def streamed(client: httpx.Client, ask: Ask) -> list[dict[str, Any]]:
    with client.stream("POST", ask.path, json=ask.fields) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


# Hedges


@each_call
def test_hedged_asks_a_second_only_after_what_the_first_nearly_always_takes(
    gateway: RunningGateway, client: httpx.Client, first: Changing, second: Changing, ask: Ask
) -> None:
    first.forecast = always(Delay(0.3))
    for _ in range(3):
        good(client, ask)
    hedged = ask.about("@preset/hedged")
    first.forecast = always(Delay(0.1))
    answer = good(client, hedged)
    assert (server_of(answer), second.asked) == ("first", 0), "the first was faster than ever"
    after = client.post("/v1/explain", json={**hedged.fields}).json()["hedge_after_seconds"]
    assert 0.28 <= after < 0.8
    first.forecast = always(Delay(after + 0.8))
    answer = good(client, hedged)
    assert server_of(answer) == "second"
    waited = second.calls[-1].at - first.calls[-1].at
    assert after - 0.01 <= waited < after + 0.5
    assert answer.elapsed.total_seconds() < after + 0.7
    assert ("second", "hedge", "succeeded") in tries(gateway, answer)
    wait_until(lambda: cost_of(gateway, answer) == MOST)


@each_call
def test_hedged_asks_nobody_else_where_nothing_is_measured(
    client: httpx.Client, first: Changing, second: Changing, ask: Ask
) -> None:
    first.forecast = always(Delay(2 * PATIENCE))
    assert server_of(good(client, ask.about("@preset/hedged"))) == "first"
    assert second.asked == 0


@each_call
def test_hedged_can_be_told_how_long_to_wait_where_nothing_is_measured(
    client: httpx.Client, first: Changing, ask: Ask
) -> None:
    first.forecast = always(Delay(0.6))
    assert server_of(good(client, ask.about("@preset/impatient"))) == "second"


@each_call
def test_hedged_asks_nobody_else_where_both_may_cost_more_than_the_cap(
    client: httpx.Client, first: Changing, second: Changing, ask: Ask
) -> None:
    first.forecast = always(Delay(0.1 + PATIENCE))
    assert server_of(good(client, ask.about("@preset/stingy"))) == "first"
    assert second.asked == 0


@each_call
def test_hedged_goes_to_the_next_at_once_where_the_first_fails(
    gateway: RunningGateway, client: httpx.Client, first: Changing, ask: Ask
) -> None:
    first.forecast = always(Status(500))
    answer = good(client, ask.about("@preset/hedged"))
    assert tries(gateway, answer) == [("first", "first", "failed"), ("second", "fallback", "succeeded")]
    assert answer.headers["x-penstock-fallback-used"] == "true"


@each_call
def test_hedged_has_two_under_way_at_most(
    gateway: RunningGateway, client: httpx.Client, first: Changing, second: Changing, third: Changing, ask: Ask
) -> None:
    first.forecast, second.held = always(Delay(0.4, Status(500))), True
    answer = good(client, ask.about("@preset/impatient"))
    assert server_of(answer) == "third", "it takes the place of the first, which failed"
    assert third.calls[0].at - first.calls[0].at > 0.39
    second.held = False
    wait_until(
        lambda: (
            tries(gateway, answer)
            == [("first", "first", "failed"), ("second", "hedge", "succeeded"), ("third", "fallback", "succeeded")]
        )
    )


# The end


@each_call
async def test_a_gateway_that_is_closed_leaves_no_loser_behind(
    tmp_path: Path, providers: dict[str, Changing], first: Changing, ask: Ask
) -> None:
    raw = {
        "data": str(tmp_path),
        "providers": sold(providers),
        "models": models(),
        "routing": quietly(strategy="race"),
    }
    before = asyncio.all_tasks()
    application = build(msgspec.convert(raw, Settings, strict=False), {})
    with Database.open(str(tmp_path / "penstock.db")) as database:
        _, key = BlockingBooks(database).change(lambda c: create_key(c, NewKey("test", ["inference"]), 1))
    first.held = True
    transport = httpx.ASGITransport(application)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.post(ask.path, json=ask.fields, headers={"authorization": f"Bearer {key}"})
    assert server_of(answer) == "second"
    assert asyncio.all_tasks() > before, "the loser runs on"
    async with asyncio.timeout(5):
        await application.close()
    assert asyncio.all_tasks() == before
