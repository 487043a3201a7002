"""The catalogue's prices against amounts reckoned by hand from what each provider publishes.

`tests/fixtures/price_vectors.json` is the table; the calculator in the browser is checked against the same one. A row
has an offer, the terms of a call, what it used and the dollars that come to, null where they cannot be known. `rule` is
the arithmetic, and is reckoned here too.
"""

import ast
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.catalogue.imported import files
from penstock.catalogue.load import DATA, load
from penstock.core.call import Operation, Size
from penstock.core.price import Meter, Unit, cost, stated
from penstock.core.target import Offer
from penstock.core.usage import Usage

Vector = Mapping[str, Any]

VECTORS: list[Vector] = json.loads(
    (Path(__file__).parents[1] / "fixtures/price_vectors.json").read_text(encoding="utf-8")
)
CATALOGUE = load([], files(DATA))
OFFERS = {offer.id: offer for offer in CATALOGUE.all_offers}
SHIPPED = load().all_offers
WHOLE_FAMILIES = re.compile(
    r"black-forest-labs/flux\.2-|openai/(chat)?gpt-image-|google/(gemini-.*image|.*nano-banana)"
)
"""Models of which every single price has a vector."""
PICTURES = {Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT}


def usage_of(vector: Vector) -> Usage:
    given = dict(vector["usage"])
    for name in ("outputs", "references"):
        given[name] = tuple(Size(*sides) for sides in given.get(name, ()))
    return Usage(**given)


def reckoned(rule: str) -> Decimal:
    """What sums, products and quotients of plain numbers come to; `x` is multiplication."""
    source = rule.replace(" x ", " * ")

    def value(node: ast.expr) -> Decimal:
        match node:
            case ast.Constant():
                return Decimal(str(ast.get_source_segment(source, node)))
            case ast.BinOp(left, operator, right):
                a, b = value(left), value(right)
                match operator:
                    case ast.Add():
                        return a + b
                    case ast.Sub():
                        return a - b
                    case ast.Mult():
                        return a * b
                    case ast.Div():
                        return a / b
        raise AssertionError(f"{rule!r} is not arithmetic")

    return value(ast.parse(source, mode="eval").body)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_a_use_costs_what_was_reckoned_by_hand(vector: Vector) -> None:
    found = cost(OFFERS[vector["offer"]].price, usage_of(vector), vector["terms"])
    assert found.amount == (None if vector["usd"] is None else Decimal(vector["usd"]))


@pytest.mark.parametrize(
    ("provider", "units", "dollars"),
    [
        pytest.param("xai", "200000000", "0.02", id="ticks, 10,000,000,000 to the dollar"),
        pytest.param("recraft", "40", "0.04", id="units, 1,000 to the dollar"),
        pytest.param("bfl", "4.5", "0.045", id="credits of a cent"),
        pytest.param("openrouter", "0.06", "0.06", id="dollars"),
        pytest.param("runware", "0.03", "0.03", id="dollars too"),
    ],
)
def test_a_stated_cost_is_worth_what_its_provider_says(provider: str, units: str, dollars: str) -> None:
    worth = CATALOGUE.providers[provider].cost_unit_usd
    assert worth is not None
    assert stated(units, worth) == Decimal(dollars)


def test_every_vector_has_a_name_of_its_own_a_source_and_arithmetic_that_comes_to_its_amount() -> None:
    assert len({vector["id"] for vector in VECTORS}) == len(VECTORS)
    for vector in VECTORS:
        assert vector["source"] and vector["rule"], vector["id"]
        if vector["usd"] is not None:
            assert reckoned(vector["rule"]) == Decimal(vector["usd"]), vector["id"]


@cache
def touched() -> frozenset[tuple[str, int]]:
    """Offer and position of each meter that some vector multiplies with more than zero."""
    return frozenset(
        (vector["offer"], number)
        for vector in VECTORS
        if vector["usd"] is not None
        for number in _meters_of(OFFERS[vector["offer"]], usage_of(vector), vector["terms"])
    )


