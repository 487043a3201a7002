"""`conditional`: which rule holds, operator by operator, and what a hostile request cannot do."""

import time
from decimal import Decimal
from typing import Any

import pytest
from ruamel.yaml import YAML

from penstock.core.call import Operation
from penstock.routing.base import Target
from penstock.routing.read import read
from tests.routing.offers import candidates, dice, facts, providers, strategy

NOON_OF_A_FRIDAY = 1_700_222_400.0
ASKED: dict[str, Any] = {
    "operation": Operation.IMAGE_EDIT,
    "models": ("own/picture", "own/other"),
    "user": "ann",
    "session": "s-1",
    "key": "studio",
    "metadata": {"team": "print", "level": 3, "urgent": True, "tags": ["a", "b"], "a.b": "dotted", "empty": None},
    "stream": False,
    "width": 1024,
    "height": 768,
    "megapixels": 0.75,
    "references": 2,
    "n": 4,
    "quality": "high",
    "seed": 0,
    "prompt": lambda: "A lighthouse in a storm, with the words “Keep out”",
    "prompt_tokens": 14,
    "time": NOON_OF_A_FRIDAY,
    "prices": {"p1": "0.04", "p2": "0.0300"},
}


def holds(when: dict[str, Any], **changes: Any) -> bool:
    """Whether a rule with this condition is the one that counts."""
    made = strategy("conditional", rules=[{"when": when, "to": {"provider": "p2"}}])
    plan = made.plan(candidates(2), facts(**ASKED | changes), dice())
    assert providers(plan) in ("p1 p2", "p2 p1")
    return providers(plan) == "p2 p1"


def refusal(when: Any) -> str:
    with pytest.raises(ValueError) as caught:
        strategy("conditional", rules=[{"when": when, "to": {"provider": "p2"}}])
    return str(caught.value)


@pytest.mark.parametrize(
    "when",
    [
        {},
        {"model": "own/picture"},
        {"operation": "image_edit"},
        {"user": "ann"},
        {"session": "s-1"},
        {"key": "studio"},
        {"metadata.team": "print"},
        {"metadata.a.b": "dotted"},
        {"stream": False},
        {"width": 1024},
        {"height": 768.0},
        {"megapixels": {"$lt": 1}},
        {"references": 2},
        {"n": {"$gte": 4}},
        {"quality": "high"},
        {"seed": 0},
        {"prompt": {"$regex": "(?i)LIGHTHOUSE"}},
        {"prompt_tokens": {"$lte": 14}},
        {"price": 0.03},
        {"price": {"$gte": 0.03, "$lt": 0.04}},
        {"time": {"$gte": "12:00", "$lt": "12:01"}},
        {"weekday": "fri"},
        {"weekday": {"$in": ["thu", "fri"]}},
        {"user": "ann", "n": 4},
        {"user": {"$ne": "bob"}},
        {"user": {"$in": ["bob", "ann"]}},
        {"user": {"$nin": ["bob", "eve"]}},
        {"user": {"$gt": "alf"}},
        {"metadata.level": {"$gt": 2.5}},
        {"metadata.urgent": True},
        {"metadata.tags": {"$exists": True}},
        {"metadata.nobody": {"$exists": False}},
        {"metadata.empty": {"$exists": False}},
        {"metadata.empty": None},
        {"metadata.nobody": {"$ne": "x"}},
        {"metadata.nobody": {"$nin": ["x"]}},
        {"seed": {"$exists": True}},
        {"$and": [{"user": "ann"}, {"n": 4}]},
        {"$or": [{"user": "bob"}, {"n": 4}]},
        {"$not": {"user": "bob"}},
        {"$not": {"$or": [{"user": "bob"}, {"n": 5}]}, "quality": {"$exists": True}},
    ],
)
def test_a_condition_holds(when: dict[str, Any]) -> None:
    assert holds(when)
    assert not holds({"$not": when})


