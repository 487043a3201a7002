"""What lists of models are searched, filtered and sorted by, worked out once for a catalogue and its providers.

There are a thousand models and thousands of offers, so a page that lists them looks here. Making it takes a tenth of a
second, in slices of about two milliseconds between which the event loop does other things, when the first page asks and
once a day, for offers end. Not on a thread: beside a busy loop that takes long (see `assets.workers`).
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from math import log
from typing import Literal

from penstock.api.capabilities import makes_pictures
from penstock.api.workloads import stand_in
from penstock.catalogue.capability import refusal
from penstock.catalogue.search import Catalogue
from penstock.catalogue.sizes import CLASSES
from penstock.core.call import ImageCall, Operation, Size
from penstock.core.price import Unit
from penstock.core.target import Limits, Model, Offer
from penstock.metering.workload import Tokens, text_cost
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.quote import priced
from penstock.pipeline.request import Incoming
from penstock.pipeline.resolve import day_of

TEXT_WORKLOAD = Tokens(input=1000, output=500)
"""What text models are compared by."""
_PICTURE = Size(1024, 1024)
_MILLION = 1_000_000
_SLICE = 16
"""Models between two turns of the event loop."""

CAPABILITIES = {
    "edits": "Edits pictures",
    "masks": "Takes a mask",
    "seed": "Takes a seed",
    "transparent": "Transparent background",
    "previews": "Streams previews",
    "chat": "Chats about pictures",
    "free_sizes": "Any size",
}
"""What models can be asked for, in words."""

Sureness = Literal["exact", "about", "from"]


@dataclass(frozen=True, slots=True)
class PicturePrice:
    """A picture of 1024x1024, or of the usual size where that cannot be asked for."""

    usd: Decimal
    sure: Sureness
    """`from`: the least of several, where nothing says which holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """An offer, and what is asked about it."""

    offer: Offer
    here: bool
    """It can be called through this gateway."""
    over: bool
    """It has ended."""
    picture: PicturePrice | None
    text: Decimal | None
    """US dollars for `TEXT_WORKLOAD`; None where it is not priced by text or does not chat."""
    per_million_in: Decimal | None
    per_million_out: Decimal | None
    can: frozenset[str]
    """Of `CAPABILITIES`."""
    largest: int | None
    """Pixels of the largest picture; None where not known, or it makes none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A model with what it is looked for by."""

    model: Model
    place: int
    """In the catalogue's order."""
    words: str
    """Name, slug, aliases and maker, in small letters."""
    sold: tuple[Sold, ...]
    counted: tuple[Sold, ...]
    """The offers whose prices are shown: those here, else all that have not ended, else all."""
    here: bool
    weights: bool | None
    """Whether its weights are open; None: not known."""
    rating: float | None
    """At making pictures, else at editing, else at chat."""
    picture: PicturePrice | None
    """The lowest, here if it can be called here."""
    text: Decimal | None
    """Likewise, of `TEXT_WORKLOAD`."""
    near: float | None
    """The logarithm of that price, for what is about as dear; of a picture where it makes them."""


@dataclass(frozen=True, slots=True)
class Index:
    """All of them, by slug, in the catalogue's order."""

    entries: dict[str, Entry]

    def similar(self, entry: Entry, most: int = 6) -> list[Entry]:
        """Models that make the same, nearest in price and rating; those that can be called here before others."""
        makes = entry.model.output_modalities
        others = [other for other in self.entries.values() if other.model.output_modalities == makes]
        far = [(_distance(entry, other), other.place, other) for other in others if other is not entry]
        return [other for _, _, other in sorted(far)[:most]]


async def index_of(gateway: Gateway, incoming: Incoming) -> Index:
    """The index for the day of a request."""
    what = _Catalogue(gateway.catalogue, frozenset(gateway.accounts), day_of(incoming))
    shelf = _shelf(what)
    if shelf.index is None:
        entries: dict[str, Entry] = {}
        for number, entry in enumerate(_entries(what.catalogue, what.on, what.day)):
            entries[entry.model.slug] = entry
            if number % _SLICE == 0:
                await asyncio.sleep(0)
        shelf.index = Index(entries)
    return shelf.index


def make_index(catalogue: Catalogue, on: frozenset[str], day: date) -> Index:
    """The index of a catalogue for one day, with these providers switched on, all at once."""
    return Index({entry.model.slug: entry for entry in _entries(catalogue, on, day)})


def _entries(catalogue: Catalogue, on: frozenset[str], day: date) -> Iterator[Entry]:
    for place, (slug, model) in enumerate(catalogue.models.items()):
        sold = tuple(_sold(offer, model, on, day) for offer in catalogue.offers(slug))
        yield _entry(place, model, sold, catalogue)


class _Catalogue:
    """A catalogue on a day, known by being the same one: comparing thousands of rows would take long."""

    def __init__(self, catalogue: Catalogue, on: frozenset[str], day: date) -> None:
        self.catalogue, self.on, self.day = catalogue, on, day

    def __hash__(self) -> int:
        return hash((id(self.catalogue), self.on, self.day))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Catalogue)
            and self.catalogue is other.catalogue
            and (self.on, self.day) == (other.on, other.day)
        )


