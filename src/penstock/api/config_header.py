"""The config header, `x-penstock-config` or `x-agentcc-config`: how its caller wants a request routed, as JSON.

It is read as leniently as agentcc's clients expect, with names in either case. What is malformed, unknown or not acted
on becomes a warning in the answer, never an error. Sizes are bounded, for whatever is in it is looked at anew by each
request.

Of `load_balance` the targets' models are asked beside the one in the body, and where every target names its provider
nobody else is asked; fallbacks lift that. Weights go by model where the targets name several, else by provider. Models
are compared with one another by any other strategy too, as with OpenRouter's `partition: none`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec

from penstock.catalogue.search import Catalogue
from penstock.core.errors import BadRequest
from penstock.core.principal import Principal
from penstock.pipeline.preferences import preferences_of
from penstock.pipeline.request import Directions
from penstock.pipeline.resolve import variant_of
from penstock.pipeline.routes import Routes, with_slugs
from penstock.routing.base import Strategy
from penstock.routing.read import read

_MOST_CHARACTERS = 16 * 1024
_DEEPEST = 16
_MOST_TARGETS = 20
"""Targets, rules and regular expressions; each of the last may take two milliseconds."""
_MOST_ROUNDS = 10
_MOST_STATUSES = 100
_LONGEST_NAME = 200
_LONGEST_PAUSE = 60.0
_LONGEST_WAIT = 600.0
_LONGEST_ATTEMPT = 86_400.0
_LARGEST_WEIGHT = 1e9
_MOST_WARNINGS = 10
_LONGEST_WARNING = 120

_LATER = ("cache", "guardrails")
_SECTIONS = frozenset(
    "strategy models preset provider fallback load_balance routing conditional_routes mirror retry timeout".split()
).union(_LATER)
_RENAMED = {"user_id": "user", "session_id": "session"}
"""Fields of conditions that our rules call otherwise."""

Warn = Callable[[str], None]
Section = Mapping[str, Any]
Read = Callable[[Any, str], Strategy | None]
"""Reads a strategy's settings, which stand where it is said; None, and a warning, where that cannot be done."""


@dataclass(frozen=True, slots=True)
class Names:
    """What models and presets are called here, for the holder of this key."""

    catalogue: Catalogue
    routes: Routes
    principal: Principal

    def is_model(self, name: str) -> bool:
        """Whether there is a model of this name, with a variant or without."""
        ours = self.routes.name_of(name, self.principal)
        base = ours.rpartition(":")[0] if variant_of(ours) else ours
        return self.catalogue.find(base) is not None

    def is_preset(self, name: str) -> bool:
        return name.lower() in self.routes.presets

    def with_slugs(self, settings: Any) -> Any:
        """A strategy's settings as strategies take them. Raises ValueError for names that are not known."""
        return with_slugs(settings, self.catalogue, self.routes.aliases)


def directions_of(text: str, names: Names) -> tuple[Directions, dict[str, Any]]:
    """What a config header asks for, its warnings included, and its `provider` object, as far as that can be read."""
    warnings: list[str] = []
    warn = warnings.append
    sections = _sections(text, warn)
    balance = _section(sections, "load_balance", ("strategy", "mode", "targets"), warn)
    balanced = _targets(balance, "load_balance", warn)
    fallback = _section(sections, "fallback", ("targets", "on_status_codes"), warn)
    fallbacks = _fallbacks(fallback, warn)
    retry = _retry(sections, warn)
    models = dict.fromkeys((*_models(sections, warn), *fallbacks, *_models_of(balanced)))
    directions = Directions(
        strategy=_strategy(sections, _balancing(balance, balanced), partial(_read, names=names, warn=warn), warn),
        preset=_preset(sections, names, warn),
        models=_bounded(_known(models, names, warn), "models", warn),
        rounds=_rounds(retry, warn),
        backoff_seconds=_number(retry, "retry", "backoff_factor", _LONGEST_PAUSE, warn),
        longest_wait_seconds=_longest_wait(retry, warn),
        heeds_retry_after=_flag(retry, "retry", "respect_retry_after", True, warn),
        retried_statuses=_statuses(retry, "retry", warn),
        fallback_statuses=_statuses(fallback, "fallback", warn),
        attempt_seconds=_attempt_seconds(sections, warn),
    )
    provider = _among(balanced, alone=not fallbacks) | _provider(sections, warn)
    for name in _LATER:
        if name in sections:
            warn(f"`{name}` is not acted on yet by this gateway.")
    return replace(directions, warnings=_shown(warnings)), provider


