"""Rows of the ledger as they are shown: times in ISO 8601, money in dollars, names beside ids.

A field `..._pico` of a row is `..._usd` here. What each means is in docs/reference/ledger.md; null is "not known".
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from penstock.api.times import moment
from penstock.core.money import from_pico
from penstock.store.requests import RequestDetail
from penstock.store.rows import AssetLinkRow, AttemptRow, RequestRow

Row = RequestRow | AttemptRow | AssetLinkRow

NAMED = {"key_name": "key", "organisation_name": "organisation", "team_name": "team", "member_name": "user"}
"""Fields shown beside those of a request's row: the name behind an id, and whose names they are among."""


class LedgerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request, as the ledger has it."""

    id: str
    created_at: datetime
    latency_ms: int
    key_id: str | None
    key_name: str | None
    organisation_id: str | None
    organisation_name: str | None
    team_id: str | None
    team_name: str | None
    member_id: Annotated[str | None, Meta(description="The user of this gateway whose key it was.")]
    member_name: str | None
    dialect: str
    path: str
    operation: str | None
    model_asked: Annotated[str | None, Meta(description="As the caller wrote it.")]
    model: str | None
    provider: str | None
    upstream: Annotated[str | None, Meta(description="The provider's own name for the model.")]
    status: int
    error_code: str | None
    error_message: str | None
    stream: bool
    client_gone: Annotated[bool, Meta(description="The caller hung up before the end.")]
    images_asked: int | None
    images_delivered: int | None
    output_pixels: int | None
    reference_count: int | None
    reference_pixels: int | None
    text_tokens_in: int | None
    cached_text_tokens_in: int | None
    image_tokens_in: int | None
    cached_image_tokens_in: int | None
    text_tokens_out: int | None
    image_tokens_out: int | None
    reasoning_tokens: int | None
    cost_usd: Decimal | None
    cost_source: str
    cost_computed_usd: Decimal | None
    charged_usd: Annotated[Decimal | None, Meta(description="What counted against budgets and credits.")]
    uncertain_usd: Annotated[Decimal | None, Meta(description="What may have been charged beside it.")]
    charge_reason: str | None
    price_checked: date | None
    price_version: str | None
    quote_low_usd: Decimal | None
    quote_high_usd: Decimal | None
    attempts: int
    fallback_used: bool
    routing_strategy: str | None
    cache: str | None
    trace_id: str | None
    session_id: str | None
    user_id: Annotated[str | None, Meta(description="The caller's own name for a user.")]
    metadata: dict[str, Any] | None
    ignored: list[str] | None
    resumed: Annotated[bool, Meta(description="Finished after the gateway had been stopped in its middle.")]
    mirror_of: Annotated[
        str | None, Meta(description="Of a copy made for comparison, which its caller never saw: the request.")
    ]
    app: Annotated[str | None, Meta(description="The application it came from: its title, else its page's host.")]
    app_url: Annotated[str | None, Meta(description="The address of its page, without path and query.")]


class LedgerAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One call to a provider."""

    id: str
    request_id: str
    number: int
    provider: str
    upstream: str
    operation: str
    started_at: datetime
    latency_ms: int | None
    status: int | None
    error_code: str | None
    upstream_id: str | None
    polling_url: str | None
    stated_usd: Annotated[Decimal | None, Meta(description="What the provider said it charged.")]
    outcome: str
    reason: Annotated[str | None, Meta(description="Why it was made: first, fallback, retry, race or hedge.")]
    key_name: Annotated[str | None, Meta(description="Which of the provider's keys, where it has several.")]


class LedgerPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that a request took or made."""

    request_id: str
    role: Annotated[str, Meta(description="output, reference, mask, partial or alternative.")]
    position: int
    digest: Annotated[str, Meta(description="As in `/v1/assets/{digest}`; it may have expired since.")]
    seed: int | None


class LedgerDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A request with everything about it."""

    request: LedgerRequest
    attempts: list[LedgerAttempt]
    pictures: list[LedgerPicture]
    prompt: Annotated[dict[str, Any] | None, Meta(description="What was asked, where prompts are kept.")]


class LedgerPage(msgspec.Struct, frozen=True, kw_only=True):
    """Requests, newest first."""

    data: list[LedgerRequest]
    next: Annotated[str | None, Meta(description="To be sent as `before` for the next page; null on the last.")]


def request_document(row: RequestRow, names: Mapping[str, Mapping[str, str]]) -> LedgerRequest:
    """`names` by kind, then by id."""
    return LedgerRequest(**shown_request(row, names))


def detail_document(found: RequestDetail) -> LedgerDetail:
    return LedgerDetail(
        request=request_document(found.request, found.names),
        attempts=[LedgerAttempt(**shown(row)) for row in found.attempts],
        pictures=[LedgerPicture(**shown(row)) for row in found.links],
        prompt=None if found.prompt is None else dict(found.prompt),
    )


def shown_request(row: RequestRow, names: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """What is shown of a request, by the fields of `LedgerRequest`."""
    values = shown(row)
    of_whom = {"key": row.key_id, "organisation": row.organisation_id, "team": row.team_id, "user": row.member_id}
    for field, kind in NAMED.items():
        values[field] = names[kind].get(of_whom[kind] or "")
    return values


def shown(row: Row) -> dict[str, Any]:
    """What is shown of a row."""
    values: dict[str, Any] = {}
    for name, field in _SHOWN[type(row)].items():
        value = getattr(row, name)
        if value is not None and name.endswith("_pico"):
            value = from_pico(value)
        elif value is not None and name.endswith("_at"):
            value = moment(value)
        values[field] = value
    return values


_SHOWN = {
    kind: {field.name: field.name.replace("_pico", "_usd") for field in fields(kind)}
    for kind in (RequestRow, AttemptRow, AssetLinkRow)
}
"""The fields of each kind of row, and what they are called where they are shown."""
