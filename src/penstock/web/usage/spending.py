"""What was used in a range of time, as the dashboard shows it: numbers beside those before, charts, and who used it.

Everything is from the sums of hours and days (`store.usage`), so it takes the same time however many requests there
were. Copies made for comparison cost the gateway money like everything else and are in all of it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlencode

from markupsafe import Markup
from sqlalchemy import Connection

from penstock.catalogue.search import Catalogue
from penstock.store.usage import FIELDS, UsageRow, total, usage
from penstock.web.charts import MOST_SERIES, Chart, Series, Value, bars, lines, share_bar
from penstock.web.templating import (
    OPERATIONS,
    dollars,
    milliseconds,
    number,
    percent,
    usd_short,
)
from penstock.web.usage.ranges import Range

DIMENSIONS = {
    "model": "Model",
    "provider": "Provider",
    "operation": "Kind",
    "key": "Key",
    "team": "Team",
    "organisation": "Organisation",
    "user": "User",
    "app": "App",
}
"""What use can be told apart by, in words; the names are those of `usage.FIELDS`."""

NOT_KNOWN = {
    "model": "No model",
    "provider": "No provider",
    "operation": "Not known",
    "key": "No key",
    "team": "No team",
    "organisation": "No organisation",
    "user": "No user",
    "app": "No name given",
}
REASONS = {
    "model": "Refused before it was known which model was meant.",
    "provider": "Refused before a provider was asked.",
    "operation": "Refused before it was known what was asked.",
    "key": "Without a valid key, or copies made for comparison that the gateway pays itself.",
    "app": "Requests that did not say which app they are from.",
}
"""Why it may not be known."""

MOST_SHOWN = 25
_MOST_AT_ONCE = 4000
"""Rows of a group and an hour or day that are added up here rather than by further questions."""
_TOP = MOST_SERIES - 1
_LONGEST_NAME = 48
"""Characters in a chart's key; the table has the whole name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What the sums say of a range."""

    span: Range
    by: str
    groups: Sequence[UsageRow]
    """By `by`, the dearest first, `MOST_SHOWN` at most."""
    times: Sequence[UsageRow]
    """By hour or day."""
    stacked: Sequence[UsageRow]
    """By hour or day, of the dearest groups."""

    @property
    def total(self) -> UsageRow:
        return total(self.times)


def read_used(c: Connection, span: Range, by: str) -> Used:
    """What was used in a range; in one question where there are not too many groups for that."""
    rows = usage(c, [span.by, by], span.since, span.until, first=_MOST_AT_ONCE + 1)
    if len(rows) <= _MOST_AT_ONCE:
        groups = _dearest(_together(rows, by))
        top = {row.group[by] for row in groups[:_TOP]}
        times, stacked = _together(rows, span.by), [row for row in rows if row.group[by] in top]
    else:
        groups = usage(c, [by], span.since, span.until, first=MOST_SHOWN)
        among = {by: [row.group[by] or "" for row in groups[:_TOP]]}
        times = usage(c, [span.by], span.since, span.until)
        stacked = usage(c, [span.by, by], span.since, span.until, among=among)
    return Used(span=span, by=by, groups=groups, times=times, stacked=stacked)


def read_before(c: Connection, span: Range) -> UsageRow:
    """The range before, all together."""
    return total(usage(c, [], *span.before))


def _together(rows: Sequence[UsageRow], by: str) -> list[UsageRow]:
    """The sums by one of the things they are by."""
    found: dict[str | None, list[UsageRow]] = defaultdict(list)
    for row in rows:
        found[row.group[by]].append(row)
    return [
        replace(total(several), group={by: value}, names={by: name} if (name := several[0].names.get(by)) else {})
        for value, several in found.items()
    ]


def _dearest(rows: Sequence[UsageRow]) -> list[UsageRow]:
    return sorted(rows, key=lambda row: (row.cost or 0, row.requests), reverse=True)[:MOST_SHOWN]


@dataclass(frozen=True, slots=True)
class Stat:
    """A number, and what it was before."""

    name: str
    value: Markup
    below: str


