"""The configuration of routing as it is in force: strategies made, names checked, and replaced while the gateway runs.

A table of routes never changes. `Routing`, which holds the one in force, gets another when the configuration's file
was changed (`pipeline.reload`); what is known of offers and keys stays.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from penstock.catalogue.search import Catalogue
from penstock.core.errors import BadRequest
from penstock.core.principal import Principal, allowed
from penstock.pipeline.prefer import by_slug
from penstock.pipeline.preferences import preferences_of
from penstock.pipeline.request import Preferences, Way
from penstock.routing.base import Strategy
from penstock.routing.bounds import check_dollars
from penstock.routing.read import read
from penstock.settings import Group, Policy, SettingsError
from penstock.settings import Routing as RoutingSettings

PRESET = "@preset/"
"""Stands before a preset's name where that is part of a model's."""
_TARGET = frozenset(("model", "provider"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A policy of the configuration, ready to be used."""

    strategy: Strategy | None = None
    models: tuple[str, ...] = ()
    """Slugs."""
    preferences: Preferences = field(default_factory=Preferences)


NO_RULE = Rule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """All of it. Names are in small letters."""

    settings: RoutingSettings
    default: Strategy
    models: tuple[tuple[str, Rule], ...] = ()
    """Slug or pattern and its rule; the first that fits counts."""
    keys: Mapping[str, Rule] = field(default_factory=dict)
    presets: Mapping[str, Rule] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Name to slug."""
    groups: Mapping[str, Group] = field(default_factory=dict)
    usual: dict[str, Way] = field(default_factory=dict, repr=False, compare=False)
    """By model: the way of requests that say nothing of it, once one has been found out (`pipeline.direct`)."""

    @property
    def rules_nothing(self) -> bool:
        """One strategy for all requests that say nothing themselves."""
        return not self.models and not self.keys

    def of_model(self, slug: str) -> Rule:
        return next((rule for pattern, rule in self.models if allowed(slug, (pattern,))), NO_RULE)

    def of_key(self, principal: Principal) -> Rule:
        if not self.keys:
            return NO_RULE
        return self.keys.get(principal.key_id) or self.keys.get(principal.name) or NO_RULE

    def of_preset(self, name: str) -> Rule:
        """The preset of this name. Raises BadRequest with the nearest."""
        rule = self.presets.get(name.lower())
        if rule is None:
            near = get_close_matches(name.lower(), self.presets, n=1)
            hint = f" Did you mean `{PRESET}{near[0]}`?" if near else ""
            raise BadRequest(f"There is no preset `{name[:100]}`.{hint}", code="preset_not_found", param="model")
        return rule

    def name_of(self, name: str, principal: Principal) -> str:
        """A model's name without what this installation calls it; a variant stays where it is."""
        if not self.aliases and not self.groups:
            return name
        base, colon, variant = name.strip().partition(":")
        slug = self.aliases.get(name.strip().lower()) or self._in_groups(name, principal)
        if slug is not None:
            return slug
        slug = self.aliases.get(base.lower()) or self._in_groups(base, principal)
        return name if slug is None else f"{slug}{colon}{variant}"

    def _in_groups(self, name: str, principal: Principal) -> str | None:
        """The model a name stands for in a group of the key's, or in any group where the key may call all models."""
        if principal.models and not principal.groups:
            return None
        for group, content in self.groups.items():
            slug = content.aliases.get(name.strip().lower())
            if slug is not None and (not principal.groups or group in principal.groups):
                return slug
        return None

    def admitted(self, principal: Principal) -> Principal:
        """The key's holder with `@group` among its models replaced by the models of that group."""
        if not any(model.startswith("@") for model in principal.models):
            return principal
        groups = frozenset(model[1:] for model in principal.models if model.startswith("@"))
        models = [model for model in principal.models if not model.startswith("@")]
        for name in groups & self.groups.keys():
            models += self.groups[name].models
        return replace(principal, models=tuple(models) or _NOTHING, groups=groups)


_NOTHING = ("@",)
"""A pattern that no model's slug fits: a group without models opens none."""


class RoutesInForce:
    """The table that counts now, and why the last change of the file was refused, if it was."""

    def __init__(self, routes: Routes, read_at: float) -> None:
        self.now = routes
        self.read_at = read_at
        """Unix seconds."""
        self.refused: str | None = None
        self._listeners: list[Callable[[RoutingSettings], None]] = []

    @property
    def settings(self) -> RoutingSettings:
        return self.now.settings

    def listen(self, listener: Callable[[RoutingSettings], None]) -> None:
        """Have a part that keeps settings of its own told of them, now and whenever they change."""
        self._listeners.append(listener)
        listener(self.settings)

    def change(self, routes: Routes, read_at: float) -> None:
        """Put another table in force; requests under way go on with the one they began with."""
        self.now, self.read_at, self.refused = routes, read_at, None
        for listener in self._listeners:
            listener(routes.settings)


