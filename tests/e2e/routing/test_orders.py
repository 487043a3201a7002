"""Strategies that put offers and models in order by what is configured or asked for, through a running gateway."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from penstock.core.price import BINARY_MEGAPIXEL
from penstock.store.keys import NewKey, create_key
from tests.e2e.doors import client_of
from tests.e2e.routing.kit import (
    CALLS,
    CHAT,
    EDIT,
    GENERATION,
    NAMES,
    PAINTER,
    REFERENCE,
    TALKER,
    Ask,
    ChangingDice,
    Fields,
    costing,
    counted,
    dice,
    each_call,
    good,
    meters,
    models,
    offers,
    price,
    provider,
    quietly,
    routed,
    seeded,
    served,
    server_of,
)
from tests.e2e.running import RunningGateway, now_ms
from tests.simulators.base import Status
from tests.simulators.openai import OpenAISimulator

Simulators = dict[str, OpenAISimulator]

PER_TOKEN = {"first": ("0.01", "0.1"), "second": ("0.1", "0.01"), "third": ("1", "1")}
"""US dollars for a thousand tokens in and out: who is cheaper depends on which of them there are more of."""
CROSSING = {
    "first": meters({"unit": "output_megapixel", "first": "0.03", "amount": "0.015"}, input_megapixel="0.015"),
    "second": meters(image="0.05"),
    "third": meters(image="0.2"),
}
"""The first is the cheapest for a small picture of few references, the second for others."""
DOLLARS = {"first": "0.03", "second": "0.01", "third": "0.5"}
"""The cheapest is not where the catalogue begins."""
RATED = ("-modest", "-good", "-famous", "-unknown")
TIERS = ("-simple", "-complex")
STRATEGIES: Fields = {
    "-priority": "priority",
    "-turns": "round-robin",
    "-turns2": "round-robin",
    "-weighted": {"name": "weighted", "weights": {"first": 1, "second": 3, "third": 0}},
    "-quoted": "cost-optimized",
    "-drawn": None,
    "-outage": None,
    "-sticky": "sticky",
    "-split": {"name": "split", "shares": [{"to": {"provider": "third"}, "percent": 25}], "salt": "a"},
    "-ruled": {
        "name": "conditional",
        "rules": [
            {"when": {"metadata.team": {"$in": ["research", "press"]}, "n": {"$lte": 1}}, "to": {"provider": "third"}},
            {
                "when": {
                    "$or": [
                        {"$and": [{"operation": "image_generation"}, {"megapixels": {"$gt": 2}}]},
                        {"references": {"$gte": 2}},
                        {"$and": [{"stream": True}, {"$not": {"user": {"$exists": True}}}]},
                    ]
                },
                "to": {"provider": "second"},
            },
            {"when": {"key": {"$regex": "^robot-"}}, "to": {"provider": "third"}},
            {"when": {"user": "ann"}, "to": {"model": f"{TALKER}-simple"}},
        ],
    },
}
"""Of the models with these suffixes; None: nothing is said of it."""


def policies() -> Fields:
    found: Fields = {f"own/*{suffix}": {"strategy": chosen} for suffix, chosen in STRATEGIES.items() if chosen}
    for base in (TALKER, PAINTER):
        quality = {"models": [f"{base}{suffix}" for suffix in RATED]}
        found[f"{base}-rated"] = {**quality, "strategy": "quality-first"}
        found[f"{base}-capped"] = {**quality, "strategy": {"name": "quality-first", "most_usd": "0.1"}}
        simple, complex_ = ({"model": base + tier} for tier in TIERS)
        found[f"{base}-tiered"] = {"strategy": {"name": "complexity", "simple": simple, "complex": complex_}}
    return found


def price_of(name: str, suffix: str) -> tuple[Fields, Fields | None]:
    """Of pictures, and of chats where that is another."""
    if suffix == "-quoted":
        tokens = [{"unit": f"text_token_{way}", "amount": PER_TOKEN[name][way == "out"], "per": 1000} for way in INOUT]
        return price(CROSSING[name]), price(tokens)
    if suffix == "-famous":
        return costing("0.4"), None
    return costing(DOLLARS[name]), None


INOUT = ("in", "out")
SUFFIXES = (*STRATEGIES, *RATED, *TIERS, "-rated", "-capped", "-tiered")


@pytest.fixture(scope="module")
def changing() -> ChangingDice:
    return ChangingDice()


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, simulators: Simulators, changing: ChangingDice
) -> Iterator[RunningGateway]:
    data = tmp_path_factory.mktemp("orders")
    rate(data)
    sold = {
        name: [
            offer
            for suffix in SUFFIXES
            for offer in offers(
                price_of(name, suffix)[0],
                suffix,
                chat=price_of(name, suffix)[1],
                limits={"qualities": ["low", "high"]},
            )
        ]
        for name in NAMES
    }
    providers = {name: provider(simulators[name], sold[name]) for name in NAMES}
    with routed(data, providers, quietly(models=policies()), *SUFFIXES, dice=changing) as running:
        yield running


def rate(data: Path) -> None:
    """Ratings of an owner: for edits the models come in another order."""
    scores = {"-modest": (900, 1300), "-good": (1000, 1100), "-famous": (1200, 1200)}
    ratings = [
        f'[[rating]]\nmodel = "{base}{suffix}"\noperation = "{operation}"\nscore = {score}\nchecked = 2026-11-20\n'
        for suffix, (usual, edits) in scores.items()
        for base, operation, score in (
            (TALKER, "chat", usual),
            (PAINTER, "image_generation", usual),
            (PAINTER, "image_edit", edits),
        )
    ]
    folder = data / "catalogue" / "benchmarks"
    folder.mkdir(parents=True)
    about = '[benchmark]\nname = "Own"\npage = "https://example.com"\nmeasures = "What the owner likes."\n'
    (folder / "own.toml").write_text(about + "".join(ratings))
    own = data / "catalogue" / "models" / "own"  # what is rated must be there before the configuration's models
    own.mkdir(parents=True)
    for model in models(*RATED):
        file = own / f"{model['slug'].partition('/')[2]}.toml"
        file.write_text("".join(f"{name} = {value!r}\n" for name, value in model.items() if name != "slug"))


def strategy_of(answer: httpx.Response) -> str:
    return answer.headers["x-penstock-routing-strategy"]


def model_of(answer: httpx.Response) -> str:
    """The suffix of the model that answered."""
    return answer.headers["x-penstock-model-used"].partition("-")[2]


def is_in_turn(names: list[str]) -> bool:
    """Whether each is followed by the one after it in the catalogue's order."""
    places = [NAMES.index(name) for name in names]
    return all((one + 1) % len(NAMES) == other for one, other in pairwise(places))


