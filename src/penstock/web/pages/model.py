"""`/models/{maker}/{model}`: everything about one model, and how it did here.

`POST .../benchmarks` takes a result that somebody contributes; `.../card.png` is the picture of links to the page.
"""

import asyncio
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from penstock.api.addresses import own_address
from penstock.core.errors import BadRequest, PenstockError
from penstock.core.principal import Scope
from penstock.pipeline.request import Reply
from penstock.store.benchmark_reviews import Contribution, contribute
from penstock.web.models.cards import card, in_words, measured_here, prices
from penstock.web.models.code_samples import code_samples
from penstock.web.models.faq import questions
from penstock.web.models.history import activity, gather, history
from penstock.web.models.index import Entry, index_of
from penstock.web.models.linked_data import linked_data
from penstock.web.models.ratings import OPERATIONS_RATED, ratings
from penstock.web.models.search import INPUTS, OUTPUTS
from penstock.web.models.social_card import Shown, social_card
from penstock.web.models.standing import standings, today
from penstock.web.models.view import (
    abilities,
    elsewhere,
    how_to_connect,
    limit_columns,
    limit_rows,
    offered,
)
from penstock.web.pages.calculator import calculator_view
from penstock.web.pages.models import by_other_name, samples_of
from penstock.web.visit import Form, Visit

_FIELDS = ("benchmark", "operation", "score", "low", "high", "votes", "source", "measured_on", "note")
_CARD_SECONDS = 3600


async def model(visit: Visit, maker: str, model: str) -> Reply:
    """`GET /models/{maker}/{model}`."""
    entry = (await index_of(visit.gateway, visit.incoming)).entries.get(f"{maker}/{model}")
    return by_other_name(visit, f"{maker}/{model}") if entry is None else await _page(visit, entry)


async def card_picture(visit: Visit, maker: str, model: str) -> Reply:
    """`GET /models/{maker}/{model}/card.png`."""
    entry = (await index_of(visit.gateway, visit.incoming)).entries.get(f"{maker}/{model}")
    if entry is None:
        return by_other_name(visit, f"{maker}/{model}")
    shown = Shown(
        name=entry.model.name,
        maker=entry.model.maker,
        does=_does(entry),
        price=next(iter(prices(entry)), "Price not known"),
    )
    picture = await asyncio.to_thread(social_card, shown)
    open_to = "public" if visit.gateway.settings.pages.public else "private"
    headers = {"cache-control": f"{open_to}, max-age={_CARD_SECONDS}", "x-content-type-options": "nosniff"}
    return Reply(media_type="image/png", headers=headers, pieces=(picture,))


async def contribute_benchmark(visit: Visit, form: Form, maker: str, model: str) -> Reply:
    """`POST /models/{maker}/{model}/benchmarks`."""
    entry = (await index_of(visit.gateway, visit.incoming)).entries.get(f"{maker}/{model}")
    if entry is None:
        return by_other_name(visit, f"{maker}/{model}")
    given = {name: form.text(name) for name in _FIELDS}
    key_id = visit.principal.key_id if visit.principal else None
    try:
        contribution = _contribution(entry, given)
        work = partial(contribute, given=contribution, key_id=key_id, now=visit.now_ms)
        await visit.gateway.books.change(work)
    except PenstockError as error:
        return await _page(visit, entry, given=given, refused=error)
    return visit.redirect(f"/models/{entry.model.slug}?contributed=yes#benchmarks")


def _contribution(entry: Entry, given: dict[str, str]) -> Contribution:
    """Raises BadRequest."""
    try:
        day = date.fromisoformat(given["measured_on"])
    except ValueError as error:
        raise BadRequest("Say on which day the result was so.", param="measured_on") from error
    texts = {name: text for name, text in given.items() if name != "measured_on"}
    return Contribution(model=entry.model.slug, measured_on=day, **texts)


