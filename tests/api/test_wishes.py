"""What is taken out of a body: models, presets and providers, from raw fields and from decoded ones."""

import json
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from penstock.api.wishes import take_directions
from penstock.core.errors import BadRequest
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import ANY, Directions, Life, Preferences
from penstock.pipeline.routes import compiled
from penstock.settings import Policy, Routing
from tests.pipeline import lives

PROVIDERS = (lives.provider("one"), lives.provider("two"))
CATALOGUE = lives.gateway(lives.offer("one"), lives.offer("two"), providers=PROVIDERS, on=()).catalogue
ROUTES = compiled(Routing(presets={"fast": Policy(models=("picture",))}), CATALOGUE)
GATEWAY = cast(Gateway, SimpleNamespace(catalogue=CATALOGUE, routes=SimpleNamespace(now=ROUTES)))


def taken(fields: dict[str, Any], *, raw: bool = False, **headers: str) -> tuple[Life, dict[str, Any]]:
    """The life of a request with this body, and what is left of the body."""
    life = lives.life(**headers)
    body = {name: msgspec.Raw(msgspec.json.encode(value)) if raw else value for name, value in fields.items()}
    take_directions(life, body, GATEWAY)
    if raw:
        assert all(isinstance(value, msgspec.Raw) for value in body.values())
        body = {name: msgspec.json.decode(value) for name, value in body.items()}
    return life, body


def configured(**sections: Any) -> str:
    return json.dumps(sections)


BODIES: dict[str, tuple[dict[str, Any], str, str, str | None, tuple[str, ...]]] = {
    "a model": ({"model": "a/b"}, "a/b", "a/b", None, ()),
    "fallbacks": ({"model": "a/b", "models": ["c/d", "e/f"]}, "a/b", "a/b", None, ("c/d", "e/f")),
    "fallbacks with the model among them": ({"model": "a/b", "models": ["a/b", "c/d"]}, "a/b", "a/b", None, ("c/d",)),
    "a fallback twice": ({"model": "a/b", "models": ["c/d", "c/d"]}, "a/b", "a/b", None, ("c/d",)),
    "models and no model": ({"models": ["a/b", "c/d"]}, "a/b", "a/b", None, ("c/d",)),
    "models and a model that is null": ({"model": None, "models": ["a/b"]}, "a/b", "a/b", None, ()),
    "models that are null": ({"model": "a/b", "models": None}, "a/b", "a/b", None, ()),
    "a preset and nothing else": ({"model": "@preset/fast"}, "@preset/fast", "@preset/fast", "fast", ()),
    "a model with a preset": ({"model": "a/b@preset/fast"}, "a/b", "a/b@preset/fast", "fast", ()),
    "a variant with a preset": ({"model": "a/b:floor@preset/fast"}, "a/b:floor", "a/b:floor@preset/fast", "fast", ()),
    "a preset in its field": ({"model": "a/b", "preset": "fast"}, "a/b", "a/b", "fast", ()),
    "the same preset twice": ({"model": "a/b@preset/x", "preset": "x"}, "a/b", "a/b@preset/x", "x", ()),
    "the first model has a preset": ({"models": ["a/b@preset/x", "c"]}, "a/b", "a/b@preset/x", "x", ("c",)),
    "a deprecated route": ({"model": "a/b", "route": "fallback"}, "a/b", "a/b", None, ()),
}


@pytest.mark.parametrize("raw", [False, True], ids=["decoded", "raw"])
@pytest.mark.parametrize(("fields", "model", "asked", "preset", "models"), BODIES.values(), ids=BODIES)
def test_models_and_presets_are_taken_out_of_a_body(
    fields: dict[str, Any], model: str, asked: str, preset: str | None, models: tuple[str, ...], raw: bool
) -> None:
    life, left = taken({**fields, "prompt": "p"}, raw=raw)
    assert left == {"model": model, "prompt": "p"}
    assert life.asked_model == asked
    assert life.directions == Directions(preset=preset, models=models)
    assert life.preferences is ANY and life.ignored == ()


