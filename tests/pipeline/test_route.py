"""What comes before and after whatever a strategy says: the caller's order, the models asked for, and who is down."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from penstock.catalogue.search import Catalogue
from penstock.core.call import Call, ChatCall, ImageCall, Operation
from penstock.core.errors import Unavailable
from penstock.core.price import Meter, Price, Unit
from penstock.core.target import Account, Candidate, Model, Offer
from penstock.metering.quote import UNPRICED, Quote
from penstock.pipeline.background import Turns
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.quote import price_candidates
from penstock.pipeline.request import ANY, Directions, Life, Preferences
from penstock.pipeline.route import choose
from penstock.routing.base import Strategy, Target
from penstock.routing.conditional import Conditional, Rule
from penstock.routing.cost_optimized import CostOptimized
from penstock.routing.priority import Priority
from penstock.routing.round_robin import RoundRobin
from penstock.settings import Breaker, Rotation
from penstock.upstream import rotation
from penstock.upstream.breakers import Breakers
from penstock.upstream.health import Healths
from penstock.upstream.results import Result
from tests.pipeline.lives import CENT, PICTURE, candidate, life, offer, on_its_way, provider

DRAW = ImageCall(model="own/picture", prompt="p")
OTHER = replace(PICTURE, slug="own/other", aliases=())


def costs(cents: int) -> Quote:
    return Quote(low=CENT * cents, high=CENT * cents, exact=True)


QUOTES = {"one": costs(3), "two": UNPRICED, "three": costs(1), "four": costs(3)}


def asked(strategy: Strategy, wish: Preferences = ANY, quotes: Mapping[str, Quote] = QUOTES) -> Life:
    of = on_its_way(life(), strategy)
    of.preferences, of.call = wish, DRAW
    of.candidates = tuple(candidate(at) for at in quotes)
    of.quotes = {f"{at}/picture": quote for at, quote in quotes.items()}
    return of


def gateway(down: tuple[str, ...] = (), resting: tuple[str, ...] = (), seconds: Mapping[str, float] = {}) -> Gateway:
    """A gateway where these providers' offers failed too often, these rest, and these took so long."""
    healths, breakers = Healths(), Breakers(Breaker(minimum=1))
    keys = rotation.Rotation(Rotation())
    for at in down:
        key = (f"{at}/picture", Operation.IMAGE_GENERATION)
        entry = breakers.enter(key, 0.0)
        assert entry is not None
        breakers.leave(entry, False, 0.0)
    for at in resting:
        keys.rest(Account(provider=provider(at)), "", "no_credit", 0.0, None)
    for at, each in seconds.items():
        healths.note(f"{at}/picture", Operation.IMAGE_GENERATION, "1MP", Result(good=True, seconds=each), 0.0)
    return cast(
        Gateway,
        SimpleNamespace(
            healths=healths,
            breakers=breakers,
            rotation=keys,
            turns=Turns(),
            dice=lambda: 0.5,
            clock=SimpleNamespace(now=lambda: 0.0, monotonic=lambda: 1.0),
            catalogue=Catalogue(),
        ),
    )


def order(of: Life, there: Gateway | None = None) -> list[str]:
    plan = choose(of, there or gateway())
    assert of.plan is plan and of.strategy == plan.strategy
    return [each.offer.provider for each in plan.order]


@pytest.mark.parametrize(
    ("strategy", "wish", "providers"),
    [
        (Priority(), ANY, ["one", "two", "three", "four"]),
        (CostOptimized(), ANY, ["three", "one", "four", "two"]),
        (CostOptimized(), Preferences(order=("two", "one")), ["two", "one", "three", "four"]),
        (Priority(), Preferences(order=("nobody", "three")), ["three", "one", "two", "four"]),
        (Priority(), Preferences(order=("four/picture",)), ["four", "one", "two", "three"]),
        (CostOptimized(), Preferences(allow_fallbacks=False), ["three"]),
        (Priority(), Preferences(order=("two",), allow_fallbacks=False), ["two"]),
    ],
)
def test_the_caller_s_order_counts_before_the_strategy_s(
    strategy: Strategy, wish: Preferences, providers: list[str]
) -> None:
    assert order(asked(strategy, wish)) == providers


def test_who_is_down_or_has_no_key_in_rotation_comes_last_whatever_the_caller_wants() -> None:
    there = gateway(down=("three",), resting=("one",))
    assert order(asked(CostOptimized()), there) == ["four", "two", "three", "one"]
    assert order(asked(Priority(), Preferences(order=("one", "two"))), there) == ["two", "four", "one", "three"]


