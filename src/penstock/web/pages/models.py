"""`/models`: every model of the catalogue, searched, narrowed and put in order by the page's address.

`/models/{name}` sends a name or alias to the model's own page.
"""

from functools import partial

from penstock.core.errors import NotFound
from penstock.core.target import Provider
from penstock.pipeline.request import Reply
from penstock.store.samples import Sample, latest_pictures_by_model
from penstock.web.errors import error_page
from penstock.web.models.cards import card, measured_here
from penstock.web.models.index import CAPABILITIES, Entry, Index, index_of
from penstock.web.models.search import (
    HERE,
    INPUTS,
    OUTPUTS,
    PRICE_UNITS,
    SORTS,
    WEIGHTS,
    ModelSearch,
    found,
    read_search,
)
from penstock.web.visit import Visit

A_PAGE = 48
"""Models; further ones are fetched while the reader comes near the end."""


async def models(visit: Visit) -> Reply:
    """`GET /models`."""
    gateway = visit.gateway
    index = await index_of(gateway, visit.incoming)
    makers = _makers(index)
    search = read_search(visit.incoming.query, gateway.catalogue.providers, makers)
    measured = measured_here(gateway)
    matching = found(index, search, measured)
    shown = matching[search.offset : search.offset + A_PAGE]
    samples = await samples_of(visit, shown)
    reply = visit.page(
        "models.html",
        title="Models",
        search=search,
        cards=[card(entry, measured, samples.get(entry.model.slug)) for entry in shown],
        count=len(matching),
        total=len(index.entries),
        here=sum(entry.here for entry in index.entries.values()),
        more=search.address(offset=search.offset + A_PAGE) if search.offset + A_PAGE < len(matching) else None,
        makers=sorted(makers.items(), key=lambda row: row[1].lower()),
        providers=_providers(visit),
        choices={
            "inputs": INPUTS,
            "outputs": OUTPUTS,
            "here": HERE,
            "weights": WEIGHTS,
            "units": PRICE_UNITS,
            "sorts": SORTS,
            "can": CAPABILITIES,
        },
    )
    return _with_plain_address(reply, search) if visit.is_swap else reply


def _with_plain_address(reply: Reply, search: ModelSearch) -> Reply:
    """What the address bar shows after a search: what was asked for, without the form's empty fields."""
    headers = {**reply.headers, "hx-replace-url": search.address(offset=0)}
    return Reply(status=reply.status, media_type=reply.media_type, headers=headers, pieces=reply.pieces)


async def samples_of(visit: Visit, entries: list[Entry]) -> dict[str, Sample]:
    """A picture of each model that made one here, as far as the visitor may see it."""
    slugs = [entry.model.slug for entry in entries if "image" in entry.model.output_modalities and entry.here]
    if not visit.signed_in or not slugs:
        return {}
    latest = await visit.gateway.books.read(
        partial(latest_pictures_by_model, models=slugs, key_id=visit.own_key),
    )
    return {slug: rows[0] for slug, rows in latest.items()}


def _makers(index: Index) -> dict[str, str]:
    """What makers are called, by the first part of their models' slugs."""
    makers: dict[str, str] = {}
    for entry in index.entries.values():
        makers.setdefault(entry.model.slug.partition("/")[0], entry.model.maker)
    return makers


def _providers(visit: Visit) -> list[tuple[str, list[Provider]]]:
    """Those that are on, then the others."""
    known = sorted(visit.gateway.catalogue.providers.values(), key=lambda provider: provider.name.lower())
    on = [provider for provider in known if provider.slug in visit.gateway.accounts]
    return [("Connected here", on), ("Not connected", [provider for provider in known if provider not in on])]


async def by_name(visit: Visit, name: str) -> Reply:
    """`GET /models/{name}`: to the page of the model that goes by this name."""
    return by_other_name(visit, name)


def by_other_name(visit: Visit, name: str) -> Reply:
    """To the page of the model with this alias, or a page that says there is none."""
    catalogue = visit.gateway.catalogue
    model = catalogue.find(name)
    if model is None:
        near = [catalogue.models[slug] for slug in catalogue.nearest(name[:200])]
        return error_page(visit, NotFound(f"There is no model called {name[:100]}."), near=near)
    query = f"?{visit.incoming.query}" if visit.incoming.query else ""
    reply = visit.redirect(f"/models/{model.slug}{query}")
    # The name stays an alias, and so do browsers that remember where it leads.
    return Reply(status=308, media_type=reply.media_type, headers=reply.headers) if not visit.is_swap else reply
