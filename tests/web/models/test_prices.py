"""Prices in words: every meter of the catalogue becomes sentences and lines, and nothing in them is missing."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from penstock.catalogue.imported import files
from penstock.catalogue.load import DATA, load
from penstock.catalogue.search import Catalogue
from penstock.core.price import Meter, Price, Unit
from penstock.core.target import Offer
from penstock.web.models.prices import price_lines, price_sentences, sentences, short, source_of

WRONG = re.compile(r"\b(None|nan|NaN|Decimal|Infinity)\b|\$-|E[-+]\d|  |\.\.|,,")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load([], files(DATA))


def price(*meters: Meter, source: str = "https://bfl.example/pricing") -> Price:
    return Price(meters=meters, source=source, checked=date(2026, 10, 3))


def meter(unit: Unit, amount: str, **fields: Any) -> Meter:
    return Meter(unit=unit, amount=Decimal(amount), **fields)


def test_every_offer_of_the_catalogue_says_what_it_charges(catalogue: Catalogue) -> None:
    for offer in catalogue.all_offers:
        told = price_sentences(offer)
        assert told, offer.id
        for sentence in told:
            assert sentence[0] in "$AFWTNn" and sentence.endswith("."), (offer.id, sentence)
            assert not WRONG.search(sentence), (offer.id, sentence)


def test_every_amount_of_the_catalogue_is_in_the_table(catalogue: Catalogue) -> None:
    for offer in catalogue.all_offers:
        lines = price_lines(offer.price) if offer.price else []
        assert len(lines) == sum(1 + (one.first is not None) for one in _meters(offer))
        for line in lines:
            words = f"{line.what} {line.amount} {line.per} {line.when}".strip()
            assert not WRONG.search(words), (offer.id, words)
            assert re.fullmatch(r"\$[\d,]+\.\d{2,}", line.amount), (offer.id, line)
        for one in _meters(offer):
            assert not WRONG.search(short(one)), (offer.id, short(one))


def _meters(offer: Offer) -> Iterator[Meter]:
    yield from offer.price.meters if offer.price else ()


CASES = {
    "first megapixel": (
        [meter(Unit.OUTPUT_MEGAPIXEL, "0.015", first=Decimal("0.03")), meter(Unit.INPUT_MEGAPIXEL, "0.015")],
        "$0.03 for the first megapixel of each picture, $0.015 for each further one. $0.015 for each megapixel of each "
        "reference picture. A megapixel is 1024x1024 pixels here, and each picture is rounded up to whole ones.",
    ),
    "decimal megapixels": (
        [meter(Unit.OUTPUT_MEGAPIXEL, "0.05", pixels=1_000_000, rounding="none")],
        "$0.05 for each megapixel of each picture. "
        "A megapixel is 1,000,000 pixels here, and parts of one count as parts.",
    ),
    "steps": (
        [meter(Unit.OUTPUT_MEGAPIXEL, "0.01", steps=28), meter(Unit.STEP, "0.0005")],
        "$0.01 for each megapixel of each picture at 28 steps, in proportion to the steps. "
        "A megapixel is 1024x1024 pixels here, and parts of one count as parts. $0.0005 for each step of each picture.",
    ),
    "variants": (
        [meter(Unit.IMAGE, "0.04", when={"quality": ("low",), "resolution": ("1k",)}), meter(Unit.IMAGE, "0.06")],
        "$0.04 for each picture in low quality at 1K; $0.06 for each picture in all other cases.",
    ),
    "many variants": (
        [meter(Unit.IMAGE, f"0.0{n}", when={"size": (f"{n}00x100",)}) for n in range(1, 6)],
        "From $0.01 to $0.05 for each picture, by size; the lines below have every amount.",
    ),
    "tokens": (
        [
            meter(Unit.TEXT_TOKEN_IN, "0.000004", above=200_000),
            meter(Unit.TEXT_TOKEN_OUT, "0.00001"),
            meter(Unit.TEXT_TOKEN_IN, "0.0000025"),
        ],
        "$2.50 per million input tokens and $10.00 per million output tokens. For inputs of more than 200,000 tokens: "
        "$4.00 per million input tokens.",
    ),
    "others": (
        [meter(Unit.REQUEST, "0.01"), meter(Unit.SECOND, "0.002"), meter(Unit.IMAGE, "0.03")],
        "$0.03 for each picture. $0.01 for each request. $0.002 for each second of computing.",
    ),
    "nothing": ([meter(Unit.TEXT_TOKEN_IN, "0"), meter(Unit.TEXT_TOKEN_OUT, "0")], "The published price is zero."),
}


@pytest.mark.parametrize("name", CASES)
def test_a_price_is_told_in_sentences(name: str) -> None:
    meters, told = CASES[name]
    assert " ".join(sentences(price(*meters))) == told


def test_an_offer_without_a_price_says_so_and_never_zero() -> None:
    offer = Offer(model="a/b", provider="c", upstream="d", operations=frozenset())
    assert "No price" in price_sentences(offer)[0] and "$" not in price_sentences(offer)[0]


def test_what_holds_where_nothing_is_asked_is_told() -> None:
    offer = Offer(
        model="a/b",
        provider="c",
        upstream="d",
        operations=frozenset(),
        defaults={"resolution": "1K", "steps": "28"},
        price=price(meter(Unit.IMAGE, "0.1", when={"resolution": ("1k",)})),
    )
    assert price_sentences(offer)[-1] == "Where nothing is asked, pictures are made at 1K."


@pytest.mark.parametrize(
    ("source", "text", "address"),
    [
        ("https://bfl.example/pricing", "bfl.example", "https://bfl.example/pricing"),
        ("https://bfl.example/pricing (LiteLLM 1.109)", "LiteLLM 1.109", "https://bfl.example/pricing"),
        ("LiteLLM price file, row https", "LiteLLM price file, row https", None),
        ("javascript:alert(1)", "javascript:alert(1)", None),
        ("//bfl.example", "//bfl.example", None),
    ],
)
def test_only_an_address_of_the_web_becomes_a_link(source: str, text: str, address: str | None) -> None:
    found = source_of(price(source=source))
    assert (found.text, found.address) == (text, address)
