"""Errors as each dialect writes them. One shape per dialect, with the request id in a header a person can quote."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from penstock.api.router_metadata import router_metadata
from penstock.core.errors import (
    BadRequest,
    BudgetExceeded,
    CreditExhausted,
    DeadlineExceeded,
    Forbidden,
    LimitReached,
    Moderated,
    NotFound,
    PenstockError,
    ProviderError,
    RateLimited,
    Rejected,
    TooLarge,
    Unauthorized,
    Unavailable,
    UpstreamTimeout,
)
from penstock.pipeline.request import Life, Reply

_OPENROUTER_TYPES: dict[type[PenstockError], str] = {
    Moderated: "content_policy_violation",
    Unauthorized: "authentication",
    Forbidden: "permission_denied",
    NotFound: "not_found",
    TooLarge: "payload_too_large",
    CreditExhausted: "payment_required",
    BudgetExceeded: "rate_limit_exceeded",
    LimitReached: "rate_limit_exceeded",
    RateLimited: "rate_limit_exceeded",
    UpstreamTimeout: "timeout",
    DeadlineExceeded: "timeout",
    Rejected: "invalid_request",
    ProviderError: "provider_unavailable",
    Unavailable: "provider_unavailable",
    BadRequest: "invalid_request",
}


def openai_error(error: PenstockError) -> dict[str, Any]:
    """`{"error": {...}, "message"}`; the second copy of the message is what the agentcc client reads."""
    body = {"message": error.message, "type": error.type, "code": error.code, "param": error.param}
    return {"error": body, "message": error.message}


def openai_failure(error: PenstockError, life: Life | None = None) -> Reply:
    body = msgspec.json.encode(openai_error(error) | router_metadata(life))
    return Reply(status=openai_status(error), headers=error.headers, pieces=(body,))


def openai_status(error: PenstockError) -> int:
    """OpenAI answers with 429 where an account is empty; its clients have no class for 402."""
    return 429 if isinstance(error, CreditExhausted) else error.status


def openrouter_status(error: PenstockError) -> int:
    """OpenRouter answers moderated requests with 403."""
    return 403 if isinstance(error, Moderated) else error.status


def openrouter_error(error: PenstockError, life: Life | None) -> dict[str, Any]:
    """`{"code": int, "message", "metadata"}`."""
    kind = next((name for type_, name in _OPENROUTER_TYPES.items() if isinstance(error, type_)), "server")
    metadata: dict[str, Any] = {"error_type": kind, "error_code": error.code}
    if error.param:
        metadata["param"] = error.param
    if life and life.served_by:
        metadata["provider_name"] = life.served_by.account.provider.name
    if isinstance(error, Moderated):
        metadata["reasons"] = list(error.reasons)
        metadata["stage"] = error.stage
        if life and life.served_by:
            metadata["model_slug"] = life.served_by.model.slug
    return {"code": openrouter_status(error), "message": error.message, "metadata": metadata}


def openrouter_failure(error: PenstockError, life: Life | None) -> Reply:
    body = msgspec.json.encode({"error": openrouter_error(error, life), **router_metadata(life)})
    return Reply(status=openrouter_status(error), headers=error.headers, pieces=(body,))


def failure_at(path: str) -> Callable[[PenstockError], Reply]:
    """How errors are written at a path, before it is known what is there."""
    return partial(openrouter_failure, life=None) if path.startswith("/api/v1/") else openai_failure