def _sections(text: str, warn: Warn) -> dict[str, Any]:
    """The header's top level, its names in snake_case and as the newer of agentcc's two clients writes them."""
    if len(text) > _MOST_CHARACTERS:
        warn(f"The config header is longer than {_MOST_CHARACTERS // 1024} KB and was ignored.")
        return {}
    try:
        # Header bytes are decoded as Latin-1, whatever they are.
        value = msgspec.json.decode(text.encode("latin-1", "replace"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        warn("The config header is not JSON and was ignored.")
        return {}
    if not isinstance(value, dict):
        warn("The config header is not a JSON object and was ignored.")
        return {}
    if _deeper(value, _DEEPEST):
        warn(f"The config header is nested more than {_DEEPEST} deep and was ignored.")
        return {}
    sections = {_snake(name): item for name, item in value.items() if item is not None}
    for name in sections:
        if name not in _SECTIONS:
            warn(f"`{name}` is not known.")
    routing = sections.get("routing")
    if isinstance(routing, dict) and "targets" in routing and "load_balance" not in sections:
        sections["load_balance"] = sections.pop("routing")
    return sections


def _deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return not levels or any(_deeper(each, levels - 1) for each in inner)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _section(sections: Section, name: str, known: tuple[str, ...], warn: Warn) -> dict[str, Any]:
    return _object(sections.get(name), name, known, warn)


def _object(value: Any, where: str, known: tuple[str, ...], warn: Warn) -> dict[str, Any]:
    """An object's known fields that are not null, their names in snake_case."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        warn(f"`{where}` is not an object.")
        return {}
    fields = {_snake(name): item for name, item in value.items() if item is not None}
    for name in fields:
        if name not in known:
            warn(f"`{where}.{name}` is not known.")
    return {name: item for name, item in fields.items() if name in known}


def _bounded(values: tuple[Any, ...], where: str, warn: Warn) -> tuple[Any, ...]:
    if len(values) > _MOST_TARGETS:
        warn(f"`{where}`: only the first {_MOST_TARGETS} of {len(values)} count.")
    return values[:_MOST_TARGETS]


def _list(value: Any, where: str, warn: Warn) -> tuple[Any, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        warn(f"`{where}` is not a list.")
        return ()
    return _bounded(tuple(value), where, warn)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME


def _models(sections: Section, warn: Warn) -> list[str]:
    listed = _list(sections.get("models"), "models", warn)
    models = [name for name in listed if _is_name(name)]
    if len(models) < len(listed):
        warn("`models` takes names of models only.")
    return models


def _known(models: Iterable[str], names: Names, warn: Warn) -> tuple[str, ...]:
    """Those that there are: a fallback nobody knows is no reason to refuse a request."""
    known = []
    for model in models:
        if names.is_model(model):
            known.append(model)
        else:
            warn(f"There is no model `{model}`.")
    return tuple(known)


def _targets(section: Section, name: str, warn: Warn) -> list[dict[str, Any]]:
    """A section's targets, each with `model` or `provider` or both, and with a `weight` where that is a number."""
    where = f"{name}.targets"
    known = ("model", "provider", "weight", "virtual_key", "override_params")
    targets = []
    for given in _list(section.get("targets"), where, warn):
        target = _object({"model": given} if isinstance(given, str) else given, where, known, warn)
        for left_out in ("virtual_key", "override_params"):
            if left_out in target:
                warn(f"`{where}.{left_out}` is not acted on.")
        named = {field: target[field] for field in ("model", "provider") if _is_name(target.get(field))}
        if not named:
            warn(f"`{where}` has a target without a model or a provider.")
            continue
        weight = _number(target, where, "weight", _LARGEST_WEIGHT, warn)
        targets.append(named if weight is None else {**named, "weight": weight})
    return targets


def _fallbacks(section: Section, warn: Warn) -> list[str]:
    targets = _targets(section, "fallback", warn)
    if any("provider" in target for target in targets):
        warn("`fallback.targets.provider` is not acted on.")
    return _models_of(targets)


def _models_of(targets: list[dict[str, Any]]) -> list[str]:
    return [target["model"] for target in targets if "model" in target]


def _among(targets: list[dict[str, Any]], *, alone: bool) -> dict[str, Any]:
    """What balancing among these targets means for the `provider` object."""
    providers = [target["provider"] for target in targets if "provider" in target]
    wish: dict[str, Any] = {}
    if alone and targets and len(providers) == len(targets):
        wish["only"] = providers
    if len({target.get("model") for target in targets}) > 1:
        wish["sort"] = {"partition": "none"}
    return wish


def _provider(sections: Section, warn: Warn) -> dict[str, Any]:
    """The `provider` object without the fields that cannot be read."""
    given = sections.get("provider", {})
    if not isinstance(given, dict):
        warn("`provider` is not an object.")
        return {}
    fields: dict[str, Any] = {}
    for name, item in given.items():
        try:
            _, ignored = preferences_of({_snake(name): item})
        except BadRequest as error:
            warn(error.message)
            continue
        for each in ignored:
            warn(f"`{each}` is not acted on.")
        if item is not None and not ignored:
            fields[_snake(name)] = item
    return fields


def _preset(sections: Section, names: Names, warn: Warn) -> str | None:
    preset = sections.get("preset")
    if preset is None or (isinstance(preset, str) and names.is_preset(preset)):
        return preset
    warn("`preset` names none that there is.")
    return None


def _strategy(sections: Section, balancing: Any, read_as: Read, warn: Warn) -> Strategy | None:
    """The strategy that is named, within the rules and the mirror around it."""
    strategy = read_as(sections.get("strategy"), "strategy")
    if strategy is not None and balancing is not None:
        warn("`load_balance.strategy` is not acted on: `strategy` counts first.")
    strategy = strategy or read_as(balancing, "load_balance")
    strategy = _conditional(sections, strategy, read_as, warn) or strategy
    return _mirror(sections, strategy, read_as, warn) or strategy


def _read(settings: Any, where: str, names: Names, warn: Warn) -> Strategy | None:
    if settings is None:
        return None
    parts = list(_parts(settings))
    rules = sum(len(item) for name, item in parts if name in ("rules", "shares") and isinstance(item, list))
    if max(rules, sum(name == "$regex" for name, _ in parts)) > _MOST_TARGETS:
        warn(f"`{where}` has more than {_MOST_TARGETS} rules or regular expressions and was ignored.")
        return None
    try:
        return read(names.with_slugs(settings))
    except (ValueError, RecursionError) as error:
        warn(f"`{where}` was ignored: {error}")
        return None


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Every field at any depth."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield name, item
            yield from _parts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _parts(item)


def _balancing(section: Section, targets: list[dict[str, Any]]) -> Any:
    """What `load_balance` says of the strategy; None where it is not there."""
    if not section:
        return None
    weighted = any("weight" in target for target in targets)
    name = section.get("strategy", section.get("mode", "weighted" if weighted else "round-robin"))
    return {"name": "weighted", "weights": _weights(targets)} if name == "weighted" else name


def _weights(targets: list[dict[str, Any]]) -> dict[str, float]:
    """By model where there are several, else by provider; those of the same name are added up."""
    by_model = len({target["model"] for target in targets if "model" in target}) > 1
    weights: dict[str, float] = {}
    for target in targets:
        first, second = ("model", "provider") if by_model else ("provider", "model")
        name = target.get(first) or target[second]
        weights[name] = weights.get(name, 0.0) + target.get("weight", 1.0)
    return weights


def _conditional(sections: Section, then: Strategy | None, read_as: Read, warn: Warn) -> Strategy | None:
    section = _section(sections, "routing", ("conditions", "default_target"), warn)
    routes = _list(sections.get("conditional_routes"), "conditional_routes", warn)
    given = (*_list(section.get("conditions"), "routing.conditions", warn), *map(_flattened, routes))
    conditions = _bounded(given, "routing.conditions", warn)
    rules = [rule for condition in conditions if (rule := _rule(condition, read_as, warn)) is not None]
    otherwise = _target(section.get("default_target"), "routing.default_target", warn)
    if not rules and otherwise is None:
        return None
    settings: dict[str, Any] = {"name": "conditional", "rules": rules or [{"when": {}, "to": otherwise}]}
    settings |= {} if otherwise is None else {"otherwise": otherwise}
    return read_as(settings | ({} if then is None else {"then": then}), "routing")


def _flattened(route: Any) -> Any:
    """A rule as the older of agentcc's clients writes it, as the newer one does."""
    condition = route.get("condition") if isinstance(route, dict) else None
    return {**condition, "target": route.get("target")} if isinstance(condition, dict) else route


def _rule(given: Any, read_as: Read, warn: Warn) -> dict[str, Any] | None:
    condition = _object(given, "routing.conditions", ("field", "operator", "value", "target"), warn)
    target = _target(condition.get("target"), "routing.conditions.target", warn)
    field, operator = condition.get("field"), condition.get("operator", "$eq")
    if not (isinstance(field, str) and isinstance(operator, str) and "value" in condition) or target is None:
        warn("`routing.conditions` has one without field, operator, value or target.")
        return None
    name = field if field.startswith("metadata.") else _snake(field)
    rule = {"when": {_RENAMED.get(name, name): {operator: condition["value"]}}, "to": target}
    return rule if read_as({"name": "conditional", "rules": [rule]}, "routing.conditions") else None


def _target(value: Any, where: str, warn: Warn) -> dict[str, Any] | None:
    """A target: a model where its name has a slash, else a provider, or an object that says which."""
    if _is_name(value):
        return {"model" if "/" in value else "provider": value}
    fields = _object(value, where, ("model", "provider", "weight", "virtual_key"), warn)
    return {name: fields[name] for name in ("model", "provider") if _is_name(fields.get(name))} or None


def _mirror(sections: Section, then: Strategy | None, read_as: Read, warn: Warn) -> Strategy | None:
    known = ("enabled", "target_model", "target_provider", "sample_rate")
    section = _section(sections, "mirror", known, warn)
    if not section or not _flag(section, "mirror", "enabled", True, warn):
        return None
    renamed = {"target_model": "model", "target_provider": "provider"}
    settings = {"name": "mirror", "to": {ours: section[name] for name, ours in renamed.items() if name in section}}
    settings |= {"sample": section["sample_rate"]} if "sample_rate" in section else {}
    return read_as(settings | ({} if then is None else {"then": then}), "mirror")


def _retry(sections: Section, warn: Warn) -> dict[str, Any]:
    known = ("max_retries", "on_status_codes", "retry_on_status", "backoff_factor", "backoff_max", "backoff_jitter")
    section = _section(sections, "retry", (*known, "respect_retry_after", "max_retry_wait"), warn)
    if "backoff_jitter" in section and not section["backoff_jitter"]:
        warn("`retry.backoff_jitter` is not acted on: pauses are always spread by chance here.")
    if "retry_on_status" in section:
        section.setdefault("on_status_codes", section["retry_on_status"])
    return section


def _rounds(retry: Section, warn: Warn) -> int | None:
    retries = _number(retry, "retry", "max_retries", _MOST_ROUNDS - 1, warn)
    return None if retries is None else int(retries) + 1


def _longest_wait(retry: Section, warn: Warn) -> float | None:
    waits = (_number(retry, "retry", name, _LONGEST_WAIT, warn) for name in ("backoff_max", "max_retry_wait"))
    return min((wait for wait in waits if wait is not None), default=None)


def _attempt_seconds(sections: Section, warn: Warn) -> float | None:
    section = _section(sections, "timeout", ("total", "read", "connect", "write", "pool"), warn)
    for name in ("connect", "write", "pool"):
        if name in section:
            warn(f"`timeout.{name}` is not acted on.")
    seconds = (_number(section, "timeout", name, _LONGEST_ATTEMPT, warn) for name in ("total", "read"))
    return next((each for each in seconds if each), None)


def _number(section: Section, where: str, name: str, most: float, warn: Warn) -> float | None:
    """A number from 0 on; one that is too large becomes the most there may be."""
    value = section.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        warn(f"`{where}.{name}` is not a number from 0 on.")
        return None
    if value > most:
        warn(f"`{where}.{name}` is at most {most:g} here.")
    return float(min(value, most))


def _flag(section: Section, where: str, name: str, otherwise: bool, warn: Warn) -> bool:
    value = section.get(name, otherwise)
    if not isinstance(value, bool):
        warn(f"`{where}.{name}` is not true or false.")
        return otherwise
    return value


def _statuses(section: Section, where: str, warn: Warn) -> frozenset[int] | None:
    value = section.get("on_status_codes")
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > _MOST_STATUSES or not all(type(each) is int for each in value):
        warn(f"`{where}.on_status_codes` is not a list of HTTP statuses.")
        return None
    return frozenset(value)


def _shown(warnings: list[str]) -> tuple[str, ...]:
    """As they can stand in a header: printable ASCII, a few, and none of them long."""
    plain = (re.sub(r"[^ -~]", "?", " ".join(warning.split())) for warning in dict.fromkeys(warnings))
    short = [text if len(text) <= _LONGEST_WARNING else f"{text[: _LONGEST_WARNING - 3]}..." for text in plain]
    return tuple(short[:_MOST_WARNINGS])
