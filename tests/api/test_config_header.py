"""The config header: what it asks for, and that nothing in it is ever more than a warning."""

import json
from typing import Any

import agentcc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.api.config_header import Names, directions_of
from penstock.core.principal import Principal
from penstock.core.target import Model
from penstock.pipeline.request import Directions
from penstock.pipeline.routes import compiled
from penstock.routing.base import Strategy
from penstock.routing.read import read
from penstock.settings import Policy, Routing
from tests.pipeline import lives

OTHER = Model(slug="own/other", name="Other", maker="Own", aliases=("other",))
CATALOGUE = lives.gateway(
    lives.offer("one"), lives.offer("two"), providers=(lives.provider("one"), lives.provider("two")), on=()
).catalogue.updated(models=[OTHER])
ROUTING = Routing(presets={"fast": Policy(models=("picture",))}, aliases={"house": "own/other"})
NAMES = Names(CATALOGUE, compiled(ROUTING, CATALOGUE), Principal("key_1", "test", frozenset()))


def asked(**sections: Any) -> tuple[Directions, dict[str, Any]]:
    return directions_of(json.dumps(sections), NAMES)


def strategy_of(**sections: Any) -> Strategy | None:
    directions, _ = asked(**sections)
    assert directions.warnings == ()
    return directions.strategy


def warnings_of(**sections: Any) -> tuple[str, ...]:
    return asked(**sections)[0].warnings


WITHOUT_WARNING: dict[str, tuple[dict[str, Any], Directions]] = {
    "nothing": ({}, Directions()),
    "null": ({"strategy": None, "retry": None, "routing": None, "anything": None}, Directions()),
    "a strategy": ({"strategy": "priority"}, Directions(strategy=read("priority"))),
    "models": ({"models": ["picture", "house", "other:floor"]}, Directions(models=("picture", "house", "other:floor"))),
    "a preset": ({"preset": "Fast"}, Directions(preset="Fast")),
    "fallbacks": (
        {"fallback": {"targets": [{"model": "picture"}, "other"], "on_status_codes": [429, 503]}},
        Directions(models=("picture", "other"), fallback_statuses=frozenset({429, 503})),
    ),
    "fallbacks in camel case": (
        {"fallback": {"targets": [{"model": "picture"}], "onStatusCodes": [429]}},
        Directions(models=("picture",), fallback_statuses=frozenset({429})),
    ),
    "retries": (
        {
            "retry": {
                "max_retries": 2,
                "on_status_codes": [500],
                "backoff_factor": 0.5,
                "backoff_max": 30,
                "backoff_jitter": 0.25,
                "respect_retry_after": False,
                "max_retry_wait": 20,
            }
        },
        Directions(
            rounds=3,
            retried_statuses=frozenset({500}),
            backoff_seconds=0.5,
            longest_wait_seconds=20.0,
            heeds_retry_after=False,
        ),
    ),
    "no retries": ({"retry": {"maxRetries": 0}}, Directions(rounds=1)),
    "retries as the older client writes them": (
        {"retry": {"retry_on_status": [429], "backoff_max": 3}},
        Directions(retried_statuses=frozenset({429}), longest_wait_seconds=3.0),
    ),
    "a timeout": ({"timeout": {"total": 20, "read": 5}}, Directions(attempt_seconds=20.0)),
    "a timeout for reading": ({"timeout": {"read": 5.5}}, Directions(attempt_seconds=5.5)),
    "a mirror that is off": ({"mirror": {"enabled": False, "target_model": "other"}}, Directions()),
}


@pytest.mark.parametrize(("sections", "directions"), WITHOUT_WARNING.values(), ids=WITHOUT_WARNING)
def test_what_can_be_acted_on_is_read(sections: dict[str, Any], directions: Directions) -> None:
    assert asked(**sections) == (directions, {})


def test_the_provider_object_is_that_of_a_body() -> None:
    directions, provider = asked(provider={"only": ["one"], "requireParameters": True, "sort": None, "max_price": {}})
    assert provider == {"only": ["one"], "require_parameters": True, "max_price": {}}
    assert directions == Directions()


