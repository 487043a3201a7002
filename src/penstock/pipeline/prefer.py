"""What the `provider` object means for an offer: whether the caller wants it, can pay it, and prefers others. Pure.

Every field means what it does at OpenRouter, and means it for pictures as for text; `max_price.megapixel` is ours.
`preferences` says how the object is read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Context, Decimal
from typing import Literal

from penstock.catalogue.capability import ignored
from penstock.catalogue.search import Catalogue
from penstock.catalogue.sizes import usual_size
from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall
from penstock.core.money import plain
from penstock.core.price import BINARY_MEGAPIXEL, Price, Unit, covers
from penstock.core.target import Exclusion, Model, Offer, Provider
from penstock.metering.prompt import embedding_tokens, media, prompt_tokens
from penstock.metering.quote import Quote, terms
from penstock.pipeline.preferences import QUANTIZATIONS
from penstock.pipeline.request import ANY, Preferences

Quantile = Callable[[Literal["seconds", "first", "rate"], float], float | None]
"""What an offer measures lately: of the seconds until the result, those until the first byte, or the megapixels or
tokens a second, the value that this share of the results stays at or below; None: not known."""

_SHARES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p99": 0.99}
_MILLION = Decimal(1_000_000)
_SHOWN = Context(prec=6)
_UNIVERSAL = frozenset("model messages input stream stream_options user metadata sandbox".split())
"""Fields that every offer takes, or that never leave the gateway."""
_METERS = {
    "prompt": (Unit.TEXT_TOKEN_IN, _MILLION),
    "completion": (Unit.TEXT_TOKEN_OUT, _MILLION),
    "request": (Unit.REQUEST, Decimal(1)),
}
_PRICED = {
    "prompt": "a million prompt tokens",
    "completion": "a million completion tokens",
    "request": "each request",
    "image": "one of these pictures",
    "megapixel": "one megapixel of these pictures",
}


def by_slug(wish: Preferences, catalogue: Catalogue) -> Preferences:
    """The wish in our slugs, where it names providers as OpenRouter does: `Black Forest Labs`, `black-forest-labs`.

    A name with a suffix becomes the id of an offer where it is one. Where it is none it means the provider: a variant
    or a region of it (`deepinfra/turbo`, `google-vertex/us-east5`) that the catalogue does not tell apart.
    """
    if wish is ANY:
        return wish
    providers = catalogue.providers
    slugs = {_plain(provider.name): slug for slug, provider in providers.items()} | {slug: slug for slug in providers}

    def ours(name: str) -> str:
        whole = slugs.get(_plain(name))
        if whole is not None or "/" not in name:
            return whole or name
        base, _, suffix = name.partition("/")
        provider = slugs.get(_plain(base), base)
        pinned = f"{provider}/{suffix}"
        return pinned if catalogue.offer(pinned) is not None else provider

    return replace(
        wish,
        order=tuple(map(ours, wish.order)),
        only=frozenset(map(ours, wish.only)),
        ignore=frozenset(map(ours, wish.ignore)),
        options={slugs.get(_plain(name), name): options for name, options in wish.options.items()},
    )


def named(offer: Offer, names: Sequence[str]) -> int | None:
    """The place of the first of these names that means the offer: its provider's slug, or its own id."""
    return next((place for place, name in enumerate(names) if name in (offer.provider, offer.id)), None)


def unwanted(offer: Offer, provider: Provider, wish: Preferences, call: Call, model: Model) -> Exclusion | None:
    """Why the caller does not want this offer of the model asked; None where nothing speaks against it.

    The names in the wish are ours (`by_slug`).
    """
    reason = (
        _unnamed(offer, wish)
        or (_uncertain_learning(provider) if wish.no_collection else None)
        or (_uncertain_retention(provider) if wish.zero_retention else None)
        or (_unwanted_numbers(offer, model, wish) if wish.quantizations else None)
        or (_passed_over(offer, call) if wish.require_parameters else None)
    )
    return None if reason is None else Exclusion(offer, reason, "provider")


def too_dear(offer: Offer, quote: Quote, wish: Preferences, call: Call) -> Exclusion | None:
    """Why the caller does not want to pay what this offer asks, by `max_price`; None where it is cheap enough.

    Where a cap applies and the price is not known, it is not cheap enough. For chats and vectors the caps on pictures
    do not apply; for pictures those on tokens only where tokens of text are charged.
    """
    for name, most in wish.max_price.items():
        if not _applies(name, offer, call):
            continue
        asked = _asked(name, offer, quote, call)
        if asked is None:
            reason = f"{offer.provider} cannot be held to the request's `max_price`: its price is not known."
            return Exclusion(offer, reason, "provider")
        if asked > most:
            shown = plain(_SHOWN.create_decimal(asked))
            reason = f"{offer.provider} asks {shown} US dollars for {_PRICED[name]}; the request allows {plain(most)}."
            return Exclusion(offer, reason, "provider")
    return None


