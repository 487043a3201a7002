"""Small bodies and queries as Structs, read strictly: for endpoints that are not of somebody else's dialect.

What is unknown is refused with the nearest name, what is wrong with its path in the body. Bodies with pictures come in
through `pipeline.ingress`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from penstock.core.errors import BadRequest
from penstock.pipeline.ingress import body_chunks
from penstock.pipeline.request import Incoming

MOST_BYTES = 2**20
_MOST_SHOWN = 60
"""Characters of a name nobody knows."""

T = TypeVar("T", bound=msgspec.Struct)


async def read_body(incoming: Incoming, kind: type[T]) -> T:
    """The JSON object of a request; no body at all is an empty object.

    Raises BadRequest in a sentence with the field, and TooLarge beyond 1 MB.
    """
    body = b"".join([chunk async for chunk in body_chunks(incoming, MOST_BYTES)])
    try:
        return msgspec.json.decode(body if body.strip() else b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise _refusal(error, kind, "field") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}.", code="invalid_json") from error


def read_query(incoming: Incoming, kind: type[T]) -> T:
    """What stands after the question mark. Raises BadRequest in a sentence with the parameter."""
    given: dict[str, str] = {}
    for name, value in parse_qsl(incoming.query, keep_blank_values=True):
        if name in given:
            raise BadRequest(f"`{name[:_MOST_SHOWN]}` is given twice.", param=name[:_MOST_SHOWN])
        given[name] = value
    return read_fields(given, kind, "parameter")


def read_fields(given: Mapping[str, Any], kind: type[T], noun: str = "field") -> T:
    """Texts, or lists and mappings of them, as what they stand for. Raises BadRequest in a sentence with the field."""
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal(error, kind, noun) from error


def _refusal(error: msgspec.ValidationError, kind: type[msgspec.Struct], noun: str) -> BadRequest:
    """msgspec's `Expected int, got str - at $.budget.amount` as a sentence about the field."""
    said, _, where = str(error).partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    if match := re.fullmatch(r"Object contains unknown field `(.*)`", said, re.DOTALL):
        return _unknown(match[1], path, kind, noun)
    if match := re.fullmatch(r"Object missing required field `(\w+)`", said):
        name = _joined(path, match[1])
        return BadRequest(f"`{name}` is missing.", param=name, code="missing_required_parameter")
    if not path:
        return BadRequest("The body must be a JSON object.")
    if said.startswith("Invalid enum value") and (choices := _choices(_at(kind, path))):
        return BadRequest(f"`{path}` must be one of {', '.join(choices)}.", param=path)
    return BadRequest(f"`{path}` is wrong: {said[:1].lower()}{said[1:]}.", param=path)


def _unknown(name: str, path: str, kind: type[msgspec.Struct], noun: str) -> BadRequest:
    known = _fields(_at(kind, path))
    nearest = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean `{nearest[0]}`?" if nearest else f"known here: {', '.join(known)}."
    shown = _joined(path, name[:_MOST_SHOWN])
    return BadRequest(f"There is no {noun} `{shown}`; {hint}", param=shown)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _at(kind: type[msgspec.Struct], path: str) -> Any:
    """The annotation of what stands at a path such as `budget.amount` or `limits[0].unit`."""
    annotation: Any = kind
    for name in re.findall(r"\w+", re.sub(r"\[[^]]*\]", "", path)):
        struct = next(_structs(annotation), None)
        annotation = get_type_hints(struct, include_extras=True).get(name) if struct else None
    return annotation


def _structs(annotation: Any) -> Iterator[type[msgspec.Struct]]:
    """Every Struct that an annotation names."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if issubclass(annotation, msgspec.Struct):
            yield annotation
        return
    for argument in get_args(annotation):
        yield from _structs(argument)


def _fields(annotation: Any) -> Sequence[str]:
    return [name for struct in _structs(annotation) for name in struct.__struct_encode_fields__]


def _choices(annotation: Any) -> list[str]:
    """The values of every Literal and enumeration that an annotation names."""
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(member.value) for member in annotation]
    return [choice for argument in get_args(annotation) for choice in _choices(argument)]
