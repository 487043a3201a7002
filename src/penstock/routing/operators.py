"""The operators of conditions: each makes, of what the configuration says, a test of what a request says.

What a request says is never trusted to be of the right kind: what cannot be compared is not equal, not less and not
greater, and nothing a caller sends raises or takes long.
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import regex

from penstock.routing.fields import CLOCK, Field

Value = str | float | bool | None
"""What can be configured. None: the request does not say it."""
Test = Callable[[Any], bool]
"""Whether one operator holds for a field's value, which in metadata can be anything."""

LONGEST_PATTERN = 200
LONGEST_TEXT = 4000
"""Characters of a value that `$regex` looks at."""
REGEX_SECONDS = 0.002
"""After which a pattern counts as not matching."""

_KINDS = {"flag": "true or false", "number": "a number", "text": "a text"}


def _equal(field: Field, operand: Any) -> Test:
    wanted = _checked(field, operand)
    return lambda value: _same(value, wanted)


def _unequal(field: Field, operand: Any) -> Test:
    wanted = _checked(field, operand)
    return lambda value: not _same(value, wanted)


def _among(field: Field, operand: Any) -> Test:
    choices = _list(field, operand)
    return lambda value: any(_same(value, choice) for choice in choices)


def _not_among(field: Field, operand: Any) -> Test:
    choices = _list(field, operand)
    return lambda value: not any(_same(value, choice) for choice in choices)


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Field, Any], Test]:
    def make(field: Field, operand: Any) -> Test:
        wanted = _checked(field, operand)
        if wanted is None or isinstance(wanted, bool):
            raise ValueError(f"expected a number or a text to compare with, not {shown(operand)}")
        return lambda value: _alike(value, wanted) and holds(value, wanted)

    return make


def _exists(field: Field, operand: Any) -> Test:
    if operand is not True and operand is not False:
        raise ValueError("expected `$exists` to be true or false")
    return lambda value: (value is not None) is operand


def _matching(field: Field, operand: Any) -> Test:
    if field.kind not in ("text", "clock", "any"):
        raise ValueError("`$regex` is for texts")
    if not isinstance(operand, str) or len(operand) > LONGEST_PATTERN:
        raise ValueError(f"expected `$regex` to be a pattern of {LONGEST_PATTERN} characters at most")
    try:
        pattern = regex.compile(operand)
    except (regex.error, OverflowError, RecursionError) as error:
        raise ValueError(f"`$regex` cannot be read: {error}") from error
    return lambda value: isinstance(value, str) and _found(pattern, value)


def _found(pattern: "regex.Pattern[str]", text: str) -> bool:
    try:
        return pattern.search(text[:LONGEST_TEXT], timeout=REGEX_SECONDS) is not None
    except (TimeoutError, MemoryError):
        return False


OPERATORS: Mapping[str, Callable[[Field, Any], Test]] = {
    "$eq": _equal,
    "$ne": _unequal,
    "$in": _among,
    "$nin": _not_among,
    "$regex": _matching,
    "$gt": _ordered(lambda value, wanted: value > wanted),
    "$gte": _ordered(lambda value, wanted: value >= wanted),
    "$lt": _ordered(lambda value, wanted: value < wanted),
    "$lte": _ordered(lambda value, wanted: value <= wanted),
    "$exists": _exists,
}
"""By name. `$ne` and `$nin` hold where `$eq` and `$in` do not, so also for what the request does not say."""


def _alike(one: Any, other: Value) -> bool:
    """Whether two values can be compared: two texts, two numbers, two flags, or nothing and nothing."""
    return _kind(one) == _kind(other)


def _same(value: Any, wanted: Value) -> bool:
    # What is configured is never a list or a mapping, so a caller's are never compared, however deep they are.
    return _alike(value, wanted) and value == wanted


def _kind(value: Any) -> str:
    # A flag is a number to Python, but not to people.
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "nothing" if value is None else "other"


def _list(field: Field, operand: Any) -> tuple[Value, ...]:
    if not isinstance(operand, Sequence) or isinstance(operand, str) or not operand:
        raise ValueError(f"expected a list of values, not {shown(operand)}")
    return tuple(_checked(field, value) for value in operand)


def _checked(field: Field, operand: Any) -> Value:
    """A value that a field can have."""
    kind = _kind(operand)
    if kind == "other":
        raise ValueError(f"expected a text, a number, true, false or null, not {shown(operand)}")
    value: Value = operand
    if kind == "nothing" or field.kind == "any":
        return value
    if field.kind == "clock":
        if not isinstance(operand, str) or not CLOCK.fullmatch(operand):
            raise ValueError(f"expected a time of UTC as 'HH:MM', such as '08:30', not {shown(operand)}")
    elif kind != field.kind:
        raise ValueError(f"expected {_KINDS[field.kind]}, not {shown(operand)}")
    if field.choices and operand not in field.choices:
        raise ValueError(f"there is no {shown(operand)}; {nearest(str(operand), field.choices)}")
    return value


def nearest(name: str, known: Sequence[str]) -> str:
    """What was probably meant, for the end of a message."""
    close = get_close_matches(name, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"there are {', '.join(known)}."


def shown(given: Any) -> str:
    """A value for a message, cut short."""
    text = repr(given)
    return f"`{text[:40]}...`" if len(text) > 40 else f"`{text}`"
