"""Who used how much: sums of requests by model, provider, operation, key, organisation, team, user, app, day and hour.

They come from `usage_days`, and from `usage_hours` at the edges of the range, so the ledger itself is not read and they
outlive it. All are functions of a connection, for `store.books` to run.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Subquery,
    Table,
    desc,
    func,
    literal_column,
    select,
    union_all,
)

from penstock.core.errors import BadRequest
from penstock.core.money import from_pico
from penstock.core.price import BINARY_MEGAPIXEL
from penstock.core.spending import Level
from penstock.store import tables
from penstock.store.spending import find_holder
from penstock.store.sums import DAY_MS, HOUR_MS

FIELDS = {
    "model": "model",
    "provider": "provider",
    "operation": "operation",
    "key": "key_id",
    "organisation": "organisation_id",
    "team": "team_id",
    "user": "member_id",
    "app": "app",
}
"""What requests can be told apart by, and its column."""

TIMES = {"day": DAY_MS, "hour": HOUR_MS}
"""Those of UTC, and their milliseconds."""

GROUPS = (*FIELDS, *TIMES)
"""What sums can be grouped by."""

HOLDERS = {
    "key": (Level.KEY, tables.keys),
    "organisation": (Level.ORGANISATION, tables.organisations),
    "team": (Level.TEAM, tables.teams),
    "user": (Level.USER, tables.users),
}
"""Those of them that have names of their own."""

MOST_ROWS = 10_000

Chosen = Sequence[tuple[str, Collection[str]]]
"""Columns, and the values that each may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """The sums of one group. Money is in US dollars."""

    group: Mapping[str, str | None]
    """By what was asked for: a slug, an id, a day (`2026-07-01`), an hour (`2026-07-01T13:00:00Z`); None: not known."""
    names: Mapping[str, str]
    """Names of the keys, organisations, teams and users in it, where they are known."""
    requests: int
    failed: int
    """Answered with an error."""
    unpriced: int
    """Answers whose cost is not known; they are not in `cost`."""
    images: int
    megapixels: Decimal
    """Of 2^20 pixels, delivered."""
    tokens_in: int
    tokens_out: int
    cost: Decimal | None
    """None where the cost of no request is known."""
    charged: Decimal | None
    """What counted against budgets and credits."""
    uncertain: Decimal
    """What may have been charged beside it, nobody can say."""
    cache_hits: int
    latency_ms: float | None
    """The mean of all requests; None where there are none."""

    def shown(self, by: str) -> str:
        """The group's value for a person: a name rather than an id, `-` where it is not known."""
        return self.names.get(by) or self.group[by] or "-"


def covered(since_ms: int, until_ms: int) -> tuple[int, int]:
    """The range that sums are told for: widened to whole hours of UTC."""
    return since_ms // HOUR_MS * HOUR_MS, -(-until_ms // HOUR_MS) * HOUR_MS


def usage(
    c: Connection,
    by: Sequence[str],
    since_ms: int,
    until_ms: int,
    where: Mapping[str, str] | None = None,
    *,
    among: Mapping[str, Collection[str]] | None = None,
    first: int | None = None,
) -> list[UsageRow]:
    """Sums from `since_ms` up to `until_ms`, widened to whole hours (`covered`); without `by`, of all together.

    Earliest first where grouped by time, then dearest first. `where` has values of `FIELDS`; keys, organisations,
    teams and users by id or name. `among` has several values of one, ids and slugs only, empty for what is not known;
    `first` asks for so many groups and no more. Raises BadRequest for a word that is not known, a range that ends
    before it begins, and more than `MOST_ROWS` groups; NotFound for a holder.
    """
    by = tuple(dict.fromkeys(by))
    _check(by, GROUPS, "by")
    since, until = covered(since_ms, until_ms)
    if until < since:
        raise BadRequest("The range ends before it begins.", param="until")
    _check(tuple(among or ()), FIELDS, "among")
    chosen: Chosen = [(column, (value,)) for column, value in equal_to(c, where or {}).items()]
    chosen = [*chosen, *((FIELDS[name], values) for name, values in (among or {}).items())]
    query = _query(by, since, until, chosen)
    rows = c.execute(query.limit(MOST_ROWS + 1 if first is None else first)).mappings().all()
    if len(rows) > MOST_ROWS:
        raise BadRequest(
            f"That would be more than {MOST_ROWS:,} rows. Ask for a shorter range, or group by less.", param="by"
        )
    names = {name: holder_names(c, name, {row[name] for row in rows}) for name in by if name in HOLDERS}
    return [_row(row, by, names) for row in rows if row["requests"]]


def anything_used(c: Connection) -> bool:
    """Whether anything was ever asked of this gateway."""
    return c.execute(select(tables.usage_days.c.day).limit(1)).first() is not None


