"""The pictures made here, page by page, the newest first.

A function of a connection, for `store.books` to run. Times are Unix milliseconds. What has been deleted is left out,
and so are the pictures of copies made for comparison. One picture with all that is known of it: `store.picture`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from penstock.core.errors import BadRequest
from penstock.store.rows import AssetRow
from penstock.store.tables import asset_links, assets, keys, prompts, requests
from penstock.store.usage import equal_to

MOST_TEXT = 200
"""Characters to be looked for in prompts."""


@dataclass(frozen=True, slots=True)
class PicturePlace:
    """A place in the gallery, between a picture and the next one."""

    created_at: int
    request_id: str
    position: int

    @classmethod
    def read(cls, text: str) -> "PicturePlace":
        """From what `str` makes of one. Raises BadRequest."""
        match = re.fullmatch(r"([0-9]{1,15})\.(\w{1,64})\.([0-9]{1,9})", text)
        if match is None:
            raise BadRequest("`before` must be the `next` of an answer.", param="before")
        return cls(int(match[1]), match[2], int(match[3]))

    def __str__(self) -> str:
        return f"{self.created_at}.{self.request_id}.{self.position}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryFilter:
    """Which pictures."""

    key_id: str | None = None
    """Only those made with this key, whatever else is asked for: for whoever is no administrator."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Values of `usage.FIELDS`; keys, organisations, teams and users by id or name."""
    since_ms: int | None = None
    until_ms: int | None = None
    """Not itself."""
    text: str = ""
    """Words in the prompt, as they stand there but for the case of ASCII letters; only kept prompts are searched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A picture as one request made it."""

    asset: AssetRow
    created_at: int
    """When its request arrived; the picture itself may have been stored earlier."""
    request_id: str
    position: int
    """Its place among the request's pictures, from 0."""
    seed: int | None
    """What the provider says it used."""
    model: str | None
    provider: str | None
    operation: str | None
    cost_pico: int | None
    """Of the whole request; None: unpriced or not known."""
    made: int | None
    """How many pictures that paid for."""
    key_id: str | None
    key_name: str | None
    prompt: str | None
    """What was asked, where it is kept: the prompt, or the words of a chat's last message by its user."""
    has_references: bool
    """Whether pictures were sent along."""

    @property
    def place(self) -> PicturePlace:
        return PicturePlace(self.created_at, self.request_id, self.position)


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """Some pictures, the newest first, those of one request in their order."""

    pictures: Sequence[Made]
    next: PicturePlace | None
    """Where the next page begins; None on the last."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What stands in the gallery on both sides of a place; None at its ends."""

    before: Made | None
    """The newer one, or the one before it of the same request."""
    after: Made | None


def pictures(c: Connection, which: GalleryFilter, before: PicturePlace | None = None, limit: int = 60) -> GalleryPage:
    """The newest pictures first, or those after a place.

    Raises BadRequest and NotFound for what cannot be filtered by.
    """
    rows = c.execute(page_query(c, which, before, limit + 1)).mappings().all()
    found = [_made(row) for row in rows[:limit]]
    return GalleryPage(found, found[-1].place if len(rows) > limit else None)


def neighbours(c: Connection, which: GalleryFilter, place: PicturePlace) -> Neighbours:
    """The pictures on both sides of a place. Raises as `pictures`."""
    upwards, downwards = (
        c.execute(page_query(c, which, place, 1, backwards=backwards)).mappings().first() for backwards in (True, False)
    )
    return Neighbours(_made(upwards) if upwards else None, _made(downwards) if downwards else None)


