"""Copies for comparison, through a running gateway: after the answer, on nobody's budget, some of them, within a day's
money."""

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock.core.spending import Holder, Level, LimitUnit, Period
from penstock.store.keys import NewKey, create_key
from penstock.store.spending import create_budget, create_limit
from tests.e2e.doors import client_of
from tests.e2e.routing.kit import (
    CALLS,
    CHAT,
    EDIT,
    NAMES,
    PAINTER,
    TALKER,
    Ask,
    ChangingDice,
    Fields,
    costing,
    dice,
    each_call,
    good,
    offers,
    provider,
    quietly,
    routed,
    server_of,
)
from tests.e2e.running import RunningGateway, now_ms
from tests.simulators.base import Delay, Status, wait_until
from tests.simulators.openai import OpenAISimulator

Simulators = dict[str, OpenAISimulator]

SLOW = 1.0
"""Seconds a slow copy takes."""
PICO = 10**12
DOLLARS = {"first": "0.01", "second": "0.02", "third": None}
"""What a request costs; nobody knows what one costs at the third."""
TO_SECOND = {"name": "mirror", "to": {"provider": "second"}, "sample": 1}
SUFFIXES = ("-copied", "-sampled", "-unable", "-unpriced", "-twin", "-other", "-same")

STREAMED = {
    "a streamed chat": CHAT.given(stream=True),
    "a streamed edit": EDIT.given(stream=True, partial_images=1),
}
streamed_too = pytest.mark.parametrize("ask", [*CALLS.values(), *STREAMED.values()], ids=[*CALLS, *STREAMED])


def policies() -> Fields:
    def copied(to: Fields) -> Fields:
        return {"strategy": {"name": "mirror", "to": to, "sample": 1}}

    found: Fields = {
        "own/*-copied": {"strategy": TO_SECOND},
        "own/*-sampled": {"strategy": {**TO_SECOND, "sample": 0.25}},
        "own/*-unpriced": copied({"provider": "third"}),
        "own/*-same": copied({"provider": "first"}),
    }
    for base, wrong in ((TALKER, PAINTER), (PAINTER, TALKER)):
        found[f"{base}-unable"] = copied({"model": f"{wrong}-other"})
        found[f"{base}-twin"] = copied({"model": f"{base}-other"})
    return found


def providers(simulators: Simulators, *suffixes: str) -> dict[str, Fields]:
    sold = {
        name: [
            offer
            for suffix in suffixes
            for offer in offers(costing(dollars) if dollars else None, suffix, limits={"partial_images": 3})
            if name != "third" or suffix == "-unpriced"
        ]
        for name, dollars in DOLLARS.items()
    }
    careful = {"first": {"trains_on_prompts": False, "zero_retention": True}}
    return {name: provider(simulators[name], sold[name], **careful.get(name, {})) for name in NAMES if sold[name]}


@pytest.fixture(scope="module")
def changing() -> ChangingDice:
    return ChangingDice()


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, simulators: Simulators, changing: ChangingDice
) -> Iterator[RunningGateway]:
    data = tmp_path_factory.mktemp("copies")
    routing = quietly(strategy="priority", models=policies(), mirror_usd_per_day="1000")
    with routed(data, providers(simulators, *SUFFIXES), routing, *SUFFIXES, dice=changing) as running:
        yield running


def copies_of(gateway: RunningGateway, answer: httpx.Response) -> list[dict[str, Any]]:
    """The rows of its copies that are done."""
    return gateway.rows("select * from requests where mirror_of = ?", answer.headers["x-request-id"])


def copy_of(gateway: RunningGateway, answer: httpx.Response) -> dict[str, Any]:
    """The row of its one copy, once that is done."""
    wait_until(lambda: bool(copies_of(gateway, answer)))
    (row,) = copies_of(gateway, answer)
    return row


def settle(gateway: RunningGateway) -> None:
    """Wait until no copy is under way, or about to be."""
    inner = gateway.application.gateway
    wait_until(lambda: not inner.ledger._writer.under_way and not inner.background._tasks)


