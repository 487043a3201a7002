"""The order of trust, and that a quote's bound holds for whatever is delivered."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.catalogue.load import load
from penstock.core.call import ImageCall, Size
from penstock.core.picture import Picture
from penstock.core.price import Meter, Price, Unit
from penstock.core.target import Limits, Offer
from penstock.core.usage import Usage
from penstock.metering.quote import quote, terms
from penstock.metering.settle import Charge, Source, charge

OFFERS = {offer.id: offer for offer in load().all_offers}
HD = Size(1920, 1080)
SQUARE = Size(1024, 1024)


@pytest.mark.parametrize(
    ("offer", "usage", "stated", "requested", "amount", "source", "computed"),
    [
        pytest.param("bfl/flux-2-pro", Usage(outputs=(HD,)), "0.04", (), "0.04", "stated", "0.045", id="stated first"),
        pytest.param("bfl/flux-2-pro", Usage(outputs=(HD,)), "0", (), "0", "stated", "0.045", id="stated as free"),
        pytest.param(
            "bfl/flux-2-pro-preview", Usage(outputs=(HD,)), "0.045", (), "0.045", "stated", None, id="unpriced"
        ),
        pytest.param(
            "openai/gpt-image-1",
            Usage(text_tokens_in=20, image_tokens_out=1056, outputs=(SQUARE,)),
            None,
            (),
            "0.04234",
            "usage",
            "0.04234",
            id="tokens counted by the provider",
        ),
        pytest.param("openai/gpt-image-1", Usage(outputs=(SQUARE,)), None, (), None, "none", None, id="no count"),
        pytest.param(
            "bfl/flux-2-pro", Usage(outputs=(HD,)), None, (SQUARE,), "0.045", "delivered", "0.045", id="delivered size"
        ),
        pytest.param(
            "bfl/flux-2-pro", Usage(references=(SQUARE,)), None, (HD,), "0.06", "requested", "0.06", id="asked size"
        ),
        pytest.param(
            "bfl/flux-pro-1.1", Usage(outputs=(SQUARE,) * 2), None, (), "0.08", "delivered", "0.08", id="by the piece"
        ),
        pytest.param("bfl/flux-2-pro", Usage(), None, (), "0", "delivered", "0", id="nothing delivered"),
        pytest.param("bfl/flux-2-pro-preview", Usage(outputs=(HD,)), None, (), None, "none", None, id="not known"),
        pytest.param("sandbox/text", Usage(text_tokens_in=1000), None, (), "0.001", "usage", "0.001", id="text"),
        pytest.param("sandbox/text", Usage(), None, (), None, "none", None, id="text nobody counted"),
    ],
)
def test_the_charge_is_the_most_trusted_figure_there_is(
    offer: str,
    usage: Usage,
    stated: str | None,
    requested: tuple[Size, ...],
    amount: str | None,
    source: Source,
    computed: str | None,
) -> None:
    def dollars(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    found = charge(OFFERS[offer], usage, {}, dollars(stated), requested)
    assert found == Charge(amount=dollars(amount), source=source, computed=dollars(computed))


def test_a_variant_is_charged_by_the_terms_of_the_call() -> None:
    offer = OFFERS["bfl/flux-3-image"]
    call = ImageCall(model="m", prompt="a gate", resolution="4K")
    assert charge(offer, Usage(outputs=(HD,)), terms(call, offer)).amount == Decimal("0.607")


amounts = st.decimals(min_value="0.0001", max_value="1", places=4)
megapixels = st.builds(
    Meter,
    unit=st.sampled_from([Unit.OUTPUT_MEGAPIXEL, Unit.INPUT_MEGAPIXEL]),
    amount=amounts,
    first=st.none() | amounts,
    rounding=st.sampled_from(["ceil", "none"]),
    pixels=st.sampled_from([2**20, 10**6]),
)
by_piece = st.builds(Meter, unit=st.sampled_from([Unit.IMAGE, Unit.REQUEST]), amount=amounts)
prices = st.lists(st.one_of(megapixels, by_piece), min_size=1, max_size=4)
sides = st.integers(min_value=64, max_value=2048)
sizes = st.builds(Size, sides, sides)


def offer_of(meters: list[Meter], per_call: int) -> Offer:
    return Offer(
        model="m",
        provider="p",
        upstream="u",
        operations=frozenset(),
        limits=Limits(free_size=True, min_side=64, max_side=2048, images_per_call=per_call),
        price=Price(meters=tuple(meters), source="test", checked=date(2026, 11, 20)),
    )


@settings(max_examples=150, deadline=None)
@given(
    meters=prices,
    asked=st.none() | sizes,
    made=sizes,
    n=st.integers(1, 10),
    missing=st.integers(0, 10),
    per_call=st.integers(1, 10),
    references=st.lists(sizes, max_size=4),
)
def test_what_is_charged_never_exceeds_the_quote(
    meters: list[Meter],
    asked: Size | None,
    made: Size,
    n: int,
    missing: int,
    per_call: int,
    references: list[Size],
) -> None:
    offer = offer_of(meters, per_call)
    pictures = tuple(Picture("0" * 64, "image/png", size.width, size.height, 1) for size in references)
    call = ImageCall(model="m", prompt="a gate", n=n, size=asked, references=pictures)
    found = quote(call, offer)
    delivered = (asked or made,) * max(0, n - missing)
    usage = Usage(outputs=delivered, references=tuple(references) * len(delivered))
    amount = charge(offer, usage, terms(call, offer)).amount
    assert amount is not None and found.high is not None and found.low is not None
    assert amount <= found.high
    if asked is not None and missing == 0:
        assert found.exact
        assert amount == found.high == found.low