class _Shelf:
    """Where an index lies, once it is made."""

    index: Index | None = None


@lru_cache(maxsize=4)
def _shelf(what: _Catalogue) -> _Shelf:
    return _Shelf()


def _entry(place: int, model: Model, sold: tuple[Sold, ...], catalogue: Catalogue) -> Entry:
    on = tuple(each for each in sold if each.here)
    counted = on or tuple(each for each in sold if not each.over) or sold
    picture = min((each.picture for each in counted if each.picture), key=lambda price: price.usd, default=None)
    text = min((each.text for each in counted if each.text is not None), default=None)
    amount = picture.usd if picture else text
    operations = (Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT, Operation.CHAT)
    ratings = (catalogue.rating(model.slug, operation) for operation in operations)
    return Entry(
        model=model,
        place=place,
        words="\n".join([model.name, model.slug, model.maker, *model.aliases]).lower(),
        sold=sold,
        counted=counted,
        here=bool(on),
        weights=open_weights(model),
        rating=next((rating for rating in ratings if rating is not None), None),
        picture=picture,
        text=text,
        near=log(amount) if amount else None,
    )


def open_weights(model: Model) -> bool | None:
    """Whether its weights can be had, as far as its licence says; None where it says nothing."""
    if "weights" in model.links:
        return True
    return model.licence.lower() != "proprietary" if model.licence else None


def _sold(offer: Offer, model: Model, on: frozenset[str], day: date) -> Sold:
    over = offer.deprecates is not None and offer.deprecates <= day
    pictures = makes_pictures(offer)
    chats = Operation.CHAT in offer.operations
    return Sold(
        offer=offer,
        here=offer.provider in on and bool(offer.operations) and not over,
        over=over,
        picture=picture_price(offer, model) if pictures else None,
        text=text_cost(offer, TEXT_WORKLOAD) if chats or not pictures else None,
        per_million_in=_per_million(offer, Unit.TEXT_TOKEN_IN),
        per_million_out=_per_million(offer, Unit.TEXT_TOKEN_OUT),
        can=frozenset(_can(offer, model)),
        largest=largest_picture(offer.limits) if pictures else None,
    )


def _per_million(offer: Offer, unit: Unit) -> Decimal | None:
    """Of a short input."""
    meters = offer.price.meters if offer.price else ()
    plain = (meter for meter in meters if meter.unit is unit and meter.above is None and not meter.when)
    return next((meter.amount * _MILLION for meter in plain), None)


def picture_price(offer: Offer, model: Model) -> PicturePrice | None:
    """Of one picture; an edit has one reference of the same size, or as many as it needs."""
    generates = Operation.IMAGE_GENERATION in offer.operations
    count = offer.limits.min_references if generates else max(1, offer.limits.min_references)
    references = (stand_in(_PICTURE),) * count
    for size in (_PICTURE, None):
        call = ImageCall(model=model.slug, prompt="a picture in a few words", size=size, references=references)
        if refusal(call, offer, model) is None:
            quoted = priced(call, offer, model)
            if quoted.low is not None:
                return PicturePrice(quoted.low, "exact" if quoted.exact else "about")
    return _cheapest_variant(offer)


def _cheapest_variant(offer: Offer) -> PicturePrice | None:
    if offer.price is None or offer.price.units != {Unit.IMAGE}:
        return None
    size = str(_PICTURE)
    alike = [meter for meter in offer.price.meters if size in meter.when.get("size", (size,))]
    amounts = {meter.amount for meter in alike or offer.price.meters}
    return PicturePrice(min(amounts), "exact" if len(amounts) == 1 else "from")


def _can(offer: Offer, model: Model) -> list[str]:
    limits = offer.limits
    known = {
        "edits": Operation.IMAGE_EDIT in offer.operations,
        "masks": limits.mask,
        "seed": limits.seed,
        "transparent": "transparent" in limits.backgrounds,
        "previews": limits.partial_images > 0,
        "chat": Operation.CHAT in offer.operations and "image" in (*model.input_modalities, *model.output_modalities),
        "free_sizes": limits.free_size,
    }
    return [name for name, does in known.items() if does]


def largest_picture(limits: Limits) -> int | None:
    """Pixels; None where nothing says."""
    bounds = [limits.max_pixels, limits.max_side and limits.max_side**2] if limits.free_size else []
    known = [bound for bound in bounds if bound]
    sizes = [size.pixels for text in limits.sizes if (size := Size.parse(text))]
    classes = [CLASSES[name] ** 2 for name in limits.resolutions if name in CLASSES]
    return max([*([min(known)] if known else []), *sizes, *classes], default=None)


def _distance(one: Entry, other: Entry) -> float:
    """Twice as dear is as far as a hundred points of rating; what is not known counts as rather far."""
    price = 1.5 if one.near is None or other.near is None else abs(one.near - other.near) / log(2)
    rating = 1.5 if one.rating is None or other.rating is None else abs(one.rating - other.rating) / 100
    family = 0.0 if one.model.maker == other.model.maker else 0.5
    return price + rating + family + (0.0 if other.here else 1.0)
