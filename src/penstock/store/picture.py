"""One picture: who made it and for how much, what it came from and what came of it; and how it is forgotten.

All are functions of a connection, for `store.books` to run. Times are Unix milliseconds. Pages of pictures are in
`store.gallery`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, func, select

from penstock.core.errors import NotFound, PenstockError
from penstock.store.gallery import ASSET, asset_of, prompt_in
from penstock.store.rows import AssetRow, RequestRow
from penstock.store.tables import asset_links, assets, keys, prompts, requests

MADE = ("output", "alternative", "partial")
"""What a picture can be to a request that made it."""
SENT = ("reference", "mask")
"""And to one that it was sent with."""

MOST_RELATED = 100
"""Of each kind, in a picture's detail."""


class PictureShared(PenstockError):
    """Other keys made or sent the same picture."""

    status = 409
    type = "invalid_request_error"
    code = "picture_shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """A request that made a picture."""

    request: RequestRow
    role: str
    """`output`, `alternative` (by an attempt that ran beside the one that won) or `partial` (a preview)."""
    position: int
    seed: int | None
    key_name: str | None
    prompt: str | None
    """As of `Made`."""
    fields: Mapping[str, Any] | None
    """The fields of the call, where they are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """A picture that has to do with another."""

    digest: str
    role: str
    """What it is to the request that joins them."""
    position: int
    request_id: str
    asset: AssetRow | None
    """None where it has been deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureDetail:
    """Everything that is known of a picture. No list has more than `MOST_RELATED` entries."""

    asset: AssetRow
    made_by: Sequence[Making]
    """The newest first; empty for a picture that was only sent."""
    made_from: Sequence[Related]
    """References and mask of the newest request that made it, deleted ones too."""
    beside: Sequence[Related]
    """What that request made besides: its other pictures, and those of attempts that lost."""
    made_into: Sequence[Related]
    """What requests made that it was sent with, each picture once, the newest first."""


def picture(c: Connection, digest: str, key_id: str | None = None) -> PictureDetail:
    """With a key, only what that made or sent is told. Raises NotFound (`asset_not_found`)."""
    asset = c.execute(select(assets).where(assets.c.digest == digest)).mappings().first()
    if asset is None or (key_id is not None and not _linked(c, digest, requests.c.key_id == key_id)):
        raise _not_found()
    own = [requests.c.key_id == key_id] if key_id is not None else []
    made_by = _making(c, digest, own)
    newest = made_by[0].request.id if made_by else None
    return PictureDetail(
        asset=AssetRow(**asset),
        made_by=made_by,
        made_from=_of_request(c, newest, SENT) if newest else (),
        beside=[
            other
            for other in (_of_request(c, newest, ("output", "alternative")) if newest else ())
            if other.digest != digest and other.asset is not None
        ],
        made_into=_made_into(c, digest, own),
    )


def forget_picture(c: Connection, digest: str, key_id: str | None = None) -> None:
    """Delete a picture's row; its links stay, and its file is the caller's to delete.

    With a key, only what that made or sent. Raises NotFound (`asset_not_found`), and PictureShared where another key
    made or sent it too.
    """
    if key_id is not None:
        if not _linked(c, digest, requests.c.key_id == key_id):
            raise _not_found()
        # Nobody's: copies made for comparison, which the gateway pays for.
        if _linked(c, digest, and_(requests.c.key_id != key_id, requests.c.key_id.is_not(None))):
            raise PictureShared(
                "Other keys made or sent the same picture too, and it is stored once for all of them. "
                "Only an administrator can delete it."
            )
    if not c.execute(delete(assets).where(assets.c.digest == digest)).rowcount:
        raise _not_found()


def _not_found() -> NotFound:
    return NotFound("There is no such picture here, or it has been deleted.", code="asset_not_found")


def _linked(c: Connection, digest: str, condition: ColumnElement[bool]) -> bool:
    linked = (
        select(asset_links.c.digest)
        .join(requests, requests.c.id == asset_links.c.request_id)
        .where(asset_links.c.digest == digest, condition)
    )
    return c.execute(linked.limit(1)).first() is not None


def _making(c: Connection, digest: str, own: Sequence[ColumnElement[bool]]) -> list[Making]:
    query = (
        select(
            requests,
            asset_links.c.role.label("link_role"),
            asset_links.c.position.label("link_position"),
            asset_links.c.seed.label("link_seed"),
            keys.c.name.label("key_name"),
            prompts.c.body.label("fields"),
        )
        .select_from(asset_links)
        .join(requests, requests.c.id == asset_links.c.request_id)
        .outerjoin(keys, keys.c.id == requests.c.key_id)
        .outerjoin(prompts, prompts.c.request_id == requests.c.id)
        .where(asset_links.c.digest == digest, asset_links.c.role.in_(MADE), *own)
        .order_by(requests.c.created_at.desc(), requests.c.id.desc(), asset_links.c.position)
    )
    columns = requests.c.keys()
    return [
        Making(
            request=RequestRow(**{name: row[name] for name in columns}),
            role=row["link_role"],
            position=row["link_position"],
            seed=row["link_seed"],
            key_name=row["key_name"],
            prompt=prompt_in(row["fields"]),
            fields=row["fields"],
        )
        for row in c.execute(query.limit(MOST_RELATED)).mappings()
    ]


def _of_request(c: Connection, id: str, roles: Sequence[str]) -> list[Related]:
    query = (
        select(asset_links, *ASSET)
        .outerjoin(assets, assets.c.digest == asset_links.c.digest)
        .where(asset_links.c.request_id == id, asset_links.c.role.in_(roles))
        .order_by(asset_links.c.role.desc(), asset_links.c.position)
    )
    return [_related(row) for row in c.execute(query.limit(MOST_RELATED)).mappings()]


def _made_into(c: Connection, digest: str, own: Sequence[ColumnElement[bool]]) -> list[Related]:
    """A request may have been sent the same picture twice, and two may have made the same one of it."""
    sent = select(asset_links.c.request_id).where(asset_links.c.digest == digest, asset_links.c.role == "reference")
    newest = func.row_number().over(
        partition_by=asset_links.c.digest,
        order_by=(requests.c.created_at.desc(), requests.c.id.desc(), asset_links.c.position),
    )
    made = (
        select(asset_links, *ASSET, requests.c.created_at, newest.label("number"))
        .join(requests, requests.c.id == asset_links.c.request_id)
        .join(assets, assets.c.digest == asset_links.c.digest)
        .where(
            asset_links.c.request_id.in_(sent),
            asset_links.c.role == "output",
            asset_links.c.digest != digest,
            requests.c.mirror_of.is_(None),
            *own,
        )
        .subquery()
    )
    query = select(made).where(made.c.number == 1)
    query = query.order_by(made.c.created_at.desc(), made.c.request_id.desc(), made.c.position).limit(MOST_RELATED)
    return [_related(row) for row in c.execute(query).mappings()]


def _related(row: RowMapping) -> Related:
    there = row["asset_digest"] is not None
    known = {name: row[name] for name in ("digest", "role", "position", "request_id")}
    return Related(**known, asset=asset_of(row) if there else None)
