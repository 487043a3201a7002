"""What was written on the command line, as values: amounts, durations, expiries, holders. Each raises BadRequest."""

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from sqlalchemy import Connection

from penstock.api.ranges import instant_ms
from penstock.core.errors import BadRequest
from penstock.core.spending import Holder, Level
from penstock.store.spending import find_holder

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def amount(text: str, option: str) -> Decimal:
    """A decimal number, exactly as written."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadRequest(f"`{option}` is a number such as 2.50, not {text!r}.") from None


def seconds(text: str, option: str) -> int:
    """A duration such as `60s`, `15m`, `24h`, `30d` or `2w`."""
    match = re.fullmatch(r"([0-9]{1,9})([smhdw])", text)
    if match is None:
        raise BadRequest(f"`{option}` is a duration such as 60s, 15m, 24h, 30d or 2w, not {text!r}.")
    return int(match[1]) * _SECONDS[match[2]]


def expiry(text: str, now: int) -> int | None:
    """When a key ends, in Unix milliseconds: so long from now, or at a date or an instant of UTC; None for `never`."""
    if text == "never":
        return None
    if re.fullmatch(r"[0-9]+[a-z]", text):
        return now + 1000 * seconds(text, "--expires")
    try:
        return instant_ms(text, now, "--expires")
    except BadRequest:
        raise BadRequest(f"`--expires` is like 30d, 2030-01-31, 2030-01-31T12:00:00Z or never, not {text!r}.") from None


def listed(values: Iterable[str] | None) -> list[str] | None:
    """The values of an option that may be repeated; an empty text takes the restriction away, None leaves it."""
    return None if values is None else [value for value in values if value]


def words(text: str) -> list[str]:
    """Words with commas between them."""
    return [word.strip() for word in text.split(",") if word.strip()]


def where(conditions: Iterable[str] | None) -> dict[str, str]:
    """`model=openai/gpt-image-1` and the like, by name."""
    pairs = [condition.partition("=") for condition in conditions or ()]
    for name, equals, value in pairs:
        if not (equals and value):
            raise BadRequest(f"`--where` is written like model=openai/gpt-image-1, not {name + equals!r}.")
    return {name: value for name, _, value in pairs}


def holder(c: Connection, text: str) -> Holder:
    """Whom `key:website`, `team:design` or `gateway` means. Raises NotFound too."""
    name, colon, which = text.partition(":")
    if name not in set(Level) or bool(which) != bool(colon) or (name == Level.GATEWAY) == bool(colon):
        raise BadRequest(
            "`--for` is written key:NAME, user:NAME, team:NAME or organisation:NAME (or with their ids), or gateway; "
            f"not {text!r}."
        )
    return find_holder(c, Level(name), which)


def holder_or_all(c: Connection, text: str | None) -> Holder | None:
    """The same; None, for everybody, where nothing was written."""
    return None if text is None else holder(c, text)
