"""The configuration of routing made ready: names found, strategies made, the impossible refused in a sentence."""

from typing import Any

import msgspec
import pytest

from penstock.catalogue.search import Catalogue
from penstock.core.errors import BadRequest
from penstock.core.principal import Principal, Scope
from penstock.core.target import Model, Offer
from penstock.pipeline.routes import Routes, RoutesInForce, compiled
from penstock.routing.base import Target
from penstock.routing.conditional import Conditional
from penstock.routing.weighted import Weighted
from penstock.settings import Routing, SettingsError
from tests.pipeline.lives import PICTURE, PICTURES, provider

TALKER = Model(slug="own/talker", name="Talker", maker="Own", aliases=("talker",))
CATALOGUE = Catalogue().updated(
    models=[PICTURE, TALKER],
    providers=[provider("one"), provider("two")],
    offers=[Offer(model="own/picture", provider="one", upstream="p", operations=PICTURES)],
)


def routes(**given: Any) -> Routes:
    return compiled(msgspec.convert(given, Routing, strict=False), CATALOGUE)


def holder(*models: str, name: str = "website") -> Principal:
    return Principal("key_1", name, frozenset({Scope.INFERENCE}), models=models)


def test_names_of_models_in_targets_and_weights_become_slugs() -> None:
    rules = [{"when": {"n": 2}, "to": {"model": "picture"}}]
    made = routes(strategy={"name": "conditional", "rules": rules, "otherwise": {"model": "Talker", "provider": "two"}})
    assert isinstance(made.default, Conditional)
    assert [rule.to for rule in made.default.rules] == [Target(model="own/picture")]
    assert made.default.otherwise == Target(model="own/talker", provider="two")
    weighed = routes(strategy={"name": "weighted", "weights": {"one": 1, "one/p": 2, "picture": 3}}).default
    assert isinstance(weighed, Weighted)
    assert weighed.weights == {"one": 1, "one/p": 2, "own/picture": 3}


def test_a_condition_is_no_target_whatever_it_is_about() -> None:
    rules = [{"when": {"model": "nobody/knows"}, "to": {"provider": "one"}}]
    made = routes(strategy={"name": "conditional", "rules": rules}).default
    assert isinstance(made, Conditional)
    assert made.rules[0].when == {"model": "nobody/knows"}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown strategy": ({"strategy": "cheapst"}, "routing.strategy: there is no strategy `cheapst`"),
    "a strategy's unknown setting": (
        {"models": {"picture": {"strategy": {"name": "race", "widht": 2}}}},
        "routing.models.picture.strategy: race: .*widht",
    ),
    "an unknown model in a rule": (
        {"strategy": {"name": "quality-first", "most_usd": 1, "to": {"model": "x"}}},
        "routing.strategy: there is no model `x`",
    ),
    "an unknown provider in a target": (
        {"strategy": {"name": "mirror", "to": {"provider": "on"}}},
        "there is no provider `on`; did you mean `one`",
    ),
    "an unknown name with a weight": (
        {"strategy": {"name": "weighted", "weights": {"own/pictur": 1}}},
        "there is no model `own/pictur`; did you mean `own/picture`",
    ),
    "a policy for an unknown model": ({"models": {"own/pictur": {}}}, "there is no model `own/pictur`"),
    "an unknown fallback": (
        {"models": {"picture": {"models": ["nobody"]}}},
        r"routing.models.picture.models: there is",
    ),
    "an unknown alias": ({"aliases": {"painter": "nobody"}}, "routing.aliases.painter: there is no model `nobody`"),
    "an alias of a group": (
        {"groups": {"art": {"aliases": {"painter": "nobody"}}}},
        "routing.groups.art.aliases: there is no model `nobody`",
    ),
    "a group in capitals": ({"groups": {"Art": {}}}, "routing.groups.Art: write the name in small letters"),
    "a preset with a slash": ({"presets": {"a/b": {}}}, "routing.presets.a/b: a preset's name has no / or @"),
    "a provider object of a wrong type": (
        {"keys": {"website": {"provider": {"only": "one"}}}},
        "routing.keys.website: `provider.only` must be a list",
    ),
    "a provider object with a field that does nothing": (
        {"keys": {"website": {"provider": {"onyl": ["one"]}}}},
        "routing.keys.website: nothing is done with `provider.onyl`",
    ),
}


@pytest.mark.parametrize(("given", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused_with_where_it_stands(given: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says) as refused:
        routes(**given)
    assert str(refused.value).endswith((".", "?"))


def test_of_the_models_with_a_policy_the_first_that_fits_counts() -> None:
    made = routes(models={"talker": {"strategy": "race"}, "own/*": {"strategy": "sticky"}})
    names = [
        rule.strategy.name if rule.strategy else None for rule in map(made.of_model, ("own/talker", "own/picture"))
    ]
    assert names == ["race", "sticky"]
    assert made.of_model("other/one").strategy is None


def test_a_key_is_known_by_its_id_and_its_name() -> None:
    made = routes(keys={"key_1": {"strategy": "race"}, "website": {"strategy": "sticky"}})
    rules = [
        made.of_key(holder()),
        made.of_key(Principal("key_2", "website", frozenset())),
        made.of_key(Principal("key_3", "x", frozenset())),
    ]
    assert [rule.strategy.name if rule.strategy else None for rule in rules] == ["race", "sticky", None]


def test_an_unknown_preset_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadRequest, match=r"no preset `fats`.*Did you mean `@preset/fast`") as refused:
        routes(presets={"fast": {"models": ["picture"]}}).of_preset("fats")
    assert refused.value.code == "preset_not_found"


GROUPS = {"art": {"models": ["own/pic*"], "aliases": {"painter": "picture"}}, "none": {}}


@pytest.mark.parametrize(
    ("models", "may"),
    [
        ((), {"own/picture": True, "own/talker": True}),
        (("@art",), {"own/picture": True, "own/talker": False}),
        (("@art", "own/talker"), {"own/picture": True, "own/talker": True}),
        (("@none",), {"own/picture": False, "own/talker": False}),
        (("@nobody",), {"own/picture": False, "own/talker": False}),
    ],
)
def test_a_key_with_a_group_may_call_its_models(models: tuple[str, ...], may: dict[str, bool]) -> None:
    admitted = routes(groups=GROUPS).admitted(holder(*models))
    assert {model: admitted.may_call(model) for model in may} == may


@pytest.mark.parametrize(
    ("models", "name", "means"),
    [
        ((), "painter", "own/picture"),
        ((), "Painter:floor", "own/picture:floor"),
        (("@art",), "painter", "own/picture"),
        (("own/talker",), "painter", "painter"),
        (("@none",), "painter", "painter"),
        (("own/talker",), "Chat", "own/talker"),
        ((), "own/picture", "own/picture"),
    ],
)
def test_an_alias_of_a_group_is_known_to_its_keys(models: tuple[str, ...], name: str, means: str) -> None:
    made = routes(groups=GROUPS, aliases={"chat": "talker"})
    assert made.name_of(name, made.admitted(holder(*models))) == means


def test_a_change_is_told_to_whoever_keeps_settings_of_its_own() -> None:
    told: list[str] = []
    in_force = RoutesInForce(routes(strategy="race"), 1.0)
    in_force.listen(lambda settings: told.append(str(settings.strategy)))
    in_force.refused = "It was broken."
    in_force.change(routes(strategy="sticky"), 2.0)
    assert (told, in_force.refused, in_force.read_at) == (["race", "sticky"], None, 2.0)
