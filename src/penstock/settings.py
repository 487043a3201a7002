"""The settings: one frozen tree, read from one YAML file, with `${VAR}` taken from the environment.

What can be wrong is refused here, at start, in a sentence that says how to fix it; an unknown key is refused with the
nearest known one. Everything has a default, so a gateway without a file runs on embedded parts.
"""

import difflib
import os
import re
import types
import typing
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec


class SettingsError(ValueError):
    """The configuration cannot be used; the message says where and how to fix it."""


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the gateway listens and what it accepts."""

    host: str = "127.0.0.1"
    """Address to listen on. The default is reached from this machine only."""
    port: int = 8080
    public_url: str | None = None
    """Address callers reach the gateway by, for links in answers; by default the request's own host."""
    max_body_megabytes: int = 64
    """Largest request body, in megabytes of 2^20 bytes."""
    request_timeout_seconds: float = 600.0
    """Longest time a request may take where the caller states none."""
    log_level: str = "info"


class Assets(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where pictures are kept, and for how long."""

    url: str | None = None
    """Folder or object store address; by default `assets` in the data directory."""
    retention_days: float | None = None
    """Pictures older than this are deleted; by default they are kept."""
    link_seconds: int = 7 * 24 * 3600
    """How long the addresses given by `response_format: url` work."""
    max_picture_megabytes: int = 50
    """Largest single picture, sent or delivered."""


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the fetcher of addresses given by callers and providers may reach."""

    allow_private_hosts: tuple[str, ...] = ()
    """Host names or addresses in private ranges that may be fetched all the same."""
    fetch_timeout_seconds: float = 60.0


class ProviderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Changes to a provider of the catalogue, or a whole provider of your own."""

    enabled: bool | None = None
    """Off or on whatever the environment says; by default on when its key is there."""
    name: str | None = None
    adapter: str | None = None
    base_url: str | None = None
    api_key: str | None = None
    concurrency: int | None = None
    timeout_seconds: float = 600.0
    """Longest time one attempt may take."""
    quirks: dict[str, Any] = {}
    poll_hosts: tuple[str, ...] | None = None
    cost_unit_usd: Decimal | None = None
    offers: tuple[dict[str, Any], ...] = ()
    """Offers at this provider, in the format of a catalogue file's `[[offer]]`."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be configured."""

    data: str = "data"
    """Directory of the database, the pictures and the catalogue's own folder."""
    server: Server = Server()
    assets: Assets = Assets()
    network: Network = Network()
    providers: dict[str, ProviderSettings] = {}
    models: tuple[dict[str, Any], ...] = ()
    """Models of your own, in the format of a catalogue model file."""

    @property
    def data_path(self) -> Path:
        return Path(self.data)


def load(file: Path | None, environment: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
    """The settings from a YAML file, or the defaults without one.

    `overrides` are `data`, `host` and `port` from the command line; None leaves a value as it is.
    Raises SettingsError.
    """
    raw = _read(file) if file else {}
    raw = _expand(raw, environment, str(file))
    for name in ("data",):
        if overrides.get(name) is not None:
            raw[name] = overrides[name]
    for name in ("host", "port"):
        if overrides.get(name) is not None:
            raw.setdefault("server", {})[name] = overrides[name]
    _refuse_unknown(raw, Settings, "")
    try:
        return msgspec.convert(raw, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{file or 'The settings'}: {error}.") from error


def _read(file: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML  # only a configured gateway pays for the parser
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The configuration {file} cannot be read: {error.strerror}.") from error
    except YAMLError as error:
        raise SettingsError(f"The configuration {file} is not valid YAML: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"The configuration {file} must be a mapping of settings, like `server: {{port: 8080}}`.")
    return document


_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _expand(value: Any, environment: Mapping[str, str], file: str) -> Any:
    if isinstance(value, dict):
        return {key: _expand(item, environment, file) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, environment, file) for item in value]
    if not isinstance(value, str):
        return value

    def replacement(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise SettingsError(f"{file} uses ${{{match[1]}}}, which is not set in the environment.")
        return environment[match[1]]

    return _VARIABLE.sub(replacement, value)


def _refuse_unknown(raw: Any, struct: type[msgspec.Struct], path: str) -> None:
    if not isinstance(raw, dict):
        return
    fields = typing.get_type_hints(struct)
    for key, value in raw.items():
        if key not in fields:
            nearest = difflib.get_close_matches(str(key), fields, n=1, cutoff=0.5)
            hint = f" Did you mean `{nearest[0]}`?" if nearest else f" Known here: {', '.join(sorted(fields))}."
            raise SettingsError(f"Unknown setting `{path}{key}`.{hint}")
        inner, mapping = _struct_in(fields[key])
        if inner and mapping and isinstance(value, dict):
            for name, item in value.items():
                _refuse_unknown(item, inner, f"{path}{key}.{name}.")
        elif inner:
            _refuse_unknown(value, inner, f"{path}{key}.")


def _struct_in(annotation: Any) -> tuple[type[msgspec.Struct] | None, bool]:
    """The Struct a field holds, and whether it holds a mapping of them."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return (annotation, False) if issubclass(annotation, msgspec.Struct) else (None, False)
    if typing.get_origin(annotation) is dict:
        return _struct_in(typing.get_args(annotation)[1])[0], True
    return None, False
