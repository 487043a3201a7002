"""`/settings/catalogue`: what this installation changes of the shipped catalogue, and which prices need a look."""

import asyncio
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from penstock.catalogue.configured import owners_folder
from penstock.catalogue.imported import Origin
from penstock.core.target import Model, Offer
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Reply
from penstock.providers.base import InProcessAdapter
from penstock.settings import ProviderSettings
from penstock.web.pages.settings.frame import framed
from penstock.web.visit import Visit

PART = "/settings/catalogue"
OLD_DAYS = 90
MOST_SHOWN = 50
"""In each list."""

_SECRET = frozenset(("api_key", "keys"))


@dataclass(frozen=True, slots=True)
class Sold:
    """An offer that is on, and its model."""

    model: Model
    offer: Offer


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of them, as far as it is shown."""

    title: str
    about: str
    rows: list[Sold]
    count: int


async def catalogue_page(visit: Visit) -> Reply:
    """`GET /settings/catalogue`."""
    gateway = visit.gateway
    settings, folder = gateway.settings, owners_folder(gateway.settings)
    files = await asyncio.to_thread(_files, folder)
    inside = {
        slug
        for slug, account in gateway.accounts.accounts.items()
        if isinstance(gateway.adapters.get(account.provider.adapter), InProcessAdapter)
    }
    lists = _lists(_sold(gateway), inside, datetime.fromtimestamp(gateway.clock.now(), UTC).date())
    return framed(
        visit,
        "catalogue.html",
        title="Catalogue",
        part=PART,
        models=[str(table.get("slug", "")) for table in settings.models],
        changes=[(slug, *_changed(given)) for slug, given in settings.providers.items()],
        folder=str(folder.absolute()),
        files=files[:MOST_SHOWN],
        file_count=len(files),
        lists=[found for found in lists if found.count],
        origins=sorted(_origins(gateway), key=lambda origin: (origin.name, origin.date)),
        names={slug: provider.name for slug, provider in gateway.catalogue.providers.items()},
        most=MOST_SHOWN,
    )


def _sold(gateway: Gateway) -> Iterator[Sold]:
    """Offers that are on, those of paused providers too."""
    for model, offers in gateway.catalogue.sold(gateway.accounts.accounts):
        yield from (Sold(model, offer) for offer in offers)


def _lists(sold: Iterable[Sold], inside: Collection[str], today: date) -> list[Listed]:
    """What needs a look; of providers `inside` the gateway no price grows old, for nobody else sets it."""
    unpriced, unverified, old = [], [], []
    for one in sold:
        price = one.offer.price
        if price is None:
            unpriced.append(one)
            continue
        if price.unverified:
            unverified.append(one)
        if price.checked < today - timedelta(days=OLD_DAYS) and one.offer.provider not in inside:
            old.append(one)
    return [
        _listed("No price", "They are served, and what they cost is not known: hard budgets refuse them.", unpriced),
        _listed("Prices nobody has verified", "Taken from somebody who is not the provider.", unverified),
        _listed(f"Prices older than {OLD_DAYS} days", "Worth a look at the provider's own page.", old),
    ]


def _listed(title: str, about: str, found: list[Sold]) -> Listed:
    return Listed(title, about, found[:MOST_SHOWN], len(found))


def _changed(given: ProviderSettings) -> tuple[list[str], list[str]]:
    """Names of what is set of a provider, its keys aside, and its own offers."""
    usual = ProviderSettings()
    names = [
        name
        for name in given.__struct_fields__
        if name not in _SECRET | {"offers"} and getattr(given, name) != getattr(usual, name)
    ]
    return names, [str(table.get("upstream", "")) for table in given.offers]


def _origins(gateway: Gateway) -> set[Origin]:
    layers = {id(layer): layer.origin for rows in gateway.catalogue.below.values() for _, layer in rows}
    return set(layers.values())


def _files(folder: Path) -> list[str]:
    """What the owner's folder holds, by path in it."""
    if not folder.is_dir():
        return []
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
