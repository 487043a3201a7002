"""What a request adds to the sums of its hour and its day, from which usage is told without reading the ledger."""

from penstock.store.rows import RequestRow

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

Share = tuple[int | str, ...]
"""A row of `usage_hours` or `usage_days`, in the order of its columns."""


def shares(row: RequestRow) -> tuple[Share, Share]:
    """The parts of the request with this row in its hour and in its day; what is not known is an empty text or 0."""
    failed = row.status >= 400
    alike = (row.key_id or "", row.model or "", row.provider or "", row.operation or "")
    owners = (row.organisation_id or "", row.team_id or "", row.member_id or "", row.app or "")
    tokens_in = (row.text_tokens_in, row.cached_text_tokens_in, row.image_tokens_in, row.cached_image_tokens_in)
    numbers = (
        1,
        int(failed),
        int(not failed and row.cost_pico is None),
        row.images_delivered or 0,
        row.output_pixels or 0,
        sum(filter(None, tokens_in)),
        (row.text_tokens_out or 0) + (row.image_tokens_out or 0),
        row.cost_pico or 0,
        row.charged_pico or 0,
        row.uncertain_pico or 0,
        int(bool(row.cache and row.cache.startswith("hit"))),
        row.latency_ms,
    )
    part = (*alike, *owners, *numbers)
    return (row.created_at // HOUR_MS * HOUR_MS, *part), (row.created_at // DAY_MS * DAY_MS, *part)
