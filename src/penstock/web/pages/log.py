"""`GET /logs/{request}`: everything the ledger knows of one request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from markupsafe import Markup
from sqlalchemy import Connection

from penstock.core.errors import NotFound
from penstock.pipeline.request import Reply
from penstock.store.requests import LinkedPicture, RequestDetail, copies_of, pictures_of, request_detail
from penstock.store.rows import AttemptRow, RequestRow
from penstock.web.errors import error_page
from penstock.web.usage.waterfall import waterfall
from penstock.web.usage.wording import CACHE, OUTCOMES, ROLES, SOURCES, ending, went_wrong, why
from penstock.web.visit import Visit

MOST_CHARACTERS = 50_000
"""Of a body; the whole of it is told by the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """An attempt, in words."""

    row: AttemptRow
    provider: str
    bar: Markup
    after_ms: int
    outcome: str
    kind: str
    went_wrong: str
    """Empty where nothing did."""
    why: str


@dataclass(frozen=True, slots=True)
class Body:
    """What was asked, as JSON."""

    text: str
    is_cut: bool


async def log(visit: Visit, request: str) -> Reply:
    """`GET /logs/{request}`."""

    def find(c: Connection) -> tuple[RequestDetail, Sequence[LinkedPicture], Sequence[str]]:
        detail = request_detail(c, request)
        return detail, pictures_of(c, [request]), copies_of(c, detail.request)

    try:
        detail, pictures, copies = await visit.gateway.books.read(find)
    except NotFound as error:
        return error_page(visit, error)
    row = detail.request
    words, kind = ending(row)
    whole, tried = _tried(visit, detail)
    return visit.page(
        "log.html",
        title=f"Request {row.id}",
        it=row,
        names={name: of_kind.get(id or "", id) for (name, id), of_kind in _holders(detail)},
        model=_name(visit.gateway.catalogue.models, row.model),
        in_catalogue=row.model in visit.gateway.catalogue.models,
        provider=_name(visit.gateway.catalogue.providers, row.provider),
        ending=words,
        kind=kind,
        whole=whole,
        attempts=tried,
        source=SOURCES.get(row.cost_source, row.cost_source),
        difference=_difference(row),
        pictures=[
            (words, shown) for role, words in ROLES.items() if (shown := [p for p in pictures if p.role == role])
        ],
        copies=copies,
        cache=CACHE.get(row.cache or ""),
        metadata=_body(row.metadata) if row.metadata else None,
        body=_body(detail.prompt) if detail.prompt is not None else None,
        keeps_prompts=visit.gateway.settings.ledger.store_prompts,
    )


def _holders(detail: RequestDetail) -> list[tuple[tuple[str, str | None], Mapping[str, str]]]:
    row, names = detail.request, detail.names
    ids = {"key": row.key_id, "organisation": row.organisation_id, "team": row.team_id, "user": row.member_id}
    return [((name, id), names[name]) for name, id in ids.items()]


def _name(known: Mapping[str, Any], slug: str | None) -> str | None:
    return known[slug].name if slug is not None and slug in known else slug


def _tried(visit: Visit, detail: RequestDetail) -> tuple[Markup, list[Tried]]:
    """The bar of the whole request, and the attempts with theirs."""
    whole, bars = waterfall(detail.request, detail.attempts)
    names = {slug: provider.name for slug, provider in visit.gateway.catalogue.providers.items()}
    found, before = [], None
    for row, bar in zip(detail.attempts, bars, strict=True):
        outcome, kind = OUTCOMES.get(row.outcome, (row.outcome, ""))
        found.append(
            Tried(
                row=row,
                provider=names.get(row.provider, row.provider),
                bar=bar.svg,
                after_ms=bar.after_ms,
                outcome=outcome,
                kind=kind,
                went_wrong=went_wrong(row.error_code) if row.outcome in ("failed", "moderated") else "",
                why=why(row, before, names),
            )
        )
        before = row
    return whole.svg, found


def _difference(row: RequestRow) -> int | None:
    """Pico-dollars that the provider stated more than our price comes to; None where that cannot be told."""
    if row.cost_source != "stated" or row.cost_pico is None or row.cost_computed_pico is None:
        return None
    return row.cost_pico - row.cost_computed_pico


def _body(value: Any) -> Body:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return Body(text[:MOST_CHARACTERS], len(text) > MOST_CHARACTERS)
