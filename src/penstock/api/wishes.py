"""What a caller asks of the gateway beside the call itself: which providers, and base64 or an address.

These fields are taken out of the body here, so that no provider ever sees them.
"""

from typing import Any

import msgspec

from penstock.core.errors import BadRequest
from penstock.pipeline.fields import value_of
from penstock.pipeline.request import Incoming, Life, Preferences

_PREFERENCES = ("order", "only", "ignore", "allow_fallbacks", "options")


def take_provider(life: Life, value: Any) -> None:
    """Read the `provider` object and the provider-lock header into the life's preferences.

    Keys that are not acted on are reported as ignored. Raises BadRequest for wrong types.
    """
    lock = life.incoming.ours("provider-lock")
    if value is None and not lock:
        return
    if value is not None and not isinstance(value, dict):
        raise BadRequest("`provider` must be an object.", param="provider")
    value = value or {}
    life.ignored = (*life.ignored, *(f"provider.{name}" for name in value if name not in _PREFERENCES))
    life.preferences = Preferences(
        order=_slugs(value, "order"),
        only=frozenset([lock] if lock else _slugs(value, "only")),
        ignore=frozenset(_slugs(value, "ignore")),
        allow_fallbacks=_flag(value, "allow_fallbacks") and not lock,
        options=_options(value),
    )


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


def _slugs(value: dict[str, Any], name: str) -> tuple[str, ...]:
    slugs = value.get(name)
    if slugs is None:
        return ()
    if not isinstance(slugs, list) or not all(isinstance(slug, str) for slug in slugs):
        raise BadRequest(f"`provider.{name}` must be a list of provider names.", param="provider")
    return tuple(slugs)


def _flag(value: dict[str, Any], name: str) -> bool:
    flag = value.get(name)
    if flag is not None and not isinstance(flag, bool):
        raise BadRequest(f"`provider.{name}` must be true or false.", param="provider")
    return flag is not False


def _options(value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    options = value.get("options")
    if options is None:
        return {}
    if not isinstance(options, dict) or not all(isinstance(item, dict) for item in options.values()):
        raise BadRequest("`provider.options` must map provider names to objects.", param="provider")
    return options
