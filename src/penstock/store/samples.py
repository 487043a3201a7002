"""The latest pictures that models made here, for pages that show several models.

All are functions of a connection, for `store.books` to run. `gallery` has everything about a picture; here only the
newest requests are looked through, so that it takes as long in a ledger of millions.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Subquery, literal_column, select

from penstock.store.gallery import prompt_in
from penstock.store.tables import asset_links, assets, prompts, requests

LOOKED_THROUGH = 3000
"""Requests for pictures, the newest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A picture a model made here."""

    digest: str
    width: int
    height: int
    created_at: int
    """Of its request, Unix milliseconds."""
    prompt: str | None
    """What was asked, where it is kept."""


def lately_with_pictures(*columns: Column[Any]) -> Subquery:
    """These columns of the newest `LOOKED_THROUGH` requests that made pictures, without copies, the newest first."""
    return (
        select(*columns)
        # Written out, for the index has the same words in it and a parameter could be anything.
        .where(requests.c.images_delivered > literal_column("0"), requests.c.mirror_of.is_(None))
        .order_by(requests.c.created_at.desc(), requests.c.id.desc())
        .limit(LOOKED_THROUGH)
        .subquery()
    )


def latest_pictures_by_model(
    c: Connection, models: Collection[str], key_id: str | None = None, each: int = 1
) -> dict[str, list[Sample]]:
    """Up to so many pictures of each model that made any lately, the newest first; with a key only that key's own."""
    lately = lately_with_pictures(requests.c.id, requests.c.created_at, requests.c.model, requests.c.key_id)
    own = [lately.c.key_id == key_id] if key_id is not None else []
    chosen = select(lately).where(lately.c.model.in_(models), *own)
    wanted: dict[str, list[tuple[str, int]]] = {}
    for row in c.execute(chosen):
        of_model = wanted.setdefault(row.model, [])
        if len(of_model) < each:
            of_model.append((row.id, row.created_at))
    ids = [id for rows in wanted.values() for id, _ in rows]
    made = _outputs(c, ids) if ids else {}
    return {
        model: found
        for model, rows in wanted.items()
        if (found := [sample for id, at in rows for sample in made.get(id, [])][:each])
    }


def _outputs(c: Connection, ids: Collection[str]) -> dict[str, list[Sample]]:
    """What these requests made and is still there."""
    query = (
        select(
            asset_links.c.request_id,
            assets.c.digest,
            assets.c.width,
            assets.c.height,
            requests.c.created_at,
            prompts.c.body.label("fields"),
        )
        .select_from(asset_links)
        .join(assets, assets.c.digest == asset_links.c.digest)
        .join(requests, requests.c.id == asset_links.c.request_id)
        .outerjoin(prompts, prompts.c.request_id == requests.c.id)
        .where(asset_links.c.request_id.in_(ids), asset_links.c.role == "output")
        .order_by(asset_links.c.position)
    )
    found: dict[str, list[Sample]] = {}
    for row in c.execute(query):
        sample = Sample(
            digest=row.digest,
            width=row.width,
            height=row.height,
            created_at=row.created_at,
            prompt=prompt_in(row.fields),
        )
        found.setdefault(row.request_id, []).append(sample)
    return found
