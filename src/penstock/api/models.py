"""`GET /v1/models`: what can be called here, in OpenAI's shape with our own fields beside it.

A model is listed where at least one provider that is switched on sells it and the key may call it. The same rule
serves OpenRouter's lists (`openrouter_models`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Literal

import msgspec

from penstock.api.answers import encode
from penstock.core.call import Operation
from penstock.core.target import Model, Offer
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.pipeline.resolve import check_allowed, day_of, find_model, unserved

UNDATED = date(2024, 1, 1)
"""`created` of a model for which neither a publication date nor the date of a price is known."""


@dataclass(frozen=True, slots=True)
class Served:
    """A model and the offers of it that can be called here, in order of preference."""

    model: Model
    offers: tuple[Offer, ...]

    @property
    def first(self) -> Offer:
        """The offer asked first where nothing else decides; prices and limits of the model are shown by it."""
        return self.offers[0]

    @property
    def operations(self) -> list[Operation]:
        """What any of the offers does."""
        return [operation for operation in Operation if any(operation in offer.operations for offer in self.offers)]

    @property
    def context_tokens(self) -> int | None:
        """The model's context window, or the largest any offer states."""
        stated = [offer.limits.context_tokens for offer in self.offers if offer.limits.context_tokens is not None]
        return self.model.context_tokens or max(stated, default=None)

    @property
    def ends(self) -> date | None:
        """The day the last offer ends; None where one has no end."""
        days = [offer.deprecates for offer in self.offers if offer.deprecates is not None]
        return max(days) if len(days) == len(self.offers) else None


def served(gateway: Gateway, incoming: Incoming) -> Iterator[Served]:
    """Every model that can be called by the sender of a request, in the catalogue's order."""
    principal = incoming.principal
    for model, sold in gateway.catalogue.sold(gateway.accounts):
        offers = _callable(sold, incoming)
        if offers and (principal is None or principal.may_call(model.slug)):
            yield Served(model, offers)


def find_served(gateway: Gateway, incoming: Incoming, name: str) -> Served:
    """The model of this name or alias.

    Raises NotFound, with the nearest names where there is no such model, and Forbidden where the key may not call it.
    """
    if incoming.principal is not None:
        name = gateway.routes.now.name_of(name, incoming.principal)
    model = find_model(name, gateway.catalogue)
    if incoming.principal is not None:
        check_allowed(incoming.principal, model)
    on = (offer for offer in gateway.catalogue.offers(model.slug) if offer.provider in gateway.accounts)
    offers = _callable(on, incoming)
    if not offers:
        raise unserved(model, gateway, day_of(incoming))
    return Served(model, offers)


def _callable(offers: Iterable[Offer], incoming: Incoming) -> tuple[Offer, ...]:
    """Those that are not over, that an endpoint of this gateway is for, and that the key may use."""
    principal, day = incoming.principal, day_of(incoming)
    return tuple(
        offer
        for offer in offers
        if offer.operations
        and (offer.deprecates is None or offer.deprecates > day)
        and (principal is None or principal.may_use(offer.provider))
    )


def created(entry: Served) -> int:
    """Unix seconds of the model's publication; else of the day its price was first read, else of `UNDATED`."""
    read = [offer.price.checked for offer in entry.offers if offer.price is not None]
    day = entry.model.created or min(read, default=UNDATED)
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """A model that can be called here."""

    id: Annotated[str, msgspec.Meta(description="The name to send as `model`.")]
    object: Literal["model"] = "model"
    created: Annotated[
        int,
        msgspec.Meta(
            description="Unix seconds of its publication. Where `published` is null: of the day its price was first "
            "read, else of 1 January 2024."
        ),
    ]
    owned_by: Annotated[str, msgspec.Meta(description="Its maker, as in the id.")]
    name: str
    description: str
    published: Annotated[date | None, msgspec.Meta(description="The day it was published; null where not known.")]
    input_modalities: tuple[str, ...]
    output_modalities: tuple[str, ...]
    operations: Annotated[list[Operation], msgspec.Meta(description="What can be asked of it here.")]
    providers: Annotated[list[str], msgspec.Meta(description="Who serves it here, in order of preference.")]
    aliases: Annotated[tuple[str, ...], msgspec.Meta(description="Other names it is found by.")]
    context_length: Annotated[int | None, msgspec.Meta(description="Tokens; null where not known.")]
    shutdown_date: Annotated[date | None, msgspec.Meta(description="The day its last offer ends, where announced.")]


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """The models that can be called here."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


async def models(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /v1/models`."""
    return Reply(pieces=(encode(ModelList(data=[_card(entry) for entry in served(gateway, incoming)])),))


async def model(gateway: Gateway, incoming: Incoming, model: str) -> Reply:
    """`GET /v1/models/{model}`, by slug or alias."""
    return Reply(pieces=(encode(_card(find_served(gateway, incoming, model))),))


def _card(entry: Served) -> ModelCard:
    it = entry.model
    return ModelCard(
        id=it.slug,
        created=created(entry),
        owned_by=it.slug.partition("/")[0],
        name=it.name,
        description=it.description,
        published=it.created,
        input_modalities=it.input_modalities,
        output_modalities=it.output_modalities,
        operations=entry.operations,
        providers=list(dict.fromkeys(offer.provider for offer in entry.offers)),
        aliases=it.aliases,
        context_length=entry.context_tokens,
        shutdown_date=entry.ends,
    )
