"""OpenRouter's lists under /api/v1: models, one model, its endpoints, and the image models with what they take.

Shapes follow OpenRouter's API reference, so that its clients parse them. Where that has no place for "not known" the
field says what stands for it; what this gateway knows beyond it stands beside it under names of our own.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

import msgspec

from penstock.api.answers import encode
from penstock.api.capabilities import Capabilities, Capability, capabilities, makes_pictures, streams_previews, union
from penstock.api.models import Served, created, find_served, served
from penstock.api.price_lines import NO_TOKEN_PRICE, PriceLine, PublicPricing, price_lines, public_pricing
from penstock.core.call import Operation
from penstock.core.errors import BadRequest, NotFound
from penstock.core.target import Offer
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.upstream.results import Kind, Window

_HUGGING_FACE = "https://huggingface.co/"
_MOST = 1000
_MINUTES_5, _MINUTES_30, _DAY = 300.0, 1800.0, 86_400.0
_SORTS = ("newest", "pricing-low-to-high", "pricing-high-to-low", "context-high-to-low")


class ModelQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the list of models can be narrowed by."""

    output_modalities: Annotated[
        str, msgspec.Meta(description="Any of these, separated by commas: text, image, embeddings; or `all`.")
    ] = "text"
    input_modalities: Annotated[
        str | None, msgspec.Meta(description="All of these, separated by commas: text, image, audio, file.")
    ] = None
    supported_parameters: Annotated[
        str | None, msgspec.Meta(description="All of these request parameters, separated by commas.")
    ] = None
    q: Annotated[str | None, msgspec.Meta(description="Part of a name, slug or alias, in any case of letters.")] = None
    providers: Annotated[str | None, msgspec.Meta(description="Any of these provider slugs.")] = None
    model_authors: Annotated[str | None, msgspec.Meta(description="Any of these makers, as in the slug.")] = None
    sort: Annotated[
        str | None,
        msgspec.Meta(
            description="newest, pricing-low-to-high, pricing-high-to-low or context-high-to-low. By price, models "
            "priced per token come first, then those priced per picture, then those without a price."
        ),
    ] = None
    offset: Annotated[int, msgspec.Meta(ge=0, description="Models to leave out at the beginning.")] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=_MOST, description="Most models to answer with.")] = _MOST


class Architecture(msgspec.Struct, frozen=True, kw_only=True):
    """What goes in and what comes out."""

    modality: Annotated[str, msgspec.Meta(description="Both in one, such as `text+image->image`.")]
    input_modalities: tuple[str, ...]
    output_modalities: tuple[str, ...]
    tokenizer: Annotated[str, msgspec.Meta(description="`Media` for models that make pictures only, else `Other`.")]
    instruct_type: None = None


class TopProvider(msgspec.Struct, frozen=True, kw_only=True):
    """The offer asked first."""

    context_length: int | None
    max_completion_tokens: int | None
    is_moderated: Annotated[
        bool, msgspec.Meta(description="Always false, which here means: not known. Most image providers moderate.")
    ] = False


class ModelLinks(msgspec.Struct, frozen=True, kw_only=True):
    """Where there is more."""

    details: str


class RouterModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model, its prices by the offer asked first."""

    id: str
    canonical_slug: str
    name: str
    created: Annotated[int, msgspec.Meta(description="Unix seconds, as in `/v1/models`.")]
    description: str
    context_length: int | None
    architecture: Architecture
    pricing: PublicPricing
    price_lines: Annotated[
        list[PriceLine] | None, msgspec.Meta(description="The whole price, line by line; null where unpriced.")
    ]
    top_provider: TopProvider
    per_request_limits: None = None
    supported_parameters: Annotated[
        list[str], msgspec.Meta(description="Request parameters any offer is known to take.")
    ]
    default_parameters: None = None
    supported_voices: None = None
    hugging_face_id: str | None
    knowledge_cutoff: None = None
    expiration_date: date | None
    aliases: tuple[str, ...]
    links: ModelLinks


class PageLinks(msgspec.Struct, frozen=True, kw_only=True):
    """The neighbouring pages."""

    next: Annotated[str | None, msgspec.Meta(description="Path of the next page; null on the last.")]


class RouterModelList(msgspec.Struct, frozen=True, kw_only=True):
    """Models that match the query."""

    data: list[RouterModel]
    total_count: int
    links: PageLinks


class RouterModelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One model."""

    data: RouterModel


