"""`openrouter_metadata`: how a request was routed, where its caller asks for it with `X-OpenRouter-Metadata: enabled`.

The fields are OpenRouter's; who could not be asked, and why, is ours.
"""

from typing import Any

from penstock.core.target import Candidate
from penstock.pipeline.request import Attempt, Life


def router_metadata(life: Life | None) -> dict[str, Any]:
    """A top-level field of the answer; nothing where it was not asked for."""
    if life is None or life.incoming.headers.get("x-openrouter-metadata", "").lower() not in ("enabled", "true"):
        return {}
    served = life.served_by if life.answer is not None else None
    order = life.plan.order if life.plan else ()
    first = life.way.models[0].slug if life.way else None
    return {
        "openrouter_metadata": {
            "requested": life.asked_model,
            "strategy": "fallback" if served is not None and served.model.slug != first else "direct",
            "region": None,
            "summary": life.plan.why if life.plan else "",
            "attempt": len(life.attempts),
            "is_byok": False,
            "endpoints": {
                "total": len(life.candidates) + len(life.exclusions),
                "available": [_available(candidate, served) for candidate in order],
                "excluded": [
                    {"provider": each.offer.provider, "model": each.offer.model, "reason": each.reason}
                    for each in life.exclusions
                ],
            },
            "attempts": [_attempted(attempt) for attempt in life.attempts],
            "routing_strategy": life.strategy,
        }
    }


def _available(candidate: Candidate, served: Candidate | None) -> dict[str, Any]:
    selected = served is not None and served.offer is candidate.offer
    return {
        "provider": candidate.account.provider.name,
        "model": candidate.model.slug,
        "selected": selected,
    }


def _attempted(attempt: Attempt) -> dict[str, Any]:
    candidate, error = attempt.candidate, attempt.error
    status = 200 if attempt.outcome == "succeeded" else error.status if error else None
    return {"provider": candidate.account.provider.name, "model": candidate.model.slug, "status": status}
