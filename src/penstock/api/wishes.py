"""What a caller asks of the gateway beside the call itself: who is to serve it, and base64 or an address.

These fields are taken out of the body here, so that no provider ever sees them.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from penstock.api.config_header import Names, directions_of
from penstock.core.errors import BadRequest
from penstock.pipeline.fields import value_of
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.prefer import by_slug
from penstock.pipeline.preferences import preferences_of
from penstock.pipeline.request import NO_DIRECTIONS, Directions, Incoming, Life
from penstock.pipeline.routes import PRESET

_MOST_MODELS = 8
_LONGEST_NAME = 200


def take_directions(life: Life, fields: dict[str, Any], gateway: Gateway) -> None:
    """Take `models`, `preset`, `provider` and `route` out of a body, and a preset out of its `model`.

    Fields may be decoded or raw. Where there is no `model`, the first of `models` is it; `model` stays as it is where
    it names a preset and nothing else. What the body does not say, the config header may. Raises BadRequest.
    """
    if _says_nothing(life, fields):
        return
    raw = any(isinstance(value, msgspec.Raw) for value in fields.values())
    directions, otherwise = _configured(life, gateway)
    fields.pop("route", None)  # OpenRouter's, deprecated there
    asked, models = _decoded(fields.get("model"), "model"), _models(_taken(fields, "models"))
    if asked is None and models:
        asked, *models = models
    model, preset = _named(asked)
    if isinstance(asked, str):
        life.asked_model = asked
        fields["model"] = msgspec.Raw(msgspec.json.encode(model)) if raw else model
    others = directions.models if models is None else _without_presets(models)
    life.directions = replace(
        directions,
        preset=_preset(_taken(fields, "preset"), preset) or directions.preset,
        models=tuple(dict.fromkeys(other for other in others if other != model)),
    )
    take_provider(life, _taken(fields, "provider"), otherwise)
    life.preferences = by_slug(life.preferences, gateway.catalogue)


_SAYS = frozenset(("models", "preset", "provider", "route"))


def _says_nothing(life: Life, fields: Mapping[str, Any]) -> bool:
    """Whether a request, as most are, leaves all of it to the gateway."""
    ours = life.incoming.ours
    if not _SAYS.isdisjoint(fields) or ours("config") or ours("provider-lock"):
        return False
    model = _decoded(fields.get("model"), "model")
    if not isinstance(model, str) or PRESET in model:
        return False
    life.asked_model = model
    return True


def take_provider(life: Life, value: Any, otherwise: Mapping[str, Any] | None = None) -> None:
    """Read the `provider` object and the provider-lock header into the life's preferences.

    `otherwise` counts where the object does not say. Fields that are not acted on are reported as ignored. Raises
    BadRequest for wrong types.
    """
    if otherwise and (value is None or isinstance(value, dict)):
        value = {**otherwise, **{name: item for name, item in (value or {}).items() if item is not None}}
    lock = life.incoming.ours("provider-lock")
    if value is None and not lock:
        return
    life.preferences, ignored = preferences_of(value, lock)
    life.ignored = (*life.ignored, *ignored)


def take_response_format(life: Life, value: Any) -> None:
    """`b64_json`, the default, or `url`."""
    if value not in (None, "b64_json", "url"):
        raise BadRequest("`response_format` must be b64_json or url.", param="response_format")
    life.wants_address = value == "url"


def take_sandbox(incoming: Incoming) -> str | None:
    """The sandbox's failure on demand, where it is asked for by header."""
    return incoming.headers.get("x-penstock-sandbox")


def text_of(raw: msgspec.Raw | None, name: str) -> str:
    """A string field that must be there. Raises BadRequest."""
    if raw is None:
        raise BadRequest(f"`{name}` is missing.", param=name, code="missing_required_parameter")
    value = value_of(raw, name)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"`{name}` must be a string.", param=name)
    return value


def flag_of(raw: msgspec.Raw | None, name: str) -> bool:
    """A boolean field; absent and null are false. Raises BadRequest."""
    value = value_of(raw, name) if raw is not None else False
    if value is not None and not isinstance(value, bool):
        raise BadRequest(f"`{name}` must be true or false.", param=name)
    return bool(value)


def _configured(life: Life, gateway: Gateway) -> tuple[Directions, dict[str, Any]]:
    """What the config header says, and its `provider` object."""
    header = life.incoming.ours("config")
    if header is None:
        return NO_DIRECTIONS, {}
    return directions_of(header, Names(gateway.catalogue, gateway.routes.now, life.principal))


def _taken(fields: dict[str, Any], name: str) -> Any:
    """A field decoded, and gone."""
    return _decoded(fields.pop(name, None), name)


def _decoded(value: Any, name: str) -> Any:
    return value_of(value, name) if isinstance(value, msgspec.Raw) else value


def _models(value: Any) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > _MOST_MODELS or not all(_is_name(name) for name in value):
        raise BadRequest(f"`models` must be a list of at most {_MOST_MODELS} names of models.", param="models")
    return value


def _without_presets(models: list[str]) -> list[str]:
    if any(PRESET in name for name in models):
        raise BadRequest("`models` takes models only; a preset stands in `model` or in `preset`.", param="models")
    return models


def _named(asked: Any) -> tuple[Any, str | None]:
    """The model's name without a preset, and the preset in it; what is no string is left to whoever reads it."""
    if not isinstance(asked, str) or PRESET not in asked:
        return asked, None
    model, _, preset = asked.partition(PRESET)
    if not _is_name(preset):
        raise BadRequest(f"`model` names no preset; write `{PRESET}` and its name.", param="model")
    return model or asked, preset


def _preset(value: Any, named: str | None) -> str | None:
    if value is None:
        return named
    if not isinstance(value, str) or not _is_name(value):
        raise BadRequest("`preset` must be a preset's name.", param="preset")
    if named not in (None, value):
        raise BadRequest("`model` and `preset` name two presets; send one of them.", param="preset")
    return value


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME
