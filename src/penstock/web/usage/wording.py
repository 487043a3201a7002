"""What the ledger's words mean, for people: how requests and attempts ended and why, and where costs are from."""

from collections.abc import Mapping

from penstock.store.rows import AttemptRow, RequestRow

STATUSES = {
    400: "Refused",
    401: "No valid key",
    402: "Credit used up",
    403: "Not allowed",
    404: "Not found",
    413: "Too large",
    429: "Too much for now",
    499: "Caller left",
    500: "Broke",
    502: "Provider failed",
    503: "Nobody could serve it",
    504: "Took too long",
}

ENDINGS = {
    "budget_exceeded": "Budget used up",
    "content_policy_violation": "Moderated",
    "model_not_found": "No such model",
    "model_not_available": "Model not available",
    "rejected_by_provider": "Refused by the provider",
    "gateway_stopped": "Gateway stopped",
}
"""Where the error's code says more than the status does."""

CODES = {
    "budget_exceeded": "a budget had not enough left",
    "client_closed_request": "the caller hung up",
    "content_policy_violation": "its moderation refused it",
    "deadline_exceeded": "the request's time was over",
    "gateway_stopped": "the gateway was stopped meanwhile",
    "image_download_failed": "its picture could not be fetched",
    "insufficient_credits": "credit was used up",
    "internal_error": "something broke in the gateway",
    "no_provider_available": "nobody could serve it",
    "provider_connection_lost": "the connection broke before the answer was complete",
    "provider_failed": "it failed",
    "provider_job_failed": "its job ended without a result",
    "provider_key_refused": "it refused the gateway's key",
    "provider_out_of_credit": "the gateway's account there has no credit",
    "provider_timeout": "it did not answer in time",
    "provider_unreachable": "it could not be reached",
    "rate_limit_exceeded": "it was asked too often",
    "rejected_by_provider": "it refused the request",
    "result_unavailable": "its result could not be fetched",
    "storage_failed": "the picture could not be stored",
    "storage_full": "there was no room for the picture",
    "unusable_result": "its answer was not usable",
    "upstream_error": "it failed",
}
"""What went wrong, as the end of a sentence about whoever was asked."""

OUTCOMES = {
    "pending": ("Under way", "accent"),
    "succeeded": ("Succeeded", "good"),
    "failed": ("Failed", "bad"),
    "moderated": ("Moderated", "warn"),
    "cancelled": ("Given up", ""),
}
"""How an attempt ended, and the kind of its tag."""

SOURCES = {
    "stated": "stated by the provider",
    "usage": "our price for the use that the provider told",
    "delivered": "our price for what was delivered",
    "requested": "our price for what was asked for",
    "estimated": "estimated from what was sent before the caller hung up",
    "none": "nothing had to be paid",
}
"""Where a cost comes from."""

ROLES = {
    "output": "Made",
    "alternative": "Made beside the answer",
    "partial": "Previews",
    "reference": "References",
    "mask": "Masks",
}
"""What a picture was to a request, in the order they are shown."""

CACHE = {
    "hit_exact": "answered from the cache: the same request",
    "hit_semantic": "answered from the cache: a request like it",
    "miss": "asked, and not found",
    "skip": "not asked",
}


def ending(row: RequestRow) -> tuple[str, str]:
    """How a request ended in a few words, and the kind of its tag."""
    if row.status < 400:
        return (
            ("Succeeded, caller left", "warn") if row.client_gone and row.mirror_of is None else ("Succeeded", "good")
        )
    kind = "warn" if row.status < 500 else "bad"
    return ENDINGS.get(row.error_code or "") or STATUSES.get(row.status, "Failed"), kind


def went_wrong(code: str | None) -> str:
    """`it could not be reached`; the code itself where there are no words for it."""
    if code is None:
        return "it is not known why"
    return CODES.get(code, code.replace("_", " "))


def why(attempt: AttemptRow, before: AttemptRow | None, names: Mapping[str, str]) -> str:
    """Why an attempt was made, in a sentence. `names` of providers by slug."""
    earlier = names.get(before.provider, before.provider) if before else "the one before"
    match attempt.reason:
        case "first":
            return "Asked first."
        case "fallback":
            return f"Fell back because of {earlier}: {went_wrong(before.error_code if before else None)}."
        case "retry":
            return f"Asked again: {went_wrong(before.error_code if before else None)}."
        case "race":
            return "Asked at the same time as others; the first good answer counts."
        case "hedge":
            return f"Asked beside {earlier}, which took longer than usual."
    return "It was not noted why."
