"""`POST /v1/quote`: what a request would cost at each offer of its model, and which of them can carry it out.

The body is that of the request itself and is read by the endpoint it is for, so that quote and call cannot disagree.
Nothing is called, reserved or recorded.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from penstock.api import documents
from penstock.api.quote_rows import OfferQuote, cheapest, offer_quote
from penstock.api.unsent import read_request, told
from penstock.core.call import Operation
from penstock.pipeline.direct import direct
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.imagine import as_asked
from penstock.pipeline.prefer import too_dear
from penstock.pipeline.quote import priced
from penstock.pipeline.request import Incoming, Reply
from penstock.pipeline.resolve import judged


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
    models: documents.Models = UNSET
    preset: documents.Preset = UNSET
    provider: documents.ProviderChoice | UnsetType = UNSET


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
    return await told(_answer(gateway, incoming), gateway, incoming)


async def _answer(gateway: Gateway, incoming: Incoming) -> QuoteAnswer:
    life, read = await read_request(gateway, incoming)
    model, call = await as_asked(life, read, gateway)
    direct(life, model, gateway)
    offers = []
    for offer, excluded in judged(gateway.catalogue.offers(model.slug), life, call, model, gateway):
        found = None if excluded else priced(call, offer, model)
        if found is not None and (excluded := too_dear(offer, found, life.preferences, call)):
            found = None
        on, units = offer.provider in gateway.accounts, gateway.catalogue.units
        offers.append(offer_quote(offer, found, excluded, on=on, units=units))
    return QuoteAnswer(
        operation=call.operation,
        model=model.slug,
        asked_model=life.asked_model or model.slug,
        offers=offers,
        cheapest=cheapest((entry, entry.low_usd) for entry in offers),
    )
