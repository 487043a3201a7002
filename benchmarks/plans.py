"""What it costs to choose a plan: CPU microseconds of each strategy, among 20 offers of which everything is known.

    .venv/bin/python -m benchmarks.plans

The lookups are dictionaries, as cheap as can be, so that the figures are the strategies' own. CPU is that of this
process; of several batches the best counts, because what makes the others slower is not the strategy.
"""

import random
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from penstock.core.call import Operation
from penstock.core.health import Health
from penstock.core.target import Account, Candidate, Model, Offer, Provider
from penstock.routing import STRATEGIES
from penstock.routing.base import Facts, Subject
from penstock.routing.read import read

OFFERS = 20
BATCHES = 15
PLANS = 400
MOST_MICROSECONDS = 60

MODELS = ("own/first", "own/second")
TARGET = {"model": "own/second", "provider": "p19"}
PROMPT = "Prove step by step, and compare two proofs. A sign says “Open”. " * 200

SETTINGS: dict[str, dict[str, Any]] = {
    "weighted": {"weights": {f"p{place}": place for place in range(OFFERS)}},
    "race": {"then": "price-weighted"},
    "hedged": {"then": "price-weighted"},
    "conditional": {
        "rules": [
            {"when": {"user": "bob"}, "to": TARGET},
            {"when": {"$or": [{"megapixels": {"$gt": 2}}, {"metadata.tier": "gold"}]}, "to": TARGET},
            {"when": {"prompt": {"$regex": "lighthouse$"}}, "to": TARGET},
            {"when": {"price": {"$gt": 0.5}}, "to": TARGET},
        ],
        "otherwise": TARGET,
    },
    "complexity": {"simple": TARGET, "complex": TARGET},
    "quality-first": {"most_usd": "0.05"},
    "split": {"shares": [{"to": TARGET, "percent": 99}], "then": "price-weighted"},
    "mirror": {"to": TARGET, "then": "price-weighted"},
}


def candidates() -> tuple[Candidate, ...]:
    """Half of them of each model."""
    return tuple(_candidate(MODELS[place * 2 // OFFERS], f"p{place}") for place in range(OFFERS))


def facts(operation: Operation) -> Facts:
    places = {f"p{place}": place for place in range(OFFERS)}
    prices = {slug: Decimal(10 + place * 7 % 20) / 1000 for slug, place in places.items()}
    healths = {slug: _health(place) for slug, place in places.items()}
    subject = Subject(
        operation=operation,
        models=MODELS,
        key="studio",
        user="ann",
        metadata={"tier": "lead"},
        megapixels=1.0,
        prompt=lambda: PROMPT,
        prompt_tokens=3000,
        time=1.7e9,
    )
    return Facts(
        subject=subject,
        price=lambda one: prices[one.offer.provider],
        health=lambda one: healths[one.offer.provider],
        rating=lambda one: 1200.0 if one.model.slug == MODELS[0] else 1100.0,
        turn=7,
    )


def microseconds(work: Callable[[], object]) -> float:
    """The best of the batches, for one plan."""

    def batch() -> int:
        start = time.process_time_ns()
        for _ in range(PLANS):
            work()
        return time.process_time_ns() - start

    return min(batch() for _ in range(BATCHES)) / PLANS / 1000


def measured(name: str, operation: Operation) -> float:
    strategy, offers, known = read({"name": name, **SETTINGS.get(name, {})}), candidates(), facts(operation)
    dice = random.Random(1).random
    return microseconds(lambda: strategy.plan(offers, known, dice))


def main() -> None:
    print(f"CPU microseconds of one plan among {OFFERS} offers, best of {BATCHES} batches of {PLANS}")
    print(f"{'strategy':<20} {'pictures':>9} {'text':>9}")
    slowest = 0.0
    for name in STRATEGIES:
        row = [measured(name, operation) for operation in (Operation.IMAGE_GENERATION, Operation.CHAT)]
        slowest = max(slowest, *row)
        print(f"{name:<20} " + " ".join(f"{figure:9.1f}" for figure in row))
    print(f"The slowest takes {slowest:.1f}; {MOST_MICROSECONDS} is the most it may.")


def _candidate(model: str, provider: str) -> Candidate:
    return Candidate(
        Model(slug=model, name=model, maker="Own"),
        Offer(model=model, provider=provider, upstream="picture", operations=frozenset(Operation)),
        Account(provider=Provider(slug=provider, name=provider, adapter="openai_compatible", concurrency=50)),
    )


def _health(place: int) -> Health:
    return Health(
        fresh=place,
        p50=2.0 + place * 5 % 7,
        p95=9.0,
        first_p50=0.5 + place * 3 % 5,
        rate_p50=0.1 * place,
        success=1.0 - place / 100,
        in_flight=place * 13 % 17,
        good=40.0 + place,
        bad=float(place % 4),
        pace=3.0 + place * 5 % 11,
        stable=place % 5 != 0,
    )


if __name__ == "__main__":
    main()