def bounded(ask: Ask) -> Ask:
    """The same as a call of which is known what it may cost at most."""
    return ask if ask.of_pictures else ask.given(max_tokens=100)


@streamed_too
def test_mirror_sends_a_copy_that_has_a_row_of_its_own(
    gateway: RunningGateway, client: httpx.Client, simulators: Simulators, ask: Ask
) -> None:
    answer = good(client, ask.about("-copied"))
    assert server_of(answer) == "first"
    assert answer.headers["x-penstock-routing-strategy"] == "mirror"
    copy = copy_of(gateway, answer)
    assert (copy["provider"], copy["status"], copy["routing_strategy"]) == ("second", 200, "mirror")
    assert (copy["model"], copy["operation"]) == (f"{ask.model}-copied", ask.operation)
    assert (copy["cost_pico"], copy["attempts"]) == (Decimal("0.02") * PICO, 1)
    row = gateway.request(answer.headers["x-request-id"])
    assert (row["mirror_of"], row["cost_pico"], row["attempts"]) == (None, Decimal("0.01") * PICO, 1)
    (sent,), (copied,) = simulators["first"].calls, simulators["second"].calls
    assert copied.path == sent.path
    told = ("messages", "prompt", "size")
    assert {name: copied.body.get(name) for name in told} == {name: sent.body.get(name) for name in told}
    assert "stream" not in copied.body


@each_call
def test_a_copy_that_the_gateway_pays_for_is_of_no_application(
    gateway: RunningGateway, client: httpx.Client, ask: Ask
) -> None:
    answer = client.post(ask.path, json=ask.about("-copied").fields, headers={"x-title": "Poster maker"})
    assert gateway.request(answer.headers["x-request-id"])["app"] == "Poster maker"
    copy = copy_of(gateway, answer)
    assert (copy["key_id"], copy["app"]) == (None, None)


@streamed_too
def test_the_answer_does_not_wait_for_a_slow_copy(
    gateway: RunningGateway, client: httpx.Client, simulators: Simulators, ask: Ask
) -> None:
    good(client, ask.about("-copied"))  # what is only done once is done
    settle(gateway)
    simulators["second"].default = Delay(SLOW)
    begun = time.monotonic()
    answer = good(client, ask.about("-copied"))
    assert time.monotonic() - begun < SLOW / 2
    assert copies_of(gateway, answer) == []
    assert copy_of(gateway, answer)["status"] == 200


@pytest.mark.parametrize("ask", [ask for ask in CALLS.values() if ask.of_pictures], ids=lambda ask: ask.operation)
def test_the_pictures_of_a_copy_are_kept(gateway: RunningGateway, client: httpx.Client, ask: Ask) -> None:
    copy = copy_of(gateway, good(client, ask.about("-copied")))
    assert copy["images_delivered"] == 1
    links = gateway.rows("select * from asset_links where request_id = ? and role = 'output'", copy["id"])
    assert len(links) == 1


def poor_key(gateway: RunningGateway, **further: Any) -> tuple[httpx.Client, str]:
    """A client with a hard budget of three cents, and the budget's id."""

    def make(c: Any) -> tuple[str, str]:
        key, secret = create_key(c, NewKey("poor", ["inference"], **further), now_ms())
        budget = create_budget(c, Holder(Level.KEY, key.id), Decimal("0.03"), Period.TOTAL, now=now_ms())
        return secret, budget.id

    secret, budget = gateway.change(make)
    return httpx.Client(base_url=gateway.url, headers={"authorization": f"Bearer {secret}"}, timeout=30), budget


def spent(gateway: RunningGateway, budget: str) -> Decimal:
    """US dollars of a budget, of which nothing is set aside any more."""
    (used,) = gateway.rows("select * from budget_use where budget_id = ?", budget)
    assert (used["reserved_pico"], used["uncertain_pico"]) == (0, 0)
    return Decimal(used["spent_pico"]) / PICO


