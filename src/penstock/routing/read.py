"""A strategy out of what a configuration or a header says: a name, or a mapping with `name` and its settings."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from penstock.routing import STRATEGIES
from penstock.routing.base import Strategy


def read(given: Any) -> Strategy:
    """The strategy that is meant. Raises ValueError in a sentence that says what to write instead."""
    if isinstance(given, Strategy):
        return given
    settings: dict[str, Any] = {"name": given} if isinstance(given, str) else {}
    if isinstance(given, Mapping):
        settings = {str(key): value for key, value in given.items()}
    name = settings.pop("name", None)
    if name is None or not isinstance(name, str):
        raise ValueError("a strategy is a name, such as `least-latency`, or a mapping with its `name` and its settings")
    kind = STRATEGIES.get(name.replace("_", "-"))
    if kind is None:
        nearest = get_close_matches(name, STRATEGIES, n=1)
        hint = f"did you mean `{nearest[0]}`?" if nearest else f"there are {', '.join(STRATEGIES)}."
        raise ValueError(f"there is no strategy `{name}`; {hint}")
    try:
        return msgspec.convert(settings, kind, strict=False, dec_hook=_nested)
    except msgspec.ValidationError as error:
        raise ValueError(f"{kind.name}: {_sentence(error)}") from error


def _nested(kind: type, given: Any) -> Any:
    """A strategy within another's settings."""
    if kind is Strategy:
        return read(given)
    raise NotImplementedError(kind)


def _sentence(error: msgspec.ValidationError) -> str:
    what, _, where = str(error).partition(" - at `$")
    place = where.strip("`.")
    sentence = f"{what[:1].lower()}{what[1:]}"
    return f"`{place}`: {sentence}" if place else sentence
