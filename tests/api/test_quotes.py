"""Quotes as rows: what is shown of an offer, how sure it is, and which one costs least."""

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from penstock.api.quote_rows import OfferQuote, cheapest, offer_quote, quote_lines
from penstock.api.workloads import WorkloadRequest, calls_of, stand_ins, workload_offer
from penstock.catalogue.load import load
from penstock.core.call import ImageCall
from penstock.core.errors import BadRequest
from penstock.core.price import Line, Unit
from penstock.core.target import Exclusion, Offer
from penstock.metering.quote import UNPRICED, Quote
from tests.api.listed import OFFERS, PICTURES

UNITS = load().units
FLUX = OFFERS[0]
LINE = Line(Unit.IMAGE, Decimal("2.000"), Decimal("0.0600"))
EXACT = Quote(low=Decimal("0.0600"), high=Decimal("0.0600"), exact=True, lines=(LINE,))


def row(
    offer: Offer = FLUX, found: Quote | None = EXACT, excluded: Exclusion | None = None, on: bool = True
) -> OfferQuote:
    return offer_quote(offer, found, excluded, on=on, units=UNITS)


def test_an_offer_is_shown_with_its_price_and_where_that_is_from() -> None:
    assert FLUX.price is not None
    shown = row()
    assert (shown.provider, shown.offer, shown.on, shown.able, shown.why_not) == ("home", "home/flux", True, True, None)
    assert (shown.price_checked, shown.price_source) == (date(2026, 3, 1), "https://example.com/prices")
    assert shown.price_version == FLUX.price.version


def test_amounts_are_numbers_without_trailing_zeros() -> None:
    encoded = msgspec.json.Encoder(decimal_format="number").encode(row())
    assert b'"low_usd":0.06,"high_usd":0.06' in encoded
    assert b'"quantity":2,"usd":0.06' in encoded


@pytest.mark.parametrize(
    ("found", "certainty"),
    [
        (EXACT, "exact"),
        (Quote(low=Decimal(1), high=Decimal(2), exact=False), "estimate"),
        (Quote(low=Decimal(1), high=None, exact=False), "estimate"),
        (Quote(low=None, high=None, exact=False), "estimate"),
        (UNPRICED, "unpriced"),
    ],
)
def test_a_quote_says_how_sure_it_is(found: Quote, certainty: str) -> None:
    assert row(found=found).certainty == certainty


def test_an_offer_that_cannot_says_why_and_has_no_amount() -> None:
    shown = row(found=None, excluded=Exclusion(FLUX, "It cannot.", "size"))
    assert (shown.able, shown.why_not, shown.param) == (False, "It cannot.", "size")
    assert (shown.certainty, shown.low_usd, shown.high_usd, shown.lines) == (None, None, None, [])


@pytest.mark.parametrize(("quantity", "name"), [("1", "picture"), ("2", "pictures"), ("0.5", "pictures")])
def test_a_unit_is_named_by_its_number(quantity: str, name: str) -> None:
    (line,) = quote_lines([Line(Unit.IMAGE, Decimal(quantity), Decimal(1))], UNITS)
    assert line.unit_name == name


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("dear", True, True, "2"), ("cheap", True, True, "1")], "cheap"),
        ([("first", True, True, "1"), ("second", True, True, "1")], "first"),
        ([("off", False, True, "1"), ("on", True, True, "2")], "on"),
        ([("unable", True, False, None), ("able", True, True, "2")], "able"),
        ([("unpriced", True, True, None)], None),
        ([], None),
    ],
)
def test_the_cheapest_is_one_that_can_be_called_here(rows: list[Any], expected: str | None) -> None:
    entries = []
    for name, on, able, amount in rows:
        offer = Offer(model="m", provider="p", upstream=name, operations=PICTURES)
        low = None if amount is None else Decimal(amount)
        found = Quote(low=low, high=low, exact=True) if able else None
        shown = row(offer, found, None if able else Exclusion(offer, "It cannot."), on)
        entries.append((shown, shown.low_usd))
    found_id = cheapest(entries)
    assert found_id == (expected and f"p/{expected}")


def workload(**fields: Any) -> WorkloadRequest:
    return msgspec.convert({"model": "maker/flux", "operation": "image_generation", **fields}, WorkloadRequest)


@pytest.mark.parametrize(
    ("fields", "shares"),
    [
        ({}, [("1", 0)]),
        ({"references": {"count": 2}}, [("1", 2)]),
        ({"references": {"count": 2}, "edits_share": 0.25}, [("0.75", 0), ("0.25", 2)]),
        ({"references": [{"width": 5, "height": 6}], "edits_share": 0}, [("1", 0)]),
        ({"references": {"count": 0}}, [("1", 0)]),
    ],
)
def test_a_workload_is_made_of_generations_and_edits(fields: dict[str, Any], shares: list[tuple[str, int]]) -> None:
    given = workload(**fields)
    calls = calls_of(given, stand_ins(given))
    assert [(share, len(call.references)) for share, call in calls if isinstance(call, ImageCall)] == [
        (Decimal(share), count) for share, count in shares
    ]


def test_an_edit_without_a_picture_is_no_workload() -> None:
    with pytest.raises(BadRequest, match="needs a picture to start from"):
        calls_of(workload(operation="image_edit"), [])


def test_a_workload_an_offer_cannot_do_has_the_reason_and_no_sum() -> None:
    given = workload(size="8192x8192")
    shown = workload_offer(given, calls_of(given, []), FLUX, load().models["sandbox/image"], on=True, units=UNITS)
    assert not shown.able and "at most 4 megapixels" in (shown.why_not or "")
    assert (shown.per_request_usd, shown.per_day_usd, shown.per_month_usd, shown.formula) == (None, None, None, None)


def test_an_offer_that_does_no_edits_cannot_do_a_workload_with_some() -> None:
    given = workload(references={"count": 1}, edits_share=0.1)
    shown = workload_offer(
        given, calls_of(given, stand_ins(given)), OFFERS[1], load().models["sandbox/image"], on=True, units=UNITS
    )
    assert not shown.able and shown.param == "image"