class ToolChoiceSupport(msgspec.Struct, frozen=True, kw_only=True):
    """Which values of `tool_choice` passed a test; this gateway tests none."""

    auto: bool = False
    function: bool = False
    none: bool = False
    required: bool = False


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """What 50, 75, 90 and 99 of a hundred successful calls did not exceed, within 5%."""

    p50: float
    p75: float
    p90: float
    p99: float


Uptime = Annotated[
    float | None,
    msgspec.Meta(
        description="Percent of the calls this gateway made there that succeeded; rate limits and callers' own faults "
        "are left out. Null where it made none."
    ),
]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An offer of a model. What is not measured is null."""

    name: str
    model_id: str
    model_name: str
    provider_name: str
    tag: Annotated[str, msgspec.Meta(description="The provider's slug, to be sent in `provider.only` and the like.")]
    upstream: Annotated[str, msgspec.Meta(description="What the provider calls the model.")]
    operations: list[Operation]
    context_length: Annotated[
        int, msgspec.Meta(description="Tokens; 0 where not known, for the contract has no null here.")
    ]
    max_completion_tokens: int | None
    max_prompt_tokens: int | None = None
    pricing: PublicPricing
    price_lines: list[PriceLine] | None
    price_source: str | None
    price_checked: date | None
    price_unverified: bool | None
    quantization: None = None
    service_tier: None = None
    status: None = None
    supported_parameters: list[str]
    supports_implicit_caching: bool = False
    supports_diarization: bool = False
    supports_tool_choice: ToolChoiceSupport = ToolChoiceSupport()
    native_tools: dict[str, None] = {}
    uptime_last_5m: Uptime
    uptime_last_30m: Uptime
    uptime_last_1d: Uptime
    latency_last_30m: Annotated[
        Percentiles | None,
        msgspec.Meta(
            description="Milliseconds to the first byte of a chat, where any was streamed; else to the result. "
            "Null where none was measured."
        ),
    ]
    throughput_last_30m: Annotated[
        Percentiles | None,
        msgspec.Meta(description="Tokens, or megapixels of 2^20 pixels, a second. Null where none was measured."),
    ]


class ModelEndpoints(msgspec.Struct, frozen=True, kw_only=True):
    """A model and its offers."""

    id: str
    name: str
    created: int
    description: str
    architecture: Architecture
    endpoints: list[Endpoint]


class ModelEndpointsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A model and who serves it."""

    data: ModelEndpoints


class ImageArchitecture(msgspec.Struct, frozen=True, kw_only=True):
    """What goes in and what comes out."""

    input_modalities: tuple[str, ...]
    output_modalities: tuple[str, ...]


class ImageModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that makes pictures."""

    id: str
    name: str
    description: str
    created: int
    architecture: ImageArchitecture
    supported_parameters: Annotated[
        dict[str, Capability], msgspec.Meta(description="What any offer takes; one offer need not take all of it.")
    ]
    supports_streaming: Annotated[bool, msgspec.Meta(description="Whether any provider streams previews.")]
    endpoints: Annotated[str, msgspec.Meta(description="Path of the offers, with what each one takes and costs.")]


class ImageModelList(msgspec.Struct, frozen=True, kw_only=True):
    """The models that make pictures."""

    data: list[ImageModel]


class ImageEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An offer of a model that makes pictures."""

    provider_name: str
    provider_slug: str
    provider_tag: str | None
    upstream: Annotated[str, msgspec.Meta(description="What the provider calls the model.")]
    operations: list[Operation]
    supported_parameters: Annotated[
        dict[str, Capability], msgspec.Meta(description="What this offer takes; what is absent it does not take.")
    ]
    allowed_passthrough_parameters: Annotated[
        list[str], msgspec.Meta(description="Further request fields that are passed on to this provider.")
    ]
    supports_streaming: bool
    pricing: Annotated[list[PriceLine], msgspec.Meta(description="Empty where unpriced, which does not mean free.")]
    price_source: Annotated[str | None, msgspec.Meta(description="Where the price was read; null where unpriced.")]
    price_checked: date | None
    price_unverified: Annotated[bool | None, msgspec.Meta(description="Whether the source is weak or contradicted.")]


