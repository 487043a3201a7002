"""Model name to candidates: the offers able to carry out this very call, and why each other one is not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from penstock.catalogue.capability import refusal
from penstock.catalogue.search import Catalogue
from penstock.core.call import Call
from penstock.core.errors import BadRequest, Forbidden, NotFound, PenstockError
from penstock.core.principal import Principal
from penstock.core.target import Candidate, Exclusion, Model, Offer, Provider
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Deprecation, Incoming, Life, Preferences

VARIANTS = {"floor": "cheapest", "nitro": "fastest"}
"""What may follow a model's name after a colon, and the strategy it asks for."""


def find_model(name: str, catalogue: Catalogue) -> Model:
    """The model of this name or alias, with a variant or without.

    Raises NotFound with the nearest names, or with the variants there are.
    """
    model, variant = _found(name, catalogue)
    if model is None:
        nearest = catalogue.nearest(name)
        hint = f" Did you mean {' or '.join(f'`{near}`' for near in nearest)}?" if nearest else ""
        raise NotFound(f"There is no model `{_shown(name)}`.{hint}", code="model_not_found", param="model")
    if variant and variant not in VARIANTS:
        known = " and ".join(f"`:{each}` ({strategy} first)" for each, strategy in VARIANTS.items())
        raise NotFound(
            f"`{model.slug}` has no variant `:{_shown(variant)}`; there are {known}.",
            code="model_not_found",
            param="model",
        )
    return model


def strategy_of(name: str, catalogue: Catalogue) -> str | None:
    """The strategy that a name's variant asks for; None where it has none."""
    return VARIANTS.get(_found(name, catalogue)[1]) if ":" in name else None


def _found(name: str, catalogue: Catalogue) -> tuple[Model | None, str]:
    """The model and the variant of a name; a colon may belong to the name itself, as in `llama2:13b`."""
    model = catalogue.find(name)
    if model is not None or ":" not in name:
        return model, ""
    base, _, variant = name.rpartition(":")
    return catalogue.find(base), variant.strip().lower()


def resolve(life: Life, call: Call, model: Model, gateway: Gateway) -> None:
    """Fill in the candidates, in order of preference, and what is to be said of the model's end.

    Raises NotFound where nobody switched on serves the model, or not any more; Forbidden where the key may not call
    it, or nobody who serves it; and BadRequest where nobody can honour the call, with every offer's reason.
    """
    life.strategy = strategy_of(life.asked_model or call.model, gateway.catalogue) or life.strategy
    offers = gateway.catalogue.offers(model.slug)
    serving = [offer for offer in offers if offer.provider in gateway.accounts]
    if not serving or all(_over(offer, life) for offer in serving):
        raise unserved(model, gateway, today(life))
    exclusions: list[Exclusion] = []
    candidates: list[Candidate] = []
    for offer, reason in judged(serving, life, call, model, gateway):
        if reason:
            exclusions.append(reason)
        else:
            candidates.append(Candidate(model, offer, gateway.accounts[offer.provider]))
    life.exclusions = tuple(exclusions)
    if not candidates:
        raise _refused(exclusions, life.principal)
    life.deprecation = ending(model, [candidate.offer for candidate in candidates])
    life.candidates = _preferred(candidates, life)


def judged(
    offers: Iterable[Offer], life: Life, call: Call, model: Model, gateway: Gateway
) -> list[tuple[Offer, Exclusion | None]]:
    """These offers of the model, each with why it cannot carry out the call; the life's preferences get our slugs.

    Raises Forbidden where the key may not call the model.
    """
    check_allowed(life.principal, model)
    life.preferences = _by_slug(life.preferences, gateway.catalogue.providers)
    return [
        (
            offer,
            _ended(offer, life)
            or _barred(offer, life.principal)
            or _unwanted(offer, life.preferences)
            or refusal(call, offer, model),
        )
        for offer in offers
    ]


def check_allowed(principal: Principal, model: Model) -> None:
    """Raises Forbidden where a key may not call a model."""
    if not principal.may_call(model.slug):
        raise Forbidden(
            f"This key may not call `{model.slug}`; GET /v1/models lists what it may.",
            code="model_not_allowed",
            param="model",
        )


def today(life: Life) -> date:
    """The day of a request, in UTC."""
    return day_of(life.incoming)


def day_of(incoming: Incoming) -> date:
    """The day a request arrived, in UTC."""
    return datetime.fromtimestamp(incoming.started_at, UTC).date()


