"""The order in which a variant asks the candidates."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from penstock.core.call import Call, ChatCall, ImageCall, Operation
from penstock.core.price import Meter, Price, Unit
from penstock.core.target import Account, Candidate, Model, Offer
from penstock.metering.quote import UNPRICED, Quote
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.quote import price_candidates
from penstock.pipeline.request import Life, Preferences
from penstock.pipeline.route import choose
from penstock.routing import priority
from penstock.upstream.speed import Speeds
from tests.pipeline.lives import CENT, candidate, life, provider

ANY = Preferences()
DRAW = ImageCall(model="own/picture", prompt="p")


def asked(strategy: str, quotes: dict[str, Quote], wish: Preferences = ANY) -> Life:
    of = life()
    of.strategy, of.preferences, of.call = strategy, wish, DRAW
    of.candidates = tuple(candidate(at) for at in quotes)
    of.quotes = {f"{at}/picture": quote for at, quote in quotes.items()}
    return of


def gateway(seconds: dict[str, float] | None = None) -> Gateway:
    speeds = Speeds()
    for at, each in (seconds or {}).items():
        speeds.note(f"{at}/picture", Operation.IMAGE_GENERATION, each)
    return cast(Gateway, SimpleNamespace(strategy=priority.plan, speeds=speeds))


def order(of: Life, seconds: dict[str, float] | None = None) -> list[str]:
    plan = choose(of, gateway(seconds))
    assert plan.order == of.candidates
    return [each.offer.provider for each in plan.order]


def costs(cents: int) -> Quote:
    return Quote(low=CENT * cents, high=CENT * cents, exact=True)


QUOTES = {"one": costs(3), "two": UNPRICED, "three": costs(1), "four": costs(3)}


@pytest.mark.parametrize(
    ("strategy", "wish", "providers"),
    [
        ("priority", Preferences(), ["one", "two", "three", "four"]),
        ("cheapest", Preferences(), ["three", "one", "four", "two"]),
        ("cheapest", Preferences(order=("two", "one")), ["two", "one", "three", "four"]),
        ("cheapest", Preferences(allow_fallbacks=False), ["three"]),
    ],
)
def test_the_cheapest_come_first_and_the_unpriced_last(strategy: str, wish: Preferences, providers: list[str]) -> None:
    assert order(asked(strategy, QUOTES, wish)) == providers


def test_the_fastest_come_first_and_the_unmeasured_last() -> None:
    assert order(asked("fastest", QUOTES), {"four": 1.5, "two": 0.5}) == ["two", "four", "one", "three"]


def talker(at: str, prompt: str, answer: str) -> Candidate:
    meters = (
        Meter(unit=Unit.TEXT_TOKEN_IN, amount=Decimal(prompt)),
        Meter(unit=Unit.TEXT_TOKEN_OUT, amount=Decimal(answer)),
    )
    offer = Offer(
        model="own/talker",
        provider=at,
        upstream="t",
        operations=frozenset({Operation.CHAT}),
        price=Price(meters=meters, source="s", checked=cast(Any, None)),
    )
    return Candidate(Model(slug="own/talker", name="T", maker="Own"), offer, Account(provider=provider(at)))


@pytest.mark.parametrize(("most", "first"), [(None, "short"), (1000, "short"), (1, "long")])
def test_chats_are_compared_by_an_answer_of_one_length(most: int | None, first: str) -> None:
    body = {"messages": msgspec.Raw(b'[{"role":"user","content":"' + b"word " * 100 + b'"}]')}
    if most is not None:
        body["max_tokens"] = msgspec.Raw(str(most).encode())
    call: Call = ChatCall(model="own/talker", body=body)
    of = life()
    of.strategy, of.call = "cheapest", call
    of.candidates = (talker("long", "0.001", "0.009"), talker("short", "0.002", "0.003"))
    price_candidates(of, call)
    assert order(of)[0] == first
