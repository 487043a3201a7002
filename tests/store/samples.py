"""Rows to record, and a clock that is moved by hand."""

from datetime import date
from typing import Any

from penstock.store.ledger import AssetLinkRow, AssetRow, AttemptRow, RequestRow

NOW = 1_780_000_000_000


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = NOW / 1000

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds


def request(id: str = "req_1", **fields: Any) -> RequestRow:
    """A refused request, of which little is known."""
    known = {"created_at": NOW, "latency_ms": 3, "dialect": "openai", "path": "/v1/images/generations", "status": 400}
    return RequestRow(id=id, **{**known, **fields})


def full_request(id: str = "req_1") -> RequestRow:
    """A request of which everything is known, every field with a value of its own."""
    return RequestRow(
        id=id,
        created_at=NOW,
        latency_ms=4321,
        key_id="key_1",
        dialect="openrouter",
        path="/api/v1/chat/completions",
        operation="image_edit",
        model_asked="flux-2-pro",
        model="black-forest-labs/flux.2-pro",
        provider="bfl",
        upstream="flux-2-pro",
        status=502,
        error_code="provider_failed",
        error_message="The provider failed.",
        stream=True,
        client_gone=True,
        images_asked=4,
        images_delivered=3,
        output_pixels=3 << 20,
        reference_count=2,
        reference_pixels=2 << 20,
        text_tokens_in=11,
        cached_text_tokens_in=12,
        image_tokens_in=13,
        cached_image_tokens_in=14,
        text_tokens_out=15,
        image_tokens_out=16,
        reasoning_tokens=5,
        cost_pico=90_000_000_000,
        cost_source="stated",
        cost_computed_pico=91_000_000_000,
        price_checked=date(2026, 7, 1),
        quote_low_pico=89_000_000_000,
        quote_high_pico=92_000_000_000,
        attempts=2,
        fallback_used=True,
        routing_strategy="cost-optimized",
        cache="miss",
        trace_id="0af7651916cd43dd8448eb211c80319c",
        session_id="session",
        user_id="user",
        metadata={"team": "posters", "nested": {"list": [1, None, "ä"]}},
        ignored=["quality", "background"],
        organisation_id="org_1",
        team_id="team_1",
        member_id="user_1",
        charged_pico=89_500_000_000,
        uncertain_pico=30_000_000_000,
        charge_reason="The provider may have charged for it.",
        price_version="0123456789ab",
        resumed=True,
        mirror_of="req_0",
        app="Poster maker",
        app_url="https://posters.example",
    )


def attempt(id: str = "att_1", request_id: str = "req_1", **fields: Any) -> AttemptRow:
    """A pending attempt."""
    known = {
        "number": 1,
        "provider": "bfl",
        "upstream": "flux-2-pro",
        "operation": "image_generation",
        "started_at": NOW,
    }
    return AttemptRow(id=id, request_id=request_id, **{**known, **fields})


def asset(digest: str = "d1", **fields: Any) -> AssetRow:
    """A picture that never expires."""
    known = {"media_type": "image/png", "width": 64, "height": 32, "bytes": 900, "created_at": NOW}
    return AssetRow(digest=digest, **{**known, **fields})


def link(digest: str = "d1", request_id: str = "req_1", **fields: Any) -> AssetLinkRow:
    """A request's first output."""
    return AssetLinkRow(digest=digest, request_id=request_id, **{"role": "output", "position": 0, **fields})
