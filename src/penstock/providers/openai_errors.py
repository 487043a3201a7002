"""Failures of OpenAI-compatible providers, in our types.

Their bodies come in many shapes (OpenAI, OpenRouter, Azure, FastAPI, xAI, proxies in between); all are read by one
function, and the status and the code words decide the type. Sources: the providers' error pages, named per rule below.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime

import msgspec

from penstock.core.errors import (
    BadCredentials,
    Moderated,
    NoCredit,
    PenstockError,
    RateLimited,
    Rejected,
    UnusableAnswer,
    UpstreamFailed,
)
from penstock.core.target import Account
from penstock.providers.base import StreamEvent, UpstreamReply

Fields = dict[str, msgspec.Raw]

_FIELDS = msgspec.json.Decoder(Fields)
_EMPTY = (b"null", b'""', b"{}", b"[]", b"false")

_MODERATION = frozenset(
    {
        "moderation_blocked",  # OpenAI, GPT image
        "content_policy_violation",  # OpenAI DALL-E, OpenRouter
        "content_filter",  # Azure
        "responsibleaipolicyviolation",  # Azure, inner error
        "refusal",  # OpenRouter
    }
)
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "payment_required"})
_UNKNOWN_MODEL = frozenset({"model_not_found", "model_deprecated", "model_unavailable_upstream", "no_endpoints"})
_STATUS_OF = {
    "authentication_error": 401,
    "authentication": 401,
    "invalid_api_key": 401,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "invalid_request_error": 400,
    "invalid_request": 400,
    "invalid_prompt": 400,
    "context_length_exceeded": 400,
}
_MASKED = re.compile(r"\bsk-[\w*-]{6,}|\S*\*{3,}\S*")


@dataclass(frozen=True, slots=True)
class _Fault:
    """What an error body says."""

    message: str = ""
    words: frozenset[str] = frozenset()
    """Its code, type and error type, in lower case."""
    status: int | None = None
    """The HTTP status it states of itself."""
    param: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    """OpenRouter's `metadata`, or the error's own fields."""


def opened(account: Account, reply: UpstreamReply) -> Fields:
    """The top-level fields of a good answer; raises what a bad one means, an error inside a 200 included."""
    if not 200 <= reply.status < 300:
        raise failure(account, reply.status, _decoded(reply.body), reply.headers)
    return _checked(account, reply.body, reply.headers)


def opened_event(account: Account, event: StreamEvent) -> Fields:
    """The top-level fields of a stream's event; raises what an error event means."""
    if event.event == "error":
        raise stated_failure(account, event.data)
    return _checked(account, event.data, {})


def stated_failure(
    account: Account, body: bytes | msgspec.Raw, headers: Mapping[str, str] | None = None
) -> PenstockError:
    """What an error inside a 200, a choice or a stream means: it names its own status, or is taken for a failure."""
    decoded = _decoded(body)
    fault = _read(decoded)
    status = fault.status or next((_STATUS_OF[word] for word in sorted(fault.words) if word in _STATUS_OF), 502)
    return failure(account, status, decoded, headers or {})


