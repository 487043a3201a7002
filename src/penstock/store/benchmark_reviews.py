"""Benchmark results that people contribute on a model's page: sent with a source, read by an administrator, then shown.

All are functions of a connection, for `store.books` to run. Times are Unix milliseconds.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from penstock.core import ids
from penstock.core.call import Operation
from penstock.core.errors import BadRequest, LimitReached, NotFound
from penstock.store.tables import benchmark_reviews as reviews

State = Literal["waiting", "accepted", "declined"]

MOST_WAITING = 20
"""Contributions of one key that nobody has read yet."""
_MOST_NAME, _MOST_TEXT, _MOST_DIGITS = 120, 500, 20
_MOST_VOTES = 10**12
_MOST_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What somebody sends, as text where it is a number."""

    model: str
    """The model's slug."""
    operation: str
    benchmark: str
    score: str
    source: str
    """The address where it can be read; http or https."""
    measured_on: date
    low: str = ""
    high: str = ""
    votes: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkReview:
    """A contribution, and what was decided about it."""

    id: str
    """`brv_...`"""
    created_at: int
    key_id: str | None
    model: str
    operation: str
    benchmark: str
    score: Decimal
    low: Decimal | None
    high: Decimal | None
    votes: int | None
    source: str
    measured_on: date
    note: str
    state: State
    decided_at: int | None
    decided_by: str | None
    """The id of an administrator's key."""


def contribute(c: Connection, given: Contribution, key_id: str | None, now: int) -> BenchmarkReview:
    """Keep a contribution until somebody decides.

    Raises BadRequest, whose `param` is the field, for what is missing or cannot be; LimitReached where too many of this
    key are waiting.
    """
    values = _checked(given, now)
    own = reviews.c.key_id == key_id if key_id is not None else reviews.c.key_id.is_(None)
    count = select(func.count()).where(reviews.c.state == "waiting", own)
    if c.execute(count).scalar_one() >= MOST_WAITING:
        raise LimitReached(f"{MOST_WAITING} results of yours are waiting to be read; send more when some have been.")
    id = ids.new("brv", now / 1000)
    c.execute(insert(reviews).values(id=id, created_at=now, key_id=key_id, state="waiting", **values))
    return review(c, id)


def review(c: Connection, id: str) -> BenchmarkReview:
    """One of them. Raises NotFound."""
    row = c.execute(select(reviews).where(reviews.c.id == id)).mappings().first()
    if row is None:
        raise NotFound(f"There is no contributed result {id[:60]}.")
    return _review(row)


def accepted_for(c: Connection, model: str) -> list[BenchmarkReview]:
    """Those of a model that are shown, the newest result first."""
    accepted = select(reviews).where(reviews.c.model == model, reviews.c.state == "accepted")
    newest_first = accepted.order_by(reviews.c.measured_on.desc(), reviews.c.id.desc()).limit(_MOST_SHOWN)
    return [_review(row) for row in c.execute(newest_first).mappings()]


def waiting(c: Connection) -> list[BenchmarkReview]:
    """Those to be decided, the longest waiting first."""
    oldest_first = select(reviews).where(reviews.c.state == "waiting").order_by(reviews.c.created_at, reviews.c.id)
    return [_review(row) for row in c.execute(oldest_first.limit(_MOST_SHOWN)).mappings()]


def decided(c: Connection) -> list[BenchmarkReview]:
    """Those that somebody has decided about, the latest decision first."""
    latest = select(reviews).where(reviews.c.state != "waiting").order_by(reviews.c.decided_at.desc(), reviews.c.id)
    return [_review(row) for row in c.execute(latest.limit(_MOST_SHOWN)).mappings()]


def decide(c: Connection, id: str, state: State, key_id: str | None, now: int) -> BenchmarkReview:
    """Accept or decline one, or put it back. Raises NotFound and BadRequest."""
    if state not in get_args(State):
        raise BadRequest(f"A contributed result is {', '.join(get_args(State))}; not {state[:40]!r}.", param="state")
    decided = (
        {"decided_at": None, "decided_by": None} if state == "waiting" else {"decided_at": now, "decided_by": key_id}
    )
    c.execute(update(reviews).where(reviews.c.id == id).values(state=state, **decided))
    return review(c, id)


def _checked(given: Contribution, now: int) -> dict[str, Any]:
    """The columns. Raises BadRequest."""
    if given.operation not in tuple(Operation):
        raise BadRequest("Choose what was measured.", param="operation")
    low, high = _number(given.low, "low"), _number(given.high, "high")
    score = _number(given.score, "score")
    if score is None:
        raise BadRequest("The score is missing.", param="score")
    if (low is not None and low > score) or (high is not None and high < score):
        raise BadRequest("The score lies outside of its interval.", param="low" if low and low > score else "high")
    if given.measured_on > datetime.fromtimestamp(now / 1000, UTC).date():
        raise BadRequest("The day of the result has not come yet.", param="measured_on")
    return {
        "model": given.model,
        "operation": given.operation,
        "benchmark": _text(given.benchmark, "benchmark", _MOST_NAME, needed="Name the benchmark."),
        "score": str(score),
        "low": None if low is None else str(low),
        "high": None if high is None else str(high),
        "votes": _votes(given.votes),
        "source": _address(given.source),
        "measured_on": given.measured_on,
        "note": _text(given.note, "note", _MOST_TEXT),
    }


def _text(value: str, param: str, most: int, needed: str = "") -> str:
    text = " ".join(value.split())
    if needed and not text:
        raise BadRequest(needed, param=param)
    if len(text) > most:
        raise BadRequest(f"At most {most} characters fit here.", param=param)
    return text


def _number(text: str, param: str) -> Decimal | None:
    if not text.strip():
        return None
    try:
        value = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or len(f"{value:f}") > _MOST_DIGITS:
        raise BadRequest(f"{text.strip()[:40]!r} is no number.", param=param)
    return value


def _votes(text: str) -> int | None:
    digits = text.strip().replace(",", "").replace("_", "")
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit()) or int(digits[:20]) > _MOST_VOTES:
        raise BadRequest("Votes are a whole number.", param="votes")
    return int(digits)


def _address(text: str) -> str:
    """An address that may become a link."""
    address = text.strip()
    if not address:
        raise BadRequest("The source is missing: say at which address the result can be read.", param="source")
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or len(address) > _MOST_TEXT or not address.isprintable() or " " in address:
        raise BadRequest(
            f"The source must be an address that begins with https:// or http://, of up to {_MOST_TEXT} characters.",
            param="source",
        )
    return address


def _review(row: RowMapping) -> BenchmarkReview:
    numbers = {name: None if row[name] is None else Decimal(row[name]) for name in ("low", "high")}
    return BenchmarkReview(**{**row, **numbers, "score": Decimal(row["score"])})