def ending(model: Model, offers: Sequence[Offer]) -> Deprecation | None:
    """When the last of these offers ends, and what comes after; None where one of them has no end."""
    days = [offer.deprecates for offer in offers if offer.deprecates is not None]
    return Deprecation(max(days), model.successor) if days and len(days) == len(offers) else None


def _gone(offer: Offer, day: date) -> bool:
    return offer.deprecates is not None and offer.deprecates <= day


def _over(offer: Offer, life: Life) -> bool:
    """The same for a request; few offers have an end, so the day is found out only where one has."""
    return offer.deprecates is not None and _gone(offer, today(life))


def _ended(offer: Offer, life: Life) -> Exclusion | None:
    if not _over(offer, life):
        return None
    return Exclusion(offer, f"{offer.upstream} at {offer.provider} ended on {offer.deprecates}.", "model")


def _barred(offer: Offer, principal: Principal) -> Exclusion | None:
    if principal.may_use(offer.provider):
        return None
    return Exclusion(offer, f"This key may not use {offer.provider}.", "model")


def _by_slug(wish: Preferences, providers: Mapping[str, Provider]) -> Preferences:
    """The wish in our slugs, where it names providers as OpenRouter does: `Black Forest Labs`, `black-forest-labs`."""
    if wish == Preferences():
        return wish
    slugs = {_plain(provider.name): slug for slug, provider in providers.items()} | {slug: slug for slug in providers}

    def ours(name: str) -> str:
        return slugs.get(_plain(name), name)

    return replace(
        wish,
        order=tuple(map(ours, wish.order)),
        only=frozenset(map(ours, wish.only)),
        ignore=frozenset(map(ours, wish.ignore)),
        options={ours(name): options for name, options in wish.options.items()},
    )


def _plain(name: str) -> str:
    return "-".join(name.lower().split())


def _unwanted(offer: Offer, wish: Preferences) -> Exclusion | None:
    if wish.only and offer.provider not in wish.only:
        return Exclusion(offer, f"{offer.provider} is not among the providers asked for.", "provider")
    if offer.provider in wish.ignore:
        return Exclusion(offer, f"{offer.provider} is to be ignored by this request.", "provider")
    return None


def _preferred(candidates: list[Candidate], life: Life) -> tuple[Candidate, ...]:
    """In the caller's order; where a variant orders them by their quotes, `route` takes the first of them itself."""
    candidates.sort(key=lambda candidate: place(candidate, life.preferences))
    only_first = not life.preferences.allow_fallbacks and life.strategy not in VARIANTS.values()
    return tuple(candidates[:1] if only_first else candidates)


def place(candidate: Candidate, wish: Preferences) -> int:
    """Where the caller wants a candidate: the first named is 0, and those that are not named come together, last."""
    provider = candidate.offer.provider
    return wish.order.index(provider) if provider in wish.order else len(wish.order)


def _refused(exclusions: list[Exclusion], principal: Principal) -> PenstockError:
    first = exclusions[0]
    reasons = " ".join(dict.fromkeys(exclusion.reason for exclusion in exclusions))
    if not any(principal.may_use(exclusion.offer.provider) for exclusion in exclusions):
        return Forbidden(reasons, code="provider_not_allowed", param=first.field)
    return BadRequest(reasons, code="unsupported_request", param=first.field)


def unserved(model: Model, gateway: Gateway, day: date) -> NotFound:
    """The error for a model that nobody switched on serves, or not any more, and what would switch one on."""
    offers = gateway.catalogue.offers(model.slug)
    there = [offer for offer in offers if not _gone(offer, day)]
    ended = max((offer.deprecates for offer in offers if offer.deprecates and offer not in there), default=None)
    providers = [gateway.catalogue.providers[offer.provider] for offer in there]
    callable_ones = [provider for provider in providers if provider.adapter]
    variables = dict.fromkeys(provider.key_variable for provider in callable_ones if provider.key_variable)
    elsewhere = f" Setting {' or '.join(variables)} switches one on." if variables else ""
    if ended is not None and (not there or any(offer.provider in gateway.accounts for offer in offers)):
        instead = f" Use `{model.successor}` instead." if model.successor else ""
        others = f" Others still serve it.{elsewhere}" if elsewhere else ""
        return NotFound(f"`{model.slug}` ended on {ended}.{instead}{others}", code="model_deprecated", param="model")
    sentence = f"is known, but no provider that serves it is switched on here.{elsewhere}"
    if not callable_ones:
        sentence = "is known with its prices, but no provider that serves it can be called by this gateway yet."
    return NotFound(f"`{model.slug}` {sentence}", code="model_not_available", param="model")


def _shown(name: str) -> str:
    return name if len(name) <= 100 else name[:100] + "…"
