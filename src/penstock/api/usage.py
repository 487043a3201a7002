"""Administration of what was used: sums, the ledger's requests, and what providers charge beside what we expect.

The sums are made by `store.usage`, the rest by `store.requests` and `store.reconcile`; the export is in `export`.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict

from penstock.api.answers import encode
from penstock.api.bodies import read_query
from penstock.api.ledger_documents import LedgerPage, detail_document, request_document
from penstock.api.ranges import SINCE, UNTIL, instant_ms, range_ms
from penstock.api.times import moment, now_ms
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.store import reconcile as reconciling
from penstock.store import requests as ledger
from penstock.store.usage import FIELDS, UsageRow, covered, total, usage

_Which = Annotated[str | None, Meta(description="Only those of this one, by id or name.")]
_Slug = Annotated[str | None, Meta(description="Only those with this one.")]
_Group = Annotated[str | UnsetType | None, Meta(description="There where it is grouped by; null: not known.")]
_Since = Annotated[str, Meta(description=SINCE)]
_Until = Annotated[str | None, Meta(description=UNTIL)]


class _Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What requests can be told apart by; the names are those of `store.usage.FIELDS`."""

    model: _Slug = None
    provider: _Slug = None
    operation: _Slug = None
    key: _Which = None
    organisation: _Which = None
    team: _Which = None
    user: _Which = None
    app: _Slug = None

    def where(self) -> Mapping[str, str]:
        return {name: value for name, value in asdict(self).items() if name in FIELDS and value is not None}


