"""Money set aside and settled: in any order, by any number of callers at once, never below zero and never over."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sqlalchemy import insert, select

from penstock.core.money import to_pico
from penstock.core.spending import GATEWAY, Allowance, Budget, Period
from penstock.store import tables
from penstock.store.db import Database
from penstock.store.ledger import Ledger
from penstock.store.reservations import AllowanceUse, ReservationRow, Reserved, Shortage, settled
from penstock.store.writer import Writer
from tests.store.samples import NOW, request

number = count()

Use = tuple[int, int, int]
"""Spent, reserved and uncertain pico-dollars."""


@dataclass
class Books:
    """A ledger of its own loop, and the budgets made in it."""

    ledger: Ledger
    database: Database
    budgets: list[Budget] = field(default_factory=list)

    def budget(self, amount: int, *, hard: bool = True, period: Period = Period.TOTAL) -> Budget:
        made = Budget(
            id=f"bud_{next(number)}", holder=GATEWAY, period=period, amount=Decimal(amount) / 10**12, hard=hard
        )
        with self.database.begin() as connection:
            values = {"kind": "budget", "level": "gateway", "holder_id": "", "on_unpriced": "refuse", "created_at": NOW}
            connection.execute(
                insert(tables.budgets).values(id=made.id, period=period, amount_pico=amount, hard=hard, **values)
            )
        self.budgets.append(made)
        return made

    async def reserve(self, id: str, amounts: Sequence[int], *budgets: Budget, now: int = NOW) -> Reserved | Shortage:
        row = ReservationRow(request_id=id, owner="proc_1", created_at=now, deadline=now + 60_000, facts={})
        return await self.ledger.reserve(row, sorted(amounts), budgets)

    async def settle(self, id: str, reserved: Reserved, charged: int = 0, uncertain: int = 0) -> None:
        changes = [settled(part, charged, uncertain) for part in reserved.parts]
        await self.ledger.record(request(id, charged_pico=charged, uncertain_pico=uncertain), [], settlement=changes)

    def use(self, budget: Budget, now: int = NOW) -> Use:
        columns = tables.budget_use.c
        query = select(columns.spent_pico, columns.reserved_pico, columns.uncertain_pico).where(
            columns.budget_id == budget.id, columns.period_start == budget.period.start(now)
        )
        with self.database.look() as connection:
            found = connection.execute(query).first()
        return tuple(found) if found else (0, 0, 0)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path: Path = tmp_path_factory.mktemp("reservations")
    with Database.open(str(path / "penstock.db")) as database:
        yield database


@pytest.fixture
def books(ledger: Ledger, database: Database) -> Books:
    return Books(ledger, database)


async def test_what_is_reserved_is_no_longer_left(books: Books) -> None:
    budget = books.budget(100)
    assert await books.reserve("req_1", [60], budget) == Reserved(
        amount_pico=60, parts=(await books.ledger.reservation_parts("req_1")), left={budget.id: 40}
    )
    refused = await books.reserve("req_2", [60], budget)
    assert refused == Shortage(budget=budget, left_pico=40)
    assert books.use(budget) == (0, 60, 0)


async def test_the_largest_amount_that_fits_every_hard_budget_is_reserved(books: Books) -> None:
    roomy, tight, soft = books.budget(1000), books.budget(50), books.budget(10, hard=False)
    reserved = await books.reserve("req_1", [30, 45, 60], roomy, tight, soft)
    assert isinstance(reserved, Reserved)
    assert reserved.amount_pico == 45
    assert [books.use(budget) for budget in (roomy, tight, soft)] == [(0, 45, 0)] * 3
    assert reserved.left == {roomy.id: 955, tight.id: 5, soft.id: -35}


async def test_where_one_budget_is_short_none_is_touched(books: Books) -> None:
    roomy, short = books.budget(1000), books.budget(10)
    assert await books.reserve("req_1", [60], roomy, short) == Shortage(budget=short, left_pico=10)
    assert books.use(roomy) == books.use(short) == (0, 0, 0)
    assert await books.ledger.open_reservations() == []


async def test_a_call_that_costs_nothing_passes_a_budget_that_is_used_up(books: Books) -> None:
    budget = books.budget(10)
    reserved = await books.reserve("req_1", [10], budget)
    assert isinstance(reserved, Reserved)
    await books.settle("req_1", reserved, charged=25)  # dearer than anybody could know
    assert isinstance(await books.reserve("req_2", [0], budget), Reserved)
    assert await books.reserve("req_3", [1], budget) == Shortage(budget=budget, left_pico=0)


async def test_settling_ends_the_reservation_and_keeps_what_is_doubtful_back(books: Books) -> None:
    budget = books.budget(100)
    reserved = await books.reserve("req_1", [60], budget)
    assert isinstance(reserved, Reserved)
    await books.settle("req_1", reserved, charged=20, uncertain=15)
    assert books.use(budget) == (20, 0, 15)
    assert await books.ledger.open_reservations() == []
    assert await books.ledger.reservation_parts("req_1") == ()


async def test_a_new_period_begins_with_nothing_used_and_a_settlement_counts_in_its_own(books: Books) -> None:
    budget = books.budget(100, period=Period.DAY)
    reserved = await books.reserve("req_1", [100], budget)
    assert isinstance(reserved, Reserved)
    tomorrow = NOW + 86_400_000
    assert isinstance(await books.reserve("req_2", [100], budget, now=tomorrow), Reserved)
    await books.settle("req_1", reserved, charged=70)
    assert (books.use(budget), books.use(budget, tomorrow)) == ((70, 0, 0), (0, 100, 0))


async def test_what_an_administrator_changes_counts_for_the_next_reservation(books: Books) -> None:
    budget = books.budget(100)
    with books.database.begin() as connection:
        connection.execute(tables.budgets.update().where(tables.budgets.c.id == budget.id).values(amount_pico=30))
    assert await books.reserve("req_1", [60], budget) == Shortage(budget=budget, left_pico=30)


async def test_an_allowance_covers_its_first_requests_and_no_budget_is_touched(books: Books) -> None:
    budget = books.budget(100)
    allowance = Allowance(id="alw_1", holder=GATEWAY, requests=2)

    async def reserve(id: str) -> Reserved | Shortage:
        row = ReservationRow(request_id=id, owner="proc_1", created_at=NOW, deadline=NOW, facts={"a": 1})
        return await books.ledger.reserve(row, [60], [budget], [allowance])

    covered = [await reserve("req_1"), await reserve("req_2")]
    month = Period.MONTH.start(NOW)
    assert [found.allowance for found in covered if isinstance(found, Reserved)] == [
        AllowanceUse(allowance_id="alw_1", month_start=month, requests=1)
    ] * 2
    assert books.use(budget) == (0, 0, 0)
    assert [row.facts for row in await books.ledger.open_reservations()] == [{"a": 1, "allowance": "alw_1"}] * 2
    assert isinstance(await reserve("req_3"), Reserved)
    assert books.use(budget) == (0, 60, 0)


async def test_a_request_whose_process_is_gone_is_taken_over_by_one(books: Books) -> None:
    await books.reserve("req_1", [1], books.budget(10))
    (row,) = await books.ledger.open_reservations()
    taken = await asyncio.gather(*(books.ledger.adopt(row, f"proc_{n}", NOW + 90_000) for n in range(2, 6)))
    assert sorted(taken) == [False, False, False, True]
    (row,) = await books.ledger.open_reservations()
    assert row.deadline == NOW + 90_000


Wish = tuple[list[int], int, int, int]
"""Amounts to reserve, shares of it (in percent) charged and doubtful, and how often the task gives way."""

wishes = some.lists(
    some.tuples(
        some.lists(some.integers(0, 50), min_size=1, max_size=3),
        some.integers(0, 100),
        some.integers(0, 100),
        some.integers(0, 3),
    ),
    min_size=1,
    max_size=25,
)
budget_sizes = some.lists(some.tuples(some.integers(0, 200), some.booleans()), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(wishes, budget_sizes)
def test_in_any_interleaving_nothing_goes_below_zero_or_over_and_the_ledger_is_the_sum(
    opened: Database, wishes: list[Wish], sizes: list[tuple[int, bool]]
) -> None:
    asyncio.run(_interleaved(opened, wishes, sizes))


async def _interleaved(database: Database, wishes: list[Wish], sizes: list[tuple[int, bool]]) -> None:
    writer = Writer(database)
    books = Books(Ledger(database, writer), database)
    budgets = [books.budget(size, hard=hard) for size, hard in sizes]
    recorded: list[tuple[int, int]] = []

    def check() -> None:
        for budget in budgets:
            spent, reserved, uncertain = books.use(budget)
            assert min(spent, reserved, uncertain) >= 0
            assert not budget.hard or spent + reserved + uncertain <= to_pico(budget.amount)

    async def live(wish: Wish) -> None:
        amounts, charged_share, doubtful_share, turns = wish
        id = f"req_{next(number)}"
        reserved = await books.reserve(id, amounts, *budgets)
        check()
        for _ in range(turns):
            await asyncio.sleep(0)
        if isinstance(reserved, Reserved):
            charged = reserved.amount_pico * charged_share // 100
            uncertain = (reserved.amount_pico - charged) * doubtful_share // 100
            await books.settle(id, reserved, charged, uncertain)
            recorded.append((charged, uncertain))
            check()

    try:
        await asyncio.gather(*(live(wish) for wish in wishes))
    finally:
        await writer.close()
    ledger = (sum(charged for charged, _ in recorded), 0, sum(uncertain for _, uncertain in recorded))
    assert [books.use(budget) for budget in budgets] == [ledger] * len(budgets)
