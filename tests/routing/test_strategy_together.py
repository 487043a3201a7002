"""The strategies that ask several: race, hedged and mirror."""

from decimal import Decimal
from typing import Any

import pytest

from penstock.core.call import Operation
from penstock.core.health import Health
from penstock.routing.base import Target
from tests.routing.offers import candidates, dice, facts, providers, strategy

PRICES = {"p1": "3", "p2": "1", "p3": "2"}


@pytest.mark.parametrize(
    ("settings", "number", "at_once"), [({}, 3, 2), ({"width": 3}, 3, 3), ({"width": 4}, 3, 3), ({}, 1, 1)]
)
def test_so_many_run_as_there_are(settings: dict[str, Any], number: int, at_once: int) -> None:
    plan = strategy("race", then="cost-optimized", **settings).plan(candidates(number), facts(prices=PRICES), dice())
    assert plan.at_once == at_once
    assert plan.order[0].offer.provider == ("p2" if number == 3 else "p1")


def test_a_race_says_what_it_may_cost_and_who_runs() -> None:
    plan = strategy("race", then="cost-optimized", most_usd=0.1).plan(candidates(3), facts(prices=PRICES), dice())
    assert plan.most_usd == Decimal("0.1")
    assert plan.why.startswith(
        "The first success of 2 asked at once: p2/picture, p3/picture. p2/picture is the cheapest"
    )


@pytest.mark.parametrize("width", [1, 5, "two"])
def test_a_race_is_of_two_to_four(width: Any) -> None:
    with pytest.raises(ValueError, match="race: `width`: expected `int"):
        strategy("race", width=width)


@pytest.mark.parametrize(
    ("settings", "p95", "after"),
    [
        ({}, 4.0, 4.0),
        ({}, 0.001, 0.05),
        ({"least_seconds": 5}, 4.0, 5.0),
        ({}, None, None),
        ({"otherwise_seconds": 9}, None, 9.0),
        ({"otherwise_seconds": 9}, 4.0, 4.0),
    ],
)
def test_the_second_is_asked_after_what_the_first_nearly_always_needs(
    settings: dict[str, Any], p95: float | None, after: float | None
) -> None:
    health = {"p1": Health(p95=77.0), "p2": Health(p95=p95)}
    made = strategy("hedged", then="cost-optimized", **settings)
    plan = made.plan(candidates(3), facts(health=health, prices=PRICES), dice())
    assert (providers(plan), plan.hedge_after, plan.at_once) == ("p2 p3 p1", after, 1)


@pytest.mark.parametrize(
    ("operation", "stream", "known", "after"),
    [
        (Operation.CHAT, True, Health(p95=9.0, first_p95=2.0), 2.0),
        (Operation.CHAT, True, Health(p95=9.0), 9.0),
        (Operation.CHAT, False, Health(p95=9.0, first_p95=2.0), 9.0),
        (Operation.IMAGE_GENERATION, True, Health(p95=9.0, first_p95=2.0), 9.0),
        (Operation.IMAGE_EDIT, True, Health(p95=9.0, first_p95=2.0), 9.0),
        (Operation.EMBEDDING, False, Health(p95=9.0, first_p95=2.0), 9.0),
    ],
)
def test_of_a_streamed_chat_the_first_byte_is_waited_for(
    operation: Operation, stream: bool, known: Health, after: float
) -> None:
    told = facts(health={"p1": known}, operation=operation, stream=stream)
    assert strategy("hedged").plan(candidates(2), told, dice()).hedge_after == after


@pytest.mark.parametrize("field", ["least_seconds", "otherwise_seconds"])
@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan")])
def test_a_pause_that_cannot_be_meant_is_refused(field: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=f"hedged: `{field}`: expected `float"):
        strategy("hedged", **{field: seconds})


@pytest.mark.parametrize(("roll", "mirrors"), [(0.0, 1), (0.24, 1), (0.25, 0), (0.9, 0)])
def test_a_part_of_the_requests_is_copied_and_the_answer_is_ordered_as_ever(roll: float, mirrors: int) -> None:
    made = strategy("mirror", to={"model": "own/other"}, sample=0.25, then="cost-optimized")
    plan = made.plan(candidates(3), facts(prices=PRICES), dice(roll))
    assert plan.mirrors == (Target(model="own/other"),) * mirrors
    assert providers(plan) == "p2 p3 p1"


def test_who_gets_the_copy_never_answers() -> None:
    assert list(strategy("mirror", to={"model": "own/other"}).targets()) == []


def test_a_mirrored_race_is_still_a_race() -> None:
    plan = strategy("mirror", sample=1, then={"name": "race", "most_usd": "0.2"}).plan(candidates(3), facts(), dice())
    assert (plan.at_once, plan.most_usd, len(plan.mirrors)) == (2, Decimal("0.2"), 1)


def test_a_copy_needs_somewhere_to_go() -> None:
    with pytest.raises(ValueError, match="mirror: `to`: a target names a `model`, a `provider`, or both"):
        strategy("mirror", to={})