BALANCED: dict[str, tuple[dict[str, Any], Any, tuple[str, ...], dict[str, Any]]] = {
    "by name": ({"strategy": "least_latency"}, "least-latency", (), {}),
    "a strategy with settings": ({"strategy": {"name": "race", "width": 3}}, {"name": "race", "width": 3}, (), {}),
    "models in turn": (
        {"strategy": "round_robin", "targets": [{"model": "picture", "weight": 1.0}, {"model": "other"}]},
        "round-robin",
        ("picture", "other"),
        {"sort": {"partition": "none"}},
    ),
    "models by weight": (
        {"strategy": "weighted", "targets": [{"model": "picture", "weight": 7}, {"model": "house", "weight": 3}]},
        {"name": "weighted", "weights": {"own/picture": 7, "own/other": 3}},
        ("picture", "house"),
        {"sort": {"partition": "none"}},
    ),
    "providers by weight": (
        {
            "strategy": "weighted",
            "targets": [
                {"model": "picture", "provider": "one", "weight": 0.7},
                {"model": "picture", "provider": "two", "weight": 0.3},
            ],
        },
        {"name": "weighted", "weights": {"one": 0.7, "two": 0.3}},
        ("picture",),
        {"only": ["one", "two"]},
    ),
    "weights and no strategy": (
        {"targets": [{"provider": "one", "weight": 2}, {"provider": "two"}]},
        {"name": "weighted", "weights": {"one": 2, "two": 1}},
        (),
        {"only": ["one", "two"]},
    ),
    "no strategy": ({"targets": [{"provider": "one"}]}, "round-robin", (), {"only": ["one"]}),
    "as the older client writes it": (
        {"mode": "cost-optimized", "targets": [{"provider": "one"}]},
        "cost-optimized",
        (),
        {"only": ["one"]},
    ),
}


@pytest.mark.parametrize("section", ["load_balance", "loadBalance"])
@pytest.mark.parametrize(("balance", "strategy", "models", "provider"), BALANCED.values(), ids=BALANCED)
def test_balancing_becomes_a_strategy_over_its_targets(
    section: str, balance: dict[str, Any], strategy: Any, models: tuple[str, ...], provider: dict[str, Any]
) -> None:
    directions, choice = asked(**{section: balance})
    assert directions == Directions(strategy=read(strategy), models=models)
    assert choice == provider


def test_the_older_clients_routing_is_balancing() -> None:
    assert strategy_of(routing={"mode": "least-latency", "targets": [{"provider": "one"}]}) == read("least-latency")


def test_fallbacks_are_not_kept_out_by_the_targets_providers() -> None:
    directions, provider = asked(
        load_balance={"strategy": "priority", "targets": [{"provider": "one"}]},
        fallback={"targets": [{"model": "other"}]},
    )
    assert (directions.models, provider) == (("other",), {})


def condition(field: str = "metadata.tier", value: Any = "gold", target: Any = "own/other", **more: Any) -> Any:
    return {"field": field, "operator": "$eq", "value": value, "target": target, **more}


CONDITIONAL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a model": (
        {"conditions": [condition()]},
        {"rules": [{"when": {"metadata.tier": {"$eq": "gold"}}, "to": {"model": "own/other"}}]},
    ),
    "a provider": (
        {"conditions": [condition(target="two")]},
        {"rules": [{"when": {"metadata.tier": {"$eq": "gold"}}, "to": {"provider": "two"}}]},
    ),
    "both": (
        {"conditions": [condition(target={"model": "house", "provider": "two"})]},
        {"rules": [{"when": {"metadata.tier": {"$eq": "gold"}}, "to": {"model": "own/other", "provider": "two"}}]},
    ),
    "names in camel case": (
        {"conditions": [condition("promptTokens", 9, operator="$gt"), condition("metadata.userTier")]},
        {
            "rules": [
                {"when": {"prompt_tokens": {"$gt": 9}}, "to": {"model": "own/other"}},
                {"when": {"metadata.userTier": {"$eq": "gold"}}, "to": {"model": "own/other"}},
            ]
        },
    ),
    "agentcc's names": (
        {"conditions": [condition("session_id"), condition("userId")]},
        {
            "rules": [
                {"when": {"session": {"$eq": "gold"}}, "to": {"model": "own/other"}},
                {"when": {"user": {"$eq": "gold"}}, "to": {"model": "own/other"}},
            ]
        },
    ),
    "a default": (
        {"conditions": [condition()], "default_target": "two"},
        {
            "rules": [{"when": {"metadata.tier": {"$eq": "gold"}}, "to": {"model": "own/other"}}],
            "otherwise": {"provider": "two"},
        },
    ),
    "only a default": (
        {"defaultTarget": "two"},
        {"rules": [{"when": {}, "to": {"provider": "two"}}], "otherwise": {"provider": "two"}},
    ),
}


