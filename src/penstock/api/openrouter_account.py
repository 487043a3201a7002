"""OpenRouter's endpoints about an account: its credits, its activity of thirty days, and single generations.

Shapes follow OpenRouter's API reference, so that its clients parse them. Where that has no place for "not known" the
field says what stands for it; fields of ours stand beside it.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import Connection

from penstock.api.answers import encode
from penstock.api.bodies import read_query
from penstock.api.times import moment, now_ms
from penstock.core.call import Operation
from penstock.core.errors import BadRequest, NotFound
from penstock.core.money import from_pico
from penstock.core.principal import Scope
from penstock.core.usage import Usage
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.store import keys, spending
from penstock.store.requests import RequestDetail, request_detail
from penstock.store.rows import AttemptRow
from penstock.store.usage import UsageRow, usage

ACTIVITY_DAYS = 30

_API_TYPES: Mapping[str, str] = {
    Operation.CHAT: "completions",
    Operation.IMAGE_GENERATION: "image",
    Operation.IMAGE_EDIT: "image",
    Operation.EMBEDDING: "embeddings",
}


# Credits.


class RouterCredits(msgspec.Struct, frozen=True, kw_only=True):
    """Credit of everybody together, in US dollars."""

    total_credits: Annotated[Decimal, Meta(description="Paid in, by everybody who has credit.")]
    total_usage: Annotated[Decimal, Meta(description="Spent of it.")]


class RouterCreditsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Credit of everybody together."""

    data: RouterCredits


