"""Model name to candidates: the offers able to carry out this very call, and why each other one is not."""

from collections.abc import Mapping
from dataclasses import replace

from penstock.catalogue.capability import refusal
from penstock.catalogue.search import Catalogue
from penstock.core.call import Call
from penstock.core.errors import BadRequest, NotFound
from penstock.core.target import Candidate, Exclusion, Model, Offer, Provider
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Life, Preferences


def find_model(name: str, catalogue: Catalogue) -> Model:
    """The model of this name or alias. Raises NotFound with the nearest names."""
    model = catalogue.find(name)
    if model is None:
        nearest = catalogue.nearest(name)
        hint = f" Did you mean {' or '.join(f'`{near}`' for near in nearest)}?" if nearest else ""
        raise NotFound(f"There is no model `{_shown(name)}`.{hint}", code="model_not_found", param="model")
    return model


def resolve(life: Life, call: Call, model: Model, gateway: Gateway) -> None:
    """Fill in the candidates, in order of preference.

    Raises NotFound where nobody switched on serves the model, and BadRequest where nobody can honour the call, with
    every offer's reason in the message.
    """
    life.preferences = _by_slug(life.preferences, gateway.catalogue.providers)
    offers = gateway.catalogue.offers(model.slug)
    serving = [offer for offer in offers if offer.provider in gateway.accounts]
    if not serving:
        raise unserved(model, gateway)
    exclusions: list[Exclusion] = []
    candidates: list[Candidate] = []
    for offer in serving:
        reason = _unwanted(offer, life.preferences) or refusal(call, offer, model)
        if reason:
            exclusions.append(reason)
        else:
            candidates.append(Candidate(model, offer, gateway.accounts[offer.provider]))
    life.exclusions = tuple(exclusions)
    if not candidates:
        raise _refused(exclusions)
    life.candidates = _preferred(candidates, life.preferences)


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


def _preferred(candidates: list[Candidate], wish: Preferences) -> tuple[Candidate, ...]:
    if wish.order:
        rank = {slug: place for place, slug in enumerate(wish.order)}
        candidates.sort(key=lambda candidate: rank.get(candidate.offer.provider, len(rank)))
    return tuple(candidates if wish.allow_fallbacks else candidates[:1])


def _refused(exclusions: list[Exclusion]) -> BadRequest:
    first = exclusions[0]
    reasons = list(dict.fromkeys(exclusion.reason for exclusion in exclusions))
    return BadRequest(" ".join(reasons), code="unsupported_request", param=first.field)


def unserved(model: Model, gateway: Gateway) -> NotFound:
    """The error for a model that nobody switched on serves, and what would switch one on."""
    providers = [gateway.catalogue.providers[offer.provider] for offer in gateway.catalogue.offers(model.slug)]
    callable_ones = [provider for provider in providers if provider.adapter]
    variables = dict.fromkeys(provider.key_variable for provider in callable_ones if provider.key_variable)
    sentence = "is known, but no provider that serves it is switched on here."
    if variables:
        sentence += f" Setting {' or '.join(variables)} switches one on."
    elif not callable_ones:
        sentence = "is known with its prices, but no provider that serves it can be called by this gateway yet."
    return NotFound(f"`{model.slug}` {sentence}", code="model_not_available", param="model")


def _shown(name: str) -> str:
    return name if len(name) <= 100 else name[:100] + "…"