@pytest.mark.parametrize(("routing", "conditional"), CONDITIONAL.values(), ids=CONDITIONAL)
def test_conditions_become_rules(routing: dict[str, Any], conditional: dict[str, Any]) -> None:
    assert strategy_of(routing=routing) == read({"name": "conditional", **conditional})


def test_the_older_clients_routes_become_rules() -> None:
    route = {"condition": {"field": "stream", "operator": "$eq", "value": True}, "target": {"provider": "two"}}
    assert strategy_of(conditional_routes=[route]) == read(
        {"name": "conditional", "rules": [{"when": {"stream": {"$eq": True}}, "to": {"provider": "two"}}]}
    )


def test_rules_and_a_mirror_stand_around_the_strategy() -> None:
    found = strategy_of(
        strategy="round-robin",
        routing={"conditions": [condition()]},
        mirror={"enabled": True, "target_model": "other", "sample_rate": 0.5},
    )
    rules = [{"when": {"metadata.tier": {"$eq": "gold"}}, "to": {"model": "own/other"}}]
    inner = {"name": "conditional", "rules": rules, "then": "round-robin"}
    assert found == read({"name": "mirror", "to": {"model": "own/other"}, "sample": 0.5, "then": inner})


def test_a_mirror_alone_leaves_the_strategy_as_it_is_usually() -> None:
    found = strategy_of(mirror={"target_model": "other", "target_provider": "two"})
    assert found == read({"name": "mirror", "to": {"model": "own/other", "provider": "two"}})


