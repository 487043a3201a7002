"""Ranges of time as people write them: `since=7d`, `since=2026-07-01&until=2026-08-01`, or instants in ISO 8601."""

import re
from datetime import UTC, datetime

from penstock.core.errors import BadRequest

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}

SINCE = "How long ago, as `90m`, `12h`, `7d` or `4w`, or a day or an instant in ISO 8601."
UNTIL = "Not itself, written likewise; by default now."


def range_ms(since: str, until: str | None, now_ms: int) -> tuple[int, int]:
    """Both ends in Unix milliseconds. Raises BadRequest."""
    return instant_ms(since, now_ms, "since"), now_ms if until is None else instant_ms(until, now_ms, "until")


def instant_ms(text: str, now_ms: int, param: str) -> int:
    """`7d`: so long before now; `2026-07-01`: the first instant of that day of UTC; without a zone, that of UTC too.

    Raises BadRequest about `param`.
    """
    if match := re.fullmatch(r"([0-9]{1,6})([mhdw])", text):
        return max(0, now_ms - int(match[1]) * _UNITS_MS[match[2]])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(
            f"`{param}` must be like 90m, 12h, 7d or 4w, or a day or an instant like 2026-07-01T12:00:00Z.", param=param
        ) from None
    return max(0, int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000))