class UsageQuery(_Filter, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which requests, and what they are added up by."""

    by: Annotated[
        str,
        Meta(
            description="One or several, with commas: model, provider, operation, key, organisation, team, user, app, "
            "day, hour; empty: everything together."
        ),
    ] = "model"
    since: _Since = "30d"
    until: _Until = None


class UsageSums(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of one group of requests."""

    model: _Group = UNSET
    provider: _Group = UNSET
    operation: _Group = UNSET
    key: _Group = UNSET
    key_name: _Group = UNSET
    organisation: _Group = UNSET
    organisation_name: _Group = UNSET
    team: _Group = UNSET
    team_name: _Group = UNSET
    user: _Group = UNSET
    user_name: _Group = UNSET
    app: _Group = UNSET
    day: _Group = UNSET
    hour: _Group = UNSET
    requests: int
    failed: Annotated[int, Meta(description="Answered with an error.")]
    unpriced: Annotated[int, Meta(description="Answers whose cost is not known; they are not in `cost_usd`.")]
    images: int
    megapixels: Annotated[Decimal, Meta(description="Of 2^20 pixels, delivered.")]
    tokens_in: int
    tokens_out: int
    cost_usd: Annotated[Decimal | None, Meta(description="Null where the cost of no request is known.")]
    charged_usd: Annotated[Decimal | None, Meta(description="What counted against budgets and credits.")]
    uncertain_usd: Annotated[Decimal, Meta(description="What may have been charged beside it, nobody can say.")]
    cache_hits: int
    mean_latency_ms: float | None


class UsageAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of requests, in order of time where grouped by time, then the dearest first."""

    since: Annotated[datetime, Meta(description="The range that was added up: the one asked for, in whole hours.")]
    until: datetime
    by: list[str]
    data: list[UsageSums]
    total: UsageSums


async def show_usage(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /admin/api/usage`."""
    query, now = read_query(incoming, UsageQuery), now_ms(gateway)
    since, until = range_ms(query.since, query.until, now)
    by = [word.strip() for word in query.by.split(",") if word.strip()]
    work = partial(usage, by=by, since_ms=since, until_ms=until, where=query.where())
    rows = await gateway.books.read(work)
    since, until = covered(since, until)
    answer = UsageAnswer(
        since=moment(since), until=moment(until), by=by, data=[_sums(row) for row in rows], total=_sums(total(rows))
    )
    return Reply(pieces=(encode(answer),))


def _sums(row: UsageRow) -> UsageSums:
    names = {f"{name}_name": row.names.get(name) for name in row.group if f"{name}_name" in _NAMED}
    return UsageSums(
        **row.group,
        **names,
        requests=row.requests,
        failed=row.failed,
        unpriced=row.unpriced,
        images=row.images,
        megapixels=row.megapixels,
        tokens_in=row.tokens_in,
        tokens_out=row.tokens_out,
        cost_usd=row.cost,
        charged_usd=row.charged,
        uncertain_usd=row.uncertain,
        cache_hits=row.cache_hits,
        mean_latency_ms=None if row.latency_ms is None else round(row.latency_ms, 1),
    )


_NAMED = {field.name for field in msgspec.structs.fields(UsageSums) if field.name.endswith("_name")}


class RequestQuery(_Filter, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which requests."""

    status: Annotated[str | None, Meta(description="A number such as 429, or `succeeded`, or `failed`.")] = None
    since: Annotated[str | None, Meta(description=SINCE)] = None
    until: _Until = None
    before: Annotated[str | None, Meta(description="The `next` of the page before.")] = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


async def list_requests(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /admin/api/requests`."""
    query, now = read_query(incoming, RequestQuery), now_ms(gateway)
    which = ledger.RequestFilter(
        where=query.where(),
        status=query.status,
        since_ms=None if query.since is None else instant_ms(query.since, now, "since"),
        until_ms=None if query.until is None else instant_ms(query.until, now, "until"),
    )
    before = None if query.before is None else ledger.Place.read(query.before)
    page = await gateway.books.read(partial(ledger.list_requests, which=which, before=before, limit=query.limit))
    data = [request_document(row, page.names) for row in page.rows]
    return Reply(pieces=(encode(LedgerPage(data=data, next=None if page.next is None else str(page.next))),))


async def show_request(gateway: Gateway, incoming: Incoming, request: str) -> Reply:
    """`GET /admin/api/requests/{request}`. Raises NotFound."""
    found = await gateway.books.read(partial(ledger.request_detail, id=request))
    return Reply(pieces=(encode(detail_document(found)),))


class ReconcileQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of when."""

    since: _Since = "30d"
    until: _Until = None


class ReconcileSums(msgspec.Struct, frozen=True, kw_only=True):
    """One model at one provider, or all together."""

    provider: str | None
    model: str | None
    requests: int
    compared: Annotated[int, Meta(description="Whose cost is stated by the provider and known by our price.")]
    differing: Annotated[int, Meta(description="Of those, more than 1% apart; the next three are theirs.")]
    stated_usd: Decimal
    computed_usd: Decimal
    difference_usd: Annotated[Decimal, Meta(description="Above zero: the provider charges more than our price says.")]
    uncertain_requests: Annotated[int, Meta(description="That may have been charged beside what is known.")]
    uncertain_usd: Annotated[Decimal, Meta(description="The most that comes to.")]
    unknown: Annotated[int, Meta(description="Answers whose cost nobody knows.")]


class CostDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose two costs are apart."""

    request_id: str
    created_at: datetime
    provider: str | None
    model: str | None
    stated_usd: Decimal
    computed_usd: Decimal
    difference_usd: Decimal


class ReconcileAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What providers stated, beside what our prices come to."""

    since: datetime
    until: datetime
    tolerance_percent: Literal[1] = 1
    data: list[ReconcileSums]
    total: ReconcileSums
    examples: Annotated[list[CostDifference], Meta(description="The requests that are furthest apart.")]


async def show_reconciliation(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /admin/api/reconcile`."""
    query, now = read_query(incoming, ReconcileQuery), now_ms(gateway)
    since, until = range_ms(query.since, query.until, now)
    found = await gateway.books.read(partial(reconciling.reconcile, since_ms=since, until_ms=until))
    answer = ReconcileAnswer(
        since=moment(since),
        until=moment(until),
        data=[_compared(line) for line in found.lines],
        total=_compared(found.total),
        examples=[_difference(one) for one in found.examples],
    )
    return Reply(pieces=(encode(answer),))


def _compared(line: reconciling.ReconcileLine) -> ReconcileSums:
    return ReconcileSums(
        provider=line.provider,
        model=line.model,
        requests=line.requests,
        compared=line.compared,
        differing=line.differing,
        stated_usd=line.stated,
        computed_usd=line.computed,
        difference_usd=line.difference,
        uncertain_requests=line.uncertain_requests,
        uncertain_usd=line.uncertain,
        unknown=line.unknown,
    )


def _difference(one: reconciling.Difference) -> CostDifference:
    return CostDifference(
        request_id=one.request_id,
        created_at=moment(one.created_at),
        provider=one.provider,
        model=one.model,
        stated_usd=one.stated,
        computed_usd=one.computed,
        difference_usd=one.difference,
    )
