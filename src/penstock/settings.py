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
from typing import Annotated, Any

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=1, le=65535)]
AboveZero = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Days = Annotated[float, Meta(gt=0)]
Asked = Annotated[str, Meta(pattern="^(chat|embedding|image_generation|image_edit)$")]
Stage = Annotated[str, Meta(pattern="^(input|output)$")]
Pause = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(gt=0, le=1)]
Level = Annotated[str, Meta(pattern="^(debug|info|warning|error)$")]


class SettingsError(ValueError):
    """The configuration cannot be used; the message says where and how to fix it."""


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the gateway listens and what it accepts."""

    host: str = "127.0.0.1"
    """Address to listen on. The default is reached from this machine only."""
    port: Port = 8080
    public_url: str | None = None
    """Address callers reach the gateway by, for links in answers; by default the request's own host."""
    max_body_megabytes: AboveZero = 64
    """Largest request body, in megabytes of 2^20 bytes."""
    request_timeout_seconds: Seconds = 600.0
    """Longest time a request may take where the caller states none."""
    log_level: Level = "info"
    """`debug`, `info`, `warning` or `error`: the least that is logged."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose `X-Forwarded-For` is believed."""


class Assets(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where pictures are kept, and for how long."""

    url: str | None = None
    """Folder or object store address; by default `assets` in the data directory."""
    retention_days: Days | None = None
    """Pictures older than this are deleted; by default they are kept."""
    link_seconds: AboveZero = 7 * 24 * 3600
    """How long the addresses given by `response_format: url` work."""
    max_picture_megabytes: AboveZero = 50
    """Largest single picture, sent or delivered."""


class LedgerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long the ledger remembers, and whether it remembers prompts."""

    retention_days: Days | None = None
    """Requests and attempts older than this are deleted, their sums stay; by default they are kept."""
    store_prompts: bool = False
    """Keep the fields of each request, prompts with them, readable for whoever can read the database."""
    prompt_retention_days: Days = 30.0
    """Kept prompts older than this are deleted."""


class Spending(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How budgets are kept."""

    unbounded_reserve_usd: Decimal = Decimal("0.50")
    """US dollars set aside for a call with a price but without a known highest cost."""

    def __post_init__(self) -> None:
        if not self.unbounded_reserve_usd > 0:
            raise ValueError("expected `unbounded_reserve_usd` above 0")


class Pages(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who sees the pages."""

    public: bool = False
    """Show models, the calculator and the comparison to whoever reaches the gateway; all else needs a key."""
    session_hours: AboveZero = 7 * 24
    """After how long whoever signed in has to do so again."""


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the fetcher of addresses given by callers and providers may reach."""

    allow_private_hosts: tuple[str, ...] = ()
    """Host names or addresses in private ranges that may be fetched all the same."""
    fetch_timeout_seconds: Seconds = 60.0
    """Longest time one picture may take to be downloaded."""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How requests of one kind are routed; what is left out is as it is for the others."""

    strategy: str | dict[str, Any] | None = None
    """A strategy's name, or a mapping with its `name` and its settings."""
    models: tuple[str, ...] = ()
    """Models asked in this order when the one asked for fails; of a preset, those asked for by its name."""
    provider: dict[str, Any] = {}
    """What a request's `provider` object would say: `order`, `only`, `ignore`, `max_price` and the others."""


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Models that keys are given access to together."""

    models: tuple[str, ...] = ()
    """Slugs and patterns (`openai/*`); a key whose `models` hold `@name` may call them."""
    aliases: dict[str, str] = {}
    """Further names for models, for keys of the group."""


class Retry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes of a request when everybody it was planned for has failed."""

    rounds: AboveZero = 3
    """How often each provider is asked at most; again only where nothing can have been made or charged."""
    backoff_seconds: Pause = 0.25
    """Longest pause before the second round; each further one may be twice as long."""
    longest_wait_seconds: Pause = 10.0
    """Longest pause; a provider that wants a longer one (`Retry-After`) is not asked again."""


class Timeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long one attempt may take before the next provider is asked, seconds."""

    chat: Seconds = 120.0
    """Until an answer, or the first and every next part of a stream."""
    embedding: Seconds = 30.0
    image_generation: Seconds = 300.0
    image_edit: Seconds = 300.0


class Breaker(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When an offer is left alone for a while."""

    error_rate: Share = 0.5
    """The part of the calls that failed from which on it is."""
    minimum: AboveZero = 10
    """Results within the window below which it is not."""
    window_seconds: Seconds = 30.0
    """Which results count."""
    open_seconds: Seconds = 15.0
    """After how long one call is let through to see whether it works again."""


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long a key of a provider is left out, until a call, or a free question, shows that it works again."""

    no_credit_seconds: Pause = 300.0
    """Where the provider says that there is no credit left."""
    refused_seconds: Pause = 60.0
    """Where the provider refuses the key."""
    rate_limited_seconds: Pause = 5.0
    """Where the provider limits the rate and says no time itself, else at most 60 of what it says; 0: never."""


class Routing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is asked, in which order, and for how long. Read again while the gateway runs."""

    strategy: str | dict[str, Any] = "price-weighted"
    """For requests for which nothing else says one."""
    models: dict[str, Policy] = {}
    """By slug, alias or pattern (`openai/*`)."""
    keys: dict[str, Policy] = {}
    """By a key's id or name."""
    presets: dict[str, Policy] = {}
    """By the name that requests use: `@preset/name`."""
    aliases: dict[str, str] = {}
    """Further names for models."""
    groups: dict[str, Group] = {}
    """Access groups, by name."""
    retry: Retry = Retry()
    timeouts: Timeouts = Timeouts()
    breaker: Breaker = Breaker()
    rotation: Rotation = Rotation()
    memory_seconds: Seconds = 60.0
    """After how long what happened counts half as much for `adaptive`."""
    probe_seconds: Pause = 15.0
    """How often a provider that is down is asked something that costs nothing; 0: never."""
    mirror_usd_per_day: Decimal = Decimal(1)
    """US dollars that all copies for comparison may cost in a day."""


class ProviderKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of several keys of a provider, with what may be asked with it."""

    api_key: str
    """The key."""
    name: str = ""
    """What the ledger and messages call it; by default its place in the list."""
    weight: AboveZero = 1
    """How much of the traffic it takes beside the others."""
    requests_per_minute: AboveZero | None = None
    """Calls it may be used for in a minute."""
    usd_per_day: Decimal | None = None
    """US dollars that may be spent with it in a day of UTC."""


class ProviderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Changes to a provider of the catalogue, or a whole provider of your own."""

    enabled: bool | None = None
    """`false` switches it off whatever the environment says; else it is on when it has its key or needs none."""
    name: str | None = None
    """What messages call it."""
    adapter: str | None = None
    """The protocol it speaks."""
    base_url: str | None = None
    """Where it is reached."""
    api_key: str | None = None
    """Its key, where it does not come from the provider's own environment variable."""
    keys: tuple[ProviderKey, ...] = ()
    """Several keys instead of one."""
    concurrency: AboveZero | None = None
    """Most upstream calls at once."""
    timeout_seconds: Seconds = 600.0
    """Longest time one attempt may take."""
    quirks: dict[str, Any] = {}
    """Deviations from the adapter's usual dialect, by name."""
    poll_hosts: tuple[str, ...] | None = None
    """Hosts the key may be sent to when a job is polled: exact, or `.suffix` for every host below it."""
    cost_unit_usd: Decimal | None = None
    """US dollars that one unit of a cost stated by the provider is worth."""
    charges_moderated: tuple[Stage, ...] | None = None
    """Stages (`input`, `output`) at which it charges for a call that its moderation refuses."""
    cancels: tuple[Asked, ...] | None = None
    """Operations at which a call costs nothing more once its connection is closed."""
    trains_on_prompts: bool | None = None
    """Whether it may learn from what it is sent; where that is not known, `data_collection: deny` avoids it."""
    zero_retention: bool | None = None
    """Whether it keeps nothing of what it is sent; where it is not known, `zdr: true` avoids it."""
    offers: tuple[dict[str, Any], ...] = ()
    """Offers at this provider, in the format of a catalogue file's `[[offer]]`."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be configured."""

    data: str = "data"
    """Directory of the database, the pictures and the catalogue's own folder."""
    server: Server = Server()
    assets: Assets = Assets()
    network: Network = Network()
    pages: Pages = Pages()
    ledger: LedgerSettings = LedgerSettings()
    spending: Spending = Spending()
    routing: Routing = Routing()
    providers: dict[str, ProviderSettings] = {}
    """By name, as in the catalogue, or a name of your own."""
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
    try:
        raw = _expand(_read(file), environment, str(file)) if file else {}
    except RecursionError as error:
        raise SettingsError(f"The configuration {file} is nested too deep.") from error
    # A section whose lines are all commented out is null in YAML.
    raw = {name: value for name, value in raw.items() if value is not None}
    _refuse_unknown(raw, Settings, "")
    if overrides.get("data") is not None:
        raw["data"] = overrides["data"]
    listening = {name: overrides[name] for name in ("host", "port") if overrides.get(name) is not None}
    if listening and isinstance(raw.get("server", {}), dict):
        raw["server"] = raw.get("server", {}) | listening
    try:
        return msgspec.convert(raw, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{file or 'The settings'}: {_sentence(error)}") from error


def _sentence(error: msgspec.ValidationError) -> str:
    """msgspec's `Expected int, got str - at $.server.port` with the setting first."""
    what, _, where = str(error).replace("`", "").partition(" - at $.")
    return f"{where}: {what[:1].lower()}{what[1:]}." if where else f"{what}."


def _read(file: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML  # only a configured gateway pays for the parser
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The configuration {file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"The configuration {file} is not UTF-8 text.") from error
    except (YAMLError, ValueError) as error:  # the latter for a date that there is not
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
