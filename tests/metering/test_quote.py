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
from penstock.core.target import ImageTokens, Limits, Model, Offer
from penstock.metering.quote import Quote, image_tokens, quote, terms

OFFERS = {offer.id: offer for offer in load().all_offers}
PRO, SANDBOX, FLUX3, EMBEDDING = "bfl/flux-2-pro", "sandbox/image", "bfl/flux-3-image", "sandbox/embedding"
GPT1, GPT2, GEMINI = "openai/gpt-image-1", "openai/gpt-image-2", "google/gemini-3-pro-image"
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
            image(quality="medium", size="1024x1024"), GPT1, "0.04225", "0.04244", False, id="tokens of the table"
        ),
        pytest.param(
            image(quality="high", size="1024x1024", prompt=""), GPT2, "0.21072", "0.21088", False, id="tokens by area"
        ),
        pytest.param(
            image(size="1024x1024", prompt=""), GPT2, "0.05268", "0.21088", False, id="medium is assumed, high may come"
        ),
        pytest.param(image(prompt=""), GPT1, "0.04224", "0.24976", False, id="square is assumed, portrait may come"),
        pytest.param(
            image(quality="low", prompt=""), GPT2, "0.00588", "0.01993", False, id="the largest square may come"
        ),
        pytest.param(
            image(quality="low", size="1024x1024", prompt="", n=2, stream=True, partial_images=2),
            GPT1,
            "0.02176",
            "0.03792",
            False,
            id="previews are tokens too",
        ),
        pytest.param(
            image(prompt="", references=(REFERENCE,)),
            GEMINI,
            "0.13552",
            "0.5288",
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
        # 32,768 tokens of thoughts may be charged as text.
        pytest.param(image(prompt=""), GEMINI, "0.1344", "0.52768", False, id="thoughts are bounded"),
        pytest.param(image(prompt="", resolution="4K"), GEMINI, "0.24", "0.63328", False, id="tokens of 4K"),
        pytest.param(image(prompt=""), "google/gemini-2.5-flash-image", "0.0387", "0.1206296", False, id="any picture"),
    ],
)
def test_a_picture_is_quoted(call: ImageCall, offer: str, low: str, high: str | None, exact: bool) -> None:
    found = quote(fit(call, OFFERS[offer]), OFFERS[offer])
    assert dollars(found) == (low, high, exact)
    assert not found.unpriced
    assert sum(line.amount for line in found.lines) == found.low


MESSAGES = "x" * 3_998  # 4,000 bytes with its quotation marks: 1,000 tokens


def chat(pictures: int = 0, modalities: tuple[str, ...] | None = None, **fields: object) -> ChatCall:
    sent = {str(number): REFERENCE for number in range(pictures)}
    return ChatCall(model="m", body=body(**fields), pictures=sent, modalities=modalities)


def parts(*kinds: str) -> list[object]:
    content = [{"type": kind, kind: "x" if kind == "text" else {"url": "https://a/b.png"}} for kind in kinds]
    return [{"role": "user", "content": content}]


TEXT, SOL, MINI = "sandbox/text", "openai/gpt-6.1-sol", "openai/gpt-4o-mini"


@pytest.mark.parametrize(
    ("call", "offer", "low", "high"),
    [
        pytest.param(chat(messages=MESSAGES), TEXT, "0.001", None, id="nothing bounds the answer"),
        pytest.param(chat(messages=MESSAGES, max_tokens=500), TEXT, "0.001", "0.005019", id="a token a byte"),
        pytest.param(
            chat(messages=MESSAGES, max_tokens=9, max_completion_tokens=500), TEXT, "0.001", "0.00502", id="the larger"
        ),
        pytest.param(chat(messages=MESSAGES, max_tokens=250, n=2), TEXT, "0.001", "0.00502", id="two answers"),
        pytest.param(chat(messages=MESSAGES, max_tokens=0), TEXT, "0.001", None, id="no bound that is one"),
        pytest.param(
            chat(messages=MESSAGES, tools=MESSAGES, max_tokens=500), TEXT, "0.002", "0.010043", id="tools are prompt"
        ),
        pytest.param(
            chat(messages=MESSAGES, response_format=MESSAGES, max_tokens=500),
            TEXT,
            "0.002",
            "0.009019",
            id="a schema is prompt",
        ),
        pytest.param(
            chat(messages=MESSAGES, unheard_of=MESSAGES, max_tokens=500),
            TEXT,
            "0.001",
            "0.009019",
            id="what is not known",
        ),
        pytest.param(chat(messages=parts("text"), max_tokens=500), TEXT, "0.000014", "0.001091", id="a part of text"),
        pytest.param(chat(1, messages=MESSAGES, max_tokens=500), TEXT, "0.001", None, id="a stored picture"),
        pytest.param(chat(messages=parts("image_url"), max_tokens=500), TEXT, "0.000022", None, id="a short picture"),
        pytest.param(chat(messages=parts("input_audio"), max_tokens=500), TEXT, "0.000023", None, id="sound"),
        pytest.param(
            chat(messages=[{"role": "assistant", "images": [{}]}], max_tokens=9),
            TEXT,
            "0.000009",
            None,
            id="an answer's",
        ),
        pytest.param(
            chat(messages=MESSAGES, max_tokens=500, modalities=("image", "text")),
            TEXT,
            "0.001",
            None,
            id="pictures out",
        ),
        pytest.param(
            EmbeddingCall(model="m", body=body(input=MESSAGES)), EMBEDDING, "0.0001", "0.0004016", id="vectors"
        ),
        pytest.param(
            chat(messages="x" * 1_199_998, max_tokens=1000),
            SOL,
            "1.2",
            "3.703",
            id="a long input and no more than fits",
        ),
        pytest.param(chat(messages=MESSAGES), MINI, "0.00015", "0.0104328", id="the offer bounds the answer"),
        pytest.param(
            chat(messages=MESSAGES, max_tokens=500), MINI, "0.00015", "0.00090285", id="the caller bounds it further"
        ),
    ],
)
def test_text_is_estimated_and_never_exact(call: Call, offer: str, low: str, high: str | None) -> None:
    assert dollars(quote(call, OFFERS[offer])) == (low, high, False)


def test_a_window_bounds_what_the_offer_does_not() -> None:
    model = Model(slug="m", name="M", maker="M", context_tokens=2000)
    found = quote(chat(messages=MESSAGES), OFFERS[TEXT], model)
    assert dollars(found) == ("0.001", "0.006", False)  # 2,000 tokens in at $1, 2,000 out at $2 a million


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
PICTURE_TOKEN = Meter(unit=Unit.IMAGE_TOKEN_OUT, amount=Decimal("0.0001"))
WORD = Meter(unit=Unit.TEXT_TOKEN_OUT, amount=Decimal("0.00001"))


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
        pytest.param(
            made(
                PICTURE_TOKEN, WORD, image_tokens=ImageTokens(table={"*": 100}), limits=Limits(max_output_tokens=1000)
            ),
            image(n=2),
            "0.02",
            "0.04",
            False,
            id="thoughts up to the longest answer of each call",
        ),
        pytest.param(
            made(PICTURE_TOKEN, image_tokens=ImageTokens(area={"medium": 48}), limits=Limits(free_size=True)),
            image(),
            "0.1756",
            None,
            False,
            id="by area without a largest size",
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
