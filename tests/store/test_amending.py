"""A row that is set right after it was recorded: with its sums and budgets, all of it or nothing."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, select

from penstock.core.errors import NotFound, PenstockError
from penstock.core.spending import GATEWAY, Budget, Period
from penstock.store import tables
from penstock.store.amending import Amendment
from penstock.store.db import Database
from penstock.store.ledger import Ledger
from penstock.store.reservations import BudgetUse, ReservationRow, Reserved, settled
from penstock.store.sums import shares
from tests.store.samples import NOW, asset, attempt, full_request, link, request

SUMS = (tables.usage_hours, tables.usage_days)


def amendment(id: str = "req_1", cost: int | None = 30, charged: int | None = 20, **further: Any) -> Amendment:
    known: dict[str, Any] = {"uncertain_pico": 0}
    return Amendment(request_id=id, cost_pico=cost, charged_pico=charged, **known | further)


def sums(database: Database) -> list[tuple[Any, ...]]:
    """The only row of hours and the only one of days."""
    with database.look() as connection:
        return [tuple(row) for table in SUMS for row in connection.execute(select(table))]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((10, 10, 20), (30, 25, 0)),  # the loser's cost is known now
        ((10, 10, 20), (10, 10, 0)),  # it has cost nothing
        ((10, 10, None), (30, 30, 5)),
        ((10, 10, 0), (None, None, 40)),
        ((None, None, 40), (0, 0, 0)),
    ],
)
async def test_the_row_and_its_sums_are_as_if_it_had_been_recorded_so(
    ledger: Ledger, database: Database, before: tuple[int | None, ...], after: tuple[int | None, ...]
) -> None:
    cost, charged, uncertain = before
    row = replace(full_request(), status=200, cost_pico=cost, charged_pico=charged, uncertain_pico=uncertain)
    await ledger.record(row, [])
    cost, charged, uncertain = after
    await ledger.amend(amendment(cost=cost, charged=charged, uncertain_pico=uncertain))
    now = replace(row, cost_pico=cost, charged_pico=charged, uncertain_pico=uncertain)
    assert await ledger.request("req_1") == now
    assert sums(database) == list(shares(now))


async def test_other_requests_of_the_hour_stay_in_the_sums(ledger: Ledger, database: Database) -> None:
    rows = [request(f"req_{n}", status=200, cost_pico=n, charged_pico=n, uncertain_pico=7) for n in (1, 2)]
    for row in rows:
        await ledger.record(row, [])
    await ledger.amend(amendment(cost=101, charged=101))
    names = [column.name for column in tables.usage_hours.columns]
    for found in sums(database):
        told = dict(zip(names, found, strict=True))
        assert (told["requests"], told["cost_pico"], told["charged_pico"], told["uncertain_pico"]) == (2, 103, 103, 7)


async def test_attempts_are_replaced_and_late_pictures_are_added(ledger: Ledger) -> None:
    winner, loser = attempt(outcome="succeeded"), attempt("att_2", number=2)
    first = link("d1")
    await ledger.record(request(status=200), [winner, loser], [asset("d1")], [first])
    done = replace(loser, outcome="succeeded", latency_ms=900, stated_pico=20)
    late = link("d2", role="alternative", position=200)
    await ledger.amend(amendment(attempts=(winner, done), assets=(asset("d1"), asset("d2")), links=(first, late)))
    assert await ledger.attempts("req_1") == [winner, done]
    assert sorted(await ledger.links("req_1"), key=lambda each: each.digest) == [first, late]
    assert await ledger.asset("d2") == asset("d2")


async def test_a_picture_that_is_linked_already_stays_as_it_is(ledger: Ledger) -> None:
    await ledger.record(request(status=200), [], [asset("d1"), asset("d2")], [link("d1")])
    await ledger.amend(amendment(links=(link("d2"),)))
    assert await ledger.links("req_1") == [link("d1")]


async def test_what_a_budget_held_back_becomes_spent_or_is_free_again(ledger: Ledger, database: Database) -> None:
    budget = Budget(id="bud_1", holder=GATEWAY, period=Period.TOTAL, amount=Decimal(100) / 10**12, hard=True)
    columns = {"kind": "budget", "level": "gateway", "holder_id": "", "on_unpriced": "refuse", "created_at": NOW}
    with database.begin() as connection:
        connection.execute(
            insert(tables.budgets).values(id="bud_1", period=Period.TOTAL, amount_pico=100, hard=True, **columns)
        )
    row = ReservationRow(request_id="req_1", owner="proc_1", created_at=NOW, deadline=NOW + 60_000, facts={})
    reserved = await ledger.reserve(row, [60], [budget])
    assert isinstance(reserved, Reserved)
    changes = [settled(part, 10, 30) for part in reserved.parts]
    recorded = request(status=200, cost_pico=10, charged_pico=10, uncertain_pico=30)
    await ledger.record(recorded, [], settlement=changes)
    assert use(database) == (10, 0, 30)
    late = [
        BudgetUse(budget_id="bud_1", period_start=p.period_start, spent_pico=25, uncertain_pico=-30)
        for p in reserved.parts
    ]
    await ledger.amend(amendment(cost=35, charged=35, budgets=late))
    assert use(database) == (35, 0, 0)


def use(database: Database) -> tuple[int, ...]:
    columns = tables.budget_use.c
    with database.look() as connection:
        return tuple(
            connection.execute(select(columns.spent_pico, columns.reserved_pico, columns.uncertain_pico)).one()
        )


async def test_a_request_that_is_not_there_is_an_error_and_changes_nothing(ledger: Ledger, database: Database) -> None:
    await ledger.record(request(status=200, cost_pico=1, charged_pico=1, uncertain_pico=0), [])
    before = sums(database)
    with pytest.raises(NotFound):
        await ledger.amend(amendment("req_2", attempts=(attempt(request_id="req_2"),)))
    assert sums(database) == before
    assert await ledger.attempts("req_2") == []


async def test_what_cannot_be_written_changes_nothing(ledger: Ledger, database: Database) -> None:
    row = request(status=200, cost_pico=1, charged_pico=1, uncertain_pico=9)
    await ledger.record(row, [])
    before = sums(database)
    broken = BudgetUse(budget_id="bud_1", period_start=None, spent_pico=1)  # type: ignore[arg-type]
    with pytest.raises(PenstockError):
        await ledger.amend(amendment(budgets=(broken,)))
    assert await ledger.request("req_1") == row
    assert sums(database) == before