async def _page(
    visit: Visit, entry: Entry, *, given: dict[str, str] | None = None, refused: PenstockError | None = None
) -> Reply:
    gateway, it = visit.gateway, entry.model
    index = await index_of(gateway, visit.incoming)
    offers = offered(entry, gateway.catalogue)
    pictures = "image" in it.output_modalities
    query = dict(parse_qsl(visit.incoming.query))
    seen = await gateway.books.read(
        partial(
            gather,
            model=it.slug,
            offers=[each.offer.id for each in offers],
            now=visit.now_ms,
            signed_in=visit.signed_in,
            key_id=visit.own_key,
        )
    )
    past = history(seen.health, today(gateway, offers), offers, visit.now_ms, pictures)
    measured = measured_here(gateway)
    similar = index.similar(entry)
    samples = await samples_of(visit, similar)
    address = own_address(visit.incoming, gateway)
    rated = ratings(it.slug, gateway.catalogue, seen.reviews)
    away = [(each, how_to_connect(each)) for each in elsewhere(offers)]
    code = code_samples(it, [each.offer for each in offers if not each.sold.over], address)
    faq = questions(entry, offers, measured.seconds(entry))
    values: dict[str, Any] = {
        "it": it,
        "entry": entry,
        "offers": offers,
        "prices": prices(entry),
        "takes": in_words(it.input_modalities, INPUTS),
        "makes": in_words(it.output_modalities, OUTPUTS),
        "links": [(name, link) for name, link in it.links.items() if link.startswith(("https://", "http://"))],
        "may_call": visit.principal is None or visit.principal.may_call(it.slug),
        "may_run": entry.here and (visit.principal is None or visit.may(Scope.INFERENCE)),
        "successor": gateway.catalogue.find(it.successor) if it.successor else None,
        "calculator": await calculator_view(visit, it, query),
        "limit_columns": limit_columns(offers),
        "limit_rows": limit_rows(offers, entry, gateway.catalogue),
        "abilities": abilities(it, offers, gateway.catalogue),
        "standings": standings(gateway, offers, past),
        "past": past,
        "activity": activity(seen.days, visit.now_ms, pictures) if seen.days is not None else None,
        "apps": seen.apps,
        "rated": rated,
        "operations_rated": OPERATIONS_RATED,
        "given": given or {},
        "refused": refused,
        "contributed": query.get("contributed") == "yes",
        "today": datetime.fromtimestamp(visit.now_ms / 1000, UTC).date().isoformat(),
        "samples": seen.samples,
        "code": code,
        "elsewhere": away,
        "similar": [card(other, measured, samples.get(other.model.slug)) for other in similar],
        "faq": faq,
        "address": f"{address}/models/{it.slug}",
        "summary": it.description or f"{it.name} by {it.maker}: {_does(entry)}.",
        "linked_data": linked_data(entry, f"{address}/models/{it.slug}", f"{address}/models/{it.slug}/card.png"),
    }
    values["sections"] = _sections(visit, values)
    return visit.page("model.html", title=it.name, status=refused.status if refused else 200, **values)


def _does(entry: Entry) -> str:
    takes, makes = entry.model.input_modalities, entry.model.output_modalities
    return f"{in_words(takes, INPUTS)} in, {in_words(makes, OUTPUTS).lower()} out"


def _sections(visit: Visit, values: dict[str, Any]) -> list[tuple[str, str]]:
    """The page's table of contents: anchor and words of each section that is there."""
    there = {
        "price": ("Price", True),
        "calculator": ("Calculator", True),
        "limits": ("Limits", True),
        "abilities": ("What it can do", True),
        "providers": ("Providers", True),
        "elsewhere": ("Other providers", bool(values["elsewhere"])),
        "performance": ("Performance", True),
        "uptime": ("Uptime", True),
        "activity": ("Activity", visit.signed_in),
        "apps": ("Apps", visit.signed_in),
        "benchmarks": ("Benchmarks", True),
        "samples": ("Samples", visit.signed_in and "image" in values["it"].output_modalities),
        "try": ("Try it", bool(values["code"])),
        "similar": ("Similar models", bool(values["similar"])),
        "questions": ("Questions", bool(values["faq"])),
    }
    return [(anchor, words) for anchor, (words, shown) in there.items() if shown]
