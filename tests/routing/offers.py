"""Offers to choose among, and what is known of them, for the tests of strategies."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from penstock.core.call import Operation
from penstock.core.health import UNKNOWN, Health
from penstock.core.target import Account, Candidate, Model, Offer, Provider
from penstock.routing.base import Dice, Facts, Plan, Strategy, Subject
from penstock.routing.read import read

OPERATIONS = frozenset(Operation)
MODEL = "own/picture"

SETTINGS: Mapping[str, dict[str, Any]] = {
    "weighted": {"weights": {"p1": 3, "p2": 1}},
    "conditional": {"rules": [{"when": {"operation": "chat"}, "to": {"provider": "p1"}}]},
    "complexity": {"simple": {"provider": "p1"}, "complex": {"model": "own/other"}},
    "split": {"shares": [{"to": {"provider": "p1"}, "percent": 50}]},
    "mirror": {"to": {"provider": "p1"}, "sample": 0.5},
}
"""Of the strategies that cannot do without."""


def strategy(name: str, **settings: Any) -> Strategy:
    """Read as a configuration is."""
    return read({"name": name, **SETTINGS.get(name, {}), **settings})


def candidate(
    provider: str, model: str = MODEL, *, offer_takes: int | None = None, takes: int | None = None
) -> Candidate:
    """The provider's offer of the model, where so many calls at once are possible."""
    return Candidate(
        Model(slug=model, name=model, maker="Own"),
        Offer(model=model, provider=provider, upstream="picture", operations=OPERATIONS, concurrency=offer_takes),
        Account(provider=Provider(slug=provider, name=provider, adapter="openai_compatible", concurrency=takes)),
    )


def candidates(number: int, model: str = MODEL) -> tuple[Candidate, ...]:
    """Of the providers `p1`, `p2` and so on."""
    return tuple(candidate(f"p{place}", model) for place in range(1, number + 1))


def facts(
    *,
    prices: Mapping[str, str | None] | None = None,
    health: Mapping[str, Health] | None = None,
    ratings: Mapping[str, float] | None = None,
    turn: int = 0,
    **subject: Any,
) -> Facts:
    """What is known: prices and health by provider, ratings by model. Further arguments are fields of the subject."""
    dollars = {provider: None if price is None else Decimal(price) for provider, price in (prices or {}).items()}
    known, rated = health or {}, ratings or {}
    return Facts(
        subject=Subject(**{"operation": Operation.IMAGE_GENERATION, **subject}),
        price=lambda one: dollars.get(one.offer.provider),
        health=lambda one: known.get(one.offer.provider, UNKNOWN),
        rating=lambda one: rated.get(one.model.slug),
        turn=turn,
    )


def dice(*rolls: float) -> Dice:
    """Throws these, then halves."""
    left = iter(rolls)
    return lambda: next(left, 0.5)


def providers(order: Iterable[Candidate] | Plan) -> str:
    """Who is asked, in order, in one line: `p2 p1`."""
    return " ".join(one.offer.provider for one in (order.order if isinstance(order, Plan) else order))


def everything_known(number: int) -> dict[str, Any]:
    """Prices, health and ratings of `candidates(number)`, no two alike."""
    places = range(1, number + 1)
    return {
        "prices": {f"p{place}": f"0.0{10 + place * 7 % 23}" for place in places},
        "health": {
            f"p{place}": Health(
                fresh=place,
                p50=2.0 + place * 5 % 7,
                p95=5.0 + place,
                first_p50=0.5 + place * 3 % 5,
                rate_p50=0.1 * place,
                success=1.0 - place * 11 % 19 / 100,
                in_flight=place * 13 % 17,
                good=40.0 + place,
                bad=float(place % 4),
                pace=3.0 + place * 5 % 11,
                stable=place % 5 != 0,
            )
            for place in places
        },
        "ratings": {MODEL: 1200.0},
    }
