"""What the `provider` object means: whom it keeps away, what is too dear for it, and who comes after others."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest

from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall, Operation, Size
from penstock.core.picture import Picture
from penstock.core.price import Meter, Price, Unit
from penstock.core.target import Limits, Offer
from penstock.metering.quote import quote
from penstock.pipeline.prefer import behind, by_slug, named, too_dear, unwanted
from penstock.pipeline.request import ANY, Preferences
from tests.pipeline.lives import PICTURE, gateway, offer, provider

ONE = offer("one")
CALL = ImageCall(model="own/picture", prompt="p")
FIXED = Limits(free_size=True, seed=True)


def raw(**fields: Any) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


def chat(**fields: Any) -> ChatCall:
    body = raw(model="m", messages=[{"role": "user", "content": "hello"}], **fields)
    return ChatCall(model="m", body=body)


def why(of: Offer, wish: Preferences, call: Call = CALL, **facts: Any) -> str | None:
    """The reason against an offer, of a provider of which these facts are known."""
    excluded = unwanted(of, replace(provider(of.provider), **facts), wish, call, PICTURE)
    assert excluded is None or (excluded.offer, excluded.field) == (of, "provider")
    return excluded and excluded.reason


def of(**wish: Any) -> Preferences:
    return Preferences(**{name: frozenset(value) if isinstance(value, set) else value for name, value in wish.items()})


NAMED: list[tuple[Preferences, str | None]] = [
    (ANY, None),
    (of(only={"one"}), None),
    (of(only={"one/picture"}), None),
    (of(only={"one/other"}), "one is not among the providers asked for."),
    (of(only={"two", "three"}), "one is not among the providers asked for."),
    (of(ignore={"two"}), None),
    (of(ignore={"one/other"}), None),
    (of(ignore={"one"}), "one is to be ignored by this request."),
    (of(ignore={"one/picture"}), "one is to be ignored by this request."),
]


@pytest.mark.parametrize(("wish", "reason"), NAMED)
def test_a_name_means_a_provider_or_one_offer_of_it(wish: Preferences, reason: str | None) -> None:
    assert why(ONE, wish) == reason


PRIVATE: list[tuple[Preferences, dict[str, Any], str | None]] = [
    (of(no_collection=True), {"trains_on_prompts": False}, None),
    (of(no_collection=True), {"trains_on_prompts": True}, "one may learn from what it is sent."),
    (of(no_collection=True), {}, "It is not known whether one learns from what it is sent."),
    (of(zero_retention=True), {"zero_retention": True}, None),
    (of(zero_retention=True), {"zero_retention": False}, "one keeps what it is sent for a while."),
    (of(zero_retention=True), {}, "It is not known whether one keeps what it is sent."),
    (ANY, {"trains_on_prompts": True, "zero_retention": False}, None),
]


@pytest.mark.parametrize(("wish", "facts", "reason"), PRIVATE)
def test_what_is_not_known_of_a_provider_does_not_count_as_kept(
    wish: Preferences, facts: dict[str, Any], reason: str | None
) -> None:
    assert why(ONE, wish, **facts) == reason


NUMBERS: list[tuple[str, set[str], str | None]] = [
    ("fp8", {"fp8", "bf16"}, None),
    ("", {"fp8", "unknown"}, None),
    ("fp4", {"fp8", "bf16"}, "one runs own/picture in fp4; fp8 or bf16 was asked for."),
    ("", {"fp8"}, "It is not known in which numbers one runs own/picture; fp8 was asked for."),
]


@pytest.mark.parametrize(("quantization", "asked", "reason"), NUMBERS)
def test_a_quantization_must_be_one_of_those_asked_for(quantization: str, asked: set[str], reason: str | None) -> None:
    assert why(replace(ONE, quantization=quantization), of(quantizations=asked)) == reason


STRICT = of(require_parameters=True)
SAYS = "one does not take {}, and the request requires that all of it is taken."
PARAMETERS: dict[str, tuple[Call, frozenset[str], str | None]] = {
    "a plain picture": (CALL, frozenset(), None),
    "an option it takes": (replace(CALL, options={"steps": 4}), frozenset({"steps"}), None),
    "options it does not": (
        replace(CALL, options={"steps": 4, "safety": 1, "guidance": 2}),
        frozenset({"safety"}),
        SAYS.format("`steps`, `guidance`"),
    ),
    "previews": (replace(CALL, partial_images=2), frozenset(), SAYS.format("`partial_images`")),
    "a plain chat": (chat(stream=True, stream_options={}, user="u", metadata={}), frozenset({"top_p"}), None),
    "a chat with what it takes": (chat(top_p=1), frozenset({"top_p"}), None),
    "a chat with nothing": (chat(tools=None), frozenset({"top_p"}), None),
    "a chat with more": (chat(tools=[], seed=1), frozenset({"seed"}), SAYS.format("`tools`")),
    "a chat where nothing is listed": (chat(tools=[]), frozenset(), None),
    "vectors": (EmbeddingCall(model="m", body=raw(model="m", input="a")), frozenset({"dimensions"}), None),
    "vectors with more": (
        EmbeddingCall(model="m", body=raw(input="a", encoding_format="float")),
        frozenset({"dimensions"}),
        SAYS.format("`encoding_format`"),
    ),
}


@pytest.mark.parametrize(("call", "parameters", "reason"), PARAMETERS.values(), ids=PARAMETERS)
def test_every_parameter_must_be_taken_where_that_is_required(
    call: Call, parameters: frozenset[str], reason: str | None
) -> None:
    taking = replace(ONE, parameters=parameters)
    assert why(taking, STRICT, call) == reason
    assert why(taking, ANY, call) is None


PROVIDERS = (provider("one"), provider("two"))
CATALOGUE = gateway(ONE, offer("two", "big/picture"), providers=PROVIDERS, on=()).catalogue


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("one", "one"),
        ("ONE", "one"),
        ("Provider One", "one"),
        ("provider-two", "two"),
        ("one/picture", "one/picture"),
        ("Provider One/picture", "one/picture"),
        ("two/big/picture", "two/big/picture"),
        ("one/turbo", "one"),
        ("Provider One/us-east5", "one"),
        ("nobody", "nobody"),
        ("nobody/turbo", "nobody"),
    ],
)
def test_names_become_slugs_and_a_suffix_an_offer_where_there_is_one(name: str, ours: str) -> None:
    wish = by_slug(Preferences(order=(name,), only=frozenset({name}), ignore=frozenset({name})), CATALOGUE)
    assert (wish.order, wish.only, wish.ignore) == ((ours,), {ours}, {ours})


def test_options_are_those_of_a_provider() -> None:
    wish = by_slug(Preferences(options={"Provider One": {"a": 1}, "one/picture": {"b": 2}}), CATALOGUE)
    assert wish.options == {"one": {"a": 1}, "one/picture": {"b": 2}}


def test_where_nothing_is_wished_nothing_is_looked_up() -> None:
    assert by_slug(ANY, CATALOGUE) is ANY


@pytest.mark.parametrize(
    ("names", "place"),
    [((), None), (("two",), None), (("two", "one"), 1), (("one/picture", "one"), 0), (("one/other", "one"), 1)],
)
def test_an_offer_has_the_place_of_the_first_name_that_means_it(names: tuple[str, ...], place: int | None) -> None:
    assert named(ONE, names) == place


def priced(*meters: Meter, limits: Limits = FIXED, **facts: Any) -> Offer:
    price = Price(meters=meters, source="https://example.com", checked=date(2026, 1, 1))
    return replace(offer("one", limits=limits), price=price, operations=frozenset(Operation), **facts)


def meter(unit: Unit, amount: str, **facts: Any) -> Meter:
    return Meter(unit=unit, amount=Decimal(amount), **facts)


BY_PICTURE = priced(meter(Unit.IMAGE, "0.04"))
BY_MEGAPIXEL = priced(meter(Unit.OUTPUT_MEGAPIXEL, "0.015", first=Decimal("0.03")))
BY_TOKEN = priced(
    meter(Unit.TEXT_TOKEN_IN, "0.000004", above=1000),
    meter(Unit.TEXT_TOKEN_IN, "0.000002"),
    meter(Unit.TEXT_TOKEN_OUT, "0.00001"),
)
BY_REQUEST = priced(meter(Unit.REQUEST, "0.01"), meter(Unit.IMAGE, "0.02"))
BY_QUALITY = priced(
    meter(Unit.IMAGE, "0.02", when={"quality": ("low",)}),
    meter(Unit.IMAGE, "0.08", when={"quality": ("high",)}),
)
VECTORS = EmbeddingCall(model="m", body=raw(model="m", input="word " * 300))
SHOWN = ChatCall(model="m", body=chat().body, pictures={"a": Picture("a" * 64, "image/png", 64, 64, 100)})
UNKNOWN = "one cannot be held to the request's `max_price`: its price is not known."


def dear(amount: str, what: str, most: str) -> str:
    return f"one asks {amount} US dollars for {what}; the request allows {most}."


def picture(**fields: Any) -> ImageCall:
    return replace(CALL, **fields)


CAPS: dict[str, tuple[Offer, Call, dict[str, str], str | None]] = {
    "nothing capped": (BY_PICTURE, CALL, {}, None),
    "a picture that costs as much": (BY_PICTURE, CALL, {"image": "0.04"}, None),
    "a picture that costs more": (
        BY_PICTURE,
        CALL,
        {"image": "0.039"},
        dear("0.04", "one of these pictures", "0.039"),
    ),
    "several pictures are divided": (BY_PICTURE, picture(n=3), {"image": "0.04"}, None),
    "a large picture": (
        BY_MEGAPIXEL,
        picture(size=Size(2048, 2048)),
        {"image": "0.07"},
        dear("0.075", "one of these pictures", "0.07"),
    ),
    "a large picture by the megapixel": (
        BY_MEGAPIXEL,
        picture(size=Size(2048, 2048), n=2),
        {"megapixel": "0.01875"},
        None,
    ),
    "a megapixel that costs more": (
        BY_MEGAPIXEL,
        picture(size=Size(2048, 2048)),
        {"megapixel": "0.018"},
        dear("0.01875", "one megapixel of these pictures", "0.018"),
    ),
    "a class of sizes": (BY_PICTURE, picture(resolution="2K"), {"megapixel": "0.01"}, None),
    "the offer's own size": (
        replace(BY_PICTURE, defaults={"size": "2048x2048"}),
        CALL,
        {"megapixel": "0.01"},
        None,
    ),
    "no size known": (BY_PICTURE, CALL, {"megapixel": "0.04"}, None),
    "the quality asked for": (BY_QUALITY, picture(quality="low"), {"image": "0.02"}, None),
    "a dearer quality": (
        BY_QUALITY,
        picture(quality="high"),
        {"image": "0.02"},
        dear("0.08", "one of these pictures", "0.02"),
    ),
    "a quality without a price": (BY_QUALITY, CALL, {"image": "1"}, UNKNOWN),
    "a picture without a price": (ONE, CALL, {"image": "1"}, UNKNOWN),
    "tokens are not what pictures are paid by": (BY_PICTURE, CALL, {"prompt": "0", "completion": "0"}, None),
    "tokens of a picture's prompt": (
        BY_TOKEN,
        CALL,
        {"prompt": "3"},
        dear("4", "a million prompt tokens", "3"),
    ),
    "a chat": (BY_TOKEN, chat(), {"prompt": "2", "completion": "10"}, None),
    "a chat's prompt": (BY_TOKEN, chat(), {"prompt": "1.5"}, dear("2", "a million prompt tokens", "1.5")),
    "a chat's answer": (BY_TOKEN, chat(), {"completion": "9"}, dear("10", "a million completion tokens", "9")),
    "a long chat": (
        BY_TOKEN,
        chat(tools=["word " * 300]),
        {"prompt": "2"},
        dear("4", "a million prompt tokens", "2"),
    ),
    "a chat with a picture may be long": (
        BY_TOKEN,
        SHOWN,
        {"prompt": "2"},
        dear("4", "a million prompt tokens", "2"),
    ),
    "a chat has no pictures to pay": (BY_TOKEN, chat(), {"image": "0", "megapixel": "0"}, None),
    "a chat without a price": (ONE, chat(), {"completion": "100"}, UNKNOWN),
    "what is not charged costs nothing": (BY_TOKEN, chat(), {"request": "0"}, None),
    "a request": (BY_REQUEST, CALL, {"request": "0.001"}, dear("0.01", "each request", "0.001")),
    "vectors": (BY_TOKEN, VECTORS, {"prompt": "3"}, dear("4", "a million prompt tokens", "3")),
    "an amount with many digits": (
        priced(meter(Unit.IMAGE, "0.1")),
        picture(size=Size(1000, 1000)),
        {"megapixel": "0"},
        dear("0.104858", "one megapixel of these pictures", "0"),
    ),
}


@pytest.mark.parametrize(("of_", "call", "caps", "reason"), CAPS.values(), ids=CAPS)
def test_what_is_dearer_than_the_request_allows_is_out(
    of_: Offer, call: Call, caps: dict[str, str], reason: str | None
) -> None:
    wish = Preferences(max_price={name: Decimal(cap) for name, cap in caps.items()})
    excluded = too_dear(of_, quote(call, of_), wish, call)
    assert (excluded and excluded.reason) == reason
    assert excluded is None or (excluded.offer, excluded.field) == (of_, "provider")


Kind = Literal["seconds", "first", "rate"]
MEASURED = {
    ("seconds", 0.5): 8.0,
    ("seconds", 0.9): 12.0,
    ("first", 0.5): 0.4,
    ("first", 0.9): 0.9,
    ("rate", 0.5): 60.0,
    ("rate", 0.1): 40.0,
}
SPEEDS: list[tuple[Call, Preferences, bool]] = [
    (CALL, ANY, False),
    (CALL, of(max_latency={"p50": 8}), False),
    (CALL, of(max_latency={"p50": 7.9}), True),
    (CALL, of(max_latency={"p50": 8, "p90": 11}), True),
    (CALL, of(max_latency={"p99": 0.1}), False),
    (chat(), of(max_latency={"p50": 1, "p90": 1}), False),
    (chat(), of(max_latency={"p90": 0.5}), True),
    (VECTORS, of(max_latency={"p50": 1}), True),
    (CALL, of(min_throughput={"p50": 60}), False),
    (CALL, of(min_throughput={"p50": 61}), True),
    (CALL, of(min_throughput={"p90": 40}), False),
    (CALL, of(min_throughput={"p90": 41}), True),
    (CALL, of(min_throughput={"p75": 1000}), False),
    (CALL, of(min_throughput={"p50": 1}, max_latency={"p50": 1}), True),
]


@pytest.mark.parametrize(("call", "wish", "late"), SPEEDS)
def test_an_offer_is_behind_where_a_measured_percentile_misses_a_cutoff(
    call: Call, wish: Preferences, late: bool
) -> None:
    def quantile(kind: Kind, share: float) -> float | None:
        return MEASURED.get((kind, share))

    assert behind(wish, call, quantile) is late
    assert not behind(wish, call, lambda kind, share: None)