@pytest.mark.parametrize(
    "when",
    [
        {"user": "ann", "n": 5},
        {"user": "bob"},
        {"model": "own/other"},
        {"metadata.team": "Print"},
        {"metadata.tags": "a"},
        {"metadata.level": "3"},
        {"metadata.urgent": 1},
        {"metadata.level": {"$gt": "2"}},
        {"metadata.team": {"$gt": 2}},
        {"metadata.team": {"$lt": 2}},
        {"metadata.urgent": {"$gte": 0}},
        {"metadata.tags": {"$regex": "a"}},
        {"metadata.level": {"$regex": "3"}},
        {"metadata.nobody": {"$lt": 5}},
        {"user": {"$in": ["bob"]}},
        {"user": {"$nin": ["ann"]}},
        {"user": {"$ne": "ann"}},
        {"user": None},
        {"price": {"$gt": 0.03}},
        {"time": {"$gte": "18:00"}},
        {"weekday": {"$in": ["sat", "sun"]}},
        {"$or": [{"user": "bob"}, {"n": 5}]},
    ],
)
def test_a_condition_does_not_hold(when: dict[str, Any]) -> None:
    assert not holds(when)


@pytest.mark.parametrize("field", ["user", "session", "width", "height", "megapixels", "quality", "seed"])
def test_what_is_not_said_is_neither_less_nor_more(field: str) -> None:
    operand: Any = 5 if field in ("width", "height", "megapixels", "seed") else "x"
    for operator in ("$eq", "$gt", "$gte", "$lt", "$lte"):
        assert not holds({field: {operator: operand}}, **{field: None})
    assert holds({field: {"$exists": False}}, **{field: None})


def test_a_price_that_is_not_known_does_not_match() -> None:
    assert not holds({"price": {"$gte": 0}}, prices={})
    assert holds({"price": {"$exists": False}}, prices={})


def test_the_price_is_that_of_the_models_asked_for() -> None:
    made = strategy("conditional", rules=[{"when": {"price": {"$gt": 1}}, "to": {"model": "own/cheap"}}])
    offers = (*candidates(1), *(candidates(2, "own/cheap")[1:]))
    plan = made.plan(offers, facts(models=("own/picture",), prices={"p1": "2", "p2": "0.01"}), dice())
    assert providers(plan) == "p2 p1"


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        10**5000,
        -(10**5000),
        float("nan"),
        float("inf"),
        "\udc80",
        "\0" * 5000,
        deep(100_000),
        {"$gt": 1},
        [],
        b"x",
        object(),
    ],
    ids=["huge", "tiny", "nan", "infinite", "surrogate", "zeros", "deep", "mapping", "empty", "bytes", "object"],
)
@pytest.mark.parametrize(
    "test",
    [5, 1.5, "x", True, {"$gt": 5.5}, {"$lte": "x"}, {"$in": [1, "x", None]}, {"$nin": [1]}, {"$regex": "(a+)+$"}],
)
def test_nothing_in_metadata_raises(value: Any, test: Any) -> None:
    holds({"metadata.x": test}, metadata={"x": value})


def test_a_pattern_that_takes_too_long_does_not_match() -> None:
    started = time.process_time()
    assert not holds({"prompt": {"$regex": r"^(a|a)+$"}}, prompt=lambda: "a" * 3990 + "b")
    assert not holds({"prompt": {"$regex": r"(x+x+)+y"}}, prompt=lambda: "x" * 100_000)
    assert time.process_time() - started < 0.5


def test_a_pattern_looks_at_the_beginning_only() -> None:
    assert holds({"prompt": {"$regex": "end$"}}, prompt=lambda: "x" * 3997 + "end")
    assert not holds({"prompt": {"$regex": "end"}}, prompt=lambda: "x" * 4000 + "end")


