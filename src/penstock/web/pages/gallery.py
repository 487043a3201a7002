"""`GET /gallery`: the pictures made here, the newest first; which of them is all in the address.

With `pick=1` they lead to the playground, which shows them in a panel of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from sqlalchemy import Connection

from penstock.pipeline.request import Reply
from penstock.store.choices import Choices, choices
from penstock.store.gallery import GalleryPage, Made, pictures
from penstock.store.rows import AssetRow
from penstock.web.gallery.pictures import model_name, name_of, shape, shape_class, versions
from penstock.web.gallery.search import WAYS, GallerySearch, read_search
from penstock.web.visit import Visit

A_PAGE = 60
"""Pictures; further ones are fetched while the reader comes near the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A picture in the grid."""

    asset: AssetRow
    path: str
    id: str
    """Of its words, on the page."""
    name: str
    """For whoever does not see it."""
    shape: float
    """About its width in heights, which is its share of a row."""
    shape_class: str
    versions: str
    model: str | None
    cost_pico: int | None
    """Of its request."""
    made: int | None
    """How many pictures that paid for."""


async def gallery(visit: Visit) -> Reply:
    """`GET /gallery`."""
    query = dict(parse_qsl(visit.incoming.query))

    def find(c: Connection) -> tuple[GallerySearch, GalleryPage, Choices]:
        search = read_search(c, visit, query)
        return search, pictures(c, search.which, search.before, A_PAGE), choices(c, visit.own_key)

    search, page, known = await visit.gateway.books.read(find)
    return visit.page(
        "gallery_pick.html" if search.picks else "gallery.html",
        title="Choose a picture" if search.picks else "Gallery",
        search=search,
        cells=[_cell(visit, search, made) for made in page.pictures],
        more=search.address(page.next) if page.next else None,
        ways=tuple(WAYS.items()),
        models=known.models,
        providers=_providers(visit, known.providers, search.given.get("provider")),
        keys=known.keys,
        teams=known.teams,
        keeps_prompts=visit.gateway.settings.ledger.store_prompts,
    )


def _cell(visit: Visit, search: GallerySearch, made: Made) -> Cell:
    digest = made.asset.digest
    model = model_name(visit, made.model)
    form = shape(made.asset.width, made.asset.height)
    return Cell(
        asset=made.asset,
        path=f"/playground?reference={digest}" if search.picks else search.picture(digest, made.place),
        id=f"{made.request_id}-{made.position}",
        name=name_of(made.prompt, model, made.created_at),
        shape=form,
        shape_class=shape_class(form),
        versions=versions(made.asset),
        model=model,
        cost_pico=made.cost_pico,
        made=made.made,
    )


def _providers(visit: Visit, known: Sequence[str], chosen: str | None) -> list[tuple[str, str]]:
    """Those that made pictures lately, and the one that is asked for."""
    named = visit.gateway.catalogue.providers
    slugs = {*known, chosen} if chosen else set(known)
    return sorted(
        ((slug, named[slug].name if slug in named else slug) for slug in slugs), key=lambda row: row[1].lower()
    )