@each_call
def test_priority_asks_the_first_and_the_second_where_that_fails(
    client: httpx.Client, simulators: Simulators, ask: Ask
) -> None:
    ask = ask.about("-priority")
    assert served(client, ask, 4) == ["first"] * 4
    simulators["first"].default = Status(500)
    answer = good(client, ask)
    assert (server_of(answer), strategy_of(answer)) == ("second", "priority")
    assert answer.headers["x-penstock-fallback-used"] == "true"


@each_call
def test_round_robin_asks_each_in_its_turn(client: httpx.Client, ask: Ask) -> None:
    names = served(client, ask.about("-turns"), 6)
    assert Counter(names) == dict.fromkeys(NAMES, 2)
    assert is_in_turn(names)
    assert strategy_of(good(client, ask.about("-turns"))) == "round-robin"


@each_call
def test_round_robin_keeps_the_turns_of_two_models_apart(client: httpx.Client, ask: Ask) -> None:
    one, other = ask.about("-turns"), ask.about("-turns2")
    names = [(*served(client, one), *served(client, other, 2)) for _ in range(3)]
    assert is_in_turn([first for first, _, _ in names])
    assert is_in_turn([name for _, second, third in names for name in (second, third)])


@each_call
def test_weighted_draws_by_weight(client: httpx.Client, changing: ChangingDice, ask: Ask) -> None:
    changing.throw = seeded(1)
    found = counted(client, ask.about("-weighted"), 80)
    assert set(found) == {"first", "second"}
    assert 55 <= found["second"] <= 65


@each_call
def test_weighted_asks_who_has_no_weight_where_the_others_fail(
    client: httpx.Client, simulators: Simulators, ask: Ask
) -> None:
    simulators["first"].default = simulators["second"].default = Status(500)
    answer = good(client, ask.about("-weighted"))
    assert (server_of(answer), strategy_of(answer)) == ("third", "weighted")
    assert answer.headers["x-penstock-attempts"] == "3"