def _meters_of(offer: Offer, usage: Usage, terms: Mapping[str, str]) -> list[int]:
    assert offer.price is not None
    counted = {line.unit for line in cost(offer.price, usage, terms).lines}
    open_units, found = set(counted), []
    for number, meter in enumerate(offer.price.meters):
        if meter.unit in open_units and meter.applies(terms, usage.tokens_in):
            open_units.remove(meter.unit)
            found.append(number)
    return found


def untouched(offer: Offer) -> list[Meter]:
    meters = offer.price.meters if offer.price else ()
    return [meter for number, meter in enumerate(meters) if (offer.id, number) not in touched()]


@pytest.mark.parametrize(
    "offer", [offer for offer in OFFERS.values() if WHOLE_FAMILIES.match(offer.model)], ids=lambda offer: offer.id
)
def test_every_meter_of_flux_2_gpt_image_and_gemini_image_has_a_vector(offer: Offer) -> None:
    assert untouched(offer) == []


@pytest.mark.parametrize(
    "offer",
    [offer for offer in SHIPPED if offer.price and CATALOGUE.models[offer.model].output_modalities != ("text",)],
    ids=lambda offer: offer.id,
)
def test_every_other_priced_offer_of_pictures_or_vectors_has_one(offer: Offer) -> None:
    assert offer.price is not None
    assert len(untouched(offer)) < len(offer.price.meters)


def test_the_families_are_there() -> None:
    sellers: dict[str, set[str]] = {}
    for offer in OFFERS.values():
        if found := WHOLE_FAMILIES.match(offer.model):
            sellers.setdefault(found[0].split("/")[0], set()).add(offer.provider)
    assert set(sellers) == {"black-forest-labs", "openai", "google"}
    assert all(len(names) > 3 for names in sellers.values())


# Properties of every price of pictures

PRICED = [offer for offer in SHIPPED if offer.price and not any("token" in unit for unit in offer.price.units)]
sizes = st.builds(Size, st.integers(64, 4096), st.integers(64, 4096))


def spent(offer: Offer, usage: Usage, terms: Mapping[str, str]) -> Decimal | None:
    return cost(offer.price, usage, terms).amount


def some_terms(offer: Offer) -> st.SearchStrategy[Mapping[str, str]]:
    """The terms of one of the offer's variants."""
    assert offer.price is not None
    return st.sampled_from(offer.price.meters).map(
        lambda meter: {name: values[0] for name, values in meter.when.items()}
    )


@pytest.mark.parametrize("offer", PRICED, ids=lambda offer: offer.id)
@given(data=st.data())
def test_one_picture_more_or_a_reference_more_never_costs_less(offer: Offer, data: st.DataObject) -> None:
    terms = data.draw(some_terms(offer))
    outputs = tuple(data.draw(st.lists(sizes, max_size=4)))
    references = tuple(data.draw(st.lists(sizes, max_size=4)))
    fewer = Usage(outputs=outputs, references=references, steps=20)
    for more in (
        Usage(outputs=(*outputs, data.draw(sizes)), references=references, steps=20),
        Usage(outputs=outputs, references=(*references, data.draw(sizes)), steps=20),
    ):
        before, after = spent(offer, fewer, terms), spent(offer, more, terms)
        assert before is not None and after is not None
        assert before <= after


@pytest.mark.parametrize("offer", PRICED, ids=lambda offer: offer.id)
@given(data=st.data(), count=st.integers(1, 10), size=sizes)
def test_equal_pictures_cost_as_many_times_one(offer: Offer, data: st.DataObject, count: int, size: Size) -> None:
    assert offer.price is not None and Unit.REQUEST not in offer.price.units
    terms = data.draw(some_terms(offer))
    one = spent(offer, Usage(outputs=(size,), steps=28), terms)
    assert one is not None
    assert spent(offer, Usage(outputs=(size,) * count, steps=28), terms) == count * one
