"""`:floor` and `:nitro` after a model's name, for chats, pictures and edits, through a running gateway."""

from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest

from tests.e2e.doors import client_of
from tests.e2e.routing.kit import (
    Ask,
    costing,
    each_call,
    good,
    measured,
    offers,
    provider,
    routed,
    send,
    served,
    server_of,
)
from tests.e2e.running import PLAIN, RunningGateway
from tests.simulators.openai import OpenAISimulator

DEAR, UNASKED, CHEAP, UNPRICED = "dear", "unasked", "cheap", "unpriced"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, openai_upstream: OpenAISimulator) -> Iterator[RunningGateway]:
    """Providers of the same models: two dear ones, one unpriced, one cheap, in this order."""
    prices = {DEAR: costing("0.5"), UNASKED: costing("0.5"), UNPRICED: None, CHEAP: costing("0.25")}
    providers = {name: provider(openai_upstream, offers(price)) for name, price in prices.items()}
    with routed(tmp_path_factory.mktemp("three"), providers, PLAIN) as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with client_of(gateway) as opened:
        yield opened


@each_call
def test_without_a_variant_the_catalogue_s_order_counts(client: httpx.Client, ask: Ask) -> None:
    answer = good(client, ask)
    assert server_of(answer) == DEAR
    assert answer.headers["x-penstock-routing-strategy"] == "priority"


@each_call
def test_floor_asks_the_cheapest(gateway: RunningGateway, client: httpx.Client, ask: Ask) -> None:
    answer = good(client, ask.about(":floor"))
    assert server_of(answer) == CHEAP
    assert Decimal(answer.headers["x-penstock-cost"]) == Decimal("0.25")
    row = gateway.request(answer.headers["x-request-id"])
    assert answer.headers["x-penstock-routing-strategy"] == row["routing_strategy"] == "cost-optimized"
    assert (row["model"], row["model_asked"]) == (ask.model, f"{ask.model}:floor")


@each_call
def test_nitro_asks_whoever_makes_the_most_and_the_unmeasured_last(
    gateway: RunningGateway, client: httpx.Client, ask: Ask
) -> None:
    upstream = "gpt-image-2" if ask.of_pictures else "gpt-4o-mini"
    for name, rate in ((DEAR, 1.0), (UNPRICED, 50.0), (CHEAP, 2.0)):
        measured(gateway, f"{name}/{upstream}", ask, 1.0, rate=rate)
    nitro = ask.about(":nitro")
    order = client.post("/v1/explain", json=nitro.fields).json()["order"]
    assert [planned["provider"] for planned in order] == [UNPRICED, CHEAP, DEAR, UNASKED]
    answer = good(client, nitro)
    assert server_of(answer) == UNPRICED
    assert answer.headers["x-penstock-routing-strategy"] == "highest-throughput"
    assert served(client, nitro.given(provider={"ignore": [UNPRICED]})) == [CHEAP]


@each_call
def test_an_unknown_variant_is_not_found(client: httpx.Client, ask: Ask) -> None:
    answer = send(client, ask.about(":free"))
    assert answer.status_code == 404
    assert ":floor" in answer.json()["error"]["message"] and ":nitro" in answer.json()["error"]["message"]
