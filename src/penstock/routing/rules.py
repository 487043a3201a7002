"""Conditions of `conditional`: read and checked once, then asked of each request.

A condition maps fields to values or to operators, as MongoDB writes them: `{operation: chat, megapixels: {$gt: 2}}`,
all of which must hold; `$and` and `$or` hold lists of conditions, `$not` one. `fields` says what they can be about and
`operators` how that is compared.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penstock.routing.fields import FIELDS, METADATA, Field, Look, metadata
from penstock.routing.operators import OPERATORS, Test, nearest, shown

Condition = Callable[[Look], bool]
"""Whether it holds."""

DEEPEST = 8
"""Conditions within conditions."""


def condition(given: Any, depth: int = 1) -> Condition:
    """A condition, checked. Raises ValueError in a sentence that says what to write instead."""
    if depth > DEEPEST:
        raise ValueError(f"conditions may be {DEEPEST} deep at most")
    if isinstance(given, Mapping):
        return _all([_part(str(name), wanted, depth) for name, wanted in given.items()])
    raise ValueError(f"expected a mapping of fields, such as `operation: chat`, not {shown(given)}")


def _part(name: str, wanted: Any, depth: int) -> Condition:
    match name:
        case "$and":
            return _all(_conditions(name, wanted, depth))
        case "$or":
            return _any(_conditions(name, wanted, depth))
        case "$not":
            inner = condition(wanted, depth + 1)
            return lambda look: not inner(look)
    return _about(name, _field(name), wanted)


def _conditions(name: str, wanted: Any, depth: int) -> list[Condition]:
    if not isinstance(wanted, Sequence) or isinstance(wanted, str) or not wanted:
        raise ValueError(f"expected a list of conditions in `{name}`, not {shown(wanted)}")
    return [condition(part, depth + 1) for part in wanted]


def _all(parts: Sequence[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else lambda look: all(part(look) for part in parts)


def _any(parts: Sequence[Condition]) -> Condition:
    return lambda look: any(part(look) for part in parts)


def _about(name: str, field: Field, wanted: Any) -> Condition:
    operators = wanted if isinstance(wanted, Mapping) else {"$eq": wanted}
    if not operators:
        raise ValueError(f"`{name}`: expected an operator; there are {', '.join(OPERATORS)}")
    tests = [_test(name, field, str(operator), operand) for operator, operand in operators.items()]

    def holds(look: Look) -> bool:
        value = field.value(look)
        return all(test(value) for test in tests)

    return holds


def _field(name: str) -> Field:
    if name in FIELDS:
        return FIELDS[name]
    if name.startswith(METADATA) and len(name) > len(METADATA):
        return metadata(name.removeprefix(METADATA))
    known = ("$and", "$or", "$not") if name.startswith("$") else (*FIELDS, "metadata.<name>")
    raise ValueError(f"there is no field `{name}`; {nearest(name, known)}")


def _test(name: str, field: Field, operator: str, operand: Any) -> Test:
    make = OPERATORS.get(operator)
    if make is None:
        raise ValueError(f"`{name}`: there is no operator `{operator}`; {nearest(operator, tuple(OPERATORS))}")
    try:
        return make(field, operand)
    except ValueError as error:
        raise ValueError(f"`{name}`: {error}") from error
