"""The ranges of time that pages are asked for in their address: the last day, some last days, or days of one's own.

Days are those of UTC and whole ones, today up to the hour that is now; the last 24 hours are hours. Each range has the
one before it, which is as long and ends at the same hour of the day, so that the two can be compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from penstock.store.sums import DAY_MS, HOUR_MS

LAST = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
"""What can be chosen, in words."""
USUAL = "7d"
MOST_DAYS = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Times are Unix milliseconds."""

    name: str
    """One of `LAST`; empty for days of one's own."""
    since: int
    until: int
    """Not itself: the end of an hour or, of days, the end of a day, so that sums of days are enough."""
    now: int
    """The end of this hour, where that is earlier: nothing can have come since."""
    first: date
    last: date
    """The days it begins and ends on."""
    by: str
    """`hour` or `day`: what charts of it have a place for."""
    length: int
    """Milliseconds between a moment of it and the same one of the range before."""

    @property
    def words(self) -> str:
        """`the last 7 days`, `1 Jul to 14 Jul 2026`."""
        if self.name:
            return f"the last {LAST[self.name]}"
        return spoken(self.first) if self.first == self.last else f"{spoken(self.first)} to {spoken(self.last)}"

    @property
    def before(self) -> tuple[int, int]:
        """The range before, from its beginning up to the same place in it."""
        return self.since - self.length, min(self.until, self.now) - self.length

    @property
    def before_words(self) -> str:
        """`the 7 days before`."""
        if self.name:
            return f"the {LAST[self.name]} before"
        days = self.length // DAY_MS
        return "the day before" if days == 1 else f"the {days} days before"

    @property
    def places(self) -> list[int]:
        """The beginnings of its hours or days."""
        return list(range(self.since, self.until, HOUR_MS if self.by == "hour" else DAY_MS))

    def place_words(self, place: int) -> str:
        """`14 Jul`, `14 Jul, 13:00`, or `13:00` where it can be of one day only."""
        at = datetime.fromtimestamp(place / 1000, UTC)
        if self.by == "day":
            return f"{at.day} {at:%b}"
        return f"{at:%H}:00" if self.name else f"{at.day} {at:%b}, {at:%H}:00"

    @property
    def query(self) -> dict[str, str]:
        """The same range in the address of the logs."""
        if self.by == "hour" and self.name:
            return {"since": datetime.fromtimestamp(self.since / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")}
        own = {"since": self.first.isoformat()}
        return own if self.name else own | {"until": self.last.isoformat()}


def read_range(query: Mapping[str, str], now: int) -> tuple[Range, Sequence[str]]:
    """The range an address asks for, and what had to be said about it; what cannot be read is the usual one."""
    notes: list[str] = []
    if query.get("since") or query.get("until"):
        own = _own(query.get("since", ""), query.get("until", ""), now)
        if isinstance(own, Range):
            return own, notes
        notes.append(own)
    name = query.get("range") or USUAL
    if name not in LAST:
        notes.append(f"There is no range “{name[:40]}”. The last {LAST[USUAL]} are shown.")
        name = USUAL
    return _last(name, now), notes


def _last(name: str, now: int) -> Range:
    today, hour = day_of(now), end_of_hour(now)
    if name == "24h":
        since = hour - DAY_MS
        first = day_of(since)
        return Range(name=name, since=since, until=hour, now=hour, first=first, last=today, by="hour", length=DAY_MS)
    days = int(name[:-1])
    first, until = today - timedelta(days=days - 1), start_of(today) + DAY_MS
    since, length = start_of(first), days * DAY_MS
    return Range(name=name, since=since, until=until, now=hour, first=first, last=today, by="day", length=length)


def _own(since: str, until: str, now: int) -> Range | str:
    """Days of one's own, both of them in it; a sentence where that cannot be."""
    shown = f"The last {LAST[USUAL]} are shown."
    try:
        last = date.fromisoformat(until) if until else day_of(now)
        first = date.fromisoformat(since) if since else last - timedelta(days=6)
        days = (last - first).days + 1
        begins, ends = start_of(first), start_of(last) + DAY_MS
    except (ValueError, OverflowError):
        return f"A range has days such as 2026-07-01. {shown}"
    if days < 1:
        return f"The range ends before it begins. {shown}"
    if days > MOST_DAYS:
        return f"A range has at most {MOST_DAYS} days. {shown}"
    if begins < 0 or begins > now:
        return f"Nothing can have happened on {spoken(first)}. {shown}"
    hour = end_of_hour(now)
    by, over = ("hour", min(ends, hour)) if days <= 2 else ("day", min(ends, start_of(day_of(now)) + DAY_MS))
    length = days * DAY_MS
    return Range(name="", since=begins, until=over, now=hour, first=first, last=last, by=by, length=length)


def end_of_hour(now: int) -> int:
    return (now // HOUR_MS + 1) * HOUR_MS


def day_of(unix_ms: int) -> date:
    """The day of UTC."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).date()


def start_of(day: date) -> int:
    """Its first moment, in Unix milliseconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def spoken(day: date) -> str:
    """`14 Jul 2026`."""
    return f"{day.day} {day:%b %Y}"