MANY = "`models` must be a list of at most 8 names of models"
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"models": "a/b"}, MANY, "models"),
    ({"models": [5]}, MANY, "models"),
    ({"models": [""]}, MANY, "models"),
    ({"models": ["x" * 201]}, MANY, "models"),
    ({"models": [f"m{number}" for number in range(9)]}, MANY, "models"),
    ({"models": ["a", "b@preset/fast"]}, "`models` takes models only", "models"),
    ({"model": "@preset/"}, "`model` names no preset", "model"),
    ({"model": "a/b@preset/"}, "`model` names no preset", "model"),
    ({"preset": 5}, "`preset` must be a preset's name", "preset"),
    ({"preset": ""}, "`preset` must be a preset's name", "preset"),
    ({"model": "a/b@preset/x", "preset": "y"}, "name two presets", "preset"),
    ({"provider": "bfl"}, "`provider` must be an object", "provider"),
    ({"provider": {"zdr": 1}}, "`provider.zdr` must be true or false", "provider"),
]


@pytest.mark.parametrize("raw", [False, True], ids=["decoded", "raw"])
@pytest.mark.parametrize(("fields", "says", "param"), WRONG)
def test_what_is_wrong_is_told_with_its_field(fields: dict[str, Any], says: str, param: str, raw: bool) -> None:
    with pytest.raises(BadRequest) as refused:
        taken({"model": "a/b", **fields}, raw=raw)
    assert says in refused.value.message
    assert refused.value.param == param


@pytest.mark.parametrize("model", [5, None, ["a"]])
def test_a_model_that_is_no_name_is_left_to_who_reads_it(model: Any) -> None:
    life, left = taken({"model": model})
    assert left == {"model": model} and life.asked_model is None


@pytest.mark.parametrize("raw", [False, True], ids=["decoded", "raw"])
def test_the_choice_of_providers_is_in_our_slugs(raw: bool) -> None:
    choice = {"order": ["Provider Two", "one/turbo"], "zdr": True, "enforce_distillable_text": True}
    life, left = taken({"model": "a/b", "provider": choice}, raw=raw)
    assert left == {"model": "a/b"}
    assert life.preferences == Preferences(order=("two", "one"), zero_retention=True)
    assert life.ignored == ("provider.enforce_distillable_text",)


def test_a_locked_provider_is_the_only_one() -> None:
    life, _ = taken({"model": "a/b", "provider": {"only": ["one"]}}, x_agentcc_provider_lock="two")
    assert (life.preferences.only, life.preferences.allow_fallbacks, life.preferences.locked) == ({"two"}, False, True)


@pytest.mark.parametrize("spelling", ["x_penstock_config", "x_agentcc_config"])
def test_the_config_header_says_what_the_body_does_not(spelling: str) -> None:
    header = configured(
        models=["own/picture", "picture"],
        preset="fast",
        provider={"only": ["Provider One"], "zdr": True, "order": ["one"]},
        retry={"max_retries": 1},
    )
    life, _ = taken({"model": "a/b", "provider": {"only": ["two"], "order": None}}, **{spelling: header})
    assert life.directions == Directions(models=("own/picture", "picture"), preset="fast", rounds=2)
    assert life.preferences == Preferences(only=frozenset({"two"}), zero_retention=True, order=("one",))


def test_what_the_body_says_counts_before_the_config_header() -> None:
    header = configured(models=["picture"], preset="fast")
    life, _ = taken({"model": "a/b", "models": [], "preset": "mine"}, x_penstock_config=header)
    assert (life.directions.models, life.directions.preset) == ((), "mine")


def test_the_model_asked_for_is_not_its_own_fallback() -> None:
    header = configured(fallback={"targets": [{"model": "own/picture"}, {"model": "picture"}]})
    life, _ = taken({"model": "own/picture"}, x_agentcc_config=header)
    assert life.directions.models == ("picture",)


def test_a_config_header_that_cannot_be_read_is_a_warning() -> None:
    life, _ = taken({"model": "a/b"}, x_agentcc_config="{")
    assert life.directions.warnings == ("The config header is not JSON and was ignored.",)
    assert life.preferences is ANY