CHEAPEST = {
    "a picture of one megapixel": (GENERATION.given(size="1024x1024"), "first", "0.03"),
    "a picture of four": (GENERATION.given(size="2048x2048"), "second", "0.05"),
    "an edit of one picture": (EDIT, "first", "0.045"),
    "an edit of three": (EDIT.given(images=[REFERENCE] * 3), "second", "0.05"),
    "a long answer": (CHAT.given(max_tokens=4000), "second", None),
    "a long question": (
        CHAT.given(max_tokens=5, messages=[{"role": "user", "content": "a lighthouse at dusk " * 100}]),
        "first",
        None,
    ),
}


@pytest.mark.parametrize(("ask", "cheapest", "cost"), CHEAPEST.values(), ids=CHEAPEST)
def test_cost_optimized_asks_the_cheapest_for_this_very_request(
    client: httpx.Client, ask: Ask, cheapest: str, cost: str | None
) -> None:
    answers = [good(client, ask.about("-quoted")) for _ in range(2)]
    assert [server_of(answer) for answer in answers] == [cheapest] * 2
    assert strategy_of(answers[0]) == "cost-optimized"
    assert cost in (None, answers[0].headers["x-penstock-cost"])


@each_call
def test_price_weighted_is_the_default_and_draws_by_the_square_of_the_price(
    client: httpx.Client, changing: ChangingDice, ask: Ask
) -> None:
    changing.throw = seeded(5)
    found = counted(client, ask.about("-drawn"), 80)
    assert 66 <= found["second"] <= 77
    assert found["first"] >= 3
    assert strategy_of(good(client, ask.about("-drawn"))) == "price-weighted"


@each_call
def test_price_weighted_asks_an_offer_with_an_outage_last(
    client: httpx.Client, simulators: Simulators, changing: ChangingDice, ask: Ask
) -> None:
    # Of edits and pictures the same offer is measured apart; the cheapest is drawn first with dice in the middle.
    changing.throw = dice(0.5)
    ask = ask.about("-outage")
    simulators["second"].default = Status(500)
    assert "second" not in served(client, ask, 3)
    simulators["second"].default = None
    assert counted(client, ask, 5) == {"first": 5}
    assert simulators["second"].count() == 3


@each_call
def test_quality_first_asks_the_best_rated_model(client: httpx.Client, ask: Ask) -> None:
    answers = [good(client, ask.about("-rated")) for _ in range(3)]
    best = "modest" if ask.operation == "image_edit" else "famous"
    assert {model_of(answer) for answer in answers} == {best}
    assert {strategy_of(answer) for answer in answers} == {"quality-first"}
    assert answers[0].headers["x-penstock-fallback-used"] == "false"


@each_call
def test_quality_first_asks_the_best_rated_for_the_money(client: httpx.Client, ask: Ask) -> None:
    best = "modest" if ask.operation == "image_edit" else "good"
    assert {model_of(good(client, ask.about("-capped"))) for _ in range(3)} == {best}


USERS = [f"user-{number}" for number in range(18)]


@pytest.fixture(scope="module")
def without_the_second(tmp_path_factory: pytest.TempPathFactory, simulators: Simulators) -> Iterator[httpx.Client]:
    """A client of another gateway like it, at which a provider is switched off."""
    providers = {
        name: provider(simulators[name], offers(costing("0.1"), "-sticky"), enabled=name != "second") for name in NAMES
    }
    data = tmp_path_factory.mktemp("fewer")
    with routed(data, providers, quietly(strategy="sticky"), "-sticky") as running, client_of(running) as opened:
        yield opened


@each_call
def test_sticky_keeps_each_user_where_they_were_and_spreads_them(client: httpx.Client, ask: Ask) -> None:
    ask = ask.about("-sticky")
    homes = {user: served(client, ask, user_id=user)[0] for user in USERS}
    assert set(homes.values()) == set(NAMES)
    assert {user: served(client, ask.given(user=user))[0] for user in reversed(USERS)} == homes
    assert strategy_of(good(client, ask, user_id="user-0")) == "sticky"


@each_call
def test_sticky_moves_only_those_whose_provider_is_gone(
    client: httpx.Client, without_the_second: httpx.Client, ask: Ask
) -> None:
    ask = ask.about("-sticky")
    before = {user: served(client, ask, user_id=user)[0] for user in USERS}
    after = {user: served(without_the_second, ask, user_id=user)[0] for user in USERS}
    moved = {user for user in USERS if before[user] != after[user]}
    assert moved == {user for user in USERS if before[user] == "second"}
    assert {after[user] for user in moved} == {"first", "third"}