TARGETS = [{"model": "picture", "provider": "one"}]
WARNED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown section": ({"magic": 1}, "`magic` is not known."),
    "an unknown name": ({"retry": {"often": 1}}, "`retry.often` is not known."),
    "no object": ({"retry": 5}, "`retry` is not an object."),
    "no strategy": ({"strategy": "fastestest"}, "`strategy` was ignored: there is no strategy `fastestest`;"),
    "a strategy of a wrong type": ({"strategy": 5}, "`strategy` was ignored: a strategy is a name"),
    "a wrong setting": ({"strategy": {"name": "race", "width": 99}}, "`strategy` was ignored: race: "),
    "an unknown model in a strategy": (
        {"strategy": {"name": "conditional", "rules": [{"when": {}, "to": {"model": "own/picturr"}}]}},
        "`strategy` was ignored: there is no model `own/picturr`; did you mean `own/picture`?",
    ),
    "two strategies": (
        {"strategy": "priority", "load_balance": {"strategy": "race"}},
        "`load_balance.strategy` is not acted on: `strategy` counts first.",
    ),
    "models that are none": ({"models": ["own/nothing"]}, "There is no model `own/nothing`."),
    "models that are numbers": ({"models": [5]}, "`models` takes names of models only."),
    "models in no list": ({"models": "picture"}, "`models` is not a list."),
    "a preset that is none": ({"preset": "slow"}, "`preset` names none that there is."),
    "a preset of a wrong type": ({"preset": ["fast"]}, "`preset` names none that there is."),
    "a provider that is none": ({"provider": "one"}, "`provider` is not an object."),
    "a wrong wish": ({"provider": {"zdr": "yes"}}, "`provider.zdr` must be true or false."),
    "a wish that is not acted on": (
        {"provider": {"enforce_distillable_text": True}},
        "`provider.enforce_distillable_text` is not acted on.",
    ),
    "a fallback's provider": ({"fallback": {"targets": TARGETS}}, "`fallback.targets.provider` is not acted on."),
    "a fallback's parameters": (
        {"fallback": {"targets": [{"model": "picture", "override_params": {"n": 2}}]}},
        "`fallback.targets.override_params` is not acted on.",
    ),
    "a target that is none": (
        {"fallback": {"targets": [{"weight": 1}]}},
        "`fallback.targets` has a target without a model or a provider.",
    ),
    "a virtual key": (
        {"loadBalance": {"targets": [{"provider": "one", "virtualKey": "k"}]}},
        "`load_balance.targets.virtual_key` is not acted on.",
    ),
    "a wrong weight": (
        {"load_balance": {"targets": [{"provider": "one", "weight": -1}]}},
        "`load_balance.targets.weight` is not a number from 0 on.",
    ),
    "no weight": (
        {"load_balance": {"targets": [{"provider": "one", "weight": 0}]}},
        "`load_balance` was ignored: weighted: ",
    ),
    "a condition without a value": (
        {"routing": {"conditions": [{"field": "stream", "target": "two"}]}},
        "`routing.conditions` has one without field, operator, value or target.",
    ),
    "a condition on nothing": ({"routing": {"conditions": [condition("smell")]}}, "`routing.conditions` was ignored: "),
    "an operator that is none": (
        {"routing": {"conditions": [condition(operator="$about")]}},
        "`routing.conditions` was ignored: ",
    ),
    "a pattern that is none": (
        {"routing": {"conditions": [condition(operator="$regex", value="(")]}},
        "`routing.conditions` was ignored: ",
    ),
    "a provider nobody knows": (
        {"routing": {"default_target": "three"}},
        "`routing` was ignored: there is no provider",
    ),
    "a mirror of nobody": ({"mirror": {"enabled": True}}, "`mirror` was ignored: "),
    "a mirror of too much": ({"mirror": {"target_model": "other", "sample_rate": 2}}, "`mirror` was ignored: "),
    "a mirror that may be on": ({"mirror": {"enabled": "no", "target_model": "other"}}, "`mirror.enabled` is not true"),
    "many retries": ({"retry": {"max_retries": 100}}, "`retry.max_retries` is at most 9 here."),
    "no retries at all": ({"retry": {"max_retries": True}}, "`retry.max_retries` is not a number from 0 on."),
    "statuses that are none": ({"retry": {"on_status_codes": ["429"]}}, "`retry.on_status_codes` is not a list of"),
    "a jitter that is off": ({"retry": {"backoff_jitter": 0}}, "`retry.backoff_jitter` is not acted on: pauses"),
    "a long pause": ({"retry": {"backoff_factor": 1e9}}, "`retry.backoff_factor` is at most 60 here."),
    "other timeouts": ({"timeout": {"connect": 1}}, "`timeout.connect` is not acted on."),
    "a cache": ({"cache": {"enabled": True}}, "`cache` is not acted on yet by this gateway."),
    "guardrails": ({"guardrails": {"deny": True}}, "`guardrails` is not acted on yet by this gateway."),
}


@pytest.mark.parametrize(("sections", "warning"), WARNED.values(), ids=WARNED)
def test_what_cannot_be_acted_on_is_a_warning(sections: dict[str, Any], warning: str) -> None:
    said = warnings_of(**sections)
    assert len(said) == 1 and said[0].startswith(warning), said


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("", "The config header is not JSON and was ignored."),
        ("{", "The config header is not JSON and was ignored."),
        ("ÿ", "The config header is not JSON and was ignored."),
        ("[" * 10_000, "The config header is not JSON and was ignored."),
        ('{"retry": ' + "9" * 5000 + "}", "The config header is not JSON and was ignored."),
        ("[]", "The config header is not a JSON object and was ignored."),
        ('{"strategy": ' + "[" * 20 + "]" * 20 + "}", "The config header is nested more than 16 deep and was ignored."),
        ('{"a": "' + "x" * 20_000 + '"}', "The config header is longer than 16 KB and was ignored."),
    ],
    ids=["empty", "half", "not UTF-8", "deep and half", "a huge number", "a list", "deep", "long"],
)
def test_a_header_that_cannot_be_read_is_one_warning(text: str, warning: str) -> None:
    assert directions_of(text, NAMES) == (Directions(warnings=(warning,)), {})


