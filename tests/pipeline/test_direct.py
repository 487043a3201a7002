"""What counts of what a request, a preset, a key and a model say: the nearest, within the bounds of all of them."""

from decimal import Decimal
from typing import Any

import pytest

from penstock.pipeline.direct import tightened
from penstock.pipeline.request import ANY, Preferences


def few(*names: str) -> frozenset[str]:
    return frozenset(names)


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "nothing asked": ({}, {"only": few("a"), "zero_retention": True}, {"only": few("a"), "zero_retention": True}),
    "within what is left": ({"only": few("a", "b")}, {"only": few("b", "c")}, {"only": few("b")}),
    "outside of what is left": ({"only": few("a")}, {"only": few("b")}, {"only": few("")}),
    "an offer of a provider": ({"only": few("a/x")}, {"only": few("a")}, {"only": few("a/x")}),
    "a provider of an offer": ({"only": few("a")}, {"only": few("a/x", "b/y")}, {"only": few("a/x")}),
    "both ignore": ({"ignore": few("a")}, {"ignore": few("b")}, {"ignore": few("a", "b")}),
    "privacy cannot be given away": ({}, {"no_collection": True}, {"no_collection": True}),
    "privacy can be asked for": ({"no_collection": True}, {}, {"no_collection": True}),
    "the lower price": (
        {"max_price": {"image": Decimal(2), "prompt": Decimal(1)}},
        {"max_price": {"image": Decimal(1), "request": Decimal(3)}},
        {"max_price": {"image": Decimal(1), "prompt": Decimal(1), "request": Decimal(3)}},
    ),
    "one's own order": ({"order": ("a",)}, {"order": ("b",)}, {"order": ("a",)}),
    "an order left open": ({}, {"order": ("b",)}, {"order": ("b",)}),
    "no fallbacks": ({}, {"allow_fallbacks": False}, {"allow_fallbacks": False}),
    "options join": (
        {"options": {"a": {"x": 1}}},
        {"options": {"a": {"x": 2}, "b": {"y": 3}}},
        {"options": {"a": {"x": 1}, "b": {"y": 3}}},
    ),
}


@pytest.mark.parametrize(("asked", "policy", "counts"), CASES.values(), ids=CASES)
def test_what_a_policy_bounds_no_request_widens(
    asked: dict[str, Any], policy: dict[str, Any], counts: dict[str, Any]
) -> None:
    assert tightened(Preferences(**asked), [Preferences(**policy)]) == Preferences(**counts)


def test_every_policy_tightens() -> None:
    found = tightened(ANY, [Preferences(only=few("a", "b")), Preferences(only=few("b", "c")), ANY])
    assert found.only == few("b")