def test_the_prompt_is_looked_up_once_and_only_when_a_rule_asks() -> None:
    calls = list[int]()

    def prompt() -> str:
        calls.append(1)
        return "text"

    assert not holds({"user": "bob", "prompt": "text"}, prompt=prompt)
    assert not calls
    assert holds({"prompt": {"$regex": "t", "$ne": "x"}, "$not": {"prompt": "y"}}, prompt=prompt)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ({"modle": "x"}, "conditional: `rules[0]`: there is no field `modle`; did you mean `model`?"),
        ({"metadata.": "x"}, "there is no field `metadata.`; did you mean `metadata.<name>`?"),
        ({"$nor": []}, "there is no field `$nor`; did you mean `$or`?"),
        ({"user": {"$equals": "x"}}, "`user`: there is no operator `$equals`; did you mean `$eq`?"),
        ({"user": {}}, "`user`: expected an operator; there are $eq, $ne"),
        ({"user": ["x"]}, "`user`: expected a text, a number, true, false or null, not `['x']`"),
        ({"user": 5}, "`user`: expected a text, not `5`"),
        ({"width": "1024"}, "`width`: expected a number, not `'1024'`"),
        ({"width": True}, "`width`: expected a number, not `True`"),
        ({"stream": "yes"}, "`stream`: expected true or false, not `'yes'`"),
        ({"width": {"$gt": None}}, "`width`: expected a number or a text to compare with, not `None`"),
        ({"width": {"$in": 5}}, "`width`: expected a list of values, not `5`"),
        ({"user": {"$in": "ann"}}, "`user`: expected a list of values, not `'ann'`"),
        ({"user": {"$in": []}}, "`user`: expected a list of values, not `[]`"),
        ({"user": {"$exists": 1}}, "`user`: expected `$exists` to be true or false"),
        ({"width": {"$regex": "1"}}, "`width`: `$regex` is for texts"),
        ({"user": {"$regex": "("}}, "`user`: `$regex` cannot be read: missing )"),
        ({"user": {"$regex": "a" * 201}}, "`user`: expected `$regex` to be a pattern of 200 characters at most"),
        ({"operation": "image_edits"}, "`operation`: there is no `'image_edits'`; did you mean `image_edit`?"),
        ({"weekday": "monday"}, "`weekday`: there is no `'monday'`; did you mean `mon`?"),
        ({"time": "8:00"}, "`time`: expected a time of UTC as 'HH:MM', such as '08:30', not `'8:00'`"),
        ({"time": {"$lt": 1350}}, "`time`: expected a time of UTC as 'HH:MM', such as '08:30', not `1350`"),
        ({"$and": {"user": "x"}}, "expected a list of conditions in `$and`"),
        ({"$or": []}, "expected a list of conditions in `$or`"),
        ({"$or": ["user"]}, "expected a mapping of fields, such as `operation: chat`, not `'user'`"),
        ({"$not": [{"user": "x"}]}, "expected a mapping of fields"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(when: Any, sentence: str) -> None:
    assert sentence in refusal(when)


def test_conditions_within_conditions_end_somewhere() -> None:
    when: Any = {"user": "x"}
    for _ in range(500):
        when = {"$not": when}
    assert "conditions may be 8 deep at most" in refusal(when)


def test_a_rule_does_something() -> None:
    with pytest.raises(ValueError, match="a rule says where requests go"):
        strategy("conditional", rules=[{"when": {}}])
    with pytest.raises(ValueError, match="conditional: `rules`: expected `array` of length >= 1"):
        strategy("conditional", rules=[])


def test_rules_are_written_in_yaml() -> None:
    written = YAML(typ="safe").load("""
        name: conditional
        rules:
          - when: {operation: image_edit, references: {$gte: 3}}
            to: {model: own/editor}
          - when:
              $or:
                - metadata.tier: gold
                - time: {$gte: "22:00"}
                - price: {$gt: 0.05}
            to: {provider: p2}
            then: {name: race, width: 3, most_usd: 0.20}
        otherwise: {provider: p3}
        then: cost-optimized
    """)
    made = read(written)
    assert list(made.targets()) == [Target(model="own/editor"), Target(provider="p2"), Target(provider="p3")]
    prices = {"p1": "0.02", "p2": "0.01", "p3": "0.03"}
    gold = made.plan(candidates(3), facts(metadata={"tier": "gold"}, prices=prices), dice())
    assert (providers(gold), gold.most_usd) == ("p2 p1 p3", Decimal("0.2"))
    assert gold.why.startswith("Rule 2 holds ($or). First p2. The first success of 1")
    other = made.plan(candidates(3), facts(metadata={"tier": "lead"}, prices=prices), dice())
    assert providers(other) == "p3 p2 p1"
    assert other.why.startswith("No rule holds. First p3. ")


def test_the_first_rule_that_holds_counts() -> None:
    rules = [
        {"when": {"user": "bob"}, "to": {"provider": "p1"}},
        {"when": {"user": "ann"}, "to": {"provider": "p3"}},
        {"when": {}, "to": {"provider": "p2"}},
    ]
    made = strategy("conditional", rules=rules)
    assert providers(made.plan(candidates(3), facts(user="ann"), dice())) == "p3 p1 p2"
    assert providers(made.plan(candidates(3), facts(user="eve"), dice())) == "p2 p1 p3"
