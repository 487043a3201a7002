"""The price arithmetic, unit by unit. Published amounts are in tests/catalogue/test_price_vectors.py."""

from datetime import date
from decimal import Decimal

import pytest

from penstock.core.call import Size
from penstock.core.price import UNKNOWN, Line, Meter, Price, Unit, cost, covers, stated
from penstock.core.usage import Usage

SQUARE = Size(1024, 1024)
HD = Size(1920, 1080)


def price(*meters: Meter) -> Price:
    return Price(meters=meters, source="test", checked=date(2026, 11, 20))


def megapixels(amount: str, **more: object) -> Meter:
    return Meter(unit=Unit.OUTPUT_MEGAPIXEL, amount=Decimal(amount), **more)


def pictures(*outputs: Size, references: tuple[Size, ...] = (), steps: int | None = None) -> Usage:
    return Usage(outputs=outputs, references=references, steps=steps)


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
        pytest.param((megapixels("0.02"),), pictures(HD), "0.04", id="whole megapixels"),
        pytest.param((megapixels("0.02"),), pictures(Size(64, 64)), "0.02", id="at least one"),
        pytest.param(
            (megapixels("0.01", first=Decimal("0.03")),), pictures(HD, HD), "0.08", id="first of each picture"
        ),
        pytest.param((megapixels("0", first=Decimal("0.03")),), pictures(HD), "0.03", id="no further one is charged"),
        pytest.param(
            (megapixels("0.01", rounding="none", steps=28),), pictures(SQUARE, steps=14), "0.005", id="scaled by steps"
        ),
        pytest.param((Meter(unit=Unit.IMAGE, amount=Decimal("0.04")),), pictures(SQUARE, HD), "0.08", id="pictures"),
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
    further = Decimal("0.015")
    meters = (megapixels("0.015", first=Decimal("0.03")), Meter(unit=Unit.INPUT_MEGAPIXEL, amount=further))
    found = cost(price(*meters), pictures(HD, references=(SQUARE,)), {})
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
