"""How offers have been doing, in the database: processes tell each other, and themselves after a restart."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import text

from penstock.core.call import Operation
from penstock.core.errors import Unavailable
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.sharing import Sharing
from penstock.store.books import BlockingBooks, Books
from penstock.store.db import Database
from penstock.store.health import SlotRow, forget_slots, read_slots, write_slots
from penstock.store.health_days import read_days
from penstock.store.sums import DAY_MS
from penstock.upstream.health import Healths
from penstock.upstream.results import Result
from tests.store.samples import NOW, HandClock

MINUTE = NOW // 60_000
DRAW = Operation.IMAGE_GENERATION
GOOD, BAD = Result(good=True, seconds=2.0, rate=0.5), Result(good=False, seconds=1.0)


def slot(process: str = "proc_1", **fields: Any) -> SlotRow:
    known: dict[str, Any] = {
        "offer": "home/m",
        "operation": "image_generation",
        "size_class": "1MP",
        "minute": MINUTE,
        "succeeded": 3,
        "failed": 2,
        "limited": 1,
        "seconds": {"7": 3},
        "firsts": {},
        "rates": {"-8": 2, "0": 1},
        "changed_at": NOW,
    }
    return SlotRow(process=process, **known | fields)


def test_what_others_have_written_since_is_read_and_ones_own_is_not(shell: BlockingBooks) -> None:
    rows = [slot("proc_2"), slot("me"), slot("proc_3", changed_at=NOW - 1), slot("proc_2", size_class="2MP")]
    shell.change(lambda c: write_slots(c, rows))
    read = shell.read(lambda c: read_slots(c, NOW, "me"))
    assert sorted(read, key=lambda row: row.size_class) == [rows[0], rows[3]]


def test_a_slot_written_again_is_replaced(shell: BlockingBooks) -> None:
    later = replace(slot(), succeeded=4, seconds={"7": 4}, changed_at=NOW + 5)
    shell.change(lambda c: write_slots(c, [slot()]))
    shell.change(lambda c: write_slots(c, [later]))
    assert shell.read(lambda c: read_slots(c, 0, "me")) == [later]


def test_more_rows_than_one_statement_holds_are_all_written(shell: BlockingBooks) -> None:
    rows = [slot(minute=MINUTE + number, changed_at=NOW + number) for number in range(100)]
    shell.change(lambda c: write_slots(c, rows))
    assert shell.read(lambda c: read_slots(c, 0, "me")) == rows


def test_old_slots_are_forgotten(shell: BlockingBooks) -> None:
    rows = [slot(minute=MINUTE - age, changed_at=NOW - 60_000 * age) for age in (0, 1, 2)]
    shell.change(lambda c: write_slots(c, rows))
    shell.change(lambda c: forget_slots(c, NOW - 60_000))
    assert shell.read(lambda c: read_slots(c, 0, "me")) == [rows[1], rows[0]]


Process = Callable[[str], Sharing]


@pytest.fixture
def process(books: Books, clock: HandClock) -> Process:
    """Makes processes of one gateway: each knows what it has seen itself, and shares one database."""

    def made(id: str) -> Sharing:
        parts = {"healths": Healths(), "presence": SimpleNamespace(id=id), "books": books, "clock": clock}
        return Sharing(cast(Gateway, SimpleNamespace(**parts)))

    return made


def note(sharing: Sharing, *results: Result) -> None:
    for result in results:
        sharing.gateway.healths.note("home/m", DRAW, "1MP", result, sharing.gateway.clock.monotonic())


def counts(sharing: Sharing, seconds: float = 300.0) -> tuple[int, int]:
    now = sharing.gateway.clock.monotonic()
    window = sharing.gateway.healths.window("home/m", DRAW, seconds, now)
    return window.succeeded, window.failed


async def test_processes_know_of_each_others_results(process: Process, clock: HandClock) -> None:
    one, two = process("proc_1"), process("proc_2")
    await one.once()
    note(one, GOOD, GOOD, BAD)
    note(two, GOOD)
    for _ in range(3):
        for each in (one, two):
            await each.once()
        clock.seconds += 5
    assert counts(one) == counts(two) == (3, 1)
    health = two.gateway.healths.look("home/m", DRAW, "1MP", clock.monotonic())
    assert health.success == 0.75
    note(one, BAD)
    for each in (one, two):
        await each.once()
    assert counts(two) == (3, 2)


async def test_a_restarted_gateway_knows_the_last_day(process: Process, clock: HandClock) -> None:
    before = process("proc_1")
    for _ in range(26):
        await before.once()
        note(before, GOOD, BAD)
        clock.seconds += 3600
    await before.once()
    after = process("proc_2")
    assert counts(after, 86_400.0) == (0, 0)
    await after.once()
    assert counts(after, 86_400.0) == counts(before, 86_400.0) == (24, 24)
    clock.seconds += 5
    await after.once()
    assert counts(after, 86_400.0) == (24, 24)


async def test_slots_leave_the_database_when_their_day_is_whole(
    process: Process, clock: HandClock, shell: BlockingBooks
) -> None:
    sharing = process("proc_1")
    note(sharing, GOOD)
    await sharing.once()
    for seconds, left in ((0, 1), (86_401, 1), (7200, 0)):
        clock.seconds += seconds
        await sharing.once()
        assert len(shell.read(lambda c: read_slots(c, 0, "me"))) == left


async def test_what_could_not_be_written_is_written_later(
    process: Process, clock: HandClock, database: Database
) -> None:
    one, two = process("proc_1"), process("proc_2")
    note(one, GOOD)
    with Database.open(str(database.path)) as other, other.writing.connect() as held:
        held.execute(text("SELECT 1"))  # its transaction holds the file
        with pytest.raises(Unavailable):
            await one.once()
        held.rollback()
    note(one, BAD)
    await one.once()
    await two.once()
    assert counts(two) == (1, 1)


# Day by day.


def days(shell: BlockingBooks) -> list[tuple[int, int]]:
    """Successes and failures of the offer, by day."""
    return [(row.succeeded, row.failed) for row in shell.read(lambda c: read_days(c, ["home/m"], 0))]


async def test_every_day_is_whole_whoever_adds_it_up_and_forgets(
    process: Process, clock: HandClock, shell: BlockingBooks
) -> None:
    clock.seconds = NOW // DAY_MS * DAY_MS / 1000
    sharings = [process("proc_1"), process("proc_2")]
    for step in range(3 * 24 * 4):
        for each in sharings if step % 7 else sharings[1:]:  # they come at different times
            note(each, GOOD)
            await each.once()
        note(sharings[0], BAD)
        clock.seconds += 900
    for each in sharings:
        await each.once()
    whole = days(shell)
    assert [failed for _, failed in whole] == [96, 96, 96]
    assert sum(succeeded for succeeded, _ in whole) == sum(2 if step % 7 else 1 for step in range(3 * 24 * 4))
    restarted = process("proc_3")
    await restarted.once()
    assert days(shell) == whole


async def test_what_a_stopped_gateway_left_is_added_up_before_it_is_forgotten(
    process: Process, clock: HandClock, shell: BlockingBooks
) -> None:
    before = process("proc_1")
    await before.once()
    note(before, GOOD, BAD)
    clock.seconds += 5  # the slot is told, and the day not added up again
    await before.once()
    assert days(shell) == []
    clock.seconds += 5 * 86_400
    after = process("proc_2")
    await after.once()
    assert days(shell) == [(1, 1)]
    assert shell.read(lambda c: read_slots(c, 0, "me")) == []


async def test_days_are_kept_for_400_days(process: Process, clock: HandClock, shell: BlockingBooks) -> None:
    sharing = process("proc_1")
    for seconds, kept in ((0, 1), (399 * 86_400, 2), (3 * 86_400, 2)):
        clock.seconds += seconds
        note(sharing, GOOD)
        await sharing.once()
        assert len(days(shell)) == kept