def failure(account: Account, status: int, decoded: object, headers: Mapping[str, str]) -> PenstockError:
    """The error a status and a decoded body (None where it is not JSON) mean."""
    fault, name = _read(decoded), account.provider.name
    sentence = _sentence(fault, decoded, account)
    if fault.words & _MODERATION or (status == 403 and {"reasons", "flagged_input"} & fault.facts.keys()):
        # Where a provider names the stage is UNVERIFIED; most refuse before they make anything.
        stage = "output" if fault.facts.get("stage") == "output" else "input"
        return Moderated(f"{name} refused the content: {sentence}", stage=stage, reasons=_reasons(fault))
    if status == 402 or fault.words & _NO_CREDIT:
        return NoCredit(f"The gateway's account at {name} has no credit left: {sentence}")
    if status in (401, 403):
        variable = account.provider.key_variable
        hint = f" Check {variable}." if variable else ""
        return BadCredentials(f"{name} refused the gateway's key with {status}: {sentence}{hint}")
    if status == 429:
        return RateLimited(f"{name} limits the gateway's requests: {sentence}", retry_after=retry_after(headers))
    # An unknown model or path is the catalogue's mistake, not the caller's: another offer may know it.
    if status in (404, 405, 408, 409) or fault.words & _UNKNOWN_MODEL or not 400 <= status < 500:
        failed = UpstreamFailed(f"{name} failed with {status}: {sentence}")
        failed.upstream_status = status
        failed.ambiguous = status in (408, 504)  # given up by something in between: the work may go on
        return failed
    return Rejected(f"{name} rejected the request: {sentence}", param=fault.param)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: Retry-After as seconds or as a date (RFC 9110 10.2.3), or Azure's retry-after-ms."""
    if milliseconds := _seconds(headers.get("retry-after-ms", "")):
        return milliseconds / 1000
    text = headers.get("retry-after", "")
    if (seconds := _seconds(text)) is not None:
        return seconds
    until, now = _date(text), _date(headers.get("date", ""))
    return max(0.0, (until - now).total_seconds()) if until and now else None


def _checked(account: Account, body: bytes, headers: Mapping[str, str]) -> Fields:
    try:
        body.decode()  # undecoded fields are not checked otherwise, and pass on to the caller
        fields = _FIELDS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableAnswer(f"{account.provider.name} answered with something that is not a JSON object.") from error
    if "error" in fields and bytes(fields["error"]) not in _EMPTY:
        raise stated_failure(account, body, headers)
    return fields


def _decoded(body: bytes | msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _read(decoded: object) -> _Fault:
    fields = _error_fields(decoded)
    metadata, inner = fields.get("metadata"), fields.get("innererror")
    facts = metadata if isinstance(metadata, dict) else fields
    code = fields.get("code")
    names = (code, fields.get("type"), facts.get("error_type"), inner.get("code") if isinstance(inner, dict) else None)
    message = fields.get("message")
    param = fields.get("param")
    return _Fault(
        message=message if isinstance(message, str) else "",
        words=frozenset(name.lower() for name in names if isinstance(name, str)),
        status=int(str(code)) if re.fullmatch(r"[45]\d\d", str(code)) else None,
        param=param if isinstance(param, str) else None,
        facts=facts,
    )


def _error_fields(decoded: object, depth: int = 0) -> dict[str, object]:
    """The error's own fields, with its sentence under `message`, wherever in the body they are."""
    if isinstance(decoded, list) and decoded:
        decoded = decoded[0]
    if not isinstance(decoded, dict) or depth > 3:
        return {}
    for name in ("error", "detail"):
        if isinstance(decoded.get(name), dict | list) and decoded[name]:
            return _error_fields(decoded[name], depth + 1)
    if isinstance(decoded.get("message"), str):
        return decoded
    if isinstance(decoded.get("msg"), str):  # FastAPI: {"loc", "msg", "type"}
        place = [str(part) for part in decoded.get("loc") or () if part != "body"]
        return {"message": ": ".join([*place[-1:], decoded["msg"]]), "param": ".".join(place) or None}
    text = next((decoded[name] for name in ("error", "detail") if isinstance(decoded.get(name), str)), None)
    return {**decoded, "message": text} if text else decoded


def _sentence(fault: _Fault, decoded: object, account: Account) -> str:
    """The provider's own words: at most 500 characters, and no key in them."""
    text = fault.message
    raw = fault.facts.get("raw")
    if isinstance(raw, str) and raw:  # OpenRouter: what the provider behind it said
        text = f"{text}: {raw}" if text else raw
    if not text:
        return "it gave no reason." if decoded is not None else "its answer is not JSON."
    if account.key:
        text = text.replace(account.key, "***")
    text = " ".join(_MASKED.sub("***", text).split())
    return text if len(text) <= 500 else text[:499] + "…"


def _reasons(fault: _Fault) -> tuple[str, ...]:
    reasons = fault.facts.get("reasons")
    return tuple(str(reason)[:100] for reason in reasons[:20]) if isinstance(reasons, list) else ()


def _seconds(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text.strip()) else None


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