class ImageModelEndpoints(msgspec.Struct, frozen=True, kw_only=True):
    """An image model's offers."""

    id: str
    endpoints: list[ImageEndpoint]


async def router_models(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /api/v1/models`. Raises BadRequest for a query that cannot be answered."""
    query = _query(incoming.query)
    rows = [(entry, _listed_model(entry)) for entry in served(gateway, incoming)]
    found = [row for row in rows if _matches(*row, query)]
    if query.sort is not None:
        found = _sorted(found, query.sort)
    end = query.offset + query.limit
    answer = RouterModelList(
        data=[row for _, row in found[query.offset : end]],
        total_count=len(found),
        links=PageLinks(next=_next(incoming, end) if end < len(found) else None),
    )
    return Reply(pieces=(encode(answer),))


async def router_model(gateway: Gateway, incoming: Incoming, author: str, slug: str) -> Reply:
    """`GET /api/v1/model/{author}/{slug}`, by slug or alias."""
    entry = find_served(gateway, incoming, f"{author}/{slug}")
    return Reply(pieces=(encode(RouterModelAnswer(data=_listed_model(entry))),))


async def endpoints(gateway: Gateway, incoming: Incoming, author: str, slug: str) -> Reply:
    """`GET /api/v1/models/{author}/{slug}/endpoints`."""
    entry = find_served(gateway, incoming, f"{author}/{slug}")
    shown = ModelEndpoints(
        id=entry.model.slug,
        name=entry.model.name,
        created=created(entry),
        description=entry.model.description,
        architecture=_architecture(entry),
        endpoints=[_endpoint(gateway, entry, offer) for offer in entry.offers],
    )
    return Reply(pieces=(encode(ModelEndpointsAnswer(data=shown)),))


async def image_models(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /api/v1/images/models`."""
    found = [entry for entry in served(gateway, incoming) if _image_offers(entry)]
    return Reply(pieces=(encode(ImageModelList(data=[_image_model(entry) for entry in found])),))


async def image_endpoints(gateway: Gateway, incoming: Incoming, author: str, slug: str) -> Reply:
    """`GET /api/v1/images/models/{author}/{slug}/endpoints`. Raises NotFound for a model that makes no pictures."""
    entry = find_served(gateway, incoming, f"{author}/{slug}")
    offers = _image_offers(entry)
    if not offers:
        raise NotFound(
            f"`{entry.model.slug}` makes no pictures here; /api/v1/models/{entry.model.slug}/endpoints has its offers.",
            code="model_not_available",
            param="model",
        )
    shown = [_image_endpoint(gateway, entry, offer) for offer in offers]
    return Reply(pieces=(encode(ImageModelEndpoints(id=entry.model.slug, endpoints=shown)),))


def _query(text: str) -> ModelQuery:
    given = {name: value for name, value in parse_qsl(text) if value}
    for name in given:
        if name not in ModelQuery.__struct_fields__:
            known = ", ".join(ModelQuery.__struct_fields__)
            raise BadRequest(f"Models cannot be narrowed by `{name[:60]}` here; there are {known}.", param=name[:60])
    if given.get("sort", _SORTS[0]) not in _SORTS:
        raise BadRequest(f"`sort` must be one of {', '.join(_SORTS)}.", param="sort")
    try:
        return msgspec.convert(given, ModelQuery, strict=False)
    except msgspec.ValidationError as error:
        param = str(error).rpartition("$.")[2].strip("`")
        bounds = {"offset": "a whole number from 0", "limit": f"a whole number from 1 to {_MOST}"}
        raise BadRequest(f"`{param}` must be {bounds.get(param, 'text')}.", param=param) from error


def _next(incoming: Incoming, offset: int) -> str:
    given: Mapping[str, str] = dict(parse_qsl(incoming.query))
    return f"{incoming.path}?{urlencode({**given, 'offset': str(offset)})}"


def _listed(text: str | None) -> set[str]:
    return {part.strip().lower() for part in (text or "").split(",")} - {""}


def _matches(entry: Served, row: RouterModel, query: ModelQuery) -> bool:
    it = entry.model
    outputs, wanted = _listed(query.output_modalities), (query.q or "").strip().lower()
    authors, providers = _listed(query.model_authors), _listed(query.providers)
    return (
        ("all" in outputs or bool(outputs & set(it.output_modalities)))
        and _listed(query.input_modalities) <= set(it.input_modalities)
        and _listed(query.supported_parameters) <= set(row.supported_parameters)
        and (not authors or it.slug.partition("/")[0] in authors)
        and (not providers or any(offer.provider in providers for offer in entry.offers))
        and any(wanted in name.lower() for name in (it.slug, it.name, *it.aliases))
    )


def _sorted(rows: list[tuple[Served, RouterModel]], by: str) -> list[tuple[Served, RouterModel]]:
    match by:
        case "newest":
            return sorted(rows, key=lambda row: -row[1].created)
        case "context-high-to-low":
            return sorted(rows, key=lambda row: -(row[1].context_length or 0))
        case _:
            sign = 1 if by == "pricing-low-to-high" else -1
            return sorted(rows, key=lambda row: _price_rank(row[1].pricing, sign))


def _price_rank(pricing: PublicPricing, sign: int) -> tuple[int, Decimal]:
    if NO_TOKEN_PRICE not in (pricing.prompt, pricing.completion):
        return 0, sign * (Decimal(pricing.prompt) + Decimal(pricing.completion))
    if isinstance(pricing.image_output, str):
        return 1, sign * Decimal(pricing.image_output)
    return 2, Decimal(0)


def _listed_model(entry: Served) -> RouterModel:
    """A model as OpenRouter lists it."""
    it, first = entry.model, entry.first
    parameters = {name for offer in entry.offers for name in _parameters(entry, offer)}
    return RouterModel(
        id=it.slug,
        canonical_slug=it.slug,
        name=it.name,
        created=created(entry),
        description=it.description,
        context_length=entry.context_tokens,
        architecture=_architecture(entry),
        pricing=public_pricing(first),
        price_lines=price_lines(first.price) if first.price else None,
        top_provider=TopProvider(
            context_length=first.limits.context_tokens or it.context_tokens,
            max_completion_tokens=first.limits.max_output_tokens,
        ),
        supported_parameters=sorted(parameters),
        hugging_face_id=_hugging_face_id(it.links),
        expiration_date=entry.ends,
        aliases=it.aliases,
        links=ModelLinks(details=f"/api/v1/models/{it.slug}/endpoints"),
    )


def _architecture(entry: Served) -> Architecture:
    it = entry.model
    return Architecture(
        modality=f"{'+'.join(it.input_modalities)}->{'+'.join(it.output_modalities)}",
        input_modalities=it.input_modalities,
        output_modalities=it.output_modalities,
        tokenizer="Media" if it.image_only else "Other",
    )


def _hugging_face_id(links: Mapping[str, str]) -> str | None:
    weights = links.get("weights", "")
    return weights.removeprefix(_HUGGING_FACE).strip("/") if weights.startswith(_HUGGING_FACE) else None


def _parameters(entry: Served, offer: Offer) -> list[str]:
    """Names of the request parameters this offer is known to take."""
    known = {*capabilities(entry.model, offer), *offer.parameters}
    if offer.limits.max_output_tokens is not None:
        known.add("max_tokens")
    return sorted(known)


def _endpoint(gateway: Gateway, entry: Served, offer: Offer) -> Endpoint:
    provider, price = gateway.accounts[offer.provider].provider, offer.price
    chats = Operation.CHAT in offer.operations
    measured = _window(gateway, offer, _MINUTES_30, Operation.CHAT if chats else None)
    return Endpoint(
        name=f"{provider.name} | {entry.model.slug}",
        model_id=entry.model.slug,
        model_name=entry.model.name,
        provider_name=provider.name,
        tag=provider.slug,
        upstream=offer.upstream,
        operations=_operations(offer),
        context_length=offer.limits.context_tokens or entry.model.context_tokens or 0,
        max_completion_tokens=offer.limits.max_output_tokens,
        pricing=public_pricing(offer),
        price_lines=price_lines(price) if price else None,
        price_source=price.source if price else None,
        price_checked=price.checked if price else None,
        price_unverified=price.unverified if price else None,
        supported_parameters=_parameters(entry, offer),
        uptime_last_5m=_percent(_window(gateway, offer, _MINUTES_5).uptime),
        uptime_last_30m=_percent(_window(gateway, offer, _MINUTES_30).uptime),
        uptime_last_1d=_percent(_window(gateway, offer, _DAY).uptime),
        latency_last_30m=(_percentiles(measured, "first", 1000.0) if chats else None)
        or _percentiles(measured, "seconds", 1000.0),
        throughput_last_30m=_percentiles(measured, "rate", 1.0),
    )


def _window(gateway: Gateway, offer: Offer, seconds: float, operation: Operation | None = None) -> Window:
    return gateway.healths.window(offer.id, operation, seconds, gateway.clock.monotonic())


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def _percentiles(window: Window, kind: Kind, times: float) -> Percentiles | None:
    values = [window.quantile(kind, share) for share in (0.5, 0.75, 0.9, 0.99)]
    p50, p75, p90, p99 = (None if value is None else round(value * times, 3) for value in values)
    if p50 is None or p75 is None or p90 is None or p99 is None:
        return None
    return Percentiles(p50=p50, p75=p75, p90=p90, p99=p99)


def _operations(offer: Offer) -> list[Operation]:
    return [operation for operation in Operation if operation in offer.operations]


def _image_offers(entry: Served) -> list[Offer]:
    return [offer for offer in entry.offers if makes_pictures(offer)]


def _image_model(entry: Served) -> ImageModel:
    it, offers = entry.model, _image_offers(entry)
    joined: Capabilities = union(capabilities(it, offer) for offer in offers)
    return ImageModel(
        id=it.slug,
        name=it.name,
        description=it.description,
        created=created(entry),
        architecture=ImageArchitecture(input_modalities=it.input_modalities, output_modalities=it.output_modalities),
        supported_parameters=joined,
        supports_streaming=any(streams_previews(offer) for offer in offers),
        endpoints=f"/api/v1/images/models/{it.slug}/endpoints",
    )


def _image_endpoint(gateway: Gateway, entry: Served, offer: Offer) -> ImageEndpoint:
    provider, price = gateway.accounts[offer.provider].provider, offer.price
    return ImageEndpoint(
        provider_name=provider.name,
        provider_slug=provider.slug,
        provider_tag=provider.slug,
        upstream=offer.upstream,
        operations=_operations(offer),
        supported_parameters=capabilities(entry.model, offer),
        allowed_passthrough_parameters=sorted(offer.parameters),
        supports_streaming=streams_previews(offer),
        pricing=price_lines(price) if price else [],
        price_source=price.source if price else None,
        price_checked=price.checked if price else None,
        price_unverified=price.unverified if price else None,
    )
