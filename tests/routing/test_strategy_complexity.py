"""`complexity`: which tier a request is of, and where that sends it."""

from typing import Any

import pytest

from penstock.core.call import Operation
from penstock.routing.tiers import text_score
from tests.routing.offers import candidate, dice, facts, providers, strategy

TARGETS = {"simple": {"model": "own/small"}, "medium": {"model": "own/middle"}, "complex": {"model": "own/large"}}
OFFERS = (candidate("s", "own/small"), candidate("m", "own/middle"), candidate("l", "own/large"))

QUESTION = "What is the capital of France?"
PROOF = "Prove step by step that the square root of two is irrational, and compare two proofs."
REVIEW = (
    "Analyse this service and refactor it. Answer as JSON with a schema.\n```python\n"
    + "def f(x): return x. Then stop. " * 20
    + "\n```"
)


def tier(**asked: Any) -> str:
    """The first letter of the model that is first."""
    return providers(strategy("complexity", **TARGETS).plan(OFFERS, facts(**asked), dice())).split()[0]


@pytest.mark.parametrize(
    ("prompt", "tokens", "expected"),
    [("", 0, "s"), (QUESTION, 8, "s"), (PROOF, 20, "m"), (QUESTION, 4000, "m"), (REVIEW, 250, "l"), (PROOF, 4000, "l")],
)
def test_texts_are_scored(prompt: str, tokens: int, expected: str) -> None:
    assert tier(operation=Operation.CHAT, prompt=lambda: prompt, prompt_tokens=tokens) == expected


def test_a_score_is_at_most_one() -> None:
    text = f"{REVIEW} {PROOF} Why? How? Where? When? Who? {'So. ' * 99}"
    asked = facts(operation=Operation.CHAT, prompt=lambda: text, prompt_tokens=10**9).subject
    assert text_score(asked) == pytest.approx(1.0)


def test_the_thresholds_are_settings() -> None:
    asked = facts(operation=Operation.CHAT, prompt=lambda: QUESTION, prompt_tokens=1000)
    for settings, expected in (
        ({}, "s"),
        ({"medium_from": 0.1}, "m"),
        ({"medium_from": 0.1, "complex_from": 0.15}, "l"),
    ):
        assert providers(strategy("complexity", **TARGETS, **settings).plan(OFFERS, asked, dice()))[0] == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "s"),
        ({"megapixels": 1.5}, "s"),
        ({"megapixels": 1.6}, "m"),
        ({"megapixels": 2.6}, "l"),
        ({"width": 2048, "height": 2048}, "l"),
        ({"width": 1024}, "s"),
        ({"references": 1}, "m"),
        ({"references": 3}, "l"),
        ({"prompt": lambda: 'A sign that says "Open"'}, "m"),
        ({"prompt": lambda: "A sign “Open” and another „Zu“"}, "l"),
        ({"prompt": lambda: "It's the lighthouse keeper's cat"}, "s"),
        ({"quality": "low"}, "s"),
        ({"quality": "medium"}, "m"),
        ({"quality": "high"}, "l"),
        ({"quality": "medium", "references": 4}, "l"),
    ],
)
@pytest.mark.parametrize("operation", [Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT])
def test_pictures_are_of_the_highest_tier_that_anything_asked_for_is_of(
    operation: Operation, asked: dict[str, Any], expected: str
) -> None:
    assert tier(operation=operation, **asked) == expected


@pytest.mark.parametrize(
    ("named", "expected"),
    [("simple", "s"), (" Complex ", "l"), ("medium", "m"), ("enormous", "l"), ("", "l"), (None, "l")],
)
def test_the_tier_that_the_request_names_counts(named: str | None, expected: str) -> None:
    assert tier(tier=named, quality="high") == expected


@pytest.mark.parametrize(
    ("there", "asked", "expected"),
    [
        ("simple complex", "medium", "l"),
        ("simple", "complex", "s"),
        ("simple medium", "complex", "m"),
        ("complex", "simple", "l"),
        ("medium", "simple", "m"),
    ],
)
def test_a_missing_tier_uses_the_next_higher_else_the_next_lower(there: str, asked: str, expected: str) -> None:
    made = strategy_of({name: TARGETS[name] for name in there.split(" ")})
    assert providers(made.plan(OFFERS, facts(tier=asked), dice()))[0] == expected


def strategy_of(targets: dict[str, Any]) -> Any:
    return strategy("complexity", **{name: targets.get(name) for name in TARGETS})


def test_the_plan_says_what_put_it_there() -> None:
    made = strategy("complexity", **TARGETS)
    assert made.plan(OFFERS, facts(references=2), dice()).why.startswith(
        "It is medium (2 references). First own/middle."
    )
    assert made.plan(OFFERS, facts(), dice()).why.startswith("It is simple (nothing special). First own/small.")
    chat = facts(operation=Operation.CHAT, prompt=lambda: PROOF)
    assert made.plan(OFFERS, chat, dice()).why.startswith("It is medium (score 0.30). First own/middle.")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"simple": None, "complex": None}, "complexity: expected a target in at least one of `simple`, `medium` and"),
        ({"medium_from": 0.7}, "complexity: expected `medium_from` to be `complex_from` or less"),
        ({"complex_from": 2}, "complexity: `complex_from`: expected `float` <= 1"),
    ],
)
def test_tiers_that_cannot_be_meant_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        strategy("complexity", **settings)