def total(rows: Sequence[UsageRow]) -> UsageRow:
    """All of these together."""
    requests = sum(row.requests for row in rows)
    return UsageRow(
        group={},
        names={},
        requests=requests,
        failed=sum(row.failed for row in rows),
        unpriced=sum(row.unpriced for row in rows),
        images=sum(row.images for row in rows),
        megapixels=sum((row.megapixels for row in rows), Decimal(0)),
        tokens_in=sum(row.tokens_in for row in rows),
        tokens_out=sum(row.tokens_out for row in rows),
        cost=_known(row.cost for row in rows),
        charged=_known(row.charged for row in rows),
        uncertain=sum((row.uncertain for row in rows), Decimal(0)),
        cache_hits=sum(row.cache_hits for row in rows),
        latency_ms=sum((row.latency_ms or 0.0) * row.requests for row in rows) / requests if requests else None,
    )


def _known(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of those that are known; None where none is, and 0 of none at all."""
    amounts = list(amounts)
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known or not amounts else None


def equal_to(c: Connection, where: Mapping[str, str]) -> dict[str, str]:
    """Columns and the values they must have, from the words of `FIELDS`; holders by id or name. Raises as `usage`."""
    _check(where, FIELDS, "where")
    return {FIELDS[name]: _value(c, name, value) for name, value in where.items()}


def holder_names(c: Connection, by: str, ids: set[str]) -> dict[str, str]:
    """Names of keys, organisations, teams or users by id."""
    table = HOLDERS[by][1]
    found = select(table.c.id, table.c.name).where(table.c.id.in_(ids - {""}))
    return {row.id: row.name for row in c.execute(found)}


def _value(c: Connection, name: str, value: str) -> str:
    return find_holder(c, HOLDERS[name][0], value).id if name in HOLDERS else value


def _check(names: Sequence[str] | Mapping[str, str], known: Sequence[str] | Mapping[str, str], param: str) -> None:
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"Known here: {', '.join(known)}."
            raise BadRequest(f"Usage is not told by {name[:60]!r}. {hint}", param=param)


def _query(by: tuple[str, ...], since: int, until: int, chosen: Chosen) -> Select[*tuple[object, ...]]:
    """Each part is summed for itself and the few rows that leaves once more: sorting all of them takes longer."""
    parts = union_all(*(_part(*part, by, chosen) for part in _parts(by, since, until))).subquery()
    groups = [parts.c[name] for name in by]
    summed = select(*groups, *_sums(parts)).group_by(*groups)
    times = [parts.c[name] for name in by if name in TIMES]
    return summed.order_by(*times, desc("cost_pico"), desc("requests"), *groups)


Part = tuple[Table, str, int, int]
"""A table, the column with its time, and the range to be taken from it."""


def _parts(by: tuple[str, ...], since: int, until: int) -> list[Part]:
    """Whole days from the sums of days, what is left at the edges from those of hours."""
    first_day, last_day = -(-since // DAY_MS) * DAY_MS, until // DAY_MS * DAY_MS
    if "hour" in by or first_day >= last_day:
        return [(tables.usage_hours, "hour", since, until)]
    edges = [(tables.usage_hours, "hour", *edge) for edge in ((since, first_day), (last_day, until))]
    return [(tables.usage_days, "day", first_day, last_day), *(edge for edge in edges if edge[2] < edge[3])]


def _part(
    table: Table, start: str, since: int, until: int, by: tuple[str, ...], chosen: Chosen
) -> Select[*tuple[object, ...]]:
    time = table.c[start]
    groups = [_group(table, time, name) for name in by]
    conditions = [table.c[column].in_(values) for column, values in chosen]
    named = [group.label(name) for group, name in zip(groups, by, strict=True)]
    return select(*named, *_sums(table)).where(time >= since, time < until, *conditions).group_by(*groups)


def _group(table: Table, time: Column[int], name: str) -> ColumnElement[str] | ColumnElement[int]:
    if name in FIELDS:
        return table.c[FIELDS[name]]
    return time if time.name == name else time - time % literal_column(str(TIMES[name]))


def _sums(table: Table | Subquery) -> list[ColumnElement[int]]:
    return [func.sum(table.c[name]).label(name) for name in tables.USAGE_SUMS]


def _row(row: RowMapping, by: tuple[str, ...], names: Mapping[str, Mapping[str, str]]) -> UsageRow:
    known = row["requests"] > row["unpriced"]
    return UsageRow(
        group={name: _shown(name, row[name]) for name in by},
        names={name: names[name][row[name]] for name in by if row[name] in names.get(name, {})},
        requests=row["requests"],
        failed=row["failed"],
        unpriced=row["unpriced"],
        images=row["images"],
        megapixels=Decimal(row["output_pixels"]) / BINARY_MEGAPIXEL,
        tokens_in=row["tokens_in"],
        tokens_out=row["tokens_out"],
        cost=from_pico(row["cost_pico"]) if known else None,
        charged=from_pico(row["charged_pico"]) if known else None,
        uncertain=from_pico(row["uncertain_pico"]),
        cache_hits=row["cache_hits"],
        latency_ms=row["latency_ms"] / row["requests"],
    )


def _shown(name: str, value: str | int) -> str | None:
    if name not in TIMES:
        return str(value) or None
    moment = datetime.fromtimestamp(int(value) / 1000, UTC)
    return moment.strftime("%Y-%m-%d" if name == "day" else "%Y-%m-%dT%H:%M:%SZ")
