"""The ledger's rows as values: what one request, one attempt and one picture leave behind.

Field names are column names. Times are Unix milliseconds, money is whole pico-dollars, and None is "not known".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """One request, answered or refused."""

    id: str
    """`req_...`, as the caller saw it in `x-request-id`."""
    created_at: int
    """When its first byte arrived."""
    latency_ms: int
    """From then until the answer was ready to end."""
    key_id: str | None = None
    """The key it came with; None where no valid key did, and of a copy that the gateway pays for itself."""
    dialect: str
    """`openai`, `openrouter` or `agentcc`."""
    path: str
    """The path asked for; the first 200 characters are kept."""
    operation: str | None = None
    """`chat`, `image_generation`, `image_edit` or `embedding`; None where it was refused before that was known."""
    model_asked: str | None = None
    """The model as the caller wrote it; the first 200 characters are kept."""
    model: str | None = None
    """The model's slug."""
    provider: str | None = None
    """The provider that answered, or the last one asked."""
    upstream: str | None = None
    """That provider's own name for the model."""
    status: int
    """The HTTP status of our answer."""
    error_code: str | None = None
    """The code of the error the caller was told."""
    error_message: str | None = None
    """Its sentence; the first 500 characters are kept."""
    stream: bool = False
    """Whether server-sent events were asked for."""
    client_gone: bool = False
    """Whether the caller hung up before the end."""
    images_asked: int | None = None
    """Pictures asked for."""
    images_delivered: int | None = None
    """Pictures made and stored."""
    output_pixels: int | None = None
    """Pixels of the delivered pictures together."""
    reference_count: int | None = None
    """Reference pictures sent along."""
    reference_pixels: int | None = None
    """Their pixels together."""
    text_tokens_in: int | None = None
    """Text tokens in, without cached ones."""
    cached_text_tokens_in: int | None = None
    """Text tokens in that the provider had cached."""
    image_tokens_in: int | None = None
    """Image tokens in, without cached ones."""
    cached_image_tokens_in: int | None = None
    """Image tokens in that the provider had cached."""
    text_tokens_out: int | None = None
    """Text tokens out, with those spent on reasoning."""
    image_tokens_out: int | None = None
    """Image tokens out."""
    reasoning_tokens: int | None = None
    """The part of `text_tokens_out` spent on reasoning."""
    cost_pico: int | None = None
    """What it cost, by the best source there is; None: unpriced or not known."""
    cost_source: str = "none"
    """Where `cost_pico` comes from: `stated`, `usage`, `delivered`, `requested`, `estimated` or `none`."""
    cost_computed_pico: int | None = None
    """What our own price rule says, also where the provider stated something else."""
    price_checked: date | None = None
    """The day that price rule was last compared with the provider's page."""
    quote_low_pico: int | None = None
    """The least it could cost, as quoted before the call."""
    quote_high_pico: int | None = None
    """The most it could cost, as quoted before the call."""
    attempts: int = 0
    """Upstream attempts made."""
    fallback_used: bool = False
    """Whether another offer than the first one planned answered."""
    routing_strategy: str | None = None
    """The strategy that planned the attempts; None where the request was refused before."""
    cache: str | None = None
    """`hit_exact`, `hit_semantic`, `miss` or `skip`; None where the request was refused before."""
    trace_id: str | None = None
    """The trace it belongs to."""
    session_id: str | None = None
    """The caller's own name for a session."""
    user_id: str | None = None
    """The caller's own name for a user."""
    metadata: Mapping[str, Any] | None = None
    """What the caller attached, as JSON."""
    ignored: Sequence[str] | None = None
    """Request fields that could not be honoured, as reported to the caller."""
    organisation_id: str | None = None
    """The organisation whose key it was, then."""
    team_id: str | None = None
    """The team whose key it was, then."""
    member_id: str | None = None
    """The user of this installation whose key it was, then."""
    charged_pico: int | None = None
    """What counts against budgets and credits: the cost, or 0 within an allowance; None where the cost is not known."""
    uncertain_pico: int | None = None
    """The most that may have been charged without anybody having said so; kept back from budgets."""
    charge_reason: str | None = None
    """Why a request without an answer cost something, or may have."""
    price_version: str | None = None
    """Names the price rule: the first 12 hexadecimal digits of a hash over its meters."""
    resumed: bool = False
    """Whether it was finished after the gateway had been stopped in its middle."""
    mirror_of: str | None = None
    """The request it is a copy of, made for comparison; its caller never saw it."""
    app: str | None = None
    """The application it came from: its own title, else the host of its page; the first 100 characters are kept."""
    app_url: str | None = None
    """The address of that application's page, without path and query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRow:
    """What a request asked, kept only where the owner says so. Pictures in it are their digests."""

    request_id: str
    """The request."""
    created_at: int
    """When its first byte arrived."""
    body: Mapping[str, Any]
    """The fields of the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One upstream attempt: pending as soon as there is something to find it by, finished later."""

    id: str
    """`att_...`; writing the same id again replaces the row."""
    request_id: str
    """The request it was made for."""
    number: int
    """1 for the request's first attempt."""
    provider: str
    """The provider asked."""
    upstream: str
    """That provider's own name for the model."""
    operation: str
    """`chat`, `image_generation`, `image_edit` or `embedding`."""
    started_at: int
    """When it was begun."""
    latency_ms: int | None = None
    """How long it took; None while pending."""
    status: int | None = None
    """The HTTP status of the provider's answer; None where there was none."""
    error_code: str | None = None
    """The code of the error it ended with."""
    upstream_id: str | None = None
    """The provider's id for the job."""
    polling_url: str | None = None
    """Where the job's state is asked for."""
    stated_pico: int | None = None
    """What the provider said it charged."""
    outcome: str = "pending"
    """`pending`, `succeeded`, `failed`, `moderated` or `cancelled`."""
    reason: str | None = None
    """Why it was made: `first`, `fallback`, `retry`, `race` or `hedge`."""
    key_name: str | None = None
    """Which of the provider's keys it was made with, where it has several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRow:
    """One stored picture. Its bytes are a file of the asset store."""

    digest: str
    """SHA-256 of the bytes, lower-case hexadecimal."""
    media_type: str
    """`image/png`, `image/jpeg`, `image/webp` or `image/gif`."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    bytes: int
    """Length of the encoded picture."""
    created_at: int
    """When it was first stored."""
    expires_at: int | None = None
    """When it may be deleted; None: never. Recording a picture again can only make this later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetLinkRow:
    """What a picture was to a request."""

    request_id: str
    """The request."""
    role: str
    """`output`, `reference`, `mask`, `partial`, or `alternative`: made beside the answer, and not it."""
    position: int
    """Its place among the request's pictures of that role, from 0."""
    digest: str
    """The picture; it may have expired since."""
    seed: int | None = None
    """The seed the provider says it used."""
