"""What every strategy keeps, whatever it chooses by."""

import inspect
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from penstock.core.call import Operation
from penstock.routing import STRATEGIES
from penstock.routing.base import Strategy
from tests.routing.offers import SETTINGS, candidates, dice, everything_known, facts, providers, strategy

ALL = pytest.mark.parametrize("name", STRATEGIES)
WRAPPERS = ("race", "hedged", "sticky", "conditional", "complexity", "split", "mirror")
"""Those that leave the ordering to another strategy."""


def known(number: int, facts_known: bool) -> dict[str, Any]:
    return everything_known(number) if facts_known else {}


def test_each_is_in_the_table_under_its_own_name_in_the_order_of_the_documentation() -> None:
    assert {name: kind.name for name, kind in STRATEGIES.items()} == {name: name for name in STRATEGIES}
    assert list(STRATEGIES) == (
        "priority round-robin weighted least-latency cost-optimized price-weighted highest-throughput least-busy "
        "most-reliable adaptive race hedged sticky conditional complexity quality-first split mirror"
    ).split(" ")


@ALL
@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("number", [1, 2, 20])
@pytest.mark.parametrize("facts_known", [True, False])
def test_every_plan_orders_all_candidates_and_says_why(
    name: str, operation: Operation, number: int, facts_known: bool
) -> None:
    offers = candidates(number)
    looked_at = facts(**known(number, facts_known), operation=operation, models=("own/picture",))
    plan = strategy(name).plan(offers, looked_at, random.Random(1).random)
    assert Counter(map(id, plan.order)) == Counter(map(id, offers))
    assert plan.strategy == name
    assert plan.why.endswith(".")
    assert "None" not in plan.why.replace("None of", "")


@ALL
def test_the_same_dice_make_the_same_plan(name: str) -> None:
    offers, looked_at = candidates(20), facts(**everything_known(20), user="ann")
    plans = [strategy(name).plan(offers, looked_at, random.Random(7).random) for _ in range(2)]
    assert plans[0] == plans[1]


@ALL
@pytest.mark.parametrize("roll", [0.0, 1 - 2**-53])
def test_the_ends_of_the_dice_do_no_harm(name: str, roll: float) -> None:
    offers = candidates(20)
    for looked_at in (facts(), facts(**everything_known(20))):
        assert len(strategy(name).plan(offers, looked_at, lambda: roll).order) == 20


@ALL
def test_a_price_of_nothing_and_a_huge_one_do_no_harm(name: str) -> None:
    prices = {"p1": "0", "p2": "1e-200", "p3": "1e300", "p4": None}
    assert len(strategy(name).plan(candidates(4), facts(prices=prices), dice()).order) == 4


@ALL
def test_settings_cannot_be_changed_and_unknown_ones_are_refused(name: str) -> None:
    made = strategy(name)
    assert isinstance(made, Strategy)
    assert isinstance(made, msgspec.Struct)
    for field in made.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(made, field, None)
    with pytest.raises(ValueError, match=f"{name}: .*unknown field `wieght`"):
        strategy(name, wieght=1)


@ALL
def test_every_setting_has_a_sentence(name: str) -> None:
    kind = STRATEGIES[name]
    source = inspect.getsource(kind).splitlines()
    for field in kind.__struct_fields__:  # type: ignore[attr-defined]
        line = next(place for place, text in enumerate(source) if text.startswith(f"    {field}: "))
        assert source[line + 1].startswith('    """'), field
    module = inspect.getmodule(kind)
    assert module is not None
    assert (module.__doc__ or "").startswith(f"`{name}`: ")


@pytest.mark.parametrize("name", WRAPPERS)
def test_models_stay_in_the_order_asked_for_where_the_inner_strategy_does_not_choose_between_them(name: str) -> None:
    offers = (*candidates(2, "own/first"), *candidates(2, "own/second"))
    looked_at = facts(models=("own/first", "own/second"), prices={"p1": "2", "p2": "1"}, operation=Operation.EMBEDDING)
    settings = {"then": "cost-optimized"} | {
        "conditional": {"rules": [{"when": {"stream": True}, "then": "priority"}]},
        "complexity": {"simple": {"model": "own/first"}},
        "split": {"shares": [{"to": {"model": "own/second"}, "percent": 1}]},
    }.get(name, {})
    plan = strategy(name, **settings).plan(offers, looked_at, dice(0.99))
    assert [(one.model.slug, one.offer.provider) for one in plan.order] == [
        ("own/first", "p2"),
        ("own/first", "p1"),
        ("own/second", "p2"),
        ("own/second", "p1"),
    ]


