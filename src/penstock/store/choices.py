"""Who made pictures lately, to choose from where pictures are looked for.

A function of a connection, for `store.books` to run. Only the newest requests are looked through, so that it takes as
long in a ledger of millions; whoever made none lately can still be asked for by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from penstock.store.samples import lately_with_pictures
from penstock.store.tables import requests
from penstock.store.usage import holder_names


@dataclass(frozen=True, slots=True)
class Choices:
    """Each in the order of its name."""

    models: Sequence[str]
    """Slugs."""
    providers: Sequence[str]
    """Slugs."""
    keys: Sequence[str]
    """Names; empty, like the next, where one key only may be told of."""
    teams: Sequence[str]


def choices(c: Connection, key_id: str | None = None) -> Choices:
    """With a key, what made pictures with that."""
    lately = lately_with_pictures(requests.c.model, requests.c.provider, requests.c.key_id, requests.c.team_id)
    own = [lately.c.key_id == key_id] if key_id is not None else []
    rows = c.execute(select(lately).where(*own).distinct()).all()
    keys, teams = {row.key_id for row in rows} - {None}, {row.team_id for row in rows} - {None}
    all_may_be_told = key_id is None
    return Choices(
        models=sorted({row.model for row in rows} - {None}),
        providers=sorted({row.provider for row in rows} - {None}),
        keys=sorted(set(holder_names(c, "key", keys).values())) if all_may_be_told else (),
        teams=sorted(set(holder_names(c, "team", teams).values())) if all_may_be_told else (),
    )