def compiled(settings: RoutingSettings, catalogue: Catalogue) -> Routes:
    """The routes these settings mean. Raises SettingsError, naming the setting."""
    try:
        check_dollars("mirror_usd_per_day", settings.mirror_usd_per_day)
    except ValueError as error:
        raise _refused("routing", error) from error
    known = _Names(catalogue, {})
    aliases = {name.lower(): _slug(model, known, f"routing.aliases.{name}") for name, model in settings.aliases.items()}
    names = _Names(catalogue, aliases)
    return Routes(
        settings=settings,
        default=_strategy(settings.strategy, names, "routing.strategy"),
        models=tuple(
            (_pattern(name, names), _rule(policy, names, f"routing.models.{name}"))
            for name, policy in settings.models.items()
        ),
        keys={name: _rule(policy, names, f"routing.keys.{name}") for name, policy in settings.keys.items()},
        presets={name.lower(): _preset(name, policy, names) for name, policy in settings.presets.items()},
        aliases=aliases,
        groups={name.lower(): _group(name, group, names) for name, group in settings.groups.items()},
    )


class _Names:
    """Finds models and providers by any of their names."""

    def __init__(self, catalogue: Catalogue, aliases: Mapping[str, str]) -> None:
        self.catalogue = catalogue
        self._aliases = aliases

    def model(self, name: str) -> str:
        """Its slug. Raises ValueError with the nearest."""
        slug = self._aliases.get(name.lower())
        model = self.catalogue.find(name)
        if slug is None and model is None:
            near = self.catalogue.nearest(name, 1)
            raise ValueError(f"there is no model `{name}`" + (f"; did you mean `{near[0]}`?" if near else ""))
        return slug or (model.slug if model else "")

    def target(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A target with slugs for names. Raises ValueError."""
        named = dict(given)
        if isinstance(given.get("model"), str):
            named["model"] = self.model(given["model"])
        provider = given.get("provider")
        if isinstance(provider, str) and provider not in self.catalogue.providers:
            near = get_close_matches(provider, self.catalogue.providers, n=1)
            raise ValueError(f"there is no provider `{provider}`" + (f"; did you mean `{near[0]}`?" if near else ""))
        return named

    def weighed(self, name: str) -> str:
        """What a weight is given to: a provider, an offer or a model. Raises ValueError."""
        known = name in self.catalogue.providers or self.catalogue.offer(name) is not None
        return name if known else self.model(name)


def with_slugs(given: Any, catalogue: Catalogue, aliases: Mapping[str, str]) -> Any:
    """A strategy's mapping with slugs for the names of models in its targets. Raises ValueError for unknown ones."""
    return _with_slugs(given, _Names(catalogue, aliases))


def _with_slugs(given: Any, names: _Names) -> Any:
    if isinstance(given, list | tuple):
        return [_with_slugs(item, names) for item in given]
    if not isinstance(given, Mapping):
        return given
    if given and set(given) <= _TARGET:
        return names.target(given)
    return {
        key: {names.weighed(str(name)): weight for name, weight in value.items()}
        if key == "weights" and isinstance(value, Mapping)
        else value
        if key == "when"
        else _with_slugs(value, names)
        for key, value in given.items()
    }


def _strategy(given: Any, names: _Names, where: str) -> Strategy:
    try:
        return read(_with_slugs(given, names))
    except ValueError as error:
        raise _refused(where, error) from error


def _rule(policy: Policy, names: _Names, where: str) -> Rule:
    try:
        preferences, ignored = preferences_of(policy.provider)
    except BadRequest as error:
        raise SettingsError(f"{where}: {error.message}") from error
    if ignored:
        raise SettingsError(f"{where}: nothing is done with {', '.join(f'`{name}`' for name in ignored)}.")
    return Rule(
        strategy=None if policy.strategy is None else _strategy(policy.strategy, names, f"{where}.strategy"),
        models=tuple(_slug(model, names, f"{where}.models") for model in policy.models),
        preferences=by_slug(preferences, names.catalogue),
    )


def _preset(name: str, policy: Policy, names: _Names) -> Rule:
    rule = _rule(policy, names, f"routing.presets.{name}")
    if "/" in name or "@" in name:
        raise SettingsError(f"routing.presets.{name}: a preset's name has no / or @ in it.")
    return rule


def _group(name: str, group: Group, names: _Names) -> Group:
    where = f"routing.groups.{name}"
    if name != name.lower():
        raise SettingsError(f"{where}: write the name in small letters, as keys name it.")
    aliases = {alias.lower(): _slug(model, names, f"{where}.aliases") for alias, model in group.aliases.items()}
    models = tuple(_pattern(model, names) for model in group.models)
    return Group(models=models, aliases=aliases)


def _pattern(name: str, names: _Names) -> str:
    if any(sign in name for sign in "*?["):
        return name.lower()
    return _slug(name, names, f"routing: the model {name}")


def _slug(name: str, names: _Names, where: str) -> str:
    try:
        return names.model(name)
    except ValueError as error:
        raise _refused(where, error) from error


def _refused(where: str, error: ValueError) -> SettingsError:
    sentence = str(error)
    return SettingsError(f"{where}: {sentence if sentence.endswith(('.', '?')) else f'{sentence}.'}")