def behind(wish: Preferences, call: Call, quantile: Quantile) -> bool:
    """Whether an offer misses a speed the caller prefers, and so comes after others; what is not known misses none.

    A throughput at `p90` is one that 90 of a hundred requests reach or exceed, as OpenRouter defines it
    (https://openrouter.ai/docs/guides/routing/provider-selection), and so the tenth part of all that stays below.
    """
    waited: Literal["seconds", "first"] = "first" if isinstance(call, ChatCall) else "seconds"
    for name, most in wish.max_latency.items():
        seconds = quantile(waited, _SHARES[name])
        if seconds is None:  # nobody has streamed: then the whole answer is what was waited for
            seconds = quantile("seconds", _SHARES[name])
        if seconds is not None and seconds > most:
            return True
    for name, least in wish.min_throughput.items():
        rate = quantile("rate", round(1 - _SHARES[name], 2))
        if rate is not None and rate < least:
            return True
    return False


def _unnamed(offer: Offer, wish: Preferences) -> str | None:
    if wish.only and wish.only.isdisjoint((offer.provider, offer.id)):
        return f"{offer.provider} is not among the providers asked for."
    if not wish.ignore.isdisjoint((offer.provider, offer.id)):
        return f"{offer.provider} is to be ignored by this request."
    return None


def _uncertain_learning(provider: Provider) -> str | None:
    if provider.trains_on_prompts is None:
        return f"It is not known whether {provider.slug} learns from what it is sent."
    return f"{provider.slug} may learn from what it is sent." if provider.trains_on_prompts else None


def _uncertain_retention(provider: Provider) -> str | None:
    if provider.zero_retention is None:
        return f"It is not known whether {provider.slug} keeps what it is sent."
    return None if provider.zero_retention else f"{provider.slug} keeps what it is sent for a while."


def _unwanted_numbers(offer: Offer, model: Model, wish: Preferences) -> str | None:
    if (offer.quantization or "unknown") in wish.quantizations:
        return None
    asked = " or ".join(name for name in QUANTIZATIONS if name in wish.quantizations)
    if not offer.quantization:
        return f"It is not known in which numbers {offer.provider} runs {model.slug}; {asked} was asked for."
    return f"{offer.provider} runs {model.slug} in {offer.quantization}; {asked} was asked for."


def _passed_over(offer: Offer, call: Call) -> str | None:
    if isinstance(call, ImageCall):
        names = ignored(call, offer)
    else:
        # An offer that lists no parameters is passed every field.
        taken = offer.parameters | _UNIVERSAL if offer.parameters else frozenset(call.body)
        names = tuple(name for name, value in call.body.items() if name not in taken and bytes(value) != b"null")
    if not names:
        return None
    listed = ", ".join(f"`{name[:64]}`" for name in names)
    return f"{offer.provider} does not take {listed}, and the request requires that all of it is taken."


def _applies(name: str, offer: Offer, call: Call) -> bool:
    if name in ("image", "megapixel"):
        return isinstance(call, ImageCall)
    if name == "request" or not isinstance(call, ImageCall):
        return True
    return offer.price is not None and _METERS[name][0] in offer.price.units


def _asked(name: str, offer: Offer, quote: Quote, call: Call) -> Decimal | None:
    """US dollars an offer asks for what a cap is about; None where that is not known."""
    if isinstance(call, ImageCall) and name in ("image", "megapixel"):
        if quote.low is None:
            return None
        per_picture = quote.low / call.n
        return per_picture if name == "image" else per_picture * BINARY_MEGAPIXEL / usual_size(call, offer).pixels
    how = terms(call, offer)
    if offer.price is None or not covers(offer.price, how):
        return None
    unit, many = _METERS[name]
    return _dearest(offer.price, unit, how, _longest_input(call, offer)) * many


def _dearest(price: Price, unit: Unit, how: Mapping[str, str], longest: int | None) -> Decimal:
    """The most that one of a unit may cost in such a call; 0 where it is not charged."""
    amounts: list[Decimal] = []
    for meter in price.meters:
        above = meter.above
        if meter.unit is not unit or (above is not None and longest is not None and longest <= above):
            continue
        if meter.applies(how, None if above is None else above + 1):
            amounts.append(meter.amount)
            if above is None:  # the first that applies counts, and this one does whatever the length
                break
    return max(amounts, default=Decimal(0))


def _longest_input(call: Call, offer: Offer) -> int | None:
    """The most tokens a call's input may be; None where that cannot be told, as with pictures."""
    if isinstance(call, EmbeddingCall):
        return embedding_tokens(call)[1]
    if isinstance(call, ChatCall) and media(call) == 0:
        return prompt_tokens(call.body, offer.limits.context_tokens)[1]
    return None


def _plain(name: str) -> str:
    return "-".join(name.lower().split())
