"""What an operator configures: strategies by model, key and preset, names, groups, fallbacks, bounds for callers."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from penstock.store.keys import NewKey, create_key
from tests.e2e.routing.kit import (
    CHAT,
    NAMES,
    PAINTER,
    TALKER,
    Ask,
    Fields,
    costing,
    each_call,
    good,
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
EVERYWHERE = ("", "-slug", "-alias", "-pattern-one", "-bound", "-single", "-capped", "-ordered")
SINGLE = {"first": ("-down", "-secret"), "second": ("-up",), "third": ("-last",)}
"""Models that one provider alone sells."""
SUFFIXES = (*EVERYWHERE, *(suffix for suffixes in SINGLE.values() for suffix in suffixes))


def only_to(name: str) -> Fields:
    """A strategy that asks this provider first, whatever else is so."""
    return {"name": "weighted", "weights": {name: 1}}


def routing() -> Fields:
    by_model: Fields = {
        "own/*-slug": {"strategy": only_to("third")},  # of two that fit, the first counts
        "own/*-pattern-*": {"strategy": only_to("second")},
        "*-bound": {"provider": {"only": ["first", "second"], "ignore": ["first"]}},
        "*-single": {"provider": {"allow_fallbacks": False}},
        "*-capped": {"provider": {"max_price": {"request": "0.025"}}},
        "*-ordered": {"provider": {"order": ["third", "second"]}},
    }
    for base, alias in ((TALKER, "chatty"), (PAINTER, "brush")):
        by_model = {f"{base}-slug": {"strategy": only_to("second")}, alias: {"strategy": only_to("second")}, **by_model}
        by_model[f"{base}-down"] = {"models": [f"{base}-up", f"{base}-last"]}
    presets = {
        "thrifty": {"strategy": "cost-optimized"},
        "talking": {"strategy": only_to("second"), "models": [TALKER, f"{TALKER}-up"]},
        "painting": {"strategy": only_to("second"), "models": [PAINTER, f"{PAINTER}-up"]},
    }
    return quietly(
        strategy="priority",
        models=by_model,
        keys={"picky": {"strategy": only_to("third")}, "careful": {"provider": {"only": ["second"]}}},
        presets=presets,
        aliases={"chatty": f"{TALKER}-alias", "brush": f"{PAINTER}-alias"},
        groups={
            "creative": {
                "models": ["own/*-secret", "own/*-slug"],
                "aliases": {"muse": f"{TALKER}-secret", "easel": f"{PAINTER}-secret"},
            },
            "plain": {"models": [TALKER]},
        },
    )


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, simulators: Simulators) -> Iterator[RunningGateway]:
    sold = {
        name: [offer for suffix in (*EVERYWHERE, *SINGLE[name]) for offer in offers(costing(DOLLARS[name]), suffix)]
        for name in NAMES
    }
    providers = {name: provider(simulators[name], sold[name]) for name in NAMES}
    with routed(tmp_path_factory.mktemp("policies"), providers, routing(), *SUFFIXES) as running:
        yield running


@pytest.fixture(scope="module")
def clients(gateway: RunningGateway) -> Iterator[dict[str, httpx.Client]]:
    """Clients with keys of these names; those of `creative` may call what is in that group."""
    models: dict[str, tuple[str, ...]] = {
        "picky": (),
        "careful": (),
        "creative": ("@creative",),
        "own": ("own/*",),
        "plain": ("@plain",),
        "lost": ("@nobody",),
    }
    opened = {name: httpx.Client(base_url=gateway.url, timeout=30) for name in models}
    for name, some in models.items():
        secret = gateway.change(
            lambda c, n=name, m=some: create_key(c, NewKey(n, ["inference", "read"], models=m), now_ms())
        )
        opened[name].headers["authorization"] = f"Bearer {secret[1]}"
    yield opened
    for each in opened.values():
        each.close()


def strategy_of(answer: httpx.Response) -> str:
    return answer.headers["x-penstock-routing-strategy"]


def error_of(answer: httpx.Response) -> dict[str, Any]:
    return answer.json()["error"]


def by_alias(ask: Ask) -> Ask:
    return ask.given(model="brush" if ask.of_pictures else "chatty")


@each_call
def test_the_default_counts_where_nothing_else_is_said(client: httpx.Client, ask: Ask) -> None:
    answer = good(client, ask)
    assert (server_of(answer), strategy_of(answer)) == ("first", "priority")


@each_call
@pytest.mark.parametrize("suffix", ["-slug", "-alias", "-pattern-one"])
def test_a_model_s_strategy_is_found_by_slug_alias_and_pattern(client: httpx.Client, ask: Ask, suffix: str) -> None:
    for _ in range(3):
        answer = good(client, ask.about(suffix))
        assert (server_of(answer), strategy_of(answer)) == ("second", "weighted")


@each_call
def test_a_key_s_strategy_counts_before_its_model_s(clients: dict[str, httpx.Client], ask: Ask) -> None:
    assert served(clients["picky"], ask.about("-slug"), 3) == ["third"] * 3


@each_call
def test_a_preset_s_strategy_counts_before_its_key_s_and_its_model_s(
    gateway: RunningGateway, clients: dict[str, httpx.Client], ask: Ask
) -> None:
    answer = good(clients["picky"], ask.about("-slug@preset/thrifty"))
    assert (server_of(answer), strategy_of(answer)) == ("third", "cost-optimized")
    preset = "painting" if ask.of_pictures else "talking"
    answer = good(clients["picky"], ask.about(f"@preset/{preset}"))
    assert (server_of(answer), strategy_of(answer)) == ("second", "weighted")
    row = gateway.request(answer.headers["x-request-id"])
    assert (row["model"], row["model_asked"]) == (ask.model, f"{ask.model}@preset/{preset}")


@each_call
def test_a_preset_s_name_alone_means_its_models(client: httpx.Client, simulators: Simulators, ask: Ask) -> None:
    named = ask.given(model=f"@preset/{'painting' if ask.of_pictures else 'talking'}")
    answer = good(client, named)
    assert (server_of(answer), answer.headers["x-penstock-model-used"]) == ("second", ask.model)
    for simulator in simulators.values():
        simulator.script.append(Status(500))
    answer = good(client, named)
    assert (server_of(answer), answer.headers["x-penstock-model-used"]) == ("second", f"{ask.model}-up")


@each_call
def test_a_preset_that_is_not_there_is_refused_with_the_nearest(client: httpx.Client, ask: Ask) -> None:
    answer = send(client, ask.about("@preset/thrifti"))
    assert (answer.status_code, error_of(answer)["code"]) == (400, "preset_not_found")
    assert "@preset/thrifty" in error_of(answer)["message"]
    nameless = send(client, ask.given(model="@preset/thrifty"))
    assert nameless.status_code == 400
    assert "names no model" in error_of(nameless)["message"]


@each_call
def test_an_alias_of_the_installation_is_a_name_of_the_model(
    gateway: RunningGateway, client: httpx.Client, ask: Ask
) -> None:
    answer = good(client, by_alias(ask))
    assert answer.headers["x-penstock-model-used"] == f"{ask.model}-alias"
    row = gateway.request(answer.headers["x-request-id"])
    assert (row["model"], row["model_asked"]) == (f"{ask.model}-alias", by_alias(ask).model)
    floor = good(client, by_alias(ask).about(":floor"))
    assert (server_of(floor), strategy_of(floor)) == ("third", "cost-optimized")


@each_call
def test_another_model_answers_where_the_only_provider_of_one_fails(
    gateway: RunningGateway, client: httpx.Client, simulators: Simulators, ask: Ask
) -> None:
    simulators["first"].default = Status(500)
    answer = good(client, ask.about("-down"))
    assert answer.headers["x-penstock-model-used"] == answer.headers["x-agentcc-model-used"] == f"{ask.model}-up"
    assert server_of(answer) == "second"
    assert answer.headers["x-penstock-fallback-used"] == "true"
    row = gateway.request(answer.headers["x-request-id"])
    assert (row["model"], row["provider"], row["attempts"]) == (f"{ask.model}-up", "second", 2)
    simulators["second"].default = Status(503)
    assert good(client, ask.about("-down")).headers["x-penstock-model-used"] == f"{ask.model}-last"


@each_call
def test_a_caller_s_fallback_models_take_the_place_of_the_policy_s(
    client: httpx.Client, simulators: Simulators, ask: Ask
) -> None:
    simulators["first"].default = Status(500)
    answer = good(client, ask.about("-down").given(models=[f"{ask.model}-last"]))
    assert (answer.headers["x-penstock-model-used"], simulators["second"].count()) == (f"{ask.model}-last", 0)


@each_call
def test_a_rule_sends_no_key_to_a_model_that_it_may_not_call(clients: dict[str, httpx.Client], ask: Ask) -> None:
    rule = {"when": {}, "to": {"model": f"{ask.model}-up"}}
    config = json.dumps({"strategy": {"name": "conditional", "rules": [rule]}})
    creative = good(clients["creative"], ask.about("-slug"), config=config)
    assert creative.headers["x-penstock-model-used"] == f"{ask.model}-slug"
    own = good(clients["own"], ask.about("-slug"), config=config)
    assert own.headers["x-penstock-model-used"] == f"{ask.model}-up"


@each_call
def test_a_key_of_a_group_calls_its_models_by_slug_and_alias_and_no_others(
    clients: dict[str, httpx.Client], ask: Ask
) -> None:
    creative = clients["creative"]
    alias = ask.given(model="easel" if ask.of_pictures else "muse")
    for named in (alias, ask.about("-secret")):
        assert good(creative, named).headers["x-penstock-model-used"] == f"{ask.model}-secret"
    assert served(creative, ask.about("-slug")) == ["second"]
    refused = send(creative, ask)
    assert (refused.status_code, error_of(refused)["code"]) == (403, "model_not_allowed")


@each_call
def test_a_model_is_shown_by_the_installation_s_alias_and_by_a_group_s_to_its_keys_only(
    client: httpx.Client, clients: dict[str, httpx.Client], ask: Ask
) -> None:
    shown = client.get(f"/v1/models/{by_alias(ask).model}")
    assert (shown.status_code, shown.json()["id"]) == (200, f"{ask.model}-alias")
    easel = "/v1/models/" + ("easel" if ask.of_pictures else "muse")
    assert clients["creative"].get(easel).json()["id"] == f"{ask.model}-secret"
    assert clients["plain"].get(easel).status_code == 404


@each_call
@pytest.mark.parametrize("holder", ["own", "plain", "lost"])
def test_the_alias_of_a_group_is_unknown_to_keys_of_others(
    clients: dict[str, httpx.Client], ask: Ask, holder: str
) -> None:
    answer = send(clients[holder], ask.given(model="easel" if ask.of_pictures else "muse"))
    assert (answer.status_code, error_of(answer)["code"]) == (404, "model_not_found")


@each_call
def test_a_group_that_is_not_there_opens_nothing(clients: dict[str, httpx.Client], ask: Ask) -> None:
    assert send(clients["lost"], ask).status_code == 403


def test_a_fallback_outside_the_key_s_models_is_not_asked(
    clients: dict[str, httpx.Client], simulators: Simulators
) -> None:
    simulators["first"].default = Status(500)
    ask = CHAT.about("-secret").given(models=[f"{TALKER}-up"])
    answer = send(clients["creative"], ask)
    assert answer.status_code == 502
    assert simulators["second"].count() == 0


@each_call
def test_a_policy_bounds_what_a_caller_can_choose(client: httpx.Client, simulators: Simulators, ask: Ask) -> None:
    ask = ask.about("-bound")
    assert served(client, ask) == ["second"]
    assert served(client, ask.given(provider={"order": ["third", "first", "second"]})) == ["second"]
    assert served(client, ask.given(provider={"only": ["second", "third"]})) == ["second"]
    refused = send(client, ask.given(provider={"only": ["third"]}))
    assert (refused.status_code, error_of(refused)["param"]) == (400, "provider")
    assert "third" in error_of(refused)["message"]
    assert send(client, ask, provider_lock="third").status_code == 400
    assert (simulators["first"].count(), simulators["third"].count()) == (0, 0)


@each_call
def test_a_key_s_and_a_model_s_bounds_hold_together(clients: dict[str, httpx.Client], ask: Ask) -> None:
    assert served(clients["careful"], ask) == ["second"]
    assert served(clients["careful"], ask.about("-bound")) == ["second"]
    assert served(clients["careful"], ask.about("-slug@preset/thrifty")) == ["second"]
    assert send(clients["careful"], ask.about("-last")).status_code == 400


@each_call
def test_a_policy_without_fallbacks_asks_one_provider(client: httpx.Client, simulators: Simulators, ask: Ask) -> None:
    simulators["first"].default = Status(500)
    answer = send(client, ask.about("-single").given(provider={"allow_fallbacks": True}))
    assert answer.status_code == 502
    assert [simulators[name].count() for name in NAMES] == [1, 0, 0]


@each_call
def test_a_policy_s_price_cap_holds_and_a_caller_s_lower_one_too(client: httpx.Client, ask: Ask) -> None:
    ask = ask.about("-capped")
    assert served(client, ask) == ["second"]
    assert served(client, ask.given(provider={"max_price": {"request": 1}})) == ["second"]
    assert served(client, ask.given(provider={"max_price": {"request": "0.015"}})) == ["third"]


@each_call
def test_a_policy_s_order_counts_where_the_caller_names_none(client: httpx.Client, ask: Ask) -> None:
    ask = ask.about("-ordered")
    assert served(client, ask, 2) == ["third"] * 2
    assert served(client, ask.given(provider={"order": ["first"]})) == ["first"]