@each_call
def test_sticky_keeps_a_session_together_before_a_user(client: httpx.Client, ask: Ask) -> None:
    ask = ask.about("-sticky")
    assert len({served(client, ask, session_id="one", user_id=user)[0] for user in USERS[:6]}) == 1


@each_call
def test_split_sends_a_part_of_the_users_elsewhere_and_they_stay_there(client: httpx.Client, ask: Ask) -> None:
    ask = ask.about("-split")
    users = [f"user-{number}" for number in range(40)]
    homes = {user: served(client, ask, user_id=user)[0] for user in users}
    found = Counter(homes.values())
    assert set(found) == {"first", "third"}
    assert 5 <= found["third"] <= 15
    some = [next(user for user in users if homes[user] == home) for home in found]
    for user in some:
        assert served(client, ask.given(user=user), 3) == [homes[user]] * 3


RULED = {
    "chat": (CHAT.given(stream=True), "second"),
    "image_generation": (GENERATION.given(size="1536x1536"), "second"),
    "image_edit": (EDIT.given(images=[REFERENCE] * 2), "second"),
}


@pytest.mark.parametrize(("ask", "matched"), RULED.values(), ids=RULED)
def test_conditional_sends_by_what_the_request_asks_for(client: httpx.Client, ask: Ask, matched: str) -> None:
    answers = [good(client, ask.about("-ruled")) for _ in range(2)]
    assert [server_of(answer) for answer in answers] == [matched] * 2
    assert strategy_of(answers[0]) == "conditional"
    assert served(client, CALLS[ask.operation].about("-ruled"), 3) == ["first"] * 3


def test_conditional_holds_back_where_a_condition_is_negated(client: httpx.Client) -> None:
    ask = CHAT.given(stream=True).about("-ruled")
    assert served(client, ask, user_id="bob") == ["first"]
    assert served(client, ask) == ["second"]


@each_call
def test_conditional_sends_by_metadata_and_key(gateway: RunningGateway, client: httpx.Client, ask: Ask) -> None:
    ask = ask.about("-ruled")
    assert served(client, ask, 2, metadata='{"team": "research"}') == ["third"] * 2
    assert served(client, ask, metadata_team="press") == ["third"]
    assert served(client, ask, metadata='{"team": "sales"}') == ["first"]
    robot = gateway.change(lambda c: create_key(c, NewKey("robot-1", ["inference"]), now_ms()))[1]
    answer = client.post(ask.path, json=ask.fields, headers={"authorization": f"Bearer {robot}"})
    assert server_of(answer) == "third"


def test_conditional_sends_to_another_model(client: httpx.Client) -> None:
    answer = good(client, CHAT.about("-ruled"), user_id="ann")
    assert model_of(answer) == "simple"
    assert model_of(good(client, CHAT.about("-ruled"), user_id="bob")) == "ruled"


LONG = "Compare these designs step by step, prove the bound and answer as JSON. ```python\nx = 1\n``` " * 40
DEMANDING = {
    "a hard chat": CHAT.given(messages=[{"role": "user", "content": LONG}]),
    "a large picture": GENERATION.given(size="1792x1536"),
    "a fine picture": GENERATION.given(quality="high"),
    "words in a picture": GENERATION.given(prompt='A sign that says "Open" and another one that says "Closed"'),
    "an edit of three pictures": EDIT.given(images=[REFERENCE] * 3),
}


@pytest.mark.parametrize("ask", DEMANDING.values(), ids=DEMANDING)
def test_complexity_sends_demanding_requests_to_another_model_than_simple_ones(client: httpx.Client, ask: Ask) -> None:
    answer = good(client, ask.about("-tiered"))
    assert (model_of(answer), strategy_of(answer)) == ("complex", "complexity")
    simple = CHAT if ask.operation == "chat" else GENERATION
    assert model_of(good(client, simple.about("-tiered"))) == "simple"
    assert model_of(good(client, ask.about("-tiered"), complexity="simple")) == "simple"
    assert model_of(good(client, simple.about("-tiered"), complexity="complex")) == "complex"


def test_the_pictures_are_as_large_as_the_rules_take_them_to_be() -> None:
    assert 2 * BINARY_MEGAPIXEL < 1536 * 1536
    assert 2.5 * BINARY_MEGAPIXEL < 1792 * 1536
