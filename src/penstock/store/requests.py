"""The ledger looked at: its requests page by page, one of them with everything about it, and all of them for an export.

All are functions of a connection, for `store.books` to run. Times are Unix milliseconds.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, or_, select

from penstock.core.errors import BadRequest, NotFound
from penstock.store.rows import AssetLinkRow, AttemptRow, RequestRow
from penstock.store.tables import asset_links, assets, attempts, prompts, requests
from penstock.store.usage import FIELDS, HOLDERS, equal_to, holder_names

R = TypeVar("R")

STATUSES = ("succeeded", "failed")
"""What can be asked for beside a status by number."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the ledger, between a request and the next one."""

    created_at: int
    id: str

    @classmethod
    def read(cls, text: str) -> "Place":
        """From what `str` makes of one. Raises BadRequest."""
        match = re.fullmatch(r"([0-9]{1,15})\.(\w{1,64})", text)
        if match is None:
            raise BadRequest("`before` must be the `next` of an answer.", param="before")
        return cls(int(match[1]), match[2])

    @classmethod
    def after(cls, row: RequestRow) -> "Place":
        return cls(row.created_at, row.id)

    def __str__(self) -> str:
        return f"{self.created_at}.{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """Which requests."""

    where: Mapping[str, str] = field(default_factory=dict)
    """Values of `usage.FIELDS`; keys, organisations, teams and users by id or name."""
    status: str | None = None
    """A number, or one of `STATUSES`."""
    since_ms: int | None = None
    until_ms: int | None = None
    """Not itself."""
    without: Sequence[str] = ()
    """Names of `usage.FIELDS` that must not be known."""
    fallback: bool = False
    """Only those that another offer than the first one planned answered."""
    copies: bool | None = None
    """Only copies made for comparison, or none of them; None: both."""


@dataclass(frozen=True, slots=True)
class RequestPage:
    """Some requests in order."""

    rows: Sequence[RequestRow]
    names: Mapping[str, Mapping[str, str]]
    """Names of the keys, organisations, teams and users in them: by kind, then by id."""
    next: Place | None
    """Where the next page begins; None on the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDetail:
    """Everything that is known of a request."""

    request: RequestRow
    names: Mapping[str, Mapping[str, str]]
    """As of a page."""
    attempts: Sequence[AttemptRow]
    links: Sequence[AssetLinkRow]
    """What it took and made."""
    prompt: Mapping[str, Any] | None
    """The fields of the call, where they are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedPicture:
    """A picture of a request, with as much as is known of it."""

    request_id: str
    role: str
    position: int
    digest: str
    seed: int | None = None
    width: int | None = None
    """Pixels; None, like the next, where the picture has been deleted."""
    height: int | None = None


def list_requests(c: Connection, which: RequestFilter, before: Place | None = None, limit: int = 100) -> RequestPage:
    """The newest requests first, or those before a place.

    Raises BadRequest and NotFound for what cannot be filtered by.
    """
    conditions = [requests.c[column] == value for column, value in equal_to(c, which.where).items()]
    conditions += _status(which.status) if which.status is not None else []
    conditions += [requests.c.created_at >= which.since_ms] if which.since_ms is not None else []
    conditions += [requests.c.created_at < which.until_ms] if which.until_ms is not None else []
    conditions += [requests.c[FIELDS[name]].is_(None) for name in which.without if name in FIELDS]
    conditions += [requests.c.fallback_used.is_(True)] if which.fallback else []
    conditions += _copies(which.copies)
    conditions += [_older(before)] if before is not None else []
    newest = select(requests).where(*conditions).order_by(requests.c.created_at.desc(), requests.c.id.desc())
    return _page(c, newest, limit)


def request_detail(c: Connection, id: str, key_id: str | None = None) -> RequestDetail:
    """With a key, only where it was made with that. Raises NotFound (`request_not_found`)."""
    made_with = () if key_id is None else (requests.c.key_id == key_id,)
    found = _all(c, RequestRow, select(requests).where(requests.c.id == id, *made_with))
    if not found:
        raise NotFound(
            f"The ledger has no request {id[:100]!r} of yours: it is still under way, or its retention is over.",
            code="request_not_found",
        )
    prompt = c.execute(select(prompts.c.body).where(prompts.c.request_id == id)).first()
    return RequestDetail(
        request=found[0],
        names=names_in(c, found),
        attempts=_all(c, AttemptRow, _of(attempts, id).order_by(attempts.c.number)),
        links=_all(c, AssetLinkRow, _of(asset_links, id).order_by(asset_links.c.role, asset_links.c.position)),
        prompt=prompt[0] if prompt else None,
    )


def pictures_of(c: Connection, ids: Sequence[str], roles: Sequence[str] = ()) -> list[LinkedPicture]:
    """What requests took and made, in order; of some roles only, where these are given."""
    links = asset_links.c
    query = (
        select(asset_links, assets.c.width, assets.c.height)
        .outerjoin(assets, assets.c.digest == links.digest)
        .where(links.request_id.in_(ids), *([links.role.in_(roles)] if roles else []))
        .order_by(links.request_id, links.role, links.position)
    )
    return _all(c, LinkedPicture, query)


def first_pictures(c: Connection, ids: Sequence[str]) -> dict[str, LinkedPicture]:
    """The first picture of each of these requests that made one which is still there."""
    found = [picture for picture in pictures_of(c, ids, ["output"]) if picture.width is not None]
    return {picture.request_id: picture for picture in reversed(found)}


def copies_of(c: Connection, request: RequestRow) -> list[str]:
    """Ids of the copies of a request that were made for comparison."""
    query = select(requests.c.id).where(requests.c.mirror_of == request.id, requests.c.created_at >= request.created_at)
    return list(c.execute(query.order_by(requests.c.created_at)).scalars())


def has_pictures(c: Connection, key_id: str | None = None) -> bool:
    """Whether a picture was ever made here, or with one key."""
    of_key = () if key_id is None else (requests.c.key_id == key_id,)
    # Written so that the index of requests with pictures is used.
    return c.execute(select(requests.c.id).where(requests.c.images_delivered > 0, *of_key).limit(1)).first() is not None


def export_rows(
    c: Connection, since_ms: int, until_ms: int, after: Place | None = None, limit: int = 5000
) -> RequestPage:
    """The oldest requests of a range first, or those after a place: a batch, so that nobody has to hold all of them."""
    conditions = [requests.c.created_at >= since_ms, requests.c.created_at < until_ms]
    conditions += [_newer(after)] if after is not None else []
    return _page(c, select(requests).where(*conditions).order_by(requests.c.created_at, requests.c.id), limit)


def _page(c: Connection, query: Select[*tuple[Any, ...]], limit: int) -> RequestPage:
    found = _all(c, RequestRow, query.limit(limit + 1))
    rows = found[:limit]
    return RequestPage(rows, names_in(c, rows), Place.after(rows[-1]) if len(found) > limit else None)


def names_in(c: Connection, rows: Sequence[RequestRow]) -> dict[str, dict[str, str]]:
    """Names of the keys, organisations, teams and users of some requests: by kind, then by id."""
    return {name: holder_names(c, name, {getattr(row, FIELDS[name]) for row in rows} - {None}) for name in HOLDERS}


def _copies(shown: bool | None) -> list[ColumnElement[bool]]:
    if shown is None:
        return []
    return [requests.c.mirror_of.is_not(None) if shown else requests.c.mirror_of.is_(None)]


def _status(wanted: str) -> list[ColumnElement[bool]]:
    if wanted in STATUSES:
        return [requests.c.status < 400 if wanted == "succeeded" else requests.c.status >= 400]
    if not re.fullmatch(r"[1-5][0-9]{2}", wanted):
        raise BadRequest("`status` must be a number such as 429, or `succeeded`, or `failed`.", param="status")
    return [requests.c.status == int(wanted)]


def _older(than: Place) -> ColumnElement[bool]:
    """Written so that the index by time is used for the first part."""
    time, id = requests.c.created_at, requests.c.id
    return and_(time <= than.created_at, or_(time < than.created_at, id < than.id))


def _newer(than: Place) -> ColumnElement[bool]:
    time, id = requests.c.created_at, requests.c.id
    return and_(time >= than.created_at, or_(time > than.created_at, id > than.id))


def _of(table: Table, request_id: str) -> Select[*tuple[Any, ...]]:
    return select(table).where(table.c.request_id == request_id)


def _all(c: Connection, row: type[R], query: Select[*tuple[Any, ...]]) -> list[R]:
    return [row(**values) for values in c.execute(query).mappings()]
