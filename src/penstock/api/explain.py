"""`/v1/explain`: who would be asked for a request, in which order and why, and why others would not. Nothing is called.

The body of `POST` is that of the request itself; `GET` takes its fields as a query, for requests without pictures.
"""

from typing import Annotated, Literal
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from penstock.api.quote_rows import Certainty, Dollars, certainty, tidy
from penstock.api.unsent import read_request, told
from penstock.core.call import Call, Operation
from penstock.core.errors import BadRequest, PenstockError
from penstock.core.target import Candidate, Exclusion
from penstock.pipeline.direct import direct
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.imagine import as_asked
from penstock.pipeline.ingress import Fields
from penstock.pipeline.outcome import has_key
from penstock.pipeline.quote import price_candidates
from penstock.pipeline.request import Incoming, Life, Reply
from penstock.pipeline.resolve import resolve
from penstock.pipeline.route import choose
from penstock.routing.base import Plan

_NUMBERS = frozenset(("n", "seed", "output_compression", "partial_images", "max_tokens", "max_completion_tokens"))
_MOST_FIELDS = 50


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """How an offer has been doing at this operation and size, in the last five minutes or less."""

    p50_seconds: Annotated[float | None, Meta(description="Until the result, median.")]
    p95_seconds: float | None
    first_p50_seconds: Annotated[float | None, Meta(description="Until the first byte of a stream, median.")]
    rate_p50: Annotated[float | None, Meta(description="Megapixels, or tokens of text, a second; median.")]
    success: Annotated[float | None, Meta(description="The part of the results that were good; null: there are none.")]
    in_flight: Annotated[int, Meta(description="Calls under way now.")]
    stable: Annotated[bool, Meta(description="No outage in the last 30 seconds.")]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """An offer that would be asked."""

    offer: Annotated[str, Meta(description="Provider and its own name of the model, such as `bfl/flux-2-pro`.")]
    provider: str
    model: Annotated[str, Meta(description="The model's slug.")]
    low_usd: Dollars
    high_usd: Dollars
    certainty: Certainty
    rating: Annotated[float | None, Meta(description="The model's, from the catalogue's benchmarks.")]
    breaker: Annotated[
        Literal["closed", "open", "half-open"],
        Meta(description="`open`: it failed too often lately and is asked last."),
    ]
    key_in_rotation: Annotated[bool, Meta(description="Whether a key of the provider may be used now.")]
    measured: Measured


class NotPlanned(msgspec.Struct, frozen=True, kw_only=True):
    """An offer that would not be asked."""

    offer: str
    provider: str
    model: str
    why_not: Annotated[str, Meta(description="The reason, in a sentence.")]
    param: Annotated[str | None, Meta(description="The request field the reason is about.")]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of a request."""

    object: Literal["explanation"] = "explanation"
    operation: Annotated[Operation, Meta(description="What the request asks for; a chat may ask for a picture.")]
    asked_model: Annotated[str, Meta(description="The name it was asked by.")]
    models: Annotated[list[str], Meta(description="Slugs: the model asked for, then those it falls back to.")]
    strategy: Annotated[str | None, Meta(description="Who decided the order; null where nobody is left to order.")]
    why: Annotated[str, Meta(description="The decision in a sentence.")]
    at_once: Annotated[int, Meta(description="So many are asked at the same time.")]
    hedge_after_seconds: Annotated[float | None, Meta(description="After so long the next is asked beside the first.")]
    mirrors: Annotated[list[str], Meta(description="Who else would get a copy for comparison.")]
    order: Annotated[
        list[Planned], Meta(description="Asked in this order. Chance may order the next request otherwise.")
    ]
    excluded: list[NotPlanned]
    warnings: Annotated[list[str], Meta(description="What of the config header is not acted on.")]


async def explain(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET` and `POST /v1/explain`. Raises what the endpoint of the request would raise for the same body."""
    fields = _from_query(incoming.query) if incoming.method in ("GET", "HEAD") else None
    return await told(explained(gateway, incoming, fields), gateway, incoming)


async def explained(gateway: Gateway, incoming: Incoming, fields: Fields | None) -> Explanation:
    """What would become of the request with these fields, or of the one that is the body, by who sends it."""
    life, read = await read_request(gateway, incoming, fields)
    model, call = await as_asked(life, read, gateway)
    direct(life, model, gateway)
    try:
        resolve(life, call, gateway)
        price_candidates(life, call)
    except PenstockError as error:
        if not life.exclusions:
            raise
        return _explanation(life, call, Plan(order=(), why=error.message), gateway)
    return _explanation(life, call, choose(life, gateway, counted=False), gateway)


def _from_query(query: str) -> Fields:
    pairs = parse_qsl(query, keep_blank_values=True)
    if len(pairs) > _MOST_FIELDS:
        raise BadRequest(f"At most {_MOST_FIELDS} fields can be given.")
    return {name: msgspec.Raw(_value(name, text)) for name, text in pairs}


def _value(name: str, text: str) -> bytes:
    """A field of a query as JSON: an object or a list as it stands, numbers where the field is one."""
    if text[:1] in ("{", "[") or (name in _NUMBERS and text.lstrip("-").isdecimal()) or text in ("true", "false"):
        return text.encode()
    return msgspec.json.encode(text)


def _explanation(life: Life, call: Call, plan: Plan, gateway: Gateway) -> Explanation:
    assert life.way is not None
    return Explanation(
        operation=call.operation,
        asked_model=life.asked_model or life.way.models[0].slug,
        models=[model.slug for model in life.way.models],
        strategy=plan.strategy if plan.order else None,
        why=plan.why,
        at_once=min(plan.at_once, len(plan.order)),
        hedge_after_seconds=_short(plan.hedge_after),
        mirrors=["/".join(filter(None, (target.provider, target.model))) for target in plan.mirrors],
        order=[_planned(candidate, life, call, gateway) for candidate in plan.order],
        excluded=[_not_planned(exclusion) for exclusion in life.exclusions],
        warnings=list(life.directions.warnings),
    )


def _planned(candidate: Candidate, life: Life, call: Call, gateway: Gateway) -> Planned:
    offer, now = candidate.offer, gateway.clock.monotonic()
    quote = life.quotes[offer.id]
    health = gateway.healths.look(offer.id, call.operation, life.size_class, now)
    state = gateway.breakers.states(now).get((offer.id, call.operation))
    return Planned(
        offer=offer.id,
        provider=offer.provider,
        model=candidate.model.slug,
        low_usd=tidy(quote.low),
        high_usd=tidy(quote.high),
        certainty=certainty(quote),
        rating=gateway.catalogue.rating(candidate.model.slug, call.operation),
        breaker=state.name if state else "closed",
        key_in_rotation=has_key(candidate, gateway),
        measured=Measured(
            p50_seconds=_short(health.p50),
            p95_seconds=_short(health.p95),
            first_p50_seconds=_short(health.first_p50),
            rate_p50=_short(health.rate_p50),
            success=_short(health.success),
            in_flight=health.in_flight,
            stable=health.stable,
        ),
    )


def _short(measured: float | None) -> float | None:
    """With four digits: nothing is measured more exactly."""
    return None if measured is None else float(f"{measured:.4g}")


def _not_planned(exclusion: Exclusion) -> NotPlanned:
    offer = exclusion.offer
    return NotPlanned(
        offer=offer.id, provider=offer.provider, model=offer.model, why_not=exclusion.reason, param=exclusion.field
    )
