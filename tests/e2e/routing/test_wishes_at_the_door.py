"""The `provider` object, field by field, for chats and for pictures; the provider lock; what `/v1/explain` tells."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.e2e.routing.kit import (
    CALLS,
    CHAT,
    EDIT,
    GENERATION,
    KEY,
    NAMES,
    REFERENCE,
    Ask,
    Fields,
    costing,
    each_call,
    good,
    measured,
    meters,
    offers,
    price,
    provider,
    quietly,
    routed,
    send,
    served,
    server_of,
)
from tests.e2e.running import RunningGateway
from tests.simulators.base import Status
from tests.simulators.openai import OpenAISimulator

Simulators = dict[str, OpenAISimulator]

DOLLARS = {"first": "0.03", "second": "0.02", "third": "0.01"}
PROMISES: dict[str, Fields] = {
    "first": {"trains_on_prompts": True, "zero_retention": False},
    "second": {"trains_on_prompts": False},
    "third": {"zero_retention": True},
}
"""What is known of each: the second learns nothing, the third keeps nothing, and the rest is bad or not known."""
NUMBERS = {"first": "fp16", "second": "fp8", "third": ""}
PARAMETERS = {"first": ["temperature"], "second": ["temperature", "verbosity", "moderation"], "third": ["moderation"]}
UPSTREAM = {True: "gpt-image-2", False: "gpt-4o-mini"}
METERED = {
    "first": (meters(image="0.03"), ("2", "8")),
    "second": (meters(output_megapixel="0.02"), ("1", "16")),
    "third": (meters(request="0.1"), ("4", "4")),
}
"""Prices of pictures, and for a million tokens in and out."""
SUFFIXES = ("", "-metered", "-partial", "-unpriced", "-twin", "-late", "-slow")
EXPLAIN = "/v1/explain"


def sold_by(name: str) -> list[Fields]:
    pictures, (sent, written) = METERED[name]
    tokens = [
        {"unit": f"text_token_{way}", "amount": amount, "per": 1_000_000}
        for way, amount in (("in", sent), ("out", written))
    ]
    found = [
        *offers(costing(DOLLARS[name])),
        *offers(price(pictures), "-metered", chat=price(tokens)),
        *(offer for suffix in ("-partial", "-late", "-slow") for offer in offers(costing(DOLLARS[name]), suffix)),
        *offers(None if name == "first" else costing(DOLLARS[name]), "-unpriced"),
        *offers(costing("0.001" if name == "third" else "0.9"), "-twin"),
    ]
    for offer in found:
        offer["quantization"] = NUMBERS[name]
        if offer["model"].endswith("-partial"):
            offer["parameters"] = PARAMETERS[name]
    return found


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, simulators: Simulators) -> Iterator[RunningGateway]:
    providers = {name: provider(simulators[name], sold_by(name), **PROMISES[name]) for name in NAMES}
    routing = quietly(strategy="priority")
    with routed(tmp_path_factory.mktemp("wishes"), providers, routing, *SUFFIXES) as running:
        yield running


def wishing(ask: Ask, **provider: Any) -> Ask:
    return ask.given(provider=provider)


def refusal(client: httpx.Client, ask: Ask, **headers: str) -> str:
    """The sentence with which a request is refused that nobody can carry out as its caller wishes."""
    answer = send(client, ask, **headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, "provider", "unsupported_request"), error
    return str(error["message"])


def explained(client: httpx.Client, ask: Ask) -> Any:
    answer = client.post(EXPLAIN, json=ask.fields)
    assert answer.status_code == 200, answer.text[:500]
    return answer.json()


def order_of(explanation: Any) -> list[str]:
    return [planned["provider"] for planned in explanation["order"]]


@each_call
def test_order_puts_providers_first_and_others_are_fallbacks(
    client: httpx.Client, simulators: Simulators, ask: Ask
) -> None:
    ask = wishing(ask, order=["third", "second"])
    assert served(client, ask, 2) == ["third"] * 2
    simulators["third"].default = Status(500)
    assert served(client, ask) == ["second"]
    simulators["second"].default = Status(500)
    assert served(client, ask) == ["first"]


@each_call
def test_only_and_ignore_leave_providers_out(client: httpx.Client, simulators: Simulators, ask: Ask) -> None:
    assert served(client, wishing(ask, only=["second", "third"])) == ["second"]
    assert served(client, wishing(ask, ignore=["first", "second"])) == ["third"]
    assert served(client, wishing(ask, only=[f"third/{UPSTREAM[ask.of_pictures]}"])) == ["third"]
    assert served(client, wishing(ask, only=["second", "third"], ignore=["second"])) == ["third"]
    assert served(client, wishing(ask, order=["first", "third"], only=["third"])) == ["third"]
    for simulator in simulators.values():
        simulator.script.append(Status(500))
    assert send(client, wishing(ask, only=["second"])).status_code == 502
    assert [simulators[name].count() for name in ("first", "third")] == [0, 4]


@each_call
@pytest.mark.parametrize(
    "wish", [{"order": [" Third "]}, {"only": ["THIRD"]}, {"ignore": ["First", "seCond"]}], ids=str
)
def test_providers_may_be_named_as_they_are_written(client: httpx.Client, ask: Ask, wish: Fields) -> None:
    config = json.dumps({"provider": wish})
    assert served(client, wishing(ask, **wish)) == order_of(explained(client, wishing(ask, **wish)))[:1] == ["third"]
    assert server_of(good(client, ask, config=config)) == "third"


@each_call
def test_nobody_being_left_is_told_with_every_reason(client: httpx.Client, simulators: Simulators, ask: Ask) -> None:
    message = refusal(client, wishing(ask, only=["first"], ignore=["first"]))
    assert "first is to be ignored" in message
    for name in ("second", "third"):
        assert f"{name} is not among the providers asked for." in message
    assert all(simulator.count() == 0 for simulator in simulators.values())


@each_call
def test_allow_fallbacks_false_asks_one_provider(client: httpx.Client, simulators: Simulators, ask: Ask) -> None:
    simulators["second"].default = Status(500)
    answer = send(client, wishing(ask, order=["second", "first"], allow_fallbacks=False))
    assert answer.status_code == 502
    assert [simulators[name].count() for name in NAMES] == [0, 1, 0]


@each_call
def test_require_parameters_asks_only_who_takes_every_field(client: httpx.Client, ask: Ask) -> None:
    fields = {"moderation": "low"} if ask.of_pictures else {"temperature": 0.5, "verbosity": "low"}
    ask = ask.about("-partial").given(**fields)
    assert served(client, ask.given(provider={"only": ["first"]})) == ["first"]
    plan = explained(client, wishing(ask, require_parameters=True))
    assert order_of(plan) == (["second", "third"] if ask.of_pictures else ["second"])
    reasons = {entry["provider"]: entry["why_not"] for entry in plan["excluded"]}
    assert ("`moderation`" if ask.of_pictures else "`verbosity`") in reasons["first"]
    unknown = refusal(client, wishing(ask.given(glitter=1), require_parameters=True))
    assert unknown.count("`glitter`") == 3


@each_call
def test_data_collection_deny_asks_only_who_is_known_to_learn_nothing(client: httpx.Client, ask: Ask) -> None:
    ask = wishing(ask, data_collection="deny")
    assert served(client, ask) == ["second"]
    assert served(client, wishing(ask, data_collection="allow")) == ["first"]
    message = refusal(client, wishing(ask, data_collection="deny", ignore=["second"]))
    assert "first may learn from what it is sent." in message
    assert "It is not known whether third learns from what it is sent." in message


@each_call
def test_zdr_asks_only_who_is_known_to_keep_nothing(client: httpx.Client, ask: Ask) -> None:
    assert served(client, wishing(ask, zdr=True)) == ["third"]
    message = refusal(client, wishing(ask, zdr=True, ignore=["third"]))
    assert "first keeps what it is sent for a while." in message
    assert "It is not known whether second keeps what it is sent." in message


@each_call
def test_quantizations_ask_only_who_is_known_to_run_the_model_so(client: httpx.Client, ask: Ask) -> None:
    assert served(client, wishing(ask, quantizations=["fp8"])) == ["second"]
    assert served(client, wishing(ask, quantizations=["fp8", "fp16"])) == ["first"]
    assert served(client, wishing(ask, quantizations=["unknown"])) == ["third"]
    assert "int4 was asked for" in refusal(client, wishing(ask, quantizations=["int4"]))


@each_call
def test_sort_goes_over_models_where_they_are_not_kept_apart(client: httpx.Client, ask: Ask) -> None:
    ask = ask.about("-twin").given(models=[ask.model])
    kept = good(client, wishing(ask, sort={"by": "price", "partition": "model"}))
    assert (kept.headers["x-penstock-model-used"], server_of(kept)) == (ask.model, "third")
    plan = explained(client, wishing(ask, sort={"by": "price", "partition": "none"}))
    places = [(planned["model"].partition("-")[2], planned["provider"]) for planned in plan["order"]]
    apart = [("twin", "third"), ("", "third"), ("", "second"), ("", "first"), ("twin", "first"), ("twin", "second")]
    assert places == apart
    reverse = ask.given(model=ask.fields["models"][0], models=[ask.model])
    answer = good(client, wishing(reverse, sort={"by": "price", "partition": "none"}))
    assert answer.headers["x-penstock-model-used"] == ask.model


CAPPED = {
    "a prompt": (CHAT, {"prompt": 1.5}, ["second"]),
    "a completion": (CHAT, {"completion": "8"}, ["first", "third"]),
    "both": (CHAT, {"prompt": 2, "completion": 8}, ["first"]),
    "a picture": (GENERATION, {"image": "0.03"}, ["first", "second"]),
    "an edited picture": (EDIT, {"image": "0.02"}, ["second"]),
    "a megapixel of a large picture": (GENERATION.given(size="2048x2048"), {"megapixel": 0.01}, ["first"]),
    "a megapixel of a large edit": (EDIT.given(size="2048x2048"), {"megapixel": 0.02}, ["first", "second"]),
    "a request": (CHAT, {"request": 0.02}, ["first", "second", "third"]),
    "a request for a picture": (GENERATION, {"request": 0.02}, ["first", "second"]),
}


@pytest.mark.parametrize(("ask", "caps", "left"), CAPPED.values(), ids=CAPPED)
def test_max_price_caps(client: httpx.Client, ask: Ask, caps: Fields, left: list[str]) -> None:
    plan = explained(client, wishing(ask.about("-metered"), max_price=caps))
    assert order_of(plan) == left
    assert {entry["provider"] for entry in plan["excluded"]} == set(NAMES) - set(left)
    assert served(client, wishing(ask.about("-metered"), max_price=caps)) == left[:1]


DEARER = {
    "chat": {"prompt": "0.5", "completion": 1},
    "image_generation": {"image": "0.001"},
    "image_edit": {"megapixel": "0.001"},
}


@each_call
def test_a_price_that_nobody_keeps_to_is_refused_with_every_reason(
    client: httpx.Client, simulators: Simulators, ask: Ask
) -> None:
    message = refusal(client, wishing(ask.about("-metered"), max_price=DEARER[ask.operation]))
    for name in NAMES:
        assert f"{name} asks " in message
    assert "US dollars" in message
    assert all(simulator.count() == 0 for simulator in simulators.values())


@each_call
def test_an_offer_without_a_price_keeps_to_none(client: httpx.Client, ask: Ask) -> None:
    capped = wishing(ask.about("-unpriced"), max_price={"request": 1})
    assert served(client, capped) == ["second"]
    assert served(client, ask.about("-unpriced")) == ["first"]
    (excluded,) = explained(client, capped)["excluded"]
    assert "its price is not known" in excluded["why_not"]


@each_call
def test_preferred_max_latency_puts_the_slow_behind(gateway: RunningGateway, client: httpx.Client, ask: Ask) -> None:
    """They are asked all the same where nobody else is, and a percentile is not the median."""
    ask = feed(gateway, ask, "-late", {"first": (5.0, 1.0), "second": (2.0, 1.0), "third": (0.5, 1.0)})
    plans = {
        "1": wishing(ask, preferred_max_latency=1),
        "3": wishing(ask, preferred_max_latency={"p50": 3, "p99": 3}),
        "9": wishing(ask, preferred_max_latency={"p90": 9}),
        "0": wishing(ask, preferred_max_latency=0.01),
    }
    assert {name: order_of(explained(client, each)) for name, each in plans.items()} == {
        "1": ["third", "first", "second"],
        "3": ["second", "third", "first"],
        "9": ["first", "second", "third"],
        "0": ["first", "second", "third"],
    }
    assert served(client, plans["1"]) == ["third"]
    assert served(client, wishing(ask, preferred_max_latency=1, only=["first"])) == ["first"]


@each_call
def test_preferred_min_throughput_puts_those_who_make_less_behind(
    gateway: RunningGateway, client: httpx.Client, ask: Ask
) -> None:
    ask = feed(gateway, ask, "-slow", {"first": (1.0, 1.0), "second": (1.0, 5.0), "third": (1.0, 50.0)})
    plans = {
        "20": wishing(ask, preferred_min_throughput=20),
        "3": wishing(ask, preferred_min_throughput={"p90": 3}),
        "0": wishing(ask, preferred_min_throughput={"p50": 0.5}),
    }
    assert {name: order_of(explained(client, each)) for name, each in plans.items()} == {
        "20": ["third", "first", "second"],
        "3": ["second", "third", "first"],
        "0": ["first", "second", "third"],
    }
    assert served(client, plans["20"]) == ["third"]


def feed(gateway: RunningGateway, ask: Ask, suffix: str, speeds: dict[str, tuple[float, float]]) -> Ask:
    """Give each provider its seconds and units a second; the request about the models with this suffix."""
    for name, (seconds, rate) in speeds.items():
        measured(gateway, f"{name}/{UPSTREAM[ask.of_pictures]}{suffix}", ask, seconds, rate=rate)
    return ask.about(suffix)


@each_call
def test_options_reach_only_the_provider_they_are_for(client: httpx.Client, simulators: Simulators, ask: Ask) -> None:
    name = "moderation" if ask.of_pictures else "verbosity"
    ask = wishing(ask.about("-partial"), options={"second": {name: "low"}, "third": {"seed": 3}})
    simulators["first"].script.append(Status(500))
    assert served(client, ask) == ["second"]
    (first,), (second,) = simulators["first"].calls, simulators["second"].calls
    assert name not in first.body
    assert second.body[name] in ("low", ["low"])
    assert "seed" not in second.body
    assert "provider" not in second.body


@each_call
@pytest.mark.parametrize("spelling", ["penstock", "agentcc"])
def test_the_provider_lock_asks_one_provider_and_nobody_else(
    client: httpx.Client, simulators: Simulators, ask: Ask, spelling: str
) -> None:
    headers = {f"x-{spelling}-provider-lock": "third"}
    answer = client.post(ask.path, json=ask.fields, headers=headers)
    assert (server_of(answer), answer.headers["x-penstock-provider-locked"]) == ("third", "true")
    simulators["third"].default = Status(500)
    assert client.post(ask.path, json=ask.fields, headers=headers).status_code == 502
    assert [simulators[name].count() for name in NAMES] == [0, 0, 2]
    assert "not among the providers asked for" in refusal(client, ask, provider_lock="nobody")


@each_call
def test_what_is_not_acted_on_is_told_and_what_is_malformed_refused(client: httpx.Client, ask: Ask) -> None:
    answer = good(client, wishing(ask, enforce_distillable_text=True, max_price={"audio": 1}))
    ignored = answer.headers["x-penstock-ignored"]
    assert "provider.enforce_distillable_text" in ignored and "provider.max_price.audio" in ignored
    for wrong in ({"only": "first"}, {"sort": "beauty"}, {"max_price": {"image": -1}}, {"zdr": "yes"}, {"order": [1]}):
        answer = send(client, wishing(ask, **wrong))
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "provider")


@each_call
def test_explain_tells_the_order_that_then_happens(client: httpx.Client, simulators: Simulators, ask: Ask) -> None:
    ask = wishing(ask, sort="price")
    plan = explained(client, ask)
    assert all(simulator.count() == 0 for simulator in simulators.values())
    assert (plan["strategy"], plan["operation"], plan["models"]) == ("cost-optimized", ask.operation, [ask.model])
    quotes = [Decimal(str(planned["low_usd"])) for planned in plan["order"]]
    assert (order_of(plan), quotes) == (["third", "second", "first"], [Decimal(DOLLARS[n]) for n in reversed(NAMES)])
    simulators["third"].default = simulators["second"].default = Status(500)
    assert served(client, ask) == ["first"]
    asked = sorted((call.at, name) for name in NAMES for call in simulators[name].calls)
    assert [name for _, name in asked] == order_of(plan)


@each_call
def test_explain_tells_who_is_left_out_and_takes_no_turn(client: httpx.Client, ask: Ask) -> None:
    plan = explained(client, wishing(ask, only=["second"], zdr=True))
    assert (plan["order"], plan["strategy"]) == ([], None)
    assert {entry["provider"]: bool(entry["why_not"]) for entry in plan["excluded"]} == dict.fromkeys(NAMES, True)
    assert {entry["param"] for entry in plan["excluded"]} == {"provider"}
    config = {"x-penstock-config": json.dumps({"strategy": "round-robin", "cache": {}})}
    told = [client.post(EXPLAIN, json=ask.fields, headers=config).json() for _ in range(2)]
    assert order_of(told[0]) == order_of(told[1])
    assert told[0]["warnings"] == ["`cache` is not acted on yet by this gateway."]
    assert server_of(client.post(ask.path, json=ask.fields, headers=config)) == order_of(told[0])[0]


@pytest.mark.parametrize("ask", [CHAT, GENERATION], ids=lambda ask: ask.operation)
def test_explain_takes_a_query_too(client: httpx.Client, simulators: Simulators, ask: Ask) -> None:
    ask = wishing(ask, order=["third"], max_price={"request": "0.02"})
    fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in ask.fields.items()}
    answer = client.get(f"{EXPLAIN}?{urlencode(fields)}")
    assert answer.status_code == 200, answer.text[:300]
    assert answer.json() == explained(client, ask)
    assert order_of(answer.json()) == ["third", "second"]
    assert all(simulator.count() == 0 for simulator in simulators.values())


def test_explain_refuses_what_the_request_itself_would_be_refused_for(client: httpx.Client) -> None:
    assert client.post(EXPLAIN, json={"model": "own/nobody", "prompt": "p"}).status_code == 404
    assert client.post(EXPLAIN, json=GENERATION.given(n=99).fields).status_code == 400
    assert KEY not in client.post(EXPLAIN, json=CALLS["image_edit"].given(images=[REFERENCE] * 2).fields).text


ROUTER = {
    "chat": ("/api/v1/chat/completions", CHAT.fields),
    "pictures": (
        "/api/v1/images",
        {
            **GENERATION.fields,
            "input_references": [{"type": "image_url", "image_url": {"url": REFERENCE["image_url"]}}],
        },
    ),
}


@pytest.mark.parametrize(("path", "fields"), ROUTER.values(), ids=ROUTER)
def test_openrouter_s_own_endpoints_take_the_object_too(client: httpx.Client, path: str, fields: Fields) -> None:
    answer = client.post(path, json={**fields, "provider": {"order": ["Third", "second"], "zdr": True}})
    assert (answer.status_code, server_of(answer)) == (200, "third")
    refused = client.post(path, json={**fields, "provider": {"only": ["second"], "zdr": True}})
    assert refused.status_code == 400
    assert "It is not known whether second keeps what it is sent." in refused.json()["error"]["message"]