def stats(now: UsageRow, before: UsageRow) -> list[Stat]:
    """The numbers at the top, of a range and the one before it."""
    tokens, tokens_before = now.tokens_in + now.tokens_out, before.tokens_in + before.tokens_out
    spent_before = Decimal(0) if not before.requests else before.cost
    return [
        Stat("Spent", usd_short(now.cost, "cost not known"), change(now.cost, spent_before)),
        Stat("Requests", number(now.requests), change(now.requests, before.requests)),
        Stat("Pictures", number(now.images), change(now.images, before.images)),
        Stat("Megapixels", number(now.megapixels, 1), change(now.megapixels, before.megapixels)),
        Stat("Tokens", number(tokens), change(tokens, tokens_before)),
        Stat("Failed", percent(_failed(now)), _was(_failed(now), _failed(before))),
        Stat("Mean time", milliseconds(now.latency_ms), change(now.latency_ms, before.latency_ms, "slower", "faster")),
        Stat("From a cache", number(now.cache_hits), change(now.cache_hits, before.cache_hits)),
    ]


def change(now: Value, before: Value, more: str = "more", less: str = "less") -> str:
    """How much more or less it is than it was, in words."""
    if now is None or before is None:
        return "" if now is None else "not known before"
    now, before = float(now), float(before)
    if not before:
        return "none before" if now else "none before either"
    ratio = now / before
    if ratio >= 10:
        return f"{ratio:,.0f} times what it was before"
    percents = round(100 * abs(ratio - 1))
    return f"{percents} % {more if ratio > 1 else less} than before" if percents else "as before"


def _was(now: float | None, before: float | None) -> str:
    if before is None:
        return "none asked before" if now is not None else ""
    return f"{percent(before)} before"


def _failed(row: UsageRow) -> float | None:
    return row.failed / row.requests if row.requests else None


def doubts(now: UsageRow) -> list[str]:
    """What the sum of money does not tell, in sentences."""
    said = []
    if now.unpriced:
        answers = "answer has" if now.unpriced == 1 else "answers have"
        them = "it is" if now.unpriced == 1 else "they are"
        said.append(f"{number(now.unpriced)} {answers} no known cost; {them} not in the sum.")
    if now.uncertain:
        said.append(f"Up to {dollars(now.uncertain)} more may have been charged; no provider has said so.")
    if now.cost is not None and now.charged is not None and now.cost > now.charged:
        said.append(
            f"{dollars(now.cost - now.charged)} of it counted against nobody's budget: requests within an allowance, "
            "and copies made for comparison, which the gateway pays itself."
        )
    if now.requests and not now.cache_hits:
        said.append("No answers came from a cache.")
    return said


# Charts.


def spend_chart(used: Used, catalogue: Catalogue) -> Chart:
    """Dollars by hour or day, the dearest groups apart."""
    span, by = used.span, used.by
    known = {(row.group[span.by], row.group[by]): row.cost for row in used.stacked}
    whole = {row.group[span.by]: row.cost for row in used.times}
    places = [_named(span, place) for place in span.places]
    series = [
        Series(_short(name_of(row, by, catalogue)), [known.get((place, row.group[by])) for place in places])
        for row in used.groups[:_TOP]
    ]
    if len(used.groups) > _TOP:
        rest = [_rest(whole.get(place), [one.values[at] for one in series]) for at, place in enumerate(places)]
        series.append(Series("All others", rest))
    title = f"Spent, by {DIMENSIONS[by].lower()}"
    empty = "No cost in this range."
    return bars(title, _labels(span), series, _dollars, note=_note(span), rows_are=_rows_are(span), empty=empty)


def other_charts(used: Used) -> list[Chart]:
    """Requests, pictures and time by hour or day."""
    span = used.span
    rows = {row.group[span.by]: row for row in used.times}
    found = [rows.get(_named(span, place)) for place in span.places]
    places, note, rows_are = _labels(span), _note(span), _rows_are(span)
    good = Series("Succeeded", [row.requests - row.failed if row else 0 for row in found])
    bad = Series("Failed", [row.failed if row else 0 for row in found])
    images = Series("Pictures", [row.images if row else 0 for row in found])
    times = Series("Mean time", [row.latency_ms if row else None for row in found])
    return [
        bars("Requests", places, [good, bad], number, note=note, rows_are=rows_are),
        bars("Pictures", places, [images], number, note=note, rows_are=rows_are),
        lines("Mean time of a request", places, [times], _took, note=note, rows_are=rows_are),
    ]


def _labels(span: Range) -> list[str]:
    return [span.place_words(place) for place in span.places]


def _note(span: Range) -> str:
    return "by hour, UTC" if span.by == "hour" else "by day, UTC"