def test_text_in_utf_8_is_read_as_such() -> None:
    text = '{"preset": "schnell", "metadata": "größe"}'.encode().decode("latin-1")
    assert "`metadata` is not known." in directions_of(text, NAMES)[0].warnings


def test_a_rule_that_is_wrong_leaves_the_others() -> None:
    directions, _ = asked(routing={"conditions": [condition("smell"), condition(), condition(target="nobody")]})
    rules = [{"when": {"metadata.tier": {"$eq": "gold"}}, "to": {"model": "own/other"}}]
    assert directions.strategy == read({"name": "conditional", "rules": rules})
    assert len(directions.warnings) == 2


def test_rules_and_targets_are_bounded() -> None:
    directions, _ = asked(routing={"conditions": [condition(value=number) for number in range(30)]})
    assert len(list(directions.strategy.targets() if directions.strategy else ())) == 20
    assert directions.warnings == ("`routing.conditions`: only the first 20 of 30 count.",)


@pytest.mark.parametrize(
    "rules",
    [
        [{"when": {"stream": True}, "to": {"provider": "one"}}] * 21,
        [{"when": {"$or": [{"prompt": {"$regex": "a+"}}] * 21}, "to": {"provider": "one"}}],
    ],
    ids=["rules", "patterns"],
)
def test_a_strategy_with_too_many_rules_is_ignored(rules: list[Any]) -> None:
    directions, _ = asked(strategy={"name": "conditional", "rules": rules})
    assert directions.strategy is None
    assert directions.warnings == ("`strategy` has more than 20 rules or regular expressions and was ignored.",)


def test_warnings_are_few_short_and_ascii() -> None:
    names = {f"näme\r\n{number}" + "x" * 200: number for number in range(15)}
    said = warnings_of(**names)
    assert len(said) == 10
    assert all(len(warning) == 120 and warning.isascii() and warning.isprintable() for warning in said)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = (
    "strategy models preset provider fallback load_balance routing conditional_routes mirror retry timeout targets "
    "model weight conditions default_target field operator value target enabled target_model sample_rate max_retries "
    "on_status_codes backoff_factor total condition name rules when to weights shares then"
).split()
LIKELY = st.recursive(
    JSON | st.sampled_from(["weighted", "conditional", "split", "picture", "own/other", "one", "$regex", "stream"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS), LIKELY, max_size=6))
def test_nothing_in_a_header_is_ever_an_error(sections: dict[str, Any]) -> None:
    directions, provider = directions_of(json.dumps(sections), NAMES)
    assert all(warning.isascii() and warning.isprintable() and len(warning) <= 120 for warning in directions.warnings)
    assert len(directions.warnings) <= 10 and len(directions.models) <= 20
    assert isinstance(provider, dict)


def test_everything_the_client_can_write_is_understood() -> None:
    config = agentcc.GatewayConfig(
        fallback=agentcc.FallbackConfig(targets=[agentcc.FallbackTarget(model="other")]),
        load_balance=agentcc.LoadBalanceConfig(
            strategy="weighted",
            targets=[
                agentcc.LoadBalanceTarget(model="picture", weight=3),
                agentcc.LoadBalanceTarget(model="other", weight=1),
            ],
        ),
        routing=agentcc.ConditionalRoutingConfig(
            conditions=[agentcc.RoutingCondition(field="metadata.tier", operator="$in", value=["a"], target="two")],
            default_target="own/picture",
        ),
        mirror=agentcc.TrafficMirrorConfig(target_model="other"),
        retry=agentcc.RetryConfig(),
        timeout=agentcc.TimeoutConfig(total=30),
    )
    directions, provider = directions_of(config.to_headers()["x-agentcc-config"], NAMES)
    assert directions.warnings == ()
    assert (directions.models, directions.rounds, directions.attempt_seconds) == (("other", "picture"), 3, 30.0)
    assert (directions.backoff_seconds, directions.longest_wait_seconds) == (0.5, 30.0)
    assert directions.retried_statuses == {429, 500, 502, 503}
    assert directions.fallback_statuses == {429, 500, 502, 503, 504}
    assert directions.strategy is not None and directions.strategy.name == "mirror"
    assert provider == {"sort": {"partition": "none"}}