def test_who_misses_what_the_caller_prefers_comes_after_the_others() -> None:
    there = gateway(seconds={"one": 9.0, "three": 1.0})
    assert order(asked(Priority(), Preferences(max_latency={"p50": 2.0})), there) == ["two", "three", "four", "one"]


def of_two_models(strategy: Strategy, wish: Preferences = ANY) -> Life:
    of = on_its_way(life(), strategy, PICTURE, OTHER)
    of.preferences, of.call = wish, DRAW
    there = [(PICTURE, "one", 3), (PICTURE, "two", 4), (OTHER, "three", 1), (OTHER, "four", 2)]
    of.candidates = tuple(
        Candidate(model, offer(at, model=model.slug), Account(provider=provider(at))) for model, at, _ in there
    )
    of.quotes = {f"{at}/picture": costs(cents) for _, at, cents in there}
    return of


def test_models_keep_the_order_in_which_they_were_asked_for() -> None:
    assert order(of_two_models(CostOptimized())) == ["one", "two", "three", "four"]


def test_without_a_partition_all_models_are_compared_together() -> None:
    assert order(of_two_models(CostOptimized(), Preferences(partition="none"))) == ["three", "four", "one", "two"]


def test_without_fallbacks_the_models_a_caller_names_itself_are_asked_all_the_same() -> None:
    of = of_two_models(CostOptimized(), Preferences(allow_fallbacks=False))
    assert order(of) == ["one"]
    of = of_two_models(CostOptimized(), Preferences(allow_fallbacks=False))
    of.directions = Directions(models=("own/other",))
    assert order(of) == ["one", "three"]


def test_a_model_of_which_everybody_is_down_comes_after_its_fallback() -> None:
    assert order(of_two_models(Priority()), gateway(down=("one", "two"))) == ["three", "four", "one", "two"]


def test_a_rule_s_target_comes_first_although_nobody_asked_for_it() -> None:
    rule = Rule(when={"n": 1}, to=Target(model="own/other", provider="four"))
    of = of_two_models(Conditional(rules=(rule,)))
    assert of.way is not None
    of.way = replace(of.way, models=(PICTURE,), others=(OTHER,))
    assert order(of) == ["four", "one", "two"]


def test_where_only_models_are_left_that_no_rule_chose_nobody_is_asked() -> None:
    of = asked(Conditional(rules=(Rule(when={"n": 9}, to=Target(model="own/other")),)))
    assert of.way is not None
    of.way = replace(of.way, models=(OTHER,), others=(PICTURE,))
    with pytest.raises(Unavailable, match="no rule sends this request elsewhere"):
        choose(of, gateway())


def test_turns_are_taken_model_by_model_and_not_by_looking() -> None:
    there = gateway()
    assert [order(asked(RoundRobin()), there)[0] for _ in range(5)] == ["one", "two", "three", "four", "one"]
    choose(asked(RoundRobin()), there, counted=False)
    assert order(asked(RoundRobin()), there)[0] == "two"
    assert order(of_two_models(RoundRobin()), there)[0] == "one"


def test_one_offer_needs_no_strategy() -> None:
    of = asked(CostOptimized(), quotes={"one": costs(1)})
    assert (order(of), of.plan and of.plan.why) == (["one"], "Only one offer can carry it out.")


def talker(at: str, prompt: str, answer: str) -> Candidate:
    meters = (
        Meter(unit=Unit.TEXT_TOKEN_IN, amount=Decimal(prompt)),
        Meter(unit=Unit.TEXT_TOKEN_OUT, amount=Decimal(answer)),
    )
    sold = Offer(
        model="own/talker",
        provider=at,
        upstream="t",
        operations=frozenset({Operation.CHAT}),
        price=Price(meters=meters, source="s", checked=cast(Any, None)),
    )
    return Candidate(Model(slug="own/talker", name="T", maker="Own"), sold, Account(provider=provider(at)))


@pytest.mark.parametrize(("most", "first"), [(None, "short"), (1000, "short"), (1, "long")])
def test_chats_are_compared_by_an_answer_of_one_length(most: int | None, first: str) -> None:
    body = {"messages": msgspec.Raw(b'[{"role":"user","content":"' + b"word " * 100 + b'"}]')}
    if most is not None:
        body["max_tokens"] = msgspec.Raw(str(most).encode())
    call: Call = ChatCall(model="own/talker", body=body)
    of = on_its_way(life(), CostOptimized(), Model(slug="own/talker", name="T", maker="Own"))
    of.call = call
    of.candidates = (talker("long", "0.001", "0.009"), talker("short", "0.002", "0.003"))
    price_candidates(of, call)
    assert order(of)[0] == first
