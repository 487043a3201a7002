"""`POST /v1/quote/workload`: what many requests of one kind come to per request, day and month, at each offer.

The calculator's endpoint: requests are described by their numbers and never made. A single request is quoted by
`quotes`, and both come to the same digits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from penstock.api.answers import encode
from penstock.api.bodies import read_body
from penstock.api.quote_rows import Dollars, OfferFacts, cheapest, offer_facts, quote_lines, tidy
from penstock.catalogue.capability import refusal
from penstock.catalogue.schema import UnitRow
from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall, Size
from penstock.core.errors import BadRequest
from penstock.core.picture import Picture
from penstock.core.price import BINARY_MEGAPIXEL, Unit
from penstock.core.target import Exclusion, Model, Offer
from penstock.metering.prompt import BYTES_PER_TOKEN
from penstock.metering.workload import DAYS_PER_MONTH, Portion, Tokens, expense, text_quote
from penstock.pipeline.fields import image_call
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.quote import priced
from penstock.pipeline.request import Incoming, Reply
from penstock.pipeline.resolve import find_model

_SHARE_DECIMALS = 6
_MOST_REFERENCES = 16
_OF_PICTURES = ("images", "size", "aspect_ratio", "resolution", "quality", "references", "edits_share")
_OF_TEXT = ("cached_input_share", "output_tokens")
_PICTURES = ("image_generation", "image_edit")

Side = Annotated[int, Meta(ge=1, le=99_999)]


class PictureSize(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reference picture, in pixels."""

    width: Side
    height: Side


class SamePictures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reference pictures of one size."""

    count: Annotated[int, Meta(ge=0, le=_MOST_REFERENCES)]
    size: Annotated[str, Meta(description="Pixels such as `1024x768`.")] = "1024x1024"


class WorkloadRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Many requests of one kind. Shares are from 0 to 1, with six decimals at most."""

    model: Annotated[str, Meta(description="Slug or alias of a model.")]
    operation: Literal["chat", "image_generation", "image_edit", "embedding"]
    requests_per_day: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    cache_hit_share: Annotated[
        Decimal, Meta(description="The share of the requests that this gateway's cache answers; those cost nothing.")
    ] = Decimal(0)
    input_tokens: Annotated[
        Annotated[int, Meta(ge=0, le=200_000)], Meta(description="Of text, in each request; of pictures, the prompt's.")
    ] = 0
    cached_input_share: Annotated[
        Decimal, Meta(description="The share of the input that the provider has cached; whole tokens, rounded down.")
    ] = Decimal(0)
    output_tokens: Annotated[int, Meta(ge=0, le=16_000)] = 0
    images: Annotated[Annotated[int, Meta(ge=1, le=10)], Meta(description="Pictures made by each request.")] = 1
    size: Annotated[str | None, Meta(description="As of a request for pictures.")] = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    quality: str | None = None
    references: Annotated[list[PictureSize], Meta(max_length=_MOST_REFERENCES)] | SamePictures = []
    edits_share: Annotated[
        Decimal | None, Meta(description="The share of the requests that bring the references; all, where not said.")
    ] = None


class WorkloadOffer(OfferFacts, frozen=True, kw_only=True):
    """What a workload costs at one offer. The lines are those of the average request."""

    per_request_usd: Annotated[Decimal | None, Meta(description="On average, hits in the cache among them.")]
    per_day_usd: Dollars
    per_month_usd: Annotated[Decimal | None, Meta(description="Of 30.4375 days.")]
    formula: Annotated[str | None, Meta(description="The sum in one line.")]


class WorkloadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a workload costs at each offer of its model."""

    object: Literal["workload_quote"] = "workload_quote"
    operation: str
    model: Annotated[str, Meta(description="The model's slug.")]
    asked_model: Annotated[str, Meta(description="The name it was asked by.")]
    days_per_month: Decimal = DAYS_PER_MONTH
    offers: list[WorkloadOffer]
    cheapest: Annotated[str | None, Meta(description="Of the offers that are on and able: the one that costs least.")]


async def workload(gateway: Gateway, incoming: Incoming) -> Reply:
    """`POST /v1/quote/workload`."""
    given = await read_body(incoming, WorkloadRequest)
    return Reply(pieces=(encode(workload_answer(gateway, given)),))


def workload_answer(gateway: Gateway, given: WorkloadRequest) -> WorkloadAnswer:
    """What the workload costs at each offer of its model.

    Raises NotFound for a model nobody knows, and BadRequest for what contradicts itself.
    """
    model = find_model(given.model, gateway.catalogue)
    calls = calls_of(given, stand_ins(given))
    units = gateway.catalogue.units
    offers = [
        workload_offer(given, calls, offer, model, on=offer.provider in gateway.accounts, units=units)
        for offer in gateway.catalogue.offers(model.slug)
    ]
    return WorkloadAnswer(
        operation=given.operation,
        model=model.slug,
        asked_model=given.model,
        offers=offers,
        cheapest=cheapest((entry, entry.per_request_usd) for entry in offers),
    )


def workload_offer(
    given: WorkloadRequest,
    calls: Sequence[tuple[Decimal, Call]],
    offer: Offer,
    model: Model,
    *,
    on: bool,
    units: Mapping[Unit, UnitRow],
) -> WorkloadOffer:
    """The workload at one offer; `calls` are those of `calls_of`."""
    excluded = refused(calls, offer, model)
    if excluded is not None:
        nothing: dict[str, Any] = dict.fromkeys(("per_request_usd", "per_day_usd", "per_month_usd", "formula"))
        return WorkloadOffer(**offer_facts(offer, None, excluded, on=on), lines=[], **nothing)
    names = {unit: (row.name, row.plural) for unit, row in units.items()}
    found = expense(portions(given, calls, offer, model), given.requests_per_day, given.cache_hit_share, names)
    return WorkloadOffer(
        **offer_facts(offer, found.quote, None, on=on),
        lines=quote_lines(found.quote.lines, units),
        per_request_usd=tidy(found.per_request),
        per_day_usd=tidy(found.per_day),
        per_month_usd=tidy(found.per_month),
        formula=found.formula or None,
    )


def refused(calls: Sequence[tuple[Decimal, Call]], offer: Offer, model: Model) -> Exclusion | None:
    """Why the offer cannot carry out one of the kinds of call."""
    return next((reason for _, call in calls if (reason := refusal(call, offer, model))), None)


def portions(
    given: WorkloadRequest, calls: Sequence[tuple[Decimal, Call]], offer: Offer, model: Model
) -> list[Portion]:
    """What a call of each kind costs at an offer."""
    if given.operation in _PICTURES:
        return [Portion(share, priced(call, offer, model)) for share, call in calls]
    tokens = Tokens(input=given.input_tokens, cached_share=given.cached_input_share, output=given.output_tokens)
    return [Portion(share, text_quote(offer, tokens)) for share, _ in calls]


def calls_of(given: WorkloadRequest, references: Sequence[Picture]) -> list[tuple[Decimal, Call]]:
    """The kinds of call a workload is made of, each with its share. Raises BadRequest for what contradicts itself."""
    for name in ("cache_hit_share", "cached_input_share", "edits_share"):
        _check_share(name, getattr(given, name))
    _check_fields(given)
    if given.operation == "embedding":
        return [(Decimal(1), EmbeddingCall(model=given.model, body={}))]
    if given.operation == "chat":
        longest = {"max_completion_tokens": msgspec.Raw(str(given.output_tokens).encode())}
        return [(Decimal(1), ChatCall(model=given.model, body=longest if given.output_tokens else {}))]
    edits = given.edits_share if given.edits_share is not None else Decimal(bool(references))
    if not references and (edits or given.operation == "image_edit"):
        raise BadRequest("`references` is missing: an edit needs a picture to start from.", param="references")
    shares = ((Decimal(1) - edits, ()), (edits, tuple(references)))
    return [(share, _image_call(given, pictures)) for share, pictures in shares if share]


def stand_ins(given: WorkloadRequest) -> list[Picture]:
    """The reference pictures, of which only the size is known."""
    if isinstance(given.references, SamePictures):
        size = Size.parse(given.references.size)
        if size is None:
            raise BadRequest("A size is written like 1024x1024.", param="references.size")
        return [stand_in(size)] * given.references.count
    return [stand_in(Size(each.width, each.height)) for each in given.references]


def stand_in(size: Size) -> Picture:
    """A reference picture of this size: only its size is asked about."""
    return Picture("0" * 64, "image/png", size.width, size.height, min(size.pixels, BINARY_MEGAPIXEL))


def _image_call(given: WorkloadRequest, references: tuple[Picture, ...]) -> ImageCall:
    names = ("size", "aspect_ratio", "resolution", "quality")
    fields: dict[str, Any] = {name: getattr(given, name) for name in names}
    call = image_call({**fields, "model": given.model, "prompt": "a quote", "n": given.images}, references, None)
    return replace(call, prompt="x" * (BYTES_PER_TOKEN * given.input_tokens))


def _check_share(name: str, share: Decimal | None) -> None:
    if share is None:
        return
    exponent = share.as_tuple().exponent
    if not isinstance(exponent, int) or not 0 <= share <= 1 or exponent < -_SHARE_DECIMALS:
        raise BadRequest(f"`{name}` must be from 0 to 1, with at most {_SHARE_DECIMALS} decimals.", param=name)


def _check_fields(given: WorkloadRequest) -> None:
    """Raises BadRequest for a field that the operation has no use for."""
    useless = _OF_TEXT if given.operation in _PICTURES else _OF_PICTURES
    if given.operation == "embedding":
        useless = (*useless, *_OF_TEXT)
    defaults = WorkloadRequest(model=given.model, operation=given.operation)
    for name in useless:
        if getattr(given, name) != getattr(defaults, name):
            raise BadRequest(f"`{name}` has no meaning for {given.operation}; leave it out.", param=name)
