"""Importing a price file, and what is wrong, old or ending in a catalogue: facts for `penstock catalogue`."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from penstock.catalogue.imported import FOLDER, write_layer
from penstock.catalogue.litellm import read_file
from penstock.catalogue.search import Catalogue
from penstock.core.target import Offer

OLD_DAYS = 30
"""A price read longer ago than this is old."""
SOON_DAYS = 60
"""An offer that ends within this many days ends soon."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a row of the catalogue."""

    about: str
    """Id of an offer, slug of a model, or the imported file."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check found; only faults make it fail."""

    models: int
    offers: int
    imported: int
    """Of the offers, those known from an imported file only."""
    faults: tuple[Finding, ...]
    old: tuple[Finding, ...] = ()
    ended: tuple[Finding, ...] = ()
    ending: tuple[Finding, ...] = ()


def import_litellm(file: Path, release: str, day: date, catalogue_folder: Path) -> dict[str, Any]:
    """Write LiteLLM's price file as an imported layer; how many rows there are of each kind. Raises CatalogueError."""
    layer = read_file(file.read_bytes(), release, day)
    path = catalogue_folder / FOLDER / "litellm.json"
    write_layer(layer, path)
    return {
        "file": str(path),
        "release": release,
        "date": day,
        "providers": len(layer.providers),
        "models": len(layer.models),
        "offers": len(layer.offers),
        "unpriced": sum(not offer.meters for offer in layer.offers),
    }


def check_catalogue(catalogue: Catalogue, day: date) -> Report:
    """Everything that is to be said about a catalogue on a day."""
    offers = catalogue.all_offers
    imported = [offer for offer in offers if catalogue.is_imported(offer)]
    # Of imported offers those at providers that cannot be called are left out: there are hundreds, and nobody is hurt.
    near = [
        offer for offer in offers if not catalogue.is_imported(offer) or catalogue.providers[offer.provider].adapter
    ]
    return Report(
        models=len(catalogue.models),
        offers=len(offers),
        imported=len(imported),
        faults=(*_model_faults(catalogue), *(fault for offer in offers for fault in _price_faults(offer, day))),
        old=tuple(_old(catalogue, offers, day)),
        ended=tuple(_ended(offers, catalogue, day)),
        ending=tuple(_ends(near, day, day + timedelta(days=SOON_DAYS))),
    )


def _model_faults(catalogue: Catalogue) -> Iterator[Finding]:
    for model in catalogue.models.values():
        if model.successor and catalogue.find(model.successor) is None:
            yield Finding(model.slug, f"Its successor {model.successor!r} is not in the catalogue.")
        for alias in model.aliases:
            owner = catalogue.find(alias)
            if owner is not None and owner.slug != model.slug:
                yield Finding(model.slug, f"The name {alias!r} is claimed by {owner.slug} too, and leads there.")
        if not catalogue.offers(model.slug):
            yield Finding(model.slug, "Nobody sells it: an offer is missing, or names another model.")


def _price_faults(offer: Offer, day: date) -> Iterator[Finding]:
    price = offer.price
    if price is None:
        if not offer.note:
            yield Finding(offer.id, "It has no price and no note that says why.")
        return
    if not price.source.strip():
        yield Finding(offer.id, "Its price has no source.")
    if price.checked > day:
        yield Finding(offer.id, f"Its price was checked on {price.checked}, which is still to come.")
    if any(meter.amount == 0 and meter.first is None for meter in price.meters) and not price.note:
        yield Finding(
            offer.id, "An amount is zero. If it is free, say so in the price's note; if it is not known, leave it out."
        )


def _old(catalogue: Catalogue, offers: tuple[Offer, ...], day: date) -> Iterator[Finding]:
    """Offers whose price was read long ago; of imported ones, the file."""
    imported: Counter[date] = Counter()
    for offer in offers:
        if offer.price is None or day - offer.price.checked <= timedelta(days=OLD_DAYS):
            continue
        if catalogue.is_imported(offer):
            imported[offer.price.checked] += 1
            continue
        yield Finding(offer.id, f"Its price was checked on {offer.price.checked}: {_ago(offer.price.checked, day)}.")
    for checked, count in imported.items():
        yield Finding(FOLDER, f"{count} prices were imported on {checked}: {_ago(checked, day)}.")


def _ago(checked: date, day: date) -> str:
    return f"{(day - checked).days} days ago"


def _ended(offers: Iterable[Offer], catalogue: Catalogue, day: date) -> Iterator[Finding]:
    """Offers that are over, one by one; imported ones by their number, for their file is not written by hand."""
    over = [offer for offer in offers if offer.deprecates is not None and offer.deprecates <= day]
    yield from _ends([offer for offer in over if not catalogue.is_imported(offer)], date.min, day)
    if imported := sum(catalogue.is_imported(offer) for offer in over):
        yield Finding(FOLDER, f"{imported} offers are over; whoever asks for one is told so.")


def _ends(offers: list[Offer], after: date, until: date) -> Iterator[Finding]:
    """Offers whose last day lies in between."""
    found = [offer for offer in offers if offer.deprecates is not None and after < offer.deprecates <= until]
    for offer in sorted(found, key=lambda offer: (offer.deprecates or date.max, offer.id)):
        yield Finding(offer.id, f"{offer.model}: {offer.deprecates}.")
