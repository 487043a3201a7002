"""What many requests come to: hand-computed vectors, which the calculator on the pages keeps to as well, and sums."""

import json
from decimal import ROUND_UP, Context, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.api.workloads import WorkloadRequest, calls_of, stand_ins, workload_offer
from penstock.catalogue.imported import files
from penstock.catalogue.load import DATA, load
from penstock.core.price import Line, Unit
from penstock.metering.quote import UNPRICED, Quote
from penstock.metering.workload import DAYS_PER_MONTH, Portion, Tokens, expense, text_cost, text_quote

CATALOGUE = load()
OFFERS = {offer.id: offer for offer in CATALOGUE.all_offers}
FIXTURES = Path(__file__).parents[1] / "fixtures"
VECTORS: list[dict[str, Any]] = json.loads((FIXTURES / "workload_vectors.json").read_text(), parse_float=str)
NAMES = {unit: (row.name, row.plural) for unit, row in CATALOGUE.units.items()}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_a_workload_comes_to_what_the_published_price_says(vector: dict[str, Any]) -> None:
    offer = OFFERS[vector["offer"]]
    asked = msgspec.convert({"model": offer.model, **vector["workload"]}, WorkloadRequest)
    calls = calls_of(asked, stand_ins(asked))
    found = workload_offer(asked, calls, offer, CATALOGUE.models[offer.model], on=True, units=CATALOGUE.units)
    assert found.able, found.why_not
    assert found.certainty == vector["certainty"]
    for name in ("per_request_usd", "per_day_usd", "per_month_usd"):
        amount = getattr(found, name)
        assert (None if amount is None else f"{amount:f}") == vector[name], name
    if found.per_request_usd is not None:
        assert sum(line.usd for line in found.lines) == found.per_request_usd
        assert found.formula and f"= ${vector['per_day_usd']} a day" in found.formula


def test_every_vector_has_a_name_of_its_own() -> None:
    assert len({vector["id"] for vector in VECTORS}) == len(VECTORS)


def text_prices() -> list[dict[str, Any]]:
    """The price vectors that are of text alone."""
    file = FIXTURES / "price_vectors.json"
    vectors = json.loads(file.read_text(), parse_float=str) if file.exists() else []
    texts = {"text_tokens_in", "cached_text_tokens_in", "text_tokens_out"}
    return [vector for vector in vectors if {name for name, value in vector["usage"].items() if value} <= texts]


@pytest.mark.parametrize("vector", text_prices(), ids=lambda vector: vector["id"])
def test_a_workload_of_one_text_is_its_price_vector(vector: dict[str, Any]) -> None:
    usage = vector["usage"]
    cached = usage.get("cached_text_tokens_in") or 0
    read = cached + (usage.get("text_tokens_in") or 0)
    share = Context(rounding=ROUND_UP).divide(Decimal(cached), Decimal(read)) if read else Decimal(0)
    tokens = Tokens(input=read, cached_share=share, output=usage.get("text_tokens_out") or 0)
    found = text_quote(OFFERS[vector["offer"]], tokens)
    assert found.low == (None if vector["usd"] is None else Decimal(vector["usd"]))


def quote_of(amount: str, exact: bool = True, high: str | None = None) -> Quote:
    line = Line(Unit.IMAGE, Decimal(1), Decimal(amount))
    return Quote(low=line.amount, high=Decimal(high or amount), exact=exact, lines=(line,))


HALF = Decimal("0.5")


def test_the_formula_shows_the_sum_with_its_numbers() -> None:
    found = expense([Portion(Decimal(1), quote_of("0.04"))], 10, Decimal(0), NAMES)
    assert found.formula == (
        "1 picture $0.04 = $0.04 a request; x 10 requests = $0.4 a day; x 30.4375 days = $12.175 a month"
    )


def test_the_formula_weighs_edits_and_leaves_hits_out() -> None:
    portions = [Portion(HALF, quote_of("0.04")), Portion(HALF, quote_of("0.06"))]
    found = expense(portions, 10, Decimal("0.2"), NAMES)
    assert found.formula.startswith(
        "(0.5 x (1 picture $0.04) + 0.5 x (1 picture $0.06)) x 0.8 not in the cache = $0.04 a request; "
    )
    assert [(line.quantity, line.amount) for line in found.quote.lines] == [(Decimal("0.8"), Decimal("0.04"))]


def test_a_workload_is_as_sure_as_its_least_sure_part() -> None:
    portions = [Portion(HALF, quote_of("0.04")), Portion(HALF, quote_of("0.06", exact=False, high="0.1"))]
    found = expense(portions, 10, Decimal(0), NAMES).quote
    assert (found.exact, found.low, found.high) == (False, Decimal("0.05"), Decimal("0.07"))


def test_what_has_no_price_makes_the_whole_unpriced_and_not_cheap() -> None:
    found = expense([Portion(HALF, quote_of("0.04")), Portion(HALF, UNPRICED)], 10, Decimal(0), NAMES)
    assert (found.per_request, found.per_day, found.per_month, found.formula) == (None, None, None, "")
    assert found.quote.unpriced


def test_a_kind_of_request_without_a_share_does_not_count() -> None:
    portions = [Portion(Decimal(1), quote_of("0.04")), Portion(Decimal(0), UNPRICED)]
    assert expense(portions, 10, Decimal(0), NAMES).per_request == Decimal("0.04")


def test_cached_tokens_without_a_price_of_their_own_cost_as_much_as_others() -> None:
    offer = OFFERS["sandbox/text"]
    found = text_quote(offer, Tokens(input=1000, cached_share=HALF, output=1000))
    assert (found.low, found.high, found.exact) == (Decimal("0.003"), Decimal("0.003"), True)


shares = st.integers(0, 10**6).map(lambda millionths: Decimal(millionths) / 10**6)
amounts = st.integers(0, 10**15).map(lambda pico: f"{Decimal(pico) / 10**12:f}")


@given(amounts, amounts, shares, shares, st.integers(0, 10**6))
def test_no_digit_is_lost_on_the_way_to_the_month(
    first: str, second: str, share: Decimal, hits: Decimal, requests: int
) -> None:
    portions = [Portion(1 - share, quote_of(first)), Portion(share, quote_of(second))]
    found = expense(portions, requests, hits, NAMES)
    assert found.per_request is not None and found.per_month is not None
    average = ((1 - Fraction(share)) * Fraction(first) + Fraction(share) * Fraction(second)) * (1 - Fraction(hits))
    assert Fraction(found.per_request) == average
    assert Fraction(found.per_month) == average * requests * Fraction(DAYS_PER_MONTH)


@pytest.mark.parametrize("tokens", [Tokens(input=0, output=0), Tokens(input=1234, output=567), Tokens(input=300_000)])
def test_the_short_way_to_what_a_text_costs_comes_to_the_same(tokens: Tokens) -> None:
    talking = [offer for offer in load([], files(DATA)).all_offers if "chat" in offer.operations]
    assert len(talking) > 1000
    assert [offer.id for offer in talking if text_cost(offer, tokens) != text_quote(offer, tokens).low] == []
