"""Times between the books, which count Unix milliseconds, and bodies, which have ISO 8601 in UTC."""

from datetime import UTC, datetime

from penstock.pipeline.gateway import Gateway


def now_ms(gateway: Gateway) -> int:
    """Unix milliseconds."""
    return int(gateway.clock.now() * 1000)


def moment(unix_ms: int) -> datetime:
    """The instant as bodies have it."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


def moment_or_none(unix_ms: int | None) -> datetime | None:
    """The same for what may not have happened."""
    return None if unix_ms is None else moment(unix_ms)


def unix_ms(moment: datetime) -> int:
    """An instant with a time zone as the books have it."""
    return int(moment.timestamp() * 1000)
