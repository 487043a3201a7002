"""Token counts and stated costs as OpenAI and its imitators report them, in our exclusive counts.

Three spellings are read: chat's (`prompt_tokens`), the Images API's (`input_tokens`), and OpenRouter's, which uses
chat's for pictures too. A count that cannot be read is not known; it never fails an answer that has been paid for.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from penstock.core.price import stated
from penstock.core.target import Provider
from penstock.core.usage import Usage

Count = int | float | None
"""OpenRouter has reported fractions of a token."""


class _Details(msgspec.Struct):
    text_tokens: Count = None
    image_tokens: Count = None
    cached_tokens: Count = None
    cached_tokens_details: "_Cached | None" = None
    reasoning_tokens: Count = None


class _Cached(msgspec.Struct):
    text_tokens: Count = None
    image_tokens: Count = None


class _Wire(msgspec.Struct):
    prompt_tokens: Count = None
    completion_tokens: Count = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    input_tokens: Count = None
    output_tokens: Count = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


_WIRE = msgspec.json.Decoder(_Wire)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_AMOUNT = msgspec.json.Decoder(Decimal)
_NOTHING = _Details()


def chat_usage(raw: msgspec.Raw | None) -> Usage:
    """The `usage` of a chat completion or embedding: output is text except what is said to be pictures."""
    return _usage(raw, pictures=False)


def image_usage(raw: msgspec.Raw | None) -> Usage:
    """The `usage` of an image answer: output is pictures except what is said to be text."""
    return _usage(raw, pictures=True)


def stated_cost(fields: Mapping[str, msgspec.Raw], path: str, provider: Provider) -> Decimal | None:
    """US dollars at `path` (`usage.cost`) of an answer, read from its digits; None where none are stated."""
    if not path or provider.cost_unit_usd is None:
        return None
    try:
        *heads, last = path.split(".")
        for name in heads:
            fields = _FIELDS.decode(fields[name])
        amount = _AMOUNT.decode(fields[last])
    except (KeyError, msgspec.DecodeError):
        return None
    return stated(amount, provider.cost_unit_usd) if amount.is_finite() and amount >= 0 else None


def _usage(raw: msgspec.Raw | None, *, pictures: bool) -> Usage:
    try:
        wire = _WIRE.decode(raw) if raw else _Wire()
    except msgspec.DecodeError:
        return Usage()
    tokens_in = _whole(wire.input_tokens if wire.prompt_tokens is None else wire.prompt_tokens)
    tokens_out = _whole(wire.output_tokens if wire.completion_tokens is None else wire.completion_tokens)
    if not tokens_in and not tokens_out:
        # LocalAI and others send zeros for what they do not count.
        return Usage()
    details_in = wire.prompt_tokens_details or wire.input_tokens_details or _NOTHING
    details_out = wire.completion_tokens_details or wire.output_tokens_details or _NOTHING
    text_in, cached_text, image_in, cached_image = _input(tokens_in, details_in)
    text_out, image_out = _output(tokens_out, details_out, pictures)
    return Usage(
        text_tokens_in=text_in,
        cached_text_tokens_in=cached_text,
        image_tokens_in=image_in,
        cached_image_tokens_in=cached_image,
        text_tokens_out=text_out,
        image_tokens_out=image_out,
        reasoning_tokens=_whole(details_out.reasoning_tokens),
    )


def _input(total: int | None, details: _Details) -> tuple[int | None, int | None, int | None, int | None]:
    """Fresh text, cached text, fresh image, cached image; where a split of the cached is not said, text comes first.

    `cached_tokens_details` of the Images API is UNVERIFIED.
    """
    image = _whole(details.image_tokens)
    if total is None:
        return None, None, image, None
    text = max(0, total - (image or 0))
    if details.cached_tokens_details is not None:
        cached_text = _whole(details.cached_tokens_details.text_tokens)
        cached_image = _whole(details.cached_tokens_details.image_tokens)
    else:
        cached = _whole(details.cached_tokens)
        cached_text = None if cached is None else min(cached, text)
        cached_image = min(cached - text, image) if cached is not None and image and cached > text else None
    return (
        max(0, text - (cached_text or 0)),
        cached_text,
        None if image is None else max(0, image - (cached_image or 0)),
        cached_image,
    )


def _output(total: int | None, details: _Details, pictures: bool) -> tuple[int | None, int | None]:
    """Text and image."""
    image = _whole(details.image_tokens)
    if total is None:
        return None, image
    if image is None and pictures:
        image = max(0, total - (_whole(details.text_tokens) or 0))
    return max(0, total - (image or 0)), image


def _whole(count: Count) -> int | None:
    return None if count is None or count < 0 else round(count)
