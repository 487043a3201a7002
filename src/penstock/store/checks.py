"""What is refused before it is written into the books: empty names, patterns that match nothing, amounts of nothing."""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from penstock.core.errors import BadRequest
from penstock.core.money import plain
from penstock.core.networks import network_of, shown

MOST_CHARACTERS = 200
"""In a name or a pattern."""
MOST_PATTERNS = 200
"""Patterns, or addresses, of one key."""

MOST_DOLLARS = Decimal(1_000_000)
"""In one budget or credit: pico-dollars fit into 63 bits up to nine times that."""
MOST_COUNTED = 10**12
"""In one limit or allowance: millionths fit into 63 bits up to nine times that."""

_PATTERN = re.compile(r"[a-z0-9._:/@+~*?!\[\]-]+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def checked_name(noun: str, name: str) -> str:
    """A name without the space around it. `noun` comes with its article: `A key`. Raises BadRequest."""
    name = name.strip()
    if not name:
        raise BadRequest(f"{noun} needs a name, so that it can be told from the others later.", param="name")
    if len(name) > MOST_CHARACTERS or _UNPRINTABLE.search(name):
        raise BadRequest(f"A name has at most {MOST_CHARACTERS} characters, on one line.", param="name")
    return name


def checked_pattern(pattern: str, field: str) -> str:
    """A slug, or a pattern with `*`, `?` and `[...]`, in lower case as slugs are. Raises BadRequest."""
    if len(pattern) > MOST_CHARACTERS or not _PATTERN.fullmatch(pattern):
        raise BadRequest(
            f"{pattern[:MOST_CHARACTERS]!r} in `{field}` is no slug or pattern: lower case, like `openai/gpt-image-1` "
            f"or `openai/*`, at most {MOST_CHARACTERS} characters.",
            param=field,
        )
    return pattern


def checked_patterns(patterns: Iterable[str], field: str) -> list[str]:
    """Each of them once. Raises BadRequest."""
    return _few([checked_pattern(pattern, field) for pattern in patterns], field)


def checked_networks(texts: Iterable[str], field: str) -> list[str]:
    """IP addresses and networks as they are kept: each once, without bits below its mask. Raises BadRequest."""
    try:
        return _few([shown(network_of(text)) for text in texts], field)
    except ValueError as error:
        raise BadRequest(str(error), param=field) from None


def checked_dollars(amount: Decimal) -> Decimal:
    """Dollars above 0, up to a million, in whole pico-dollars. Raises BadRequest."""
    if not amount.is_finite() or not 0 < amount <= MOST_DOLLARS or _finer(amount, 12):
        raise BadRequest(
            f"An amount is in dollars: above $0, at most ${plain(MOST_DOLLARS)}, with 12 decimals or less.",
            param="amount",
        )
    return amount


def checked_count(amount: Decimal, *, whole: bool) -> Decimal:
    """What a limit counts up to: above 0, with 6 decimals or less, or none where only `whole` ones are counted.

    Raises BadRequest.
    """
    decimals = 0 if whole else 6
    if not amount.is_finite() or not 0 < amount <= MOST_COUNTED or _finer(amount, decimals):
        kind = "a whole number" if whole else "a number with 6 decimals or less"
        raise BadRequest(f"This limit is {kind} above 0, at most {MOST_COUNTED}.", param="amount")
    return amount


def _finer(amount: Decimal, decimals: int) -> bool:
    """Whether a number within the bounds above has more digits after the point than that."""
    return amount.quantize(Decimal(1).scaleb(-decimals)) != amount


def _few(values: Sequence[str], field: str) -> list[str]:
    if len(values) > MOST_PATTERNS:
        raise BadRequest(f"`{field}` takes at most {MOST_PATTERNS}; a pattern or network covers many.", param=field)
    return list(dict.fromkeys(values))