@pytest.mark.parametrize("name", [name for name in WRAPPERS if name != "sticky"])
def test_an_inner_strategy_may_be_one_with_targets_of_its_own(name: str) -> None:
    inner = {"name": "conditional", "rules": [{"when": {}, "to": {"model": "own/other"}}]}
    outer = strategy(name, then=inner, **SETTINGS.get(name, {}))
    offers = (*candidates(2), *candidates(2, "own/other"))
    plan = outer.plan(offers, facts(models=("own/picture",)), dice(0.99))
    assert {target.model for target in outer.targets()} >= {"own/other"}
    assert len(plan.order) == 4


@pytest.mark.parametrize("name", ["conditional", "complexity", "split"])
def test_what_is_there_only_as_a_target_is_asked_only_when_it_is_meant(name: str) -> None:
    target = {"model": "own/other"}
    chooser = strategy(
        name,
        **{
            "conditional": {"rules": [{"when": {"user": "ann"}, "to": target}]},
            "complexity": {"simple": {"model": "own/picture"}, "medium": target},
            "split": {"shares": [{"to": target, "percent": 5}], "by": []},
        }[name],
    )
    offers = (*candidates(1), *candidates(1, "own/other"))
    meant = facts(models=("own/picture",), user="ann", tier="medium")
    other = facts(models=("own/picture",), user="bob", tier="simple")
    assert [one.model.slug for one in chooser.plan(offers, meant, dice(0.01)).order] == ["own/other", "own/picture"]
    assert [one.model.slug for one in chooser.plan(offers, other, dice(0.9)).order] == ["own/picture"]
    assert chooser.plan(offers[1:], other, dice(0.9)).order == ()


@pytest.mark.parametrize("name", ["conditional", "complexity", "split"])
def test_a_target_that_cannot_be_asked_leaves_those_asked_for(name: str) -> None:
    target = {"model": "own/gone"}
    settings = {
        "conditional": {"rules": [{"when": {}, "to": target}]},
        "complexity": {"simple": target},
        "split": {"shares": [{"to": target, "percent": 100}]},
    }[name]
    plan = strategy(name, **settings).plan(candidates(2), facts(models=("own/picture",)), dice())
    assert providers(plan) == "p1 p2"
    assert "own/gone cannot be asked" in plan.why


def test_a_provider_alone_is_not_asked_for_models_of_other_rules() -> None:
    rules = [
        {"when": {"user": "ann"}, "to": {"model": "own/other"}},
        {"when": {}, "to": {"provider": "p2"}},
    ]
    offers = (*candidates(2), *candidates(2, "own/other"))
    plan = strategy("conditional", rules=rules).plan(offers, facts(models=("own/picture",)), dice())
    assert [(one.model.slug, one.offer.provider) for one in plan.order] == [
        ("own/picture", "p2"),
        ("own/picture", "p1"),
    ]


def test_a_race_ordered_by_a_rule_is_run_among_those_the_rule_means() -> None:
    rule = {"when": {}, "to": {"provider": "p3"}, "then": "race"}
    plan = strategy("conditional", rules=[rule]).plan(candidates(3), facts(), dice())
    assert (providers(plan), plan.at_once) == ("p3 p1 p2", 1)
    rule["then"] = {"name": "hedged", "otherwise_seconds": 9, "most_usd": "0.5"}
    plan = strategy("conditional", rules=[rule]).plan(candidates(3), facts(), dice())
    assert (providers(plan), plan.hedge_after, plan.most_usd) == ("p3 p1 p2", 9, Decimal("0.5"))


@pytest.mark.parametrize("name", ["race", "hedged", "quality-first"])
@pytest.mark.parametrize("amount", ["-1", "NaN", "Infinity"])
def test_an_amount_that_cannot_be_meant_is_refused(name: str, amount: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected `most_usd` in US dollars, 0 or more"):
        strategy(name, most_usd=amount)