def _rows_are(span: Range) -> str:
    return span.by.capitalize()


def _named(span: Range, place: int) -> str:
    """The place as the sums name it."""
    at = datetime.fromtimestamp(place / 1000, UTC)
    return at.strftime("%Y-%m-%d" if span.by == "day" else "%Y-%m-%dT%H:%M:%SZ")


def _rest(whole: Decimal | None, parts: Sequence[Value]) -> Decimal | None:
    if whole is None:
        return None
    return max(Decimal(0), whole - sum((Decimal(part) for part in parts if part is not None), Decimal(0)))


def _dollars(value: Value) -> Markup:
    return usd_short(None if value is None else Decimal(str(value)))


def _took(value: Value) -> Markup:
    return milliseconds(None if value is None else float(value))


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


# Who used it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A row of the table."""

    name: str
    about: str
    """Why it has no name; the slug where that says more than the name; else empty."""
    address: str
    """Of the logs with its requests; empty for all others together."""
    row: UsageRow
    share: float | None
    """Of the spend, 0 to 1; of the requests where nothing was spent."""
    bar: Markup


def table(used: Used, catalogue: Catalogue) -> list[Group]:
    """The dearest groups, and all others together."""
    by, whole = used.by, used.total
    rows = [
        _group(row, whole, name_of(row, by, catalogue), _about(row, by, catalogue), _address(row, used))
        for row in used.groups
    ]
    rest = _without(whole, used.groups)
    return [*rows, _group(rest, whole, "All others", "", "")] if rest.requests > 0 else rows


def name_of(row: UsageRow, by: str, catalogue: Catalogue) -> str:
    """The group's name for people."""
    value = row.group[by]
    if value is None:
        return NOT_KNOWN[by]
    if by == "model" and value in catalogue.models:
        return catalogue.models[value].name
    if by == "provider" and value in catalogue.providers:
        return catalogue.providers[value].name
    return OPERATIONS.get(value, value) if by == "operation" else row.names.get(by, value)


def _about(row: UsageRow, by: str, catalogue: Catalogue) -> str:
    value = row.group[by]
    if value is None:
        return REASONS.get(by, "")
    return value if by == "model" and value != name_of(row, by, catalogue) else ""


def _address(row: UsageRow, used: Used) -> str:
    value = row.group[used.by]
    which = {"without": used.by} if value is None else {used.by: value}
    return "/logs?" + urlencode({**which, **used.span.query})


def _group(row: UsageRow, whole: UsageRow, name: str, about: str, address: str) -> Group:
    share = _share(row, whole)
    bar = Markup() if share is None else share_bar(share)
    return Group(name=name, about=about, address=address, row=row, share=share, bar=bar)


def _share(row: UsageRow, whole: UsageRow) -> float | None:
    if whole.cost:
        return None if row.cost is None else float(row.cost / whole.cost)
    return row.requests / whole.requests if whole.requests else None


def _without(whole: UsageRow, parts: Sequence[UsageRow]) -> UsageRow:
    """All but these."""
    known = total(parts)
    requests, unpriced = whole.requests - known.requests, whole.unpriced - known.unpriced
    latency = (whole.latency_ms or 0) * whole.requests - (known.latency_ms or 0) * known.requests
    return UsageRow(
        group={},
        names={},
        requests=requests,
        failed=whole.failed - known.failed,
        unpriced=unpriced,
        images=whole.images - known.images,
        megapixels=whole.megapixels - known.megapixels,
        tokens_in=whole.tokens_in - known.tokens_in,
        tokens_out=whole.tokens_out - known.tokens_out,
        cost=_difference(whole.cost, known.cost, requests > unpriced),
        charged=_difference(whole.charged, known.charged, requests > unpriced),
        uncertain=whole.uncertain - known.uncertain,
        cache_hits=whole.cache_hits - known.cache_hits,
        latency_ms=latency / requests if requests else None,
    )


def _difference(whole: Decimal | None, part: Decimal | None, known: bool) -> Decimal | None:
    return whole - (part or 0) if known and whole is not None else None


def read_dimension(query: Mapping[str, str]) -> tuple[str, Sequence[str]]:
    """What use is told apart by, and what had to be said about it."""
    by = query.get("by") or "model"
    if by in FIELDS and by in DIMENSIONS:
        return by, ()
    return "model", (f"Use cannot be told apart by “{by[:40]}”. It is shown by model.",)
