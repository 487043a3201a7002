"""Model name to candidates: the offers able to carry out this very call, and why each other one is not."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from penstock.catalogue.capability import refusal
from penstock.catalogue.search import Catalogue
from penstock.core.call import Call
from penstock.core.errors import BadRequest, Forbidden, NotFound, PenstockError, Unavailable
from penstock.core.principal import Principal
from penstock.core.target import Candidate, Exclusion, Model, Offer
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.prefer import unwanted
from penstock.pipeline.request import ANY, Deprecation, Incoming, Life
from penstock.routing.base import Strategy
from penstock.routing.cost_optimized import CostOptimized
from penstock.routing.highest_throughput import HighestThroughput
from penstock.routing.least_latency import LeastLatency

SORTS: dict[str, Strategy] = {
    "price": CostOptimized(),
    "throughput": HighestThroughput(explore=0),
    "latency": LeastLatency(explore=0),
}
"""What `provider.sort` may say, and the strategy that it is; none of them tries others now and then."""

VARIANTS = {"floor": SORTS["price"], "nitro": SORTS["throughput"]}
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
        known = " and ".join(f"`:{each}` ({strategy.name})" for each, strategy in VARIANTS.items())
        raise NotFound(
            f"`{model.slug}` has no variant `:{_shown(variant)}`; there are {known}.",
            code="model_not_found",
            param="model",
        )
    return model


def variant_of(name: str) -> str | None:
    """The variant in a model's name; None where it has none. What follows the colon of `llama2:13b` is none."""
    variant = name.rpartition(":")[2].strip().lower() if ":" in name else ""
    return variant if variant in VARIANTS else None


def _found(name: str, catalogue: Catalogue) -> tuple[Model | None, str]:
    """The model and the variant of a name; a colon may belong to the name itself, as in `llama2:13b`."""
    model = catalogue.find(name)
    if model is not None or ":" not in name:
        return model, ""
    base, _, variant = name.rpartition(":")
    return catalogue.find(base), variant.strip().lower()


def resolve(life: Life, call: Call, gateway: Gateway) -> None:
    """Fill in the candidates, model after model, and what is to be said of the first model's end.

    Raises NotFound where nobody switched on serves any of the models, or not any more; Forbidden where the key may not
    call the first, or nobody who serves them; and BadRequest where nobody can honour the call, or Unavailable where
    only who is paused could, with every offer's reason.
    """
    assert life.way is not None
    first = life.way.models[0]
    check_allowed(life.principal, first)
    exclusions: list[Exclusion] = []
    candidates: list[Candidate] = []
    unserved_models = 0
    for model in (*life.way.models, *life.way.others):
        on = gateway.accounts.accounts
        serving = [offer for offer in gateway.catalogue.offers(model.slug) if offer.provider in on]
        unserved_models += not serving or all(_over(offer, life) for offer in serving)
        for offer in serving:
            excluded = exclusion(offer, life, call, model, gateway)
            if excluded:
                exclusions.append(excluded)
            else:
                candidates.append(Candidate(model, offer, on[offer.provider]))
    life.exclusions = tuple(exclusions)
    if not candidates:
        if unserved_models == len(life.way.models) + len(life.way.others):
            raise unserved(first, gateway, today(life))
        raise refused(exclusions, life.principal)
    if candidates[0].model is first:
        life.deprecation = ending(first, [candidate.offer for candidate in candidates if candidate.model is first])
    life.candidates = tuple(candidates)


def judged(
    offers: Iterable[Offer], life: Life, call: Call, model: Model, gateway: Gateway
) -> list[tuple[Offer, Exclusion | None]]:
    """These offers of the model, each with why it cannot carry out the call.

    Raises Forbidden where the key may not call the model.
    """
    check_allowed(life.principal, model)
    return [(offer, exclusion(offer, life, call, model, gateway)) for offer in offers]


def exclusion(offer: Offer, life: Life, call: Call, model: Model, gateway: Gateway) -> Exclusion | None:
    """Why this offer of the model cannot, or must not, carry out the call."""
    return (
        _ended(offer, life)
        or _barred(offer, life.principal, model)
        or _unwanted(offer, life, call, model, gateway)
        or refusal(call, offer, model)
        or _paused(offer, gateway)  # last: who is paused could carry out the call
    )


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


def _barred(offer: Offer, principal: Principal, model: Model) -> Exclusion | None:
    if not principal.may_call(model.slug):
        return Exclusion(offer, f"This key may not call `{model.slug}`.", "models")
    if principal.may_use(offer.provider):
        return None
    return Exclusion(offer, f"This key may not use {offer.provider}.", "model")


def _unwanted(offer: Offer, life: Life, call: Call, model: Model, gateway: Gateway) -> Exclusion | None:
    if life.preferences is ANY:
        return None
    return unwanted(offer, gateway.catalogue.providers[offer.provider], life.preferences, call, model)


def _paused(offer: Offer, gateway: Gateway) -> Exclusion | None:
    why = gateway.accounts.why_paused(gateway.catalogue.providers[offer.provider]) if gateway.accounts.paused else None
    return None if why is None else Exclusion(offer, why, paused=True)


def refused(exclusions: Sequence[Exclusion], principal: Principal) -> PenstockError:
    """The error where every offer is excluded, with all the reasons."""
    first = exclusions[0]
    reasons = " ".join(dict.fromkeys(exclusion.reason for exclusion in exclusions))
    if not any(principal.may_use(exclusion.offer.provider) for exclusion in exclusions):
        return Forbidden(reasons, code="provider_not_allowed", param=first.field)
    if any(exclusion.paused for exclusion in exclusions):
        return Unavailable(reasons, code="provider_paused")
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
    paused = [why for provider in providers if (why := gateway.accounts.why_paused(provider))]
    if paused:
        sentence = f"is not served now. {' '.join(paused)}"
    elif not callable_ones:
        sentence = "is known with its prices, but no provider that serves it can be called by this gateway yet."
    return NotFound(f"`{model.slug}` {sentence}", code="model_not_available", param="model")


def _shown(name: str) -> str:
    return name if len(name) <= 100 else name[:100] + "…"
