"""Which way a request goes: the models it may be answered by, the strategy, and the choice of providers.

What a request says of itself counts first, then its preset, its key, its model, and the gateway's default. Bounds are
kept whoever set them: a caller can choose among the providers that its key's policy leaves, not beyond them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from penstock.core.call import Call
from penstock.core.errors import BadRequest, NotFound
from penstock.core.target import Model
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import ANY, NO_DIRECTIONS, Life, Preferences, Way
from penstock.pipeline.resolve import SORTS, VARIANTS, find_model, variant_of
from penstock.pipeline.routes import NO_RULE, PRESET, Routes, Rule
from penstock.routing.base import Strategy
from penstock.routing.priority import Priority

_NOBODY = frozenset(("",))


def named_model(life: Life, call: Call, gateway: Gateway) -> Model:
    """The model a call names: a preset's first one, an installation's alias, a slug or an alias of the catalogue.

    Raises NotFound with the nearest names, and BadRequest for a preset that is not there or names no model.
    """
    routes = gateway.routes.now
    life.asked_model = life.asked_model or call.model
    name = call.model
    if name.startswith(PRESET):
        preset = routes.of_preset(name.removeprefix(PRESET))
        if not preset.models:
            raise BadRequest(
                f"The preset `{name.removeprefix(PRESET)}` names no model; write `MODEL{name}`.", param="model"
            )
        return gateway.catalogue.models[preset.models[0]]
    life.model_name = routes.name_of(name, life.principal)
    return find_model(life.model_name, gateway.catalogue)


def direct(life: Life, model: Model, gateway: Gateway) -> None:
    """Fill in the life's way. Raises NotFound for a fallback model that does not exist."""
    routes = gateway.routes.now
    if (
        routes.rules_nothing
        and life.directions is NO_DIRECTIONS
        and life.preferences is ANY
        and ":" not in life.model_name
    ):
        life.way = _usual_way(model, routes, gateway)
        return
    preset = routes.of_preset(life.directions.preset) if life.directions.preset else NO_RULE
    rules = [rule for rule in (preset, routes.of_key(life.principal), routes.of_model(model.slug)) if rule != NO_RULE]
    strategy = _strategy(life, rules, routes)
    if rules:
        life.preferences = tightened(life.preferences, [rule.preferences for rule in rules])
    life.way = _way(strategy, _chain(life, model, rules, gateway), gateway)


def _usual_way(model: Model, routes: Routes, gateway: Gateway) -> Way:
    """The way of a request that says nothing of it, where the configuration has one strategy for all."""
    way = routes.usual.get(model.slug)
    if way is None:
        way = routes.usual[model.slug] = _way(routes.default, [model], gateway)
    return way


def _way(strategy: Strategy, models: Sequence[Model], gateway: Gateway) -> Way:
    wanted = {target.model for target in strategy.targets() if target.model}
    others = [gateway.catalogue.models[slug] for slug in sorted(wanted - {each.slug for each in models})]
    return Way(strategy=strategy, models=tuple(models), others=tuple(others))


def _strategy(life: Life, rules: Iterable[Rule], routes: Routes) -> Strategy:
    if life.directions.strategy is not None:
        return life.directions.strategy
    variant = variant_of(life.model_name)
    if variant is not None:
        return VARIANTS[variant]
    if life.preferences.sort is not None:
        return SORTS[life.preferences.sort]
    if life.preferences.order:  # whoever names an order wants no dice
        return _IN_ORDER
    for rule in rules:
        if rule.strategy is not None:
            return rule.strategy
        if rule.preferences.sort is not None:
            life.preferences = replace(life.preferences, partition=rule.preferences.partition)
            return SORTS[rule.preferences.sort]
    return routes.default


_IN_ORDER = Priority()


def _chain(life: Life, model: Model, rules: Iterable[Rule], gateway: Gateway) -> list[Model]:
    """The model asked for and its fallbacks, each once: those of the request, or of the first policy that has some."""
    routes, catalogue = gateway.routes.now, gateway.catalogue
    chain = {model.slug: model}
    if life.directions.models:
        for name in life.directions.models:
            try:
                found = find_model(routes.name_of(name, life.principal), catalogue)
            except NotFound as error:
                error.param = "models"
                raise
            chain.setdefault(found.slug, found)
        return list(chain.values())
    slugs = next((rule.models for rule in rules if rule.models), ())
    for slug in slugs:
        chain.setdefault(slug, catalogue.models[slug])
    return list(chain.values())


def tightened(asked: Preferences, policies: Iterable[Preferences]) -> Preferences:
    """What was asked within what the policies say: bounds of both hold, and what was left open is as they say."""
    for policy in policies:
        asked = replace(
            asked,
            order=asked.order or policy.order,
            only=_in_both(asked.only, policy.only),
            ignore=asked.ignore | policy.ignore,
            allow_fallbacks=asked.allow_fallbacks and policy.allow_fallbacks,
            require_parameters=asked.require_parameters or policy.require_parameters,
            no_collection=asked.no_collection or policy.no_collection,
            zero_retention=asked.zero_retention or policy.zero_retention,
            quantizations=_both(asked.quantizations, policy.quantizations),
            max_price=_least(asked, policy),
            min_throughput=asked.min_throughput or policy.min_throughput,
            max_latency=asked.max_latency or policy.max_latency,
            options={**policy.options, **asked.options},
        )
    return asked


def _in_both(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """Providers and offers in both; an offer (`bfl/flux-2-pro`) is in a set that has its provider."""
    if not one or not other:
        return one | other
    return (
        frozenset(
            name for a, b in ((one, other), (other, one)) for name in a if name in b or name.partition("/")[0] in b
        )
        or _NOBODY
    )


def _both(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """Those in both, where an empty set means all; where nobody is in both, a set that nobody is in."""
    if not one or not other:
        return one | other
    return one & other or _NOBODY


def _least(asked: Preferences, policy: Preferences) -> dict[str, Decimal]:
    caps = dict(policy.max_price)
    for name, cap in asked.max_price.items():
        caps[name] = min(cap, caps.get(name, cap))
    return caps