def page_query(
    c: Connection, which: GalleryFilter, before: PicturePlace | None, limit: int, *, backwards: bool = False
) -> Select[*tuple[Any, ...]]:
    """The query of `pictures`, apart so that its plan can be looked at.

    `backwards` turns its order around: the pictures above the place, the nearest first.
    """
    conditions = [
        # Written out, for the index has the same words in it and a parameter could be anything.
        requests.c.images_delivered > literal_column("0"),
        requests.c.mirror_of.is_(None),
        asset_links.c.role == "output",
        *(requests.c[column] == value for column, value in equal_to(c, which.where).items()),
    ]
    conditions += [requests.c.key_id == which.key_id] if which.key_id is not None else []
    conditions += [requests.c.created_at >= which.since_ms] if which.since_ms is not None else []
    conditions += [requests.c.created_at < which.until_ms] if which.until_ms is not None else []
    conditions += [_asked(which.text)] if which.text.strip() else []
    conditions += [(_above if backwards else _after)(before)] if before is not None else []
    order = [requests.c.created_at.desc(), requests.c.id.desc(), asset_links.c.position.asc()]
    if backwards:
        order = [requests.c.created_at.asc(), requests.c.id.asc(), asset_links.c.position.desc()]
    return select(*_MADE).select_from(_JOINED).where(*conditions).order_by(*order).limit(limit)


# What a query has to find.

_SENT_WITH = asset_links.alias("sent_with")
# What is added to the id is nothing, but a request cannot be found by it: otherwise SQLite begins with all links there
# are, and sorts every picture to find the newest (77 ms instead of 1.4 with 10,000 pictures).
_JOINED = (
    requests.join(asset_links, asset_links.c.request_id == requests.c.id.concat(literal_column("''")))
    .join(assets, assets.c.digest == asset_links.c.digest)
    .outerjoin(keys, keys.c.id == requests.c.key_id)
    .outerjoin(prompts, prompts.c.request_id == requests.c.id)
)
ASSET: list[Column[Any]] = [column.label(f"asset_{column.name}") for column in assets.c]  # type: ignore[misc]
"""The columns that `asset_of` reads."""
_MADE = (
    *ASSET,
    requests.c.created_at,
    requests.c.id.label("request_id"),
    asset_links.c.position,
    asset_links.c.seed,
    requests.c.model,
    requests.c.provider,
    requests.c.operation,
    requests.c.cost_pico,
    requests.c.images_delivered.label("made"),
    requests.c.key_id,
    keys.c.name.label("key_name"),
    prompts.c.body.label("fields"),
    exists().where(_SENT_WITH.c.request_id == requests.c.id, _SENT_WITH.c.role == "reference").label("has_references"),
)


def _after(place: PicturePlace) -> ColumnElement[bool]:
    """Written so that the index is used for the first part."""
    time, id = requests.c.created_at, requests.c.id
    further = and_(id == place.request_id, asset_links.c.position > place.position)
    return and_(time <= place.created_at, or_(time < place.created_at, id < place.request_id, further))


def _above(place: PicturePlace) -> ColumnElement[bool]:
    time, id = requests.c.created_at, requests.c.id
    earlier = and_(id == place.request_id, asset_links.c.position < place.position)
    return and_(time >= place.created_at, or_(time > place.created_at, id > place.request_id, earlier))


def _asked(text: str) -> ColumnElement[bool]:
    """That the words stand in a kept prompt, or in the messages of a kept chat."""
    text = text.strip()
    if len(text) > MOST_TEXT:
        raise BadRequest(f"At most {MOST_TEXT} characters can be looked for in prompts.", param="text")
    asked = func.coalesce(prompts.c.body["prompt"].as_string(), prompts.c.body["messages"].as_string())
    return asked.icontains(text, autoescape=True)


# What was found, as values.


def prompt_in(fields: Mapping[str, Any] | None) -> str | None:
    """The prompt in a call's kept fields, or the words of a chat's last message by its user."""
    if fields is None:
        return None
    if isinstance(prompt := fields.get("prompt"), str):
        return prompt
    messages = fields.get("messages")
    said = messages if isinstance(messages, list) else []
    asked = [message for message in said if isinstance(message, dict) and message.get("role") == "user"]
    content = asked[-1].get("content") if asked else None
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "\n".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) and content else None


def _made(row: RowMapping) -> Made:
    known = {name: row[name] for name in Made.__slots__ if name not in ("asset", "prompt", "has_references")}
    return Made(
        **known,
        asset=asset_of(row),
        prompt=prompt_in(row["fields"]),
        has_references=bool(row["has_references"]),
    )


def asset_of(row: RowMapping) -> AssetRow:
    return AssetRow(**{column.name: row[f"asset_{column.name}"] for column in assets.c})
