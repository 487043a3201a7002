"""What a caller chooses for one request: strategy, preset, fallback models; and which of several choices counts."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from penstock.store.keys import NewKey, create_key
from tests.e2e.routing.kit import (
    CHAT,
    EDIT,
    GENERATION,
    NAMES,
    PAINTER,
    TALKER,
    Ask,
    Fields,
    costing,
    each_call,
    good,
    measured,
    offers,
    provider,
    quietly,
    routed,
    send,
    served,
    server_of,
)
from tests.e2e.running import RunningGateway, now_ms
from tests.simulators.base import Status
from tests.simulators.openai import OpenAISimulator

Simulators = dict[str, OpenAISimulator]

DOLLARS = {"first": "0.03", "second": "0.02", "third": "0.01"}
EVERYWHERE = ("", "-ruled", "-fast")
SINGLE = {"first": ("-down",), "second": ("-up",), "third": ("-last",)}
"""Models that one provider alone sells."""
SUFFIXES = (*EVERYWHERE, *(suffix for suffixes in SINGLE.values() for suffix in suffixes))
UPSTREAM = {True: "gpt-image-2", False: "gpt-4o-mini"}
"""What providers call the model for pictures, and the one for chats."""


def only_to(name: str) -> Fields:
    """A strategy that asks this provider first, whatever else is so."""
    return {"name": "weighted", "weights": {name: 1}}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, simulators: Simulators) -> Iterator[RunningGateway]:
    sold = {
        name: [offer for suffix in (*EVERYWHERE, *SINGLE[name]) for offer in offers(costing(DOLLARS[name]), suffix)]
        for name in NAMES
    }
    providers = {name: provider(simulators[name], sold[name]) for name in NAMES}
    routing = quietly(
        strategy="priority",
        models={"*-ruled": {"strategy": only_to("second"), "models": []}},
        keys={"picky": {"strategy": only_to("third")}},
        presets={"one": {"strategy": only_to("first")}, "two": {"provider": {"sort": "price"}}},
    )
    with routed(tmp_path_factory.mktemp("choices"), providers, routing, *SUFFIXES) as running:
        yield running


@pytest.fixture(scope="module")
def picky(gateway: RunningGateway) -> Iterator[httpx.Client]:
    """A client whose key has a policy."""
    secret = gateway.change(lambda c: create_key(c, NewKey("picky", ["inference"]), now_ms()))[1]
    with httpx.Client(base_url=gateway.url, headers={"authorization": f"Bearer {secret}"}, timeout=30) as opened:
        yield opened


def strategy_of(answer: httpx.Response) -> str:
    return answer.headers["x-penstock-routing-strategy"]


def model_of(answer: httpx.Response) -> str:
    return answer.headers["x-penstock-model-used"]


def configured(client: httpx.Client, ask: Ask, config: Any, spelling: str = "penstock") -> httpx.Response:
    """The answer to a request with a config header."""
    text = config if isinstance(config, str) else json.dumps(config)
    answer = client.post(ask.path, json=ask.fields, headers={f"x-{spelling}-config": text})
    assert answer.status_code == 200, answer.text[:500]
    return answer


@each_call
def test_provider_sort_names_a_strategy(gateway: RunningGateway, client: httpx.Client, ask: Ask) -> None:
    ask = ask.about("-fast")
    upstream = UPSTREAM[ask.of_pictures] + "-fast"
    speeds = {"first": (1.0, 30.0), "second": (0.5, 10.0), "third": (2.0, 20.0)}
    expected = {
        "latency": ("second", "least-latency"),
        "throughput": ("first", "highest-throughput"),
        "price": ("third", "cost-optimized"),
    }
    for sort, found in expected.items():  # measured each time, for what really happens is remembered too
        for name, (seconds, rate) in speeds.items():
            measured(gateway, f"{name}/{upstream}", ask, seconds, rate=rate)
        for wish in (sort, {"by": sort}):
            order = client.post("/v1/explain", json=ask.given(provider={"sort": wish}).fields).json()
            assert (order["order"][0]["provider"], order["strategy"]) == found
        answer = good(client, ask.given(provider={"sort": sort}))
        assert (server_of(answer), strategy_of(answer)) == found


@each_call
@pytest.mark.parametrize("spelling", ["penstock", "agentcc"])
def test_a_config_header_names_a_strategy_in_either_spelling(client: httpx.Client, ask: Ask, spelling: str) -> None:
    answer = configured(client, ask, {"strategy": only_to("second")}, spelling)
    assert (server_of(answer), strategy_of(answer)) == ("second", "weighted")
    answer = configured(client, ask, {"strategy": "cost_optimized"}, spelling)
    assert (server_of(answer), strategy_of(answer)) == ("third", "cost-optimized")
    assert "x-penstock-config-warning" not in answer.headers


@each_call
def test_a_config_header_balances_among_its_targets(client: httpx.Client, ask: Ask) -> None:
    targets = [{"provider": "second", "weight": 1}, {"provider": "third", "weight": 0}]
    assert server_of(configured(client, ask, {"load_balance": {"targets": targets}})) == "second"
    turns = {
        "loadBalance": {"strategy": "round-robin", "targets": [{"provider": name} for name in ("second", "third")]}
    }
    found = [server_of(configured(client, ask, turns, "agentcc")) for _ in range(4)]
    assert found in (["second", "third"] * 2, ["third", "second"] * 2)


@each_call
def test_a_config_header_routes_by_conditions(client: httpx.Client, ask: Ask) -> None:
    condition = {"field": "metadata.team", "operator": "$eq", "value": "press", "target": {"provider": "third"}}
    config = json.dumps({"routing": {"conditions": [condition], "defaultTarget": "second"}})
    assert server_of(good(client, ask, config=config, metadata_team="press")) == "third"
    assert server_of(good(client, ask, config=config)) == "second"


@each_call
@pytest.mark.parametrize("place", ["in the model", "in a field", "in the config header"])
def test_a_preset_is_named_in_three_places(client: httpx.Client, ask: Ask, place: str) -> None:
    if place == "in the config header":
        answer = configured(client, ask.about("-ruled"), {"preset": "one"})
    elif place == "in a field":
        answer = good(client, ask.about("-ruled").given(preset="one"))
    else:
        answer = good(client, ask.about("-ruled@preset/one"))
    assert (server_of(answer), strategy_of(answer)) == ("first", "weighted")


@each_call
def test_a_preset_can_say_it_by_its_provider_object(client: httpx.Client, ask: Ask) -> None:
    answer = good(client, ask.about("@preset/two"))
    assert (server_of(answer), strategy_of(answer)) == ("third", "cost-optimized")


@each_call
def test_what_is_nearer_to_the_request_counts_first(client: httpx.Client, picky: httpx.Client, ask: Ask) -> None:
    """Default, model, key, preset, sort, variant, config header: each is said beside all those before it."""
    assert server_of(good(client, ask)) == "first"
    assert served(client, ask.about("-ruled")) == ["second"]
    assert served(picky, ask.about("-ruled")) == ["third"]
    preset = ask.about("-ruled").given(preset="one")
    assert served(picky, preset) == ["first"]
    sort = preset.given(provider={"sort": "price"})
    answer = good(picky, sort)
    assert (server_of(answer), strategy_of(answer)) == ("third", "cost-optimized")
    variant = sort.about(":nitro")
    assert strategy_of(good(picky, variant)) == "highest-throughput"
    answer = configured(picky, variant, {"strategy": only_to("second")})
    assert (server_of(answer), strategy_of(answer)) == ("second", "weighted")


@each_call
def test_a_body_s_fields_count_before_the_config_header_s(client: httpx.Client, ask: Ask) -> None:
    config = {"provider": {"only": ["second"], "sort": "price"}, "preset": "two", "models": [f"{ask.model}-up"]}
    assert server_of(configured(client, ask, config)) == "second"
    assert server_of(configured(client, ask.given(provider={"only": ["third"]}), config)) == "third"
    assert server_of(configured(client, ask.given(provider={"only": ["first", "third"]}), config)) == "third"
    assert strategy_of(configured(client, ask.given(preset="one"), {"preset": "two"})) == "weighted"


@each_call
def test_a_fallback_model_answers_where_the_only_provider_of_one_fails(
    gateway: RunningGateway, client: httpx.Client, simulators: Simulators, ask: Ask
) -> None:
    down, up, last = (f"{ask.model}{suffix}" for suffix in ("-down", "-up", "-last"))
    simulators["first"].default = Status(500)
    listed = ask.given(model=down, models=[up, last])
    answer = good(client, listed)
    assert (model_of(answer), server_of(answer)) == (up, "second")
    assert answer.headers["x-penstock-fallback-used"] == "true"
    if not ask.of_pictures:
        assert answer.json()["model"] == up
    row = gateway.request(answer.headers["x-request-id"])
    assert (row["model"], row["model_asked"], row["attempts"]) == (up, down, 2)
    simulators["second"].default = Status(500)
    assert model_of(good(client, listed)) == last
    assert model_of(configured(client, ask.given(model=down), {"fallback": {"targets": [{"model": last}]}})) == last
    nameless = {name: value for name, value in listed.fields.items() if name != "model"}
    answer = client.post(ask.path, json={**nameless, "models": [down, last]})
    assert model_of(answer) == last


@each_call
def test_fallback_models_keep_their_order_whatever_they_cost(client: httpx.Client, ask: Ask) -> None:
    listed = ask.about("-down").given(models=[f"{ask.model}-last"], provider={"sort": "price"})
    assert model_of(good(client, listed)) == f"{ask.model}-down"
    apart = {"sort": {"by": "price", "partition": "none"}}
    assert model_of(good(client, listed.given(provider=apart))) == f"{ask.model}-last"


@each_call
def test_a_fallback_model_that_is_not_there_is_refused(client: httpx.Client, ask: Ask) -> None:
    answer = send(client, ask.given(models=["own/nobody"]))
    assert (answer.status_code, answer.json()["error"]["param"]) == (404, "models")


MIXED = {
    "a chat and a model for pictures": (CHAT, f"{PAINTER}-up", "own/painter-up"),
    "a picture and a model for chats": (GENERATION, f"{TALKER}-up", "own/talker-up"),
    "an edit and a model for chats": (EDIT, f"{TALKER}-up", "own/talker-up"),
}


@pytest.mark.parametrize(("ask", "other", "excluded"), MIXED.values(), ids=MIXED)
def test_pictures_never_land_on_a_model_for_text_nor_text_on_one_for_pictures(
    client: httpx.Client, simulators: Simulators, ask: Ask, other: str, excluded: str
) -> None:
    simulators["first"].default = Status(500)
    listed = ask.about("-down").given(models=[other, f"{ask.model}-last"])
    answer = good(client, listed)
    assert model_of(answer) == f"{ask.model}-last"
    assert simulators["second"].count() == 0
    explained = client.post("/v1/explain", json=listed.fields).json()
    (reason,) = [entry["why_not"] for entry in explained["excluded"] if entry["model"] == excluded]
    assert reason
    alone = send(client, ask.about("-down").given(models=[other]))
    assert alone.status_code == 502
    assert simulators["second"].count() == 0


@each_call
def test_a_config_header_s_faults_are_warnings(client: httpx.Client, ask: Ask) -> None:
    faults = {
        "not json": "The config header is not JSON and was ignored.",
        '{"strategy": "quickest"}': "there is no strategy",
        '{"cache": {"ttl": 5}}': "not acted on",
        '{"provider": {"only": 5}}': "provider.only",
        '{"models": ["own/nobody"]}': "There is no model `own/nobody`.",
        '{"sort": "price"}': "`sort` is not known.",
    }
    for text, warning in faults.items():
        answer = configured(client, ask, text)
        assert warning in answer.headers["x-penstock-config-warning"]
        assert answer.headers["x-agentcc-config-warning"] == answer.headers["x-penstock-config-warning"]
        assert server_of(answer) == "first"
