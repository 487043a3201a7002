"""The strategies that order offers by one thing that is known of them."""

import random
from collections import Counter

import pytest

from penstock.core.call import Operation
from penstock.core.health import Health
from tests.routing.offers import candidate, candidates, dice, facts, providers, strategy


def test_priority_leaves_the_order_as_it_is() -> None:
    assert providers(strategy("priority").plan(candidates(3), facts(), dice())) == "p1 p2 p3"


@pytest.mark.parametrize(("turn", "order"), [(0, "p1 p2 p3"), (1, "p2 p3 p1"), (2, "p3 p1 p2"), (3, "p1 p2 p3")])
def test_offers_take_turns(turn: int, order: str) -> None:
    assert providers(strategy("round-robin").plan(candidates(3), facts(turn=turn), dice())) == order


def test_the_offers_of_each_model_take_turns_among_themselves() -> None:
    offers = (*candidates(3), candidate("q1", "own/other"), candidate("q2", "own/other"))
    plans = [strategy("round-robin").plan(offers, facts(turn=turn), dice()) for turn in range(6)]
    assert Counter(plan.order[0].offer.provider for plan in plans) == {"p1": 2, "p2": 2, "p3": 2}
    assert Counter(plan.order[3].offer.provider for plan in plans) == {"q1": 3, "q2": 3}


def test_the_cheapest_come_first_and_the_unpriced_last() -> None:
    prices = {"p1": "0.04", "p2": None, "p3": "0.03", "p4": "0.04", "p5": "0"}
    plan = strategy("cost-optimized").plan(candidates(5), facts(prices=prices), dice())
    assert providers(plan) == "p5 p3 p1 p4 p2"
    assert plan.why == "p5/picture is the cheapest for this request, at $0."


SECONDS = {
    "p1": Health(p50=3.0, first_p50=0.9, fresh=5),
    "p2": Health(p50=2.0, first_p50=1.0, fresh=5),
    "p3": Health(fresh=5),
    "p4": Health(p50=0.5, fresh=5),
}


@pytest.mark.parametrize(
    ("operation", "stream", "order"),
    [
        (Operation.IMAGE_GENERATION, False, "p4 p2 p1 p3"),
        (Operation.IMAGE_GENERATION, True, "p4 p2 p1 p3"),
        (Operation.CHAT, False, "p4 p2 p1 p3"),
        (Operation.CHAT, True, "p4 p1 p2 p3"),
    ],
)
def test_the_fastest_come_first_by_the_time_that_counts(operation: Operation, stream: bool, order: str) -> None:
    plan = strategy("least-latency").plan(
        candidates(4), facts(health=SECONDS, operation=operation, stream=stream), dice()
    )
    assert providers(plan) == order


def test_the_most_a_second_come_first() -> None:
    health = {"p1": Health(rate_p50=0.2), "p3": Health(rate_p50=1.5)}
    plan = strategy("highest-throughput").plan(candidates(3), facts(health=health), dice())
    assert providers(plan) == "p3 p1 p2"
    assert "1.5 megapixels a second" in plan.why


@pytest.mark.parametrize("name", ["least-latency", "highest-throughput"])
@pytest.mark.parametrize(
    ("roll", "first"),
    [(0.0, "p2"), (0.049, "p4"), (0.05, "p1"), (0.9, "p1")],
)
def test_a_stale_offer_is_measured_again_now_and_then(name: str, roll: float, first: str) -> None:
    health = {
        "p1": Health(p50=1.0, rate_p50=9.0, fresh=3),
        "p2": Health(p50=2.0, rate_p50=1.0, fresh=2),
        "p3": Health(p50=2.0, rate_p50=1.0, fresh=9),
    }
    plan = strategy(name).plan(candidates(4), facts(health=health), dice(roll))
    assert plan.order[0].offer.provider == first
    assert len(set(providers(plan).split())) == 4


@pytest.mark.parametrize("name", ["least-latency", "highest-throughput"])
def test_each_stale_offer_is_explored_equally_often(name: str) -> None:
    health = {"p1": Health(p50=1.0, rate_p50=9.0, fresh=3)}
    made, roll = strategy(name, explore=0.5), random.Random(3).random
    first = Counter(made.plan(candidates(5), facts(health=health), roll).order[0].offer.provider for _ in range(4000))
    assert 1850 < first["p1"] < 2150
    assert all(400 < first[stale] < 600 for stale in ("p2", "p3", "p4", "p5"))


@pytest.mark.parametrize("name", ["least-latency", "highest-throughput"])
def test_exploring_can_be_switched_off_and_is_a_share(name: str) -> None:
    health = {"p2": Health(p50=1.0, rate_p50=9.0, fresh=3)}
    assert providers(strategy(name, explore=0).plan(candidates(2), facts(health=health), dice(0.0))) == "p2 p1"
    for wrong in (-0.1, 1.1, float("nan"), "often"):
        with pytest.raises(ValueError, match=f"{name}: `explore`: expected `float"):
            strategy(name, explore=wrong)


def test_the_least_busy_is_judged_by_what_it_takes_at_once() -> None:
    offers = (
        candidate("p1", takes=10),
        candidate("p2", takes=50, offer_takes=4),
        candidate("p3", offer_takes=40),
        candidate("p4"),
    )
    flying = {"p1": 5, "p2": 1, "p3": 8, "p4": 21}
    health = {provider: Health(in_flight=calls) for provider, calls in flying.items()}
    plan = strategy("least-busy").plan(offers, facts(health=health), dice())
    assert providers(plan) == "p3 p4 p2 p1"
    assert plan.why == "Calls under way at p3/picture: 8 of the 40 it takes."


def test_equally_busy_ones_stay_in_order() -> None:
    assert providers(strategy("least-busy").plan(candidates(3), facts(), dice())) == "p1 p2 p3"


def test_the_most_reliable_come_first_and_those_without_results_are_tried() -> None:
    health = {"p1": Health(success=0.9), "p2": Health(success=0.99), "p4": Health(success=1.0), "p5": Health(success=0)}
    plan = strategy("most-reliable").plan(candidates(5), facts(health=health), dice())
    assert providers(plan) == "p3 p4 p2 p1 p5"


def quality_offers() -> tuple[dict[str, str | None], dict[str, float]]:
    return {"p1": "0.02", "p2": "0.10", "p3": "0.30", "p4": None, "p5": "0.04"}, {"m2": 1100, "m3": 1250, "m5": 900}


@pytest.mark.parametrize(
    ("most_usd", "order"),
    [(None, "p3 p2 p5 p1 p4"), ("0.10", "p2 p5 p1 p3 p4"), ("0.05", "p5 p1 p2 p3 p4"), ("0", "p1 p5 p2 p3 p4")],
)
def test_the_best_rated_come_first_under_the_cap(most_usd: str | None, order: str) -> None:
    offers = tuple(candidate(f"p{place}", f"m{place}") for place in range(1, 6))
    prices, ratings = quality_offers()
    plan = strategy("quality-first", most_usd=most_usd).plan(offers, facts(prices=prices, ratings=ratings), dice())
    assert providers(plan) == order