@streamed_too
def test_a_copy_costs_the_caller_nothing(gateway: RunningGateway, ask: Ask) -> None:
    ask = bounded(ask).about("-copied")
    poor, budget = poor_key(gateway)
    with poor:
        for _ in range(3):  # with its copy the first would take all of it
            copy = copy_of(gateway, good(poor, ask))
            assert (copy["cost_pico"], copy["charged_pico"]) == (Decimal("0.02") * PICO, 0)
        refused = poor.post(ask.path, json=ask.fields)
    assert refused.json()["error"]["code"] == "budget_exceeded"
    settle(gateway)
    assert spent(gateway, budget) == Decimal("0.03")


@streamed_too
def test_a_copy_that_the_caller_asked_for_is_the_caller_s_to_pay(gateway: RunningGateway, ask: Ask) -> None:
    poor, budget = poor_key(gateway)
    config = json.dumps({"mirror": {"target_provider": "second", "sample_rate": 1}})
    with poor:
        copy = copy_of(gateway, good(poor, bounded(ask).about("-same"), config=config))
        assert (copy["provider"], copy["charged_pico"]) == ("second", Decimal("0.02") * PICO)
        refused = poor.post(ask.path, json=bounded(ask).about("-same").fields)
    assert refused.json()["error"]["code"] == "budget_exceeded"
    assert spent(gateway, budget) == Decimal("0.03")


@each_call
@pytest.mark.parametrize(("unit", "amount"), [(LimitUnit.REQUESTS, "2"), (LimitUnit.CONCURRENT, "1")])
def test_a_copy_that_the_caller_asked_for_counts_against_its_limits(
    gateway: RunningGateway, ask: Ask, unit: LimitUnit, amount: str
) -> None:
    limited = limited_key(gateway, unit, amount)
    config = json.dumps({"mirror": {"target_provider": "second", "sample_rate": 1}})
    with limited:
        copy_of(gateway, good(limited, bounded(ask).about("-same"), config=config))
        settle(gateway)
        again = limited.post(ask.path, json=bounded(ask).about("-same").fields)
    assert again.status_code == (429 if unit is LimitUnit.REQUESTS else 200), again.text


@each_call
def test_a_copy_that_nobody_can_pay_for_leaves_its_place_to_others(gateway: RunningGateway, ask: Ask) -> None:
    limited = limited_key(gateway, LimitUnit.CONCURRENT, "1")
    config = json.dumps({"mirror": {"target_provider": "third", "sample_rate": 1}})
    with limited:
        for _ in range(2):
            answer = good(limited, bounded(ask).about("-unpriced"), config=config)
            settle(gateway)
            assert copies_of(gateway, answer) == []


def limited_key(gateway: RunningGateway, unit: LimitUnit, amount: str) -> httpx.Client:
    """A client that may do so much in a minute."""

    def make(c: Any) -> str:
        key, secret = create_key(c, NewKey("limited", ["inference"]), now_ms())
        create_limit(c, Holder(Level.KEY, key.id), unit, Decimal(amount), 60, None, now_ms())
        return secret

    headers = {"authorization": f"Bearer {gateway.change(make)}"}
    return httpx.Client(base_url=gateway.url, headers=headers, timeout=30)


@each_call
def test_a_caller_has_no_copy_sent_to_a_model_that_its_key_may_not_call(
    gateway: RunningGateway, simulators: Simulators, ask: Ask
) -> None:
    bound, _ = poor_key(gateway, models=[f"{ask.model}-copied"])
    config = json.dumps({"mirror": {"target_model": f"{ask.model}-other", "sample_rate": 1}})
    with bound:
        answer = good(bound, bounded(ask).about("-copied"), config=config)
    settle(gateway)
    assert copies_of(gateway, answer) == []
    assert [simulators[name].count() for name in NAMES] == [1, 0, 0]


