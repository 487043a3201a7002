"""The strategies that draw: by weight, by price, and the bandit."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.health import Health
from penstock.routing.base import Facts, Strategy
from tests.routing.offers import candidate, candidates, dice, facts, providers, strategy

THROWS = 4000


def firsts(made: Strategy, number: int, looked_at: Facts, seed: int = 1) -> Counter[str]:
    """How often each provider is first."""
    roll, offers = random.Random(seed).random, candidates(number)
    return Counter(made.plan(offers, looked_at, roll).order[0].offer.provider for _ in range(THROWS))


def test_a_dollar_is_drawn_nine_times_as_often_as_three() -> None:
    first = firsts(strategy("price-weighted"), 2, facts(prices={"p1": "3", "p2": "1"}))
    assert first["p2"] / THROWS == pytest.approx(0.9, abs=0.015)


@given(st.lists(st.integers(1, 40), min_size=2, max_size=4), st.integers(0, 2**32))
def test_each_price_is_drawn_in_proportion_to_its_inverse_square(cents: list[int], seed: int) -> None:
    prices: dict[str, str | None] = {f"p{place}": f"0.{price:03}" for place, price in enumerate(cents, 1)}
    roll, offers, looked_at = random.Random(seed).random, candidates(len(cents)), facts(prices=prices)
    made = strategy("price-weighted")
    first = Counter(made.plan(offers, looked_at, roll).order[0].offer.provider for _ in range(600))
    total = sum(1 / price**2 for price in cents)
    # Five standard deviations of 600 draws are 0.1 at most.
    assert all(abs(first[f"p{place}"] / 600 - 1 / price**2 / total) < 0.11 for place, price in enumerate(cents, 1))


def test_the_fallbacks_are_drawn_by_price_too() -> None:
    offers, looked_at = candidates(3), facts(prices={"p1": "0", "p2": "3", "p3": "1"})
    made, roll = strategy("price-weighted"), random.Random(2).random
    second = Counter(made.plan(offers, looked_at, roll).order[1].offer.provider for _ in range(THROWS))
    assert second["p3"] / THROWS == pytest.approx(0.9, abs=0.015)


def test_free_ones_come_first_then_priced_then_unpriced_and_unstable_ones_last() -> None:
    outage = Health(stable=False)
    looked_at = facts(
        prices={"p1": "1", "p3": "0", "p4": "2", "p6": "0", "p7": "1"},
        health={"p5": outage, "p6": outage, "p7": outage},
    )
    for seed in range(50):
        order = providers(strategy("price-weighted").plan(candidates(7), looked_at, random.Random(seed).random))
        assert order in ("p3 p1 p4 p2 p6 p7 p5", "p3 p4 p1 p2 p6 p7 p5")


def test_without_any_price_they_stay_in_order() -> None:
    plan = strategy("price-weighted").plan(candidates(3), facts(), random.Random(1).random)
    assert providers(plan) == "p1 p2 p3"
    assert plan.why == "None of the stable ones has a price, so they are in the catalogue's order."


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"p1": 3, "p2": 1}, {"p1": 0.75, "p2": 0.25}),
        ({"p1/picture": 3, "p1": 0, "p2": 1}, {"p1": 0.75, "p2": 0.25}),
        ({"own/picture": 1}, {"p1": 1 / 3, "p2": 1 / 3, "p3": 1 / 3}),
        ({"own/picture": 1, "p3": 2}, {"p1": 0.25, "p2": 0.25, "p3": 0.5}),
        ({"p3": 0.001}, {"p3": 1.0}),
    ],
)
def test_each_is_drawn_by_its_most_specific_weight(weights: dict[str, float], expected: dict[str, float]) -> None:
    first = firsts(strategy("weighted", weights=weights), 3, facts())
    assert {provider: first[provider] / THROWS for provider in expected} == pytest.approx(expected, abs=0.03)
    assert sum(first[provider] for provider in expected) == THROWS


def test_those_without_weight_come_last_in_order() -> None:
    plan = strategy("weighted", weights={"p1": 0, "p4": 2}).plan(candidates(4), facts(), dice())
    assert providers(plan) == "p4 p1 p2 p3"
    assert plan.why == "Drawn by weight: p4/picture has 2 of 2."


@pytest.mark.parametrize(
    ("weights", "order"), [({"p2": 1}, "p1 p2"), ({"own/second": 1}, "p2 p1"), ({"own/second": 1, "p1": 0}, "p2 p1")]
)
def test_weights_choose_between_models_only_where_they_name_them(weights: dict[str, float], order: str) -> None:
    offers = (candidate("p1", "own/first"), candidate("p2", "own/second"))
    looked_at = facts(models=("own/first", "own/second"))
    assert providers(strategy("weighted", weights=weights).plan(offers, looked_at, dice())) == order


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ({"p1": -1}, "weighted: expected the weight of `p1` to be 0 or more"),
        ({"p1": float("inf")}, "weighted: expected the weight of `p1` to be 0 or more"),
        ({"p1": float("nan")}, "weighted: expected the weight of `p1` to be 0 or more"),
        ({"p1": 0}, "weighted: expected at least one of the `weights` above 0"),
        ({}, "weighted: expected at least one of the `weights` above 0"),
        ({"p1": "much"}, "weighted: `weights.*expected `float`"),
    ],
)
def test_weights_that_cannot_be_meant_are_refused(weights: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        strategy("weighted", weights=weights)


def test_the_bandit_asks_whoever_has_been_succeeding() -> None:
    health = {"p1": Health(good=2, bad=30), "p2": Health(good=60, bad=1), "p3": Health(good=20, bad=20)}
    first = firsts(strategy("adaptive"), 3, facts(health=health))
    assert first["p2"] > 0.98 * THROWS


def test_the_bandit_tries_what_it_knows_little_about() -> None:
    first = firsts(strategy("adaptive"), 2, facts(health={"p1": Health(good=60, bad=6)}))
    assert 0.02 * THROWS < first["p2"] < 0.3 * THROWS


@pytest.mark.parametrize(
    ("settings", "first"),
    [({"latency": 0.9, "price": 0}, "p1"), ({"latency": 0, "price": 0.9}, "p2")],
)
def test_the_bandit_weighs_speed_and_price_as_it_is_told(settings: dict[str, float], first: str) -> None:
    looked_at = facts(
        health={"p1": Health(good=50, pace=1), "p2": Health(good=50, pace=4)}, prices={"p1": "0.04", "p2": "0.01"}
    )
    assert firsts(strategy("adaptive", **settings), 2, looked_at)[first] == THROWS


def test_the_bandit_returns_to_an_offer_that_recovers() -> None:
    """Two offers of which the first is down for a while; what is remembered fades by half in forty requests."""
    made, roll, offers = strategy("adaptive"), random.Random(5).random, candidates(2)
    memory = {"p1": [0.0, 0.0], "p2": [0.0, 0.0]}
    asked = list[str]()
    for request in range(1200):
        down = 300 <= request < 600
        health = {provider: Health(good=good, bad=bad) for provider, (good, bad) in memory.items()}
        prices = {"p1": "0.01", "p2": "0.04"}
        first = made.plan(offers, facts(health=health, prices=prices), roll).order[0].offer.provider
        asked.append(first)
        for counts in memory.values():
            counts[:] = [count * 0.5 ** (1 / 40) for count in counts]
        memory[first][1 if first == "p1" and down else 0] += 1
    assert asked[200:300].count("p1") > 90
    assert asked[400:600].count("p1") < 60
    assert asked[1000:].count("p1") > 180


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"latency": 0.6, "price": 0.6}, "adaptive: expected `latency` and `price` to be 1 or less together"),
        ({"latency": -1}, "adaptive: `latency`: expected `float` >= 0.0"),
    ],
)
def test_worths_that_cannot_be_meant_are_refused(settings: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        strategy("adaptive", **settings)
