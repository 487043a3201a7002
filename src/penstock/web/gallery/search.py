"""Which pictures an address of the gallery asks for. What cannot be used of it is left out, and said.

A picture's own page keeps the same in its address, so that one walks on within what was looked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import urlencode

from sqlalchemy import Connection

from penstock.api.ranges import instant_ms
from penstock.core.errors import BadRequest, PenstockError
from penstock.store.gallery import MOST_TEXT, GalleryFilter, PicturePlace
from penstock.store.sums import DAY_MS
from penstock.store.usage import equal_to
from penstock.web.visit import Visit

WAYS = {"image_generation": "Made from words", "image_edit": "Made from pictures", "chat": "Made in a chat"}
"""The operations that make pictures, in words."""
_ANYBODYS = ("model", "provider", "operation")
_ADMINISTRATORS = ("key", "team")
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class GallerySearch:
    """What is looked for."""

    given: Mapping[str, str]
    """The parameters that count, as they are written in an address."""
    which: GalleryFilter
    before: PicturePlace | None
    """Where this page begins; None: with the newest picture."""
    picks: bool
    """Whether a picture is chosen for the playground."""
    notes: Sequence[str]

    @property
    def since_day(self) -> str:
        return _day(self.which.since_ms)

    @property
    def until_day(self) -> str:
        """The last day that is in it."""
        return _day(None if self.which.until_ms is None else self.which.until_ms - 1)

    def address(self, before: PicturePlace | None = None) -> str:
        """The grid, from its beginning or from a place."""
        return _joined("/gallery", {**self.given, **_pick(self.picks), **({"before": str(before)} if before else {})})

    def picture(self, digest: str, place: PicturePlace | None = None) -> str:
        """A picture's page, which leads on within the same search."""
        return _joined(f"/gallery/{digest}", {**self.given, **({"at": str(place)} if place else {})})


def read_search(c: Connection, visit: Visit, query: Mapping[str, str]) -> GallerySearch:
    """What an address asks for, as far as its visitor may ask."""
    notes: list[str] = []
    given = _where(c, visit, query, notes)
    times = _times(query, visit.now_ms, notes)
    given |= {name: query[name].strip() for name, at in times.items() if at is not None}
    if text := _text(visit, query, notes):
        given["text"] = text
    return GallerySearch(
        given=given,
        which=GalleryFilter(
            key_id=visit.own_key,
            where={name: value for name, value in given.items() if name in (*_ANYBODYS, *_ADMINISTRATORS)},
            since_ms=times["since"],
            until_ms=times["until"],
            text=text,
        ),
        before=_before(query, notes),
        picks=query.get("pick") == "1",
        notes=notes,
    )


def place_in(query: Mapping[str, str]) -> PicturePlace | None:
    """The place in the gallery from which a picture's page was opened, where its address says that."""
    try:
        return PicturePlace.read(query.get("at", ""))
    except BadRequest:
        return None


def _where(c: Connection, visit: Visit, query: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name in (*_ANYBODYS, *_ADMINISTRATORS):
        value = query.get(name, "").strip()[:_LONGEST]
        if not value:
            continue
        if name in _ADMINISTRATORS and not visit.administers:
            notes.append(f"Only administrators can look for pictures by {name}. Those of your own key are shown.")
        elif name == "operation" and value not in WAYS:
            notes.append(f"“{value[:40]}” is no way of making pictures. Those made in every way are shown.")
        else:
            try:
                given[name] = _known(c, visit, name, value)
            except PenstockError as error:
                notes.append(f"{error.message} Pictures of every {name} are shown.")
    return given


def _known(c: Connection, visit: Visit, name: str, value: str) -> str:
    """The value to look for. Raises NotFound and BadRequest for a key or team that is none or could be several."""
    model = visit.gateway.catalogue.find(value) if name == "model" else None
    equal_to(c, {name: value})
    return model.slug if model else value


def _times(query: Mapping[str, str], now: int, notes: list[str]) -> dict[str, int | None]:
    times: dict[str, int | None] = {"since": None, "until": None}
    for name in times:
        if text := query.get(name, "").strip():
            try:
                at = instant_ms(text, now, name)
            except (PenstockError, OverflowError):
                notes.append(f"“{text[:40]}” is no day such as 2026-07-01. Pictures of all days are shown.")
            else:
                times[name] = at + DAY_MS if name == "until" and _is_day(text) else at
    return times


def _text(visit: Visit, query: Mapping[str, str], notes: list[str]) -> str:
    text = query.get("text", "").strip()
    if text and not visit.gateway.settings.ledger.store_prompts:
        notes.append("Prompts are not kept here, so pictures cannot be found by their words. All are shown.")
        return ""
    if len(text) > MOST_TEXT:
        notes.append(f"Only the first {MOST_TEXT} letters are looked for.")
    return text[:MOST_TEXT].strip()


def _before(query: Mapping[str, str], notes: list[str]) -> PicturePlace | None:
    if text := query.get("before", ""):
        try:
            return PicturePlace.read(text)
        except BadRequest:
            notes.append("There is no such place in the gallery. This is its beginning.")
    return None


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _day(unix_ms: int | None) -> str:
    return "" if unix_ms is None else datetime.fromtimestamp(unix_ms / 1000, UTC).date().isoformat()


def _pick(picks: bool) -> dict[str, str]:
    return {"pick": "1"} if picks else {}


def _joined(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
