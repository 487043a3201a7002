"""What providers said they charged beside what our prices come to: sums, and the requests that are furthest apart.

A difference means that a price of the catalogue is out of date, or that a provider charges otherwise than it says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select

from penstock.core.money import TOLERANCE_PERCENT, from_pico
from penstock.store.tables import requests

MOST_EXAMPLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileLine:
    """One model at one provider, or all together. Money is in US dollars."""

    provider: str | None
    model: str | None
    """Both None in the total, and where a request was with nobody."""
    requests: int
    compared: int
    """Whose cost is both stated by the provider and known by our price."""
    differing: int
    """Of those, where the two are more than `TOLERANCE_PERCENT` apart; the three sums are theirs."""
    stated: Decimal
    computed: Decimal
    difference: Decimal
    """Stated less computed: above zero, the provider charges more than the catalogue says."""
    uncertain_requests: int
    """That may have been charged beside what is known."""
    uncertain: Decimal
    """The most that comes to."""
    unknown: int
    """Answers whose cost nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One request whose two costs are apart."""

    request_id: str
    created_at: int
    """Unix milliseconds."""
    provider: str | None
    model: str | None
    stated: Decimal
    computed: Decimal
    difference: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The ledger from `since_ms` up to `until_ms`, compared."""

    since_ms: int
    until_ms: int
    lines: Sequence[ReconcileLine]
    """With a difference, uncertain or unknown costs, or at least one comparison; the furthest apart first."""
    total: ReconcileLine
    """Of all requests."""
    examples: Sequence[Difference]
    """At most `MOST_EXAMPLES`, the furthest apart first."""


def reconcile(c: Connection, since_ms: int, until_ms: int) -> Reconciliation:
    """Compare. It reads every request of the range: a second or so for a million."""
    ours, theirs = requests.c.cost_computed_pico, requests.c.cost_pico
    apart = and_(_compared(), differ(theirs, ours))
    of_range = (requests.c.created_at >= since_ms, requests.c.created_at < until_ms)
    groups = (requests.c.provider, requests.c.model)
    unknown = and_(requests.c.status < 400, theirs.is_(None))
    counts = (
        func.count(),
        _count(_compared()),
        _count(apart),
        func.sum(case((apart, theirs), else_=0)),
        func.sum(case((apart, ours), else_=0)),
        _count(requests.c.uncertain_pico > 0),
        func.sum(func.coalesce(requests.c.uncertain_pico, 0)),
        _count(unknown),
    )
    found = [_line(row) for row in c.execute(select(*groups, *counts).where(*of_range).group_by(*groups))]
    examples = (select(requests).where(*of_range, apart).order_by(func.abs(theirs - ours).desc(), requests.c.id)).limit(
        MOST_EXAMPLES
    )
    told = [line for line in found if line.compared or line.uncertain_requests or line.unknown]
    return Reconciliation(
        since_ms=since_ms,
        until_ms=until_ms,
        lines=sorted(told, key=lambda line: (-abs(line.difference), line.provider or "", line.model or "")),
        total=_total(found),
        examples=[_difference(row) for row in c.execute(examples)],
    )


def differ(stated_pico: ColumnElement[int], computed_pico: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether two costs are further apart than is tolerated; a free call that was charged is."""
    return func.abs(stated_pico - computed_pico) > computed_pico * TOLERANCE_PERCENT // 100


def _compared() -> ColumnElement[bool]:
    return and_(
        requests.c.cost_source == "stated",
        requests.c.cost_pico.is_not(None),
        requests.c.cost_computed_pico.is_not(None),
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _line(row: Row[*tuple[Any, ...]]) -> ReconcileLine:
    provider, model, count, compared, differing, stated, computed, uncertain_requests, uncertain, unknown = row
    return ReconcileLine(
        provider=provider,
        model=model,
        requests=count,
        compared=compared,
        differing=differing,
        stated=from_pico(stated),
        computed=from_pico(computed),
        difference=from_pico(stated - computed),
        uncertain_requests=uncertain_requests,
        uncertain=from_pico(uncertain),
        unknown=unknown,
    )


def _total(lines: Sequence[ReconcileLine]) -> ReconcileLine:
    return ReconcileLine(
        provider=None,
        model=None,
        requests=sum(line.requests for line in lines),
        compared=sum(line.compared for line in lines),
        differing=sum(line.differing for line in lines),
        stated=sum((line.stated for line in lines), Decimal(0)),
        computed=sum((line.computed for line in lines), Decimal(0)),
        difference=sum((line.difference for line in lines), Decimal(0)),
        uncertain_requests=sum(line.uncertain_requests for line in lines),
        uncertain=sum((line.uncertain for line in lines), Decimal(0)),
        unknown=sum(line.unknown for line in lines),
    )


def _difference(row: Row[*tuple[Any, ...]]) -> Difference:
    return Difference(
        request_id=row.id,
        created_at=row.created_at,
        provider=row.provider,
        model=row.model,
        stated=from_pico(row.cost_pico),
        computed=from_pico(row.cost_computed_pico),
        difference=from_pico(row.cost_pico - row.cost_computed_pico),
    )