@each_call
@pytest.mark.parametrize(
    "wish", [{"ignore": ["second"]}, {"only": ["first"]}, {"zdr": True}, {"data_collection": "deny"}]
)
def test_who_is_not_to_see_the_request_gets_no_copy(
    gateway: RunningGateway, client: httpx.Client, simulators: Simulators, ask: Ask, wish: Fields
) -> None:
    answer = good(client, ask.about("-copied").given(provider=wish))
    settle(gateway)
    assert copies_of(gateway, answer) == []
    assert [simulators[name].count() for name in NAMES] == [1, 0, 0]


@each_call
def test_a_provider_that_the_key_may_not_use_gets_no_copy(
    gateway: RunningGateway, simulators: Simulators, ask: Ask
) -> None:
    bound, _ = poor_key(gateway, providers=["first"])
    with bound:
        answer = good(bound, bounded(ask).about("-copied"))
    settle(gateway)
    assert copies_of(gateway, answer) == []
    assert simulators["second"].count() == 0


@each_call
def test_mirror_copies_the_part_that_is_asked_for(
    gateway: RunningGateway, client: httpx.Client, simulators: Simulators, changing: ChangingDice, ask: Ask
) -> None:
    changing.throw = dice(0.1, 0.3, 0.24, 0.9)
    answers = [good(client, ask.about("-sampled")) for _ in range(8)]
    assert {server_of(answer) for answer in answers} == {"first"}
    settle(gateway)
    assert [len(copies_of(gateway, answer)) for answer in answers] == [1, 0, 1, 0] * 2
    assert simulators["second"].count() == 4


@each_call
def test_a_copy_can_go_to_another_model(gateway: RunningGateway, client: httpx.Client, ask: Ask) -> None:
    answer = good(client, ask.about("-twin"))
    assert answer.headers["x-penstock-model-used"] == f"{ask.model}-twin"
    copy = copy_of(gateway, answer)
    assert (copy["model"], copy["provider"]) == (f"{ask.model}-other", "first")


NOBODY = {"cannot carry it out": "-unable", "has no price": "-unpriced", "is who has answered": "-same"}


@each_call
@pytest.mark.parametrize("suffix", NOBODY.values(), ids=NOBODY)
def test_nothing_is_copied_to_one_who(
    gateway: RunningGateway, client: httpx.Client, simulators: Simulators, ask: Ask, suffix: str
) -> None:
    answer = good(client, ask.about(suffix))
    settle(gateway)
    assert copies_of(gateway, answer) == []
    assert [simulators[name].count() for name in NAMES] == [1, 0, 0]


@each_call
def test_a_copy_that_fails_harms_nothing(
    gateway: RunningGateway, client: httpx.Client, simulators: Simulators, ask: Ask
) -> None:
    simulators["second"].default = Status(500)
    answer = good(client, ask.about("-copied"))
    copy = copy_of(gateway, answer)
    assert (copy["status"], copy["error_code"], copy["cost_pico"]) == (502, "provider_failed", 0)
    assert gateway.request(answer.headers["x-request-id"])["status"] == 200
    simulators["second"].default = None
    assert copy_of(gateway, good(client, ask.about("-copied")))["status"] == 200


@each_call
def test_no_copy_is_made_of_what_failed(
    gateway: RunningGateway, client: httpx.Client, simulators: Simulators, ask: Ask
) -> None:
    simulators["first"].default = Status(400)
    answer = client.post(ask.path, json=ask.about("-copied").fields)
    assert answer.status_code >= 400
    settle(gateway)
    assert copies_of(gateway, answer) == []


@each_call
def test_the_day_s_money_stops_the_copies(tmp_path: Path, simulators: Simulators, ask: Ask) -> None:
    routing = quietly(strategy=TO_SECOND, mirror_usd_per_day="0.05")
    with routed(tmp_path, providers(simulators, ""), routing) as running, client_of(running) as opened:
        for made in (1, 1, 0, 0):
            answer = good(opened, bounded(ask))
            settle(running)
            assert len(copies_of(running, answer)) == made
    assert (simulators["first"].count(), simulators["second"].count()) == (4, 2)
