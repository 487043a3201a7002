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


async def test_slots_older_than_a_day_leave_the_database(
    process: Process, clock: HandClock, shell: BlockingBooks
) -> None:
    sharing = process("proc_1")
    note(sharing, GOOD)
    await sharing.once()
    assert len(shell.read(lambda c: read_slots(c, 0, "me"))) == 1
    clock.seconds += 86_401
    await sharing.once()
    assert shell.read(lambda c: read_slots(c, 0, "me")) == []


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
