"""The price arithmetic against published amounts; the shipped prices where there are some, made ones elsewhere."""

from datetime import date
from decimal import Decimal

import pytest

from penstock.catalogue.load import load
from penstock.core.call import Size
from penstock.core.price import UNKNOWN, Line, Meter, Price, Unit, cost, covers, stated
from penstock.core.target import Offer
from penstock.core.usage import Usage

OFFERS = {offer.id: offer for offer in load().all_offers}
SQUARE = Size(1024, 1024)
HD = Size(1920, 1080)


def price(*meters: Meter) -> Price:
    return Price(meters=meters, source="test", checked=date(2026, 11, 20))


def made(provider: str, upstream: str, *meters: Meter) -> Offer:
    return Offer(model="test/model", provider=provider, upstream=upstream, operations=frozenset(), price=price(*meters))


def megapixels(amount: str, **more: object) -> Meter:
    return Meter(unit=Unit.OUTPUT_MEGAPIXEL, amount=Decimal(amount), **more)


FAL_DEV = made("fal", "fal-ai/flux/dev", megapixels("0.025"))
DEEPINFRA = made("deepinfra", "FLUX-2-dev", megapixels("0.01", rounding="none", steps=28))


def pictures(*outputs: Size, references: tuple[Size, ...] = (), steps: int | None = None) -> Usage:
    return Usage(outputs=outputs, references=references, steps=steps)


@pytest.mark.parametrize(
    ("offer", "usage", "terms", "dollars"),
    [
        pytest.param("bfl/flux-2-pro", pictures(SQUARE), {}, "0.030", id="1 one megapixel"),
        pytest.param("bfl/flux-2-pro", pictures(HD), {}, "0.045", id="2 1920x1080 is two megapixels"),
        pytest.param("bfl/flux-2-pro", pictures(Size(2048, 2048)), {}, "0.075", id="3 four megapixels"),
        pytest.param("bfl/flux-2-pro", pictures(Size(512, 512)), {}, "0.030", id="4 at least one megapixel"),
        pytest.param("bfl/flux-2-pro", pictures(SQUARE, references=(SQUARE,)), {}, "0.045", id="5 one reference"),
        pytest.param(
            "bfl/flux-2-pro", pictures(SQUARE, references=(HD, Size(800, 600))), {}, "0.075", id="6 two references"
        ),
        pytest.param("bfl/flux-2-max", pictures(HD), {}, "0.10", id="7 max"),
        pytest.param("bfl/flux-2-flex", pictures(HD), {}, "0.10", id="7 flex"),
        pytest.param("bfl/flux-2-klein-4b", pictures(HD), {}, "0.015", id="7 klein 4b"),
        pytest.param("bfl/flux-2-klein-9b", pictures(HD), {}, "0.017", id="7 klein 9b"),
        pytest.param("bfl/flux-pro-1.1", pictures(SQUARE, SQUARE, SQUARE), {}, "0.12", id="8 three pictures"),
        pytest.param(FAL_DEV, pictures(SQUARE, SQUARE), {}, "0.05", id="9 two pictures"),
        pytest.param(FAL_DEV, pictures(HD), {}, "0.05", id="9 two megapixels"),
        pytest.param(
            "openai/gpt-image-1",
            Usage(text_tokens_in=20, image_tokens_out=1056),
            {"quality": "medium"},
            "0.04234",
            id="10 tokens of both kinds",
        ),
        pytest.param("openai/gpt-image-2", Usage(image_tokens_out=7024), {}, "0.21072", id="11 image tokens"),
        pytest.param(
            "google/gemini-2.5-flash-image",
            Usage(text_tokens_in=10, image_tokens_out=1290),
            {},
            "0.038703",
            id="12 gemini",
        ),
        pytest.param(DEEPINFRA, pictures(SQUARE, steps=28), {}, "0.01", id="14 the base number of steps"),
        pytest.param(
            DEEPINFRA, pictures(Size(2048, 1024), steps=14), {}, "0.01", id="14 twice as large, half the steps"
        ),
        pytest.param("bfl/flux-3-image", pictures(Size(2048, 2048)), {"resolution": "2k"}, "0.100", id="15 by class"),
        pytest.param("sandbox/image", pictures(HD, references=(SQUARE,)), {}, "0.060", id="the sandbox costs the same"),
    ],
)
def test_a_use_costs_what_the_provider_publishes(
    offer: str | Offer, usage: Usage, terms: dict[str, str], dollars: str
) -> None:
    found = OFFERS[offer] if isinstance(offer, str) else offer
    assert cost(found.price, usage, terms).amount == Decimal(dollars)


