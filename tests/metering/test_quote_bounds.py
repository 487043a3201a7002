"""A quote keeps its word: an exact one is charged to the digit, and nothing that was asked for costs more than `high`.

For every offer of the shipped catalogue that makes pictures, and for chats and vectors at any offer.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from penstock.catalogue.capability import fit, refusal
from penstock.catalogue.load import load
from penstock.core.call import ChatCall, EmbeddingCall, ImageCall, Operation, Size
from penstock.core.picture import Picture
from penstock.core.price import Unit
from penstock.core.target import Limits, Offer
from penstock.core.usage import Usage
from penstock.metering.quote import Quote, image_tokens, quote, terms
from penstock.metering.settle import charge

CATALOGUE = load()
PICTURES = [offer for offer in CATALOGUE.all_offers if offer.operations & {"image_generation", "image_edit"}]
CHATS = [offer for offer in CATALOGUE.all_offers if Operation.CHAT in offer.operations]
VECTORS = [offer for offer in CATALOGUE.all_offers if Operation.EMBEDDING in offer.operations]
RESOLUTIONS = ("512", "768", "1K", "1.5K", "2K", "4K")
TRIES = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])

Draw = Callable[[st.SearchStrategy[Any]], Any]


def sides(limits: Limits) -> st.SearchStrategy[int]:
    least, most = limits.min_side or 64, min(limits.max_side or 4096, 4096)
    return st.integers(-(-least // limits.multiple), most // limits.multiple).map(lambda n: n * limits.multiple)


@st.composite
def picture_calls(draw: Draw, offer: Offer) -> ImageCall:
    """A call that the offer can carry out."""
    limits = offer.limits
    fixed = [size for text in limits.sizes if (size := Size.parse(text))]
    sizes: list[st.SearchStrategy[Size | None]] = [st.none()]
    sizes += [st.sampled_from(fixed)] if fixed else []
    sizes += [st.builds(Size, sides(limits), sides(limits))] if limits.free_size else []
    references = st.builds(
        lambda width, height: Picture("0" * 64, "image/png", width, height, 1000),
        st.integers(limits.min_reference_side or 64, 4096),
        st.integers(limits.min_reference_side or 64, 4096),
    )
    size = draw(st.one_of(sizes))
    call = ImageCall(
        model=offer.model,
        prompt=draw(st.text(max_size=40)),
        n=draw(st.integers(1, limits.max_n)),
        size=size,
        resolution=draw(st.none() | st.sampled_from(RESOLUTIONS)) if size is None else None,
        quality=draw(st.none() | st.sampled_from(limits.qualities)) if limits.qualities else None,
        references=tuple(
            draw(st.lists(references, min_size=limits.min_references, max_size=min(limits.max_references, 4)))
        ),
        options=draw(st.just({}) | st.builds(lambda steps: {"steps": steps}, st.integers(1, 60))),
    )
    assume(refusal(call, offer, CATALOGUE.models[offer.model]) is None)
    return fit(call, offer)


def as_asked(call: ImageCall, offer: Offer) -> Usage:
    """Everything delivered: the size asked for or the default, and every reference read for every picture."""
    size = call.size or Size.parse(offer.defaults.get("size", "")) or Size(1000, 1000)
    steps = call.options.get("steps") if "steps" in offer.parameters else None
    usual = offer.defaults.get("steps", "")
    return Usage(
        outputs=(size,) * call.n,
        references=tuple(Size(picture.width, picture.height) for picture in call.references) * call.n,
        steps=steps or (int(usual) if usual.isdigit() else None),
    )


@pytest.mark.parametrize("offer", PICTURES, ids=lambda offer: offer.id)
@TRIES
@given(data=st.data())
def test_an_exact_quote_is_what_is_charged_and_less_is_never_dearer(offer: Offer, data: st.DataObject) -> None:
    call = data.draw(picture_calls(offer))
    found = quote(call, offer)
    assert in_order(found)
    usage = as_asked(call, offer)
    if found.exact:
        assert found.low == found.high == charge(offer, usage, terms(call, offer)).amount
    if found.high is not None:
        less = within(usage, call, offer, data, sized=found.exact)
        charged = charge(offer, less, terms(call, offer)).amount
        assert charged is None or charged <= found.high


def within(usage: Usage, call: ImageCall, offer: Offer, data: st.DataObject, *, sized: bool) -> Usage:
    """Fewer pictures, smaller ones, and no more tokens than their bounds."""
    made = data.draw(st.integers(0, call.n))
    whole = [size if call.size or sized else data.draw(any_size(offer, size)) for size in usage.outputs[:made]]
    shrunk = [Size(data.draw(st.integers(1, size.width)), size.height) for size in whole]
    seen = len(call.references) * call.n
    less = replace(usage, outputs=tuple(shrunk), references=usage.references[: data.draw(st.integers(0, seen))])
    if offer.price is None or not any("token" in unit for unit in offer.price.units):
        return less
    calls = -(-call.n // max(1, offer.limits.images_per_call))
    rule = offer.image_tokens
    assert rule is not None, "a bound on tokens needs a rule"
    text = data.draw(st.integers(0, calls * len(call.prompt.encode())))
    cached = data.draw(st.integers(0, text))
    how = terms(call, offer)
    one = image_tokens(
        rule, how.get("quality", "low"), str(call.size or "1024x1024"), how.get("resolution", "").upper()
    )
    return replace(
        less,
        text_tokens_in=text - cached,
        cached_text_tokens_in=cached,
        image_tokens_in=data.draw(st.integers(0, calls * len(call.references) * (rule.per_reference or 0))),
        text_tokens_out=data.draw(st.integers(0, calls * (offer.limits.max_output_tokens or 0))),
        image_tokens_out=made * (one or 0),
    )


def any_size(offer: Offer, usual: Size) -> st.SearchStrategy[Size]:
    """What a provider that picks the size may pick."""
    limits = offer.limits
    fixed = [size for text in limits.sizes if (size := Size.parse(text))]
    bound = min(bound for bound in (limits.max_pixels, (limits.max_side or 10**5) ** 2) if bound)
    if limits.free_size:
        return st.integers(1, bound).map(lambda pixels: Size(pixels, 1))
    return st.sampled_from(fixed or [usual])


words = st.text(max_size=60)
parts = st.lists(words.map(lambda text: {"type": "text", "text": text}), min_size=1, max_size=3)
messages = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content}, st.sampled_from(("system", "user")), words | parts
    ),
    min_size=1,
    max_size=4,
)


def raw(fields: dict[str, Any]) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


def text_bytes(message: dict[str, Any]) -> int:
    content = message["content"]
    texts = [content] if isinstance(content, str) else [part["text"] for part in content]
    return sum(len(text.encode()) for text in texts)


@settings(max_examples=200, deadline=None)
@given(
    offer=st.sampled_from(CHATS),
    said=messages,
    longest=st.none() | st.integers(1, 4000),
    n=st.integers(1, 3),
    data=st.data(),
)
def test_no_chat_costs_more_than_its_high_end(
    offer: Offer, said: list[dict[str, Any]], longest: int | None, n: int, data: st.DataObject
) -> None:
    fields = {"messages": said, "n": n, **({} if longest is None else {"max_tokens": longest})}
    call = ChatCall(model=offer.model, body=raw(fields))
    model = CATALOGUE.models[offer.model]
    assume(refusal(call, offer, model) is None)
    found = quote(call, offer, model)
    assert in_order(found) and not found.exact
    if found.high is None:
        return
    window = offer.limits.context_tokens or model.context_tokens or 10**9
    most = min(longest or window, offer.limits.max_output_tokens or window, window)
    read = data.draw(st.integers(0, min(window, sum(text_bytes(message) + 8 for message in said))))
    cached = data.draw(st.integers(0, read))
    usage = Usage(
        text_tokens_in=read - cached,
        cached_text_tokens_in=cached,
        text_tokens_out=sum(data.draw(st.integers(0, most)) for _ in range(n)),
    )
    charged = charge(offer, usage, terms(call, offer)).amount
    assert charged is not None and charged <= found.high


@settings(max_examples=100, deadline=None)
@given(offer=st.sampled_from(VECTORS), texts=words | st.lists(words, min_size=1), data=st.data())
def test_no_vector_costs_more_than_its_high_end(offer: Offer, texts: str | list[str], data: st.DataObject) -> None:
    call = EmbeddingCall(model=offer.model, body=raw({"input": texts}))
    found = quote(call, offer)
    assert in_order(found)
    several = [texts] if isinstance(texts, str) else texts
    read = data.draw(st.integers(0, sum(len(text.encode()) + 2 for text in several)))
    charged = charge(offer, Usage(text_tokens_in=read, text_tokens_out=0), terms(call, offer)).amount
    assert found.high is None or (charged is not None and charged <= found.high)


def in_order(found: Quote) -> bool:
    return found.low is None or found.high is None or Decimal(0) <= found.low <= found.high


def test_there_are_exact_offers_of_every_kind_to_try() -> None:
    units = {unit for offer in PICTURES if offer.price for unit in offer.price.units}
    assert {Unit.IMAGE, Unit.OUTPUT_MEGAPIXEL, Unit.INPUT_MEGAPIXEL} <= units
    assert len(PICTURES) > 10 and CHATS and VECTORS
