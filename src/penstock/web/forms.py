"""Forms as data: their fields, what was typed into them as a request of the API, and the form again with its fault.

A page and the endpoint that does the same thing read the same Struct and call the same function, so that both refuse
the same things in the same words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeVar

import msgspec

from penstock.api.bodies import read_fields
from penstock.core.errors import BadRequest, PenstockError
from penstock.web.visit import Form

T = TypeVar("T", bound=msgspec.Struct)

Kind = Literal["text", "long", "number", "whole", "lines", "choice", "several", "yes"]
"""`lines` are several texts, `choice` one and `several` any of given ones; `yes` is a box to be ticked."""

_MOST_DIGITS = 30

Choices = Sequence[tuple[str, str]]
"""Values, and what each is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a form."""

    name: str
    """As in the Struct; `budget.amount_usd` is a field of the one in `budget`, which is left out without its first."""
    label: str
    kind: Kind = "text"
    hint: str = ""
    choices: Choices = ()
    suggestions: Choices = ()
    required: bool = False
    longest: int = 200
    """Characters."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A field with what stands in it."""

    field: Field
    values: Sequence[str] = ()
    fault: str = ""

    @property
    def id(self) -> str:
        return self.field.name.replace(".", "-").replace("_", "-")

    @property
    def value(self) -> str:
        return self.values[0] if self.values else ""

    @property
    def lines(self) -> str:
        return "\n".join(self.values)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A form as it is shown."""

    entries: tuple[Entry, ...]
    fault: str = ""
    """What was wrong with it as it was sent."""

    def __getitem__(self, name: str) -> Entry:
        return next(entry for entry in self.entries if entry.field.name == name)


def sheet(fields: Sequence[Field], values: Mapping[str, str | Sequence[str]] | None = None) -> Sheet:
    """A form with these values in it."""
    given = values or {}
    return Sheet(tuple(Entry(field, _several(given.get(field.name, ()))) for field in fields))


def again(fields: Sequence[Field], form: Form, error: PenstockError) -> Sheet:
    """The form with what was typed, and its fault at the field that it is about."""
    at = next((field for field in fields if error.param and _is_about(field, error.param)), None)
    message = error.message
    for field in fields:
        for name in (field.name, field.name.rpartition(".")[2]):
            message = message.replace(f"`{name}`", f"“{field.label}”")
    entries = (Entry(field, typed(field, form), message if field is at else "") for field in fields)
    return Sheet(tuple(entries), message)


def read(fields: Sequence[Field], form: Form, kind: type[T]) -> T:
    """What was typed, as the request of the API. Raises BadRequest, whose `param` is a field's name."""
    given: dict[str, Any] = {}
    left_out: set[str] = set()
    for field in fields:
        group, _, name = field.name.rpartition(".")
        if group in left_out:
            continue
        value = _read(field, form)
        if group and group not in given:
            if value is None:
                left_out.add(group)
                continue
            given[group] = {}
        if value is not None:
            (given[group] if group else given)[name] = value
    return read_fields(given, kind)


def typed(field: Field, form: Form) -> Sequence[str]:
    """What stands in a field of a form that was sent."""
    values = form.several.get(field.name, [])
    return [value.strip() for value in values] if field.kind != "lines" else [form.text(field.name)]


def _read(field: Field, form: Form) -> Any:
    """A field's value; None where it was left empty, which the API takes for "not said"."""
    text = form.text(field.name)
    match field.kind:
        case "several":
            return [value for value in form.several.get(field.name, []) if value]
        case "lines":
            return text.replace(",", " ").split()
        case "yes":
            return bool(text)
        case "number" | "whole":
            return _number(field, text)
    return text if text or field.required else None


def _number(field: Field, text: str) -> str | None:
    """The digits, for the Struct to read; money may come with its sign."""
    digits = text.removeprefix("$").replace(" ", "").replace("_", "")
    if not digits:
        return None
    try:
        number = Decimal(digits)
    except InvalidOperation:
        number = Decimal("NaN")
    if (
        not number.is_finite()
        or number.adjusted() > _MOST_DIGITS
        or (field.kind == "whole" and number != number.to_integral_value())
    ):
        example = "10" if field.kind == "whole" else "12.50"
        noun = "whole number" if field.kind == "whole" else "number"
        raise BadRequest(f"`{field.name}` must be a {noun}, such as {example}.", param=field.name)
    return f"{number:f}".partition(".")[0] if field.kind == "whole" else digits


def _is_about(field: Field, param: str) -> bool:
    return param in (field.name, field.name.rpartition(".")[2]) or (param, field.name) == (
        "expires_at",
        "expires_in_days",
    )


def _several(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else list(value)