@pytest.mark.parametrize(
    ("units", "worth", "dollars"),
    [
        pytest.param(200_000_000, Decimal("0.0000000001"), "0.02", id="13 xAI ticks"),
        pytest.param(40, Decimal("0.001"), "0.04", id="16 Recraft credits"),
        pytest.param(Decimal("4.5"), Decimal("0.01"), "0.045", id="BFL credits"),
        pytest.param(0.06, Decimal(1), "0.06", id="a float is taken as it is written"),
    ],
)
def test_a_stated_cost_is_units_times_their_worth(units: Decimal | float, worth: Decimal, dollars: str) -> None:
    assert stated(units, worth) == Decimal(dollars)


IN = Meter(unit=Unit.TEXT_TOKEN_IN, amount=Decimal("0.001"))
OUT = Meter(unit=Unit.TEXT_TOKEN_OUT, amount=Decimal("0.01"))
CACHED = Meter(unit=Unit.CACHED_TEXT_TOKEN_IN, amount=Decimal("0.0001"))
LONG = Meter(unit=Unit.TEXT_TOKEN_IN, amount=Decimal("0.002"), above=100)


@pytest.mark.parametrize(
    ("meters", "usage", "dollars"),
    [
        pytest.param((IN, OUT), Usage(text_tokens_in=10, text_tokens_out=2), "0.03", id="both directions"),
        pytest.param((IN, CACHED), Usage(text_tokens_in=10, cached_text_tokens_in=10), "0.011", id="cached apart"),
        pytest.param((IN,), Usage(text_tokens_in=10, cached_text_tokens_in=10), "0.02", id="cached as fresh"),
        pytest.param((IN,), Usage(text_tokens_in=10, image_tokens_in=5), "0.015", id="image in as text"),
        pytest.param((IN,), Usage(text_tokens_in=1, cached_image_tokens_in=5), "0.006", id="cached image as text"),
        pytest.param((IN, OUT), Usage(text_tokens_in=0, image_tokens_out=3), "0.03", id="image out as text"),
        pytest.param((LONG, IN), Usage(text_tokens_in=100), "0.1", id="up to the limit"),
        pytest.param((LONG, IN), Usage(text_tokens_in=101), "0.202", id="beyond it, all of it"),
        pytest.param((LONG, IN), Usage(text_tokens_in=60, cached_text_tokens_in=60), "0.24", id="cached counts too"),
        pytest.param(
            (Meter(unit=Unit.REQUEST, amount=Decimal("0.5")),), Usage(), "0.5", id="a request is always one request"
        ),
        pytest.param(
            (Meter(unit=Unit.STEP, amount=Decimal("0.0005")),), pictures(SQUARE, SQUARE, steps=20), "0.02", id="steps"
        ),
        pytest.param((Meter(unit=Unit.SECOND, amount=Decimal("0.1")),), Usage(seconds=1.5), "0.15", id="seconds"),
        pytest.param(
            (megapixels("0.05", rounding="none", pixels=1_000_000),), pictures(Size(1000, 500)), "0.025", id="decimal"
        ),
    ],
)
def test_each_unit_is_counted_in_its_way(meters: tuple[Meter, ...], usage: Usage, dollars: str) -> None:
    assert cost(price(*meters), usage, {}).amount == Decimal(dollars)


@pytest.mark.parametrize(
    ("meters", "usage", "terms"),
    [
        pytest.param((IN, OUT), Usage(), {}, id="tokens that nobody counted"),
        pytest.param((Meter(unit=Unit.SECOND, amount=Decimal(1)),), Usage(), {}, id="seconds that nobody measured"),
        pytest.param((megapixels("0.01", steps=28),), pictures(SQUARE), {}, id="steps that nobody told"),
        pytest.param(
            (Meter(unit=Unit.IMAGE, amount=Decimal(1), when={"quality": ("high",)}),),
            pictures(SQUARE),
            {"quality": "low"},
            id="a variant without a price",
        ),
    ],
)
def test_what_is_not_known_is_unknown_and_not_zero(
    meters: tuple[Meter, ...], usage: Usage, terms: dict[str, str]
) -> None:
    assert cost(price(*meters), usage, terms) == UNKNOWN


def test_no_price_is_unknown_and_not_zero() -> None:
    assert cost(None, pictures(SQUARE), {}) == UNKNOWN


def test_the_lines_say_what_the_amount_is_made_of() -> None:
    found = cost(OFFERS["bfl/flux-2-pro"].price, pictures(HD, references=(SQUARE,)), {})
    assert found.lines == (
        Line(Unit.OUTPUT_MEGAPIXEL, Decimal(2), Decimal("0.045")),
        Line(Unit.INPUT_MEGAPIXEL, Decimal(1), Decimal("0.015")),
    )
    assert sum(line.amount for line in found.lines) == found.amount


def test_terms_match_in_any_case() -> None:
    by_class = price(Meter(unit=Unit.IMAGE, amount=Decimal(1), when={"resolution": ("2k",)}))
    assert covers(by_class, {"resolution": "2K"})
    assert not covers(by_class, {"resolution": "4K"})
    assert not covers(None, {})
