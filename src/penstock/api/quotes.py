"""`POST /v1/quote`: what a request would cost at each offer of its model, and which of them can carry it out.

The body is that of the request itself and is read by the endpoint it is for, so that quote and call cannot disagree.
Nothing is called, reserved or recorded.
"""

import asyncio
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from penstock.api import documents
from penstock.api.answers import encode
from penstock.api.openai import ChatCompletions, Embeddings, ImageEdits, ImageGenerations, OpenAISurface
from penstock.api.openrouter import OpenRouterImages
from penstock.api.quote_rows import OfferQuote, cheapest, offer_quote
from penstock.core.call import Call, Operation
from penstock.core.errors import BadRequest, DeadlineExceeded
from penstock.pipeline.fields import value_of
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.imagine import as_asked
from penstock.pipeline.ingress import Fields, Form, read_form, read_json
from penstock.pipeline.quote import priced
from penstock.pipeline.request import Incoming, Life, Reply
from penstock.pipeline.resolve import judged
from penstock.pipeline.retention import keep_for_a_while

_SIGNS = {
    "messages": Operation.CHAT,
    "input": Operation.EMBEDDING,
    "images": Operation.IMAGE_EDIT,
    "image": Operation.IMAGE_EDIT,
    "input_references": Operation.IMAGE_EDIT,
    "prompt": Operation.IMAGE_GENERATION,
}
"""Fields by which a body is known; the first that is there decides."""
_PICTURES = ("images", "image", "input_references")
_CONTRARY = (("messages", "input"), ("messages", "prompt"), ("input", "prompt"))


class QuoteRequest(msgspec.Struct, kw_only=True):
    """A request as its endpoint takes it, with any of its fields, and which kind it is."""

    model: Annotated[str, Meta(description="Slug or alias of a model.")]
    operation: Annotated[
        Operation | UnsetType, Meta(description="May be left out where the other fields make it plain.")
    ] = UNSET
    messages: Annotated[list[documents.Message] | UnsetType, Meta(description="Of a chat.")] = UNSET
    max_completion_tokens: Annotated[
        int | UnsetType, Meta(description="Of a chat: bounds what its answer may cost.")
    ] = UNSET
    input: Annotated[str | list[str] | UnsetType, Meta(description="Of a request for vectors.")] = UNSET
    prompt: Annotated[str | UnsetType, Meta(description="Of a request for pictures.")] = UNSET
    n: Annotated[int | UnsetType, Meta(description="How many pictures; 1 by default.")] = UNSET
    size: Annotated[str | UnsetType, Meta(description="Pixels such as `1024x768`, or a size class.")] = UNSET
    quality: str | UnsetType = UNSET
    images: Annotated[
        list[documents.EditedPicture] | UnsetType, Meta(description="Of an edit: their real sizes are measured.")
    ] = UNSET
    input_references: Annotated[
        list[documents.Reference] | UnsetType, Meta(description="The same as OpenRouter's dialect writes it.")
    ] = UNSET


class QuoteForm(documents.ImageEditForm, kw_only=True):
    """An edit as a form with files."""

    operation: Literal["image_edit"] | UnsetType = UNSET


class QuoteAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a request costs at each offer of its model."""

    object: Literal["quote"] = "quote"
    operation: Annotated[Operation, Meta(description="What the request asks for; a chat may ask for a picture.")]
    model: Annotated[str, Meta(description="The model's slug.")]
    asked_model: Annotated[str, Meta(description="The name it was asked by.")]
    offers: list[OfferQuote]
    cheapest: Annotated[
        str | None, Meta(description="Of the offers that are on and able: the one with the lowest `low_usd`.")
    ]


async def quote(gateway: Gateway, incoming: Incoming) -> Reply:
    """`POST /v1/quote`. Raises what the endpoint of the request would raise for the same body."""
    seconds = gateway.settings.server.request_timeout_seconds
    try:
        async with asyncio.timeout(seconds):
            answer = await _answer(gateway, incoming)
    except TimeoutError as error:
        raise DeadlineExceeded(f"The request did not finish within {seconds:g} seconds.") from error
    finally:
        await keep_for_a_while(incoming.pictures.values(), gateway)
    return Reply(pieces=(encode(answer),))


async def _answer(gateway: Gateway, incoming: Incoming) -> QuoteAnswer:
    life, read = await _read(gateway, incoming)
    model, call = await as_asked(life, read, gateway)
    offers = [
        offer_quote(
            offer,
            None if excluded else priced(call, offer, model),
            excluded,
            on=offer.provider in gateway.accounts,
            units=gateway.catalogue.units,
        )
        for offer, excluded in judged(gateway.catalogue.offers(model.slug), life, call, model, gateway)
    ]
    return QuoteAnswer(
        operation=call.operation,
        model=model.slug,
        asked_model=life.asked_model or model.slug,
        offers=offers,
        cheapest=cheapest((entry, entry.low_usd) for entry in offers),
    )


async def _read(gateway: Gateway, incoming: Incoming) -> tuple[Life, Call]:
    """The call that the body is, read by the endpoint it is for."""
    principal = incoming.principal
    assert principal is not None, "no route of this handler is public"
    if incoming.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        edits = ImageEdits(gateway)
        life = Life(incoming=incoming, surface=edits, principal=principal)
        return life, edits.from_form(life, _edit(await read_form(incoming, gateway)))
    fields, _ = await read_json(incoming, gateway)
    named = _named(fields.pop("operation", None))
    surface = _surface(fields, named or _known_by(fields))(gateway)
    life = Life(incoming=incoming, surface=surface, principal=principal)
    call = await surface.from_json(life, fields, gateway)
    if named is not None and call.operation is not named:
        raise BadRequest(
            f"`operation` says {named}, and the body is one for {call.operation}: say that, or leave it out.",
            param="operation",
        )
    return life, call


def _named(raw: msgspec.Raw | None) -> Operation | None:
    value = None if raw is None else value_of(raw, "operation")
    return None if value is None else _operation(value)


def _operation(value: object) -> Operation:
    if not isinstance(value, str) or value not in set(Operation):
        raise BadRequest(f"`operation` must be one of {', '.join(Operation)}.", param="operation")
    return Operation(value)


def _edit(form: Form) -> Form:
    """The form without `operation`, which can only be an edit's."""
    named = form.fields.pop("operation", "")
    if named and _operation(named) is not Operation.IMAGE_EDIT:
        raise BadRequest(f"A form is a request for image_edit; {named} takes JSON.", param="operation")
    return form


def _known_by(fields: Fields) -> Operation:
    given = [name for name in _SIGNS if name in fields and not (name in _PICTURES and _empty(fields[name]))]
    if not given or any(first in given and second in given for first, second in _CONTRARY):
        raise BadRequest(
            f"It is not plain what the body asks for; say so in `operation`: {', '.join(Operation)}.",
            param="operation",
            code="missing_required_parameter",
        )
    return _SIGNS[given[0]]


def _surface(fields: Fields, operation: Operation) -> type[OpenAISurface]:
    """The endpoint a body is for."""
    if operation is Operation.CHAT:
        return ChatCompletions
    if operation is Operation.EMBEDDING:
        return Embeddings
    if "input_references" in fields:
        return OpenRouterImages
    brings = any(name in fields and not _empty(fields[name]) for name in ("images", "image"))
    return ImageEdits if brings or operation is Operation.IMAGE_EDIT else ImageGenerations


def _empty(value: msgspec.Raw) -> bool:
    return bytes(value) in (b"null", b"[]", b'""')
