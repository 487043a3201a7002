"""What a call will cost: exact where the size is known, a range or an estimate where it is not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from penstock.catalogue.capability import fit
from penstock.catalogue.load import load
from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall, Size
from penstock.core.picture import Picture
from penstock.core.price import Meter, Price, Unit
from penstock.core.target import ImageTokens, Limits, Offer
from penstock.metering.quote import Quote, image_tokens, quote, terms

OFFERS = {offer.id: offer for offer in load().all_offers}
PRO, SANDBOX, FLUX3 = "bfl/flux-2-pro", "sandbox/image", "bfl/flux-3-image"
GPT1, GPT2 = "openai/gpt-image-1", "openai/gpt-image-2"
REFERENCE = Picture("0" * 64, "image/png", 1024, 1024, 1000)


def image(**asked: Any) -> ImageCall:
    size = asked.pop("size", None)
    return ImageCall(model="m", prompt=asked.pop("prompt", "a gate!!"), size=size and Size.parse(size), **asked)


def body(**fields: object) -> Mapping[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


def dollars(found: Quote) -> tuple[str | None, str | None, bool]:
    low, high = (None if amount is None else str(amount.normalize()) for amount in (found.low, found.high))
    return low, high, found.exact


@pytest.mark.parametrize(
    ("call", "offer", "low", "high", "exact"),
    [
        pytest.param(image(size="1024x1024"), PRO, "0.03", "0.03", True, id="asked size"),
        pytest.param(image(size="1920x1080"), PRO, "0.045", "0.045", True, id="two megapixels"),
        pytest.param(image(), SANDBOX, "0.03", "0.03", True, id="default size"),
        pytest.param(image(n=3), SANDBOX, "0.09", "0.09", True, id="three pictures"),
        pytest.param(image(), PRO, "0.03", "0.075", False, id="the provider picks the size"),
        pytest.param(image(references=(REFERENCE,)), PRO, "0.045", "0.09", False, id="an edit follows its picture"),
        pytest.param(image(references=(REFERENCE,)), SANDBOX, "0.045", "0.09", False, id="even with a default size"),
        pytest.param(image(size="1024x1024", references=(REFERENCE,)), PRO, "0.045", "0.045", True, id="one reference"),
        pytest.param(
            image(size="1024x1024", references=(REFERENCE,), n=3), PRO, "0.135", "0.135", True, id="sent three times"
        ),
        pytest.param(
            image(size="1024x1024", references=(REFERENCE,), n=3),
            SANDBOX,
            "0.135",
            "0.135",
            True,
            id="by one call just as often",
        ),
        pytest.param(image(aspect_ratio="16:9"), PRO, "0.03", "0.03", True, id="ratio as pixels"),
        pytest.param(image(resolution="2K"), PRO, "0.075", "0.075", True, id="class as pixels"),
        pytest.param(image(), "bfl/flux-pro-1.1", "0.04", "0.04", True, id="by the piece"),
        pytest.param(image(n=2, size="1440x1440"), "bfl/flux-pro-1.1", "0.08", "0.08", True, id="whatever the size"),
        pytest.param(image(), FLUX3, "0.048", "0.048", True, id="default class"),
        pytest.param(image(resolution="2k"), FLUX3, "0.1", "0.1", True, id="asked class"),
        pytest.param(
            image(quality="medium", size="1024x1024"), GPT1, "0.04225", "0.04225", False, id="tokens of the table"
        ),
        pytest.param(
            image(quality="high", size="1024x1024", prompt=""), GPT2, "0.21072", "0.21072", False, id="tokens by area"
        ),
        pytest.param(
            image(size="1024x1024", prompt=""), GPT2, "0.05268", "0.21072", False, id="medium is assumed, high may come"
        ),
        pytest.param(image(prompt=""), GPT1, "0.04224", "0.2496", False, id="square is assumed, portrait may come"),
        pytest.param(
            image(quality="low", size="1024x1024", prompt="", n=2, stream=True, partial_images=2),
            GPT1,
            "0.02176",
            "0.03776",
            False,
            id="previews are tokens too",
        ),
        pytest.param(
            image(prompt="", references=(REFERENCE,)),
            "google/gemini-3-pro-image",
            "0.13552",
            "0.13552",
            False,
            id="a reference is tokens",
        ),
        pytest.param(
            image(quality="low", size="1024x1024", prompt="", references=(REFERENCE,)),
            GPT2,
            "0.00588",
            None,
            False,
            id="a reference of unknown tokens has no bound",
        ),
        pytest.param(image(prompt=""), "google/gemini-3-pro-image", "0.1344", "0.1344", False, id="tokens by class"),
        pytest.param(
            image(prompt="", resolution="4K"), "google/gemini-3-pro-image", "0.24", "0.24", False, id="tokens of 4K"
        ),
        pytest.param(image(prompt=""), "google/gemini-2.5-flash-image", "0.0387", "0.0387", False, id="any picture"),
    ],
)
def test_a_picture_is_quoted(call: ImageCall, offer: str, low: str, high: str | None, exact: bool) -> None:
    found = quote(fit(call, OFFERS[offer]), OFFERS[offer])
    assert dollars(found) == (low, high, exact)
    assert not found.unpriced
    assert sum(line.amount for line in found.lines) == found.low


MESSAGES = "x" * 3_998  # 4,000 bytes with its quotation marks: 1,000 tokens


@pytest.mark.parametrize(
    ("call", "offer", "low", "high"),
    [
        (ChatCall(model="m", body=body(messages=MESSAGES)), "sandbox/text", "0.001", None),
        (ChatCall(model="m", body=body(messages=MESSAGES, max_tokens=500)), "sandbox/text", "0.001", "0.002"),
        (
            ChatCall(model="m", body=body(messages=MESSAGES, max_tokens=9, max_completion_tokens=500)),
            "sandbox/text",
            "0.001",
            "0.002",
        ),
        (ChatCall(model="m", body=body(messages=MESSAGES, max_tokens=250, n=2)), "sandbox/text", "0.001", "0.002"),
        (
            ChatCall(model="m", body=body(messages=MESSAGES, tools=MESSAGES, max_tokens=None)),
            "sandbox/text",
            "0.002",
            None,
        ),
        (
            ChatCall(model="m", body=body(messages=MESSAGES, max_tokens=500), pictures={"0": REFERENCE}),
            "sandbox/text",
            "0.001",
            None,
        ),
        (
            ChatCall(model="m", body=body(messages=MESSAGES, max_tokens=500), modalities=("image", "text")),
            "sandbox/text",
            "0.001",
            None,
        ),
        (EmbeddingCall(model="m", body=body(input=MESSAGES)), "sandbox/embedding", "0.0001", "0.0001"),
        (
            ChatCall(model="m", body=body(messages="x" * 1_199_998, max_tokens=1000)),
            "openai/gpt-6.1-sol",
            "1.2",
            "1.215",
        ),
    ],
)
def test_text_is_estimated_and_never_exact(call: Call, offer: str, low: str, high: str | None) -> None:
    assert dollars(quote(call, OFFERS[offer])) == (low, high, False)


@pytest.mark.parametrize(
    ("call", "offer"),
    [
        (image(), "bfl/flux-2-pro-preview"),
        (image(resolution="1.5K"), FLUX3),
    ],
)
def test_what_has_no_price_is_unpriced_and_not_free(call: ImageCall, offer: str) -> None:
    assert quote(call, OFFERS[offer]) == Quote(low=None, high=None, exact=False, unpriced=True)


def made(*meters: Meter, **more: Any) -> Offer:
    price = Price(meters=meters, source="test", checked=date(2026, 11, 20))
    return Offer(model="m", provider="p", upstream="u", operations=frozenset(), price=price, **more)


STEPS = Meter(unit=Unit.OUTPUT_MEGAPIXEL, amount=Decimal("0.01"), rounding="none", steps=28)
MEGAPIXEL = Meter(unit=Unit.OUTPUT_MEGAPIXEL, amount=Decimal("0.01"))
SECOND = Meter(unit=Unit.SECOND, amount=Decimal("0.01"))


@pytest.mark.parametrize(
    ("offer", "call", "low", "high", "exact"),
    [
        pytest.param(
            made(STEPS, parameters=frozenset({"steps"})),
            image(size="1024x1024", options={"steps": 14}),
            "0.005",
            "0.005",
            True,
            id="asked steps",
        ),
        pytest.param(
            made(STEPS, defaults={"steps": "28"}),
            image(size="1024x1024", options={"steps": 14}),
            "0.01",
            "0.01",
            True,
            id="steps the offer does not take",
        ),
        pytest.param(made(STEPS), image(size="1024x1024"), None, None, False, id="steps nobody knows"),
        pytest.param(made(SECOND), image(size="1024x1024"), None, None, False, id="seconds nobody knows"),
        pytest.param(made(MEGAPIXEL), image(), "0.01", None, False, id="no bound"),
        pytest.param(
            made(MEGAPIXEL, limits=Limits(sizes=("1024x1024", "2048x2048"))), image(), "0.01", "0.04", False, id="sizes"
        ),
        pytest.param(
            made(MEGAPIXEL, limits=Limits(free_size=True, max_side=2048, min_pixels=1_100_000)),
            image(),
            "0.02",
            "0.04",
            False,
            id="bounds",
        ),
    ],
)
def test_what_a_price_hangs_on_decides_what_is_known(
    offer: Offer, call: ImageCall, low: str | None, high: str | None, exact: bool
) -> None:
    assert dollars(quote(call, offer)) == (low, high, exact)


@pytest.mark.parametrize(
    ("quality", "size", "tokens"),
    [
        ("high", "1024x1024", 7024),
        ("high", "1536x1024", 5488),
        ("high", "1024x1536", 5488),
        ("high", "3584x2048", 12329),
        ("high", "1792x1024", 5063),
        ("medium", "1024x1024", 1756),
        ("ultra", "1024x1024", None),
        ("high", "auto", None),
    ],
)
def test_the_area_rule_gives_the_published_counts(quality: str, size: str, tokens: int | None) -> None:
    rule = OFFERS[GPT2].image_tokens
    assert rule is not None
    assert image_tokens(rule, quality, size, "") == tokens


def test_the_table_is_asked_by_quality_and_size_then_by_class_then_at_all() -> None:
    rule = ImageTokens(table={"high:1x1": 1, "2K": 2, "*": 3})
    assert image_tokens(rule, "high", "1x1", "2K") == 1
    assert image_tokens(rule, "low", "1x1", "2K") == 2
    assert image_tokens(rule, "low", "1x1", "") == 3


@pytest.mark.parametrize(
    ("call", "offer", "expected"),
    [
        (image(), FLUX3, {"resolution": "1k"}),
        (
            image(resolution="2K", quality="HIGH", size="640x480"),
            FLUX3,
            {"resolution": "2k", "quality": "high", "size": "640x480"},
        ),
        (image(resolution="auto", quality="auto"), FLUX3, {"resolution": "1k"}),
        (image(), SANDBOX, {"size": "1024x1024"}),
        (ChatCall(model="m", body={}), "sandbox/text", {}),
    ],
)
def test_terms_are_what_was_asked_over_what_the_offer_does_by_default(
    call: Call, offer: str, expected: dict[str, str]
) -> None:
    assert terms(call, OFFERS[offer]) == expected


def test_steps_are_no_term_of_a_price() -> None:
    assert terms(image(), replace(OFFERS[PRO], defaults={"steps": "28"})) == {}
