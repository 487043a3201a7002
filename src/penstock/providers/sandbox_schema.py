"""The smallest JSON value that fits a schema: what the sandbox answers where a shape is asked for.

Pure, and bounded: a schema that never ends is refused.
"""

import math
from collections.abc import Mapping
from typing import Any

from penstock.core.errors import BadRequest

_MOST_NODES = 10_000
_MOST_DEPTH = 64
Json = Any
"""A decoded JSON value; only looked at behind `isinstance`."""


def minimal(schema: Mapping[str, Json], param: str) -> Json:
    """The smallest JSON value a schema allows: required properties only, empty strings and lists, zeros.

    Follows `$ref` within the schema, `enum`, `const`, `anyOf`, `oneOf`, `allOf` and lower bounds. Raises BadRequest,
    with the request field it is in, for a schema that never ends.
    """
    return _Filler(schema, param).value(schema)


class _Filler:
    def __init__(self, root: Json, param: str) -> None:
        self.root, self.param, self.left, self.depth = root, param, _MOST_NODES, 0

    def value(self, schema: Json) -> Json:
        self.left -= 1
        self.depth += 1
        if self.left < 0 or self.depth > _MOST_DEPTH:
            raise BadRequest("The JSON schema is too large, or never ends.", param=self.param)
        try:
            return self._value(schema) if isinstance(schema, dict) else {}
        finally:
            self.depth -= 1

    def _value(self, schema: dict[str, Json]) -> Json:
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return schema["enum"][0]
        if "$ref" in schema:
            return self.value(self._found(schema["$ref"]))
        for way in ("anyOf", "oneOf"):
            if isinstance(schema.get(way), list) and schema[way]:
                # A null ends a schema that contains itself.
                return self.value(next((one for one in schema[way] if one == {"type": "null"}), schema[way][0]))
        parts = schema.get("allOf")
        if isinstance(parts, list) and parts:
            values = [self.value(part) for part in parts]
            objects = [value for value in values if isinstance(value, dict)]
            own = self._object(schema) if "properties" in schema else {}
            return {key: item for value in [*objects, own] for key, item in value.items()} if objects else values[0]
        return self._typed(schema)

    def _typed(self, schema: dict[str, Json]) -> Json:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = kind[0] if kind else None
        match kind:
            case "string":
                return "x" * _count(schema.get("minLength"))
            case "integer" | "number":
                return _lowest(schema, kind)
            case "boolean":
                return False
            case "null":
                return None
            case "array":
                return [self.value(schema.get("items", {})) for _ in range(_count(schema.get("minItems")))]
            case _:
                return self._object(schema)

    def _object(self, schema: dict[str, Json]) -> dict[str, Json]:
        required, properties = schema.get("required"), schema.get("properties")
        names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
        known = properties if isinstance(properties, dict) else {}
        return {name: self.value(known.get(name, {})) for name in names}

    def _found(self, address: Json) -> Json:
        place = self.root
        for step in str(address).removeprefix("#").strip("/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            place = place if not key else place.get(key) if isinstance(place, dict) else None
        if place is None:
            raise BadRequest(f"The JSON schema refers to {address!r}, which is not in it.", param=self.param)
        return place


def _count(least: Json) -> int:
    return min(1000, max(0, least)) if isinstance(least, int) else 0


def _lowest(schema: dict[str, Json], kind: str) -> int | float:
    """Zero where the bounds allow it, else the bound nearest to it."""
    step = 1 if kind == "integer" else 0.5
    least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    most, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    value: int | float = 0
    if isinstance(least, int | float):
        value = max(value, least)
    if isinstance(above, int | float) and not isinstance(above, bool):
        value = max(value, above + step)
    if isinstance(most, int | float):
        value = min(value, most)
    if isinstance(below, int | float) and not isinstance(below, bool):
        value = min(value, below - step)
    return math.ceil(value) if kind == "integer" else value