async def credits(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /api/v1/credits`."""
    states = await gateway.books.read(partial(spending.budgets, now=now_ms(gateway)))
    paid_in = [state for state in states if state.budget.kind == "credit"]
    answer = RouterCredits(
        total_credits=sum((state.budget.amount for state in paid_in), Decimal(0)),
        total_usage=sum((state.spent for state in paid_in), Decimal(0)),
    )
    return Reply(pieces=(encode(RouterCreditsAnswer(data=answer)),))


# Activity.


class ActivityQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which activity."""

    date: Annotated[str | None, Meta(description="One of the last 30 completed days of UTC: `2026-07-01`.")] = None
    api_key_hash: Annotated[str | None, Meta(description="Only that key's; SHA-256 of the key.")] = None
    user_id: Annotated[str | None, Meta(description="Only that user's of this gateway, by id or name.")] = None
    workspace_id: Annotated[str | None, Meta(description="Only that organisation's, by id or name.")] = None
    group_by: Annotated[Literal["workspace"] | None, Meta(description="A row for each organisation.")] = None


class RouterActivity(msgspec.Struct, frozen=True, kw_only=True):
    """A model's use at one provider on one day."""

    date: Annotated[str, Meta(description="Of UTC.")]
    model: str
    model_permaslug: str
    endpoint_id: Annotated[str, Meta(description="Provider and model.")]
    provider_name: str
    usage: Annotated[Decimal, Meta(description="US dollars that counted against budgets and credits; 0 where unknown.")]
    byok_usage_inference: int = 0
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: Annotated[int, Meta(description="Always 0: not summed by day.")] = 0
    reasoning_tokens: Annotated[int, Meta(description="Likewise.")] = 0
    images: Annotated[int, Meta(description="Pictures delivered.")]
    megapixels: Annotated[Decimal, Meta(description="Of 2^20 pixels, delivered.")]
    failed: Annotated[int, Meta(description="Requests answered with an error.")]
    unpriced: Annotated[int, Meta(description="Answers whose cost is not known and not in `usage`.")]
    workspace_id: Annotated[str | UnsetType, Meta(description="With `group_by=workspace`; empty: none.")] = UNSET


class RouterActivityList(msgspec.Struct, frozen=True, kw_only=True):
    """The last thirty completed days of UTC, newest first."""

    data: list[RouterActivity]


async def activity(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /api/v1/activity`."""
    query = read_query(incoming, ActivityQuery)
    today = datetime.fromtimestamp(gateway.clock.now(), UTC).date()
    first, end = (today - timedelta(ACTIVITY_DAYS), today) if query.date is None else _day(query.date, today)
    rows = await gateway.books.read(partial(_activity, query=query, since=_start_ms(first), until=_start_ms(end)))
    data = [_entry(row, gateway) for row in rows if row.group["model"]]
    data.sort(key=lambda entry: entry.date, reverse=True)
    return Reply(pieces=(encode(RouterActivityList(data=data)),))


def _activity(c: Connection, query: ActivityQuery, since: int, until: int) -> list[UsageRow]:
    where = {"user": query.user_id, "organisation": query.workspace_id}
    if query.api_key_hash is not None:
        key = keys.key_by_hash(c, query.api_key_hash.lower())
        if key is None:
            raise NotFound("No key has this SHA-256.", code="key_not_found")
        where["key"] = key.id
    by = ("day", "model", "provider", *(("organisation",) if query.group_by else ()))
    return usage(c, by, since, until, {name: value for name, value in where.items() if value is not None})


def _day(text: str, today: date) -> tuple[date, date]:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadRequest("`date` must be a day like 2026-07-01.", param="date") from None
    if not today - timedelta(ACTIVITY_DAYS) <= day < today:
        raise BadRequest(f"`date` must be one of the last {ACTIVITY_DAYS} completed days of UTC.", param="date")
    return day, day + timedelta(1)


def _start_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def _entry(row: UsageRow, gateway: Gateway) -> RouterActivity:
    day, model, provider = (row.group[name] or "" for name in ("day", "model", "provider"))
    return RouterActivity(
        date=day,
        model=model,
        model_permaslug=model,
        endpoint_id=f"{provider}/{model}",
        provider_name=_provider_name(provider, gateway) or "",
        usage=row.charged or Decimal(0),
        requests=row.requests,
        prompt_tokens=row.tokens_in,
        completion_tokens=row.tokens_out,
        images=row.images,
        megapixels=row.megapixels,
        failed=row.failed,
        unpriced=row.unpriced,
        workspace_id=(row.group["organisation"] or "") if "organisation" in row.group else UNSET,
    )


def _provider_name(slug: str | None, gateway: Gateway) -> str | None:
    provider = gateway.catalogue.providers.get(slug or "")
    return provider.name if provider else slug


# Generations.


class GenerationQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which one."""

    id: Annotated[str, Meta(description="`req_...` of the header `x-request-id`, or the id of a chat completion.")]


class RouterProviderResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One call to a provider."""

    id: Annotated[str | None, Meta(description="The provider's own id.")]
    endpoint_id: str
    model_permaslug: str | None
    provider_name: str | None
    status: int | None
    latency: Annotated[int | None, Meta(description="Milliseconds.")]
    is_byok: bool = False


class RouterGeneration(msgspec.Struct, frozen=True, kw_only=True):
    """A request, as OpenRouter tells of one; what is not known or does not exist here is null."""

    id: str
    request_id: str
    upstream_id: str | None
    model: Annotated[str, Meta(description="Its slug; where none answered, as the caller wrote it.")]
    provider_name: str | None
    provider_responses: list[RouterProviderResponse]
    api_type: str | None
    created_at: datetime
    streamed: bool
    cancelled: bool
    finish_reason: None = None
    native_finish_reason: None = None
    latency: Annotated[int, Meta(description="Milliseconds from the request's arrival to its answer.")]
    generation_time: Annotated[int | None, Meta(description="Milliseconds that the last call to a provider took.")]
    moderation_latency: None = None
    tokens_prompt: int | None
    tokens_completion: int | None
    native_tokens_prompt: int | None
    native_tokens_completion: int | None
    native_tokens_reasoning: int | None
    native_tokens_cached: int | None
    native_tokens_completion_images: int | None
    num_media_prompt: Annotated[int | None, Meta(description="Reference pictures.")]
    num_media_completion: Annotated[int | None, Meta(description="Pictures delivered.")]
    num_input_audio_prompt: None = None
    num_search_results: None = None
    num_fetches: None = None
    usage: Annotated[Decimal, Meta(description="US dollars that counted against budgets; 0 where not known.")]
    total_cost: Annotated[Decimal, Meta(description="US dollars; 0 where not known, see `cost`.")]
    upstream_inference_cost: Annotated[Decimal | None, Meta(description="Likewise, null where not known.")]
    cost: Annotated[Decimal | None, Meta(description="Likewise; ours.")]
    cost_source: Annotated[str, Meta(description="stated, usage, delivered, requested, estimated or none; ours.")]
    megapixels: Annotated[Decimal | None, Meta(description="Of 2^20 pixels, delivered; ours.")]
    status: Annotated[int, Meta(description="The HTTP status of the answer; ours.")]
    error_code: Annotated[str | None, Meta(description="Ours.")]
    cache_discount: None = None
    is_byok: bool = False
    app_id: None = None
    origin: Annotated[str, Meta(description="As `http_referer`; empty where not known.")]
    http_referer: Annotated[
        str | None, Meta(description="The address of the application's page, without path and query.")
    ]
    user_agent: None = None
    external_user: Annotated[str | None, Meta(description="The caller's own name for a user.")]
    session_id: str | None
    preset_id: None = None
    router: None = None
    service_tier: None = None
    data_region: str = "global"
    workspace_id: Annotated[str | None, Meta(description="The organisation.")]
    response_cache_source_id: None = None
    web_search_engine: None = None


class RouterGenerationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A request."""

    data: RouterGeneration


async def generation(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /api/v1/generation`: the key's own requests, an administrator's any. Raises NotFound."""
    assert incoming.principal is not None
    id = f"req_{read_query(incoming, GenerationQuery).id.rpartition('-')[2].removeprefix('req_')}"
    key_id = None if incoming.principal.may(Scope.ADMIN) else incoming.principal.key_id
    found = await gateway.books.read(partial(request_detail, id=id, key_id=key_id))
    return Reply(pieces=(encode(RouterGenerationAnswer(data=_generation(found, gateway))),))


def _generation(found: RequestDetail, gateway: Gateway) -> RouterGeneration:
    row = found.request
    counts = Usage(
        text_tokens_in=row.text_tokens_in,
        cached_text_tokens_in=row.cached_text_tokens_in,
        image_tokens_in=row.image_tokens_in,
        cached_image_tokens_in=row.cached_image_tokens_in,
        text_tokens_out=row.text_tokens_out,
        image_tokens_out=row.image_tokens_out,
    )
    last = found.attempts[-1] if found.attempts else None
    cost = None if row.cost_pico is None else from_pico(row.cost_pico)
    return RouterGeneration(
        id=row.id,
        request_id=row.id,
        upstream_id=last.upstream_id if last else None,
        model=row.model or row.model_asked or "",
        provider_name=_provider_name(row.provider, gateway),
        provider_responses=[_response(attempt, row.model, gateway) for attempt in found.attempts],
        api_type=_API_TYPES.get(row.operation or ""),
        created_at=moment(row.created_at),
        streamed=row.stream,
        cancelled=row.client_gone,
        latency=row.latency_ms,
        generation_time=last.latency_ms if last else None,
        tokens_prompt=counts.tokens_in,
        tokens_completion=counts.tokens_out,
        native_tokens_prompt=counts.tokens_in,
        native_tokens_completion=counts.tokens_out,
        native_tokens_reasoning=row.reasoning_tokens,
        native_tokens_cached=row.cached_text_tokens_in,
        native_tokens_completion_images=row.image_tokens_out,
        num_media_prompt=row.reference_count,
        num_media_completion=row.images_delivered,
        usage=from_pico(row.charged_pico or 0),
        total_cost=cost or Decimal(0),
        upstream_inference_cost=cost,
        cost=cost,
        cost_source=row.cost_source,
        megapixels=None if row.output_pixels is None else Decimal(row.output_pixels) / 2**20,
        status=row.status,
        error_code=row.error_code,
        origin=row.app_url or "",
        http_referer=row.app_url,
        external_user=row.user_id,
        session_id=row.session_id,
        workspace_id=row.organisation_id,
    )


def _response(attempt: AttemptRow, model: str | None, gateway: Gateway) -> RouterProviderResponse:
    return RouterProviderResponse(
        id=attempt.upstream_id,
        endpoint_id=f"{attempt.provider}/{attempt.upstream}",
        model_permaslug=model,
        provider_name=_provider_name(attempt.provider, gateway),
        status=200 if attempt.outcome == "succeeded" else attempt.status,
        latency=attempt.latency_ms,
    )
