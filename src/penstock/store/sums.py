"""What a request adds to the sums of its hour and its day, from which usage is told without reading the ledger."""

from dataclasses import dataclass

from penstock.store.rows import RequestRow

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Share:
    """One request's part, for `usage_hours` and `usage_days` alike; what is not known is an empty text or 0."""

    hour: int
    day: int
    key_id: str
    model: str
    provider: str
    operation: str
    organisation_id: str
    team_id: str
    member_id: str
    requests: int
    failed: int
    unpriced: int
    """1 where an answer's cost is not known."""
    images: int
    output_pixels: int
    tokens_in: int
    tokens_out: int
    cost_pico: int
    charged_pico: int
    uncertain_pico: int
    cache_hits: int
    latency_ms: int


def share(row: RequestRow) -> Share:
    """The part of the request with this row."""
    failed = row.status >= 400
    return Share(
        row.created_at // HOUR_MS * HOUR_MS,
        row.created_at // DAY_MS * DAY_MS,
        row.key_id or "",
        row.model or "",
        row.provider or "",
        row.operation or "",
        row.organisation_id or "",
        row.team_id or "",
        row.member_id or "",
        1,
        int(failed),
        int(not failed and row.cost_pico is None),
        row.images_delivered or 0,
        row.output_pixels or 0,
        (row.text_tokens_in or 0)
        + (row.cached_text_tokens_in or 0)
        + (row.image_tokens_in or 0)
        + (row.cached_image_tokens_in or 0),
        (row.text_tokens_out or 0) + (row.image_tokens_out or 0),
        row.cost_pico or 0,
        row.charged_pico or 0,
        row.uncertain_pico or 0,
        int(bool(row.cache and row.cache.startswith("hit"))),
        row.latency_ms,
    )
