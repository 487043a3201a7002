"""The writer: committed when the future resolves, many callers to a commit, one bad row alone in its failure."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, event, func, select

from penstock.core.errors import NotFound, PenstockError, Unavailable
from penstock.store import writer as writer_module
from penstock.store.db import Database
from penstock.store.inserts import inserting_requests
from penstock.store.ledger import Ledger
from penstock.store.tables import requests
from penstock.store.writer import Writer
from tests.store.samples import NOW, asset, attempt, link, request


@contextmanager
def held_up(writer: Writer) -> Iterator[None]:
    """Keep the writer in a transaction for as long as the block takes, so that jobs gather behind it."""
    begun, go = threading.Event(), threading.Event()
    writer.run(lambda connection: (begun.set(), go.wait(10)))
    assert begun.wait(10)
    yield
    go.set()


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(requests)).scalar_one()


async def test_sixty_four_callers_at_once_find_all_their_rows(ledger: Ledger, database: Database) -> None:
    async def caller(number: int) -> None:
        for turn in range(10):
            id = f"req_{number}_{turn}"
            await ledger.record(request(id), [attempt(f"att_{number}_{turn}", id)])
            assert await ledger.request(id) == request(id)

    await asyncio.gather(*(caller(number) for number in range(64)))
    assert await database.read(count) == 640


@pytest.mark.parametrize(("callers", "commits"), [(1, 1), (100, 1), (512, 1), (513, 2), (1100, 3)])
async def test_what_gathers_during_a_commit_goes_into_one_up_to_512_callers(
    writer: Writer, database: Database, callers: int, commits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, insertion, seen = asyncio.get_running_loop(), inserting_requests(database.dialect), []
    wake = loop.call_soon_threadsafe
    monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *task: (seen.append("wake"), wake(*task))[1])
    event.listen(database.writing, "commit", lambda connection: seen.append("commit"))
    with held_up(writer):
        waiting = [writer.write([(insertion, request(f"req_{number}"))]) for number in range(callers)]
    await asyncio.gather(*waiting)
    assert seen == ["commit", "wake"] * (1 + commits)
    assert await database.read(count) == callers


async def test_a_bad_row_fails_alone_and_whole(ledger: Ledger, writer: Writer, database: Database) -> None:
    await ledger.record(request("req_5"), [])
    with held_up(writer):
        others = [asyncio.create_task(ledger.record(request(f"req_{number}"), [])) for number in range(5)]
        twice = asyncio.create_task(ledger.record(request("req_5", status=200), [attempt()], [asset()]))
        unusable = asyncio.create_task(ledger.record(request("req_6", dialect=object()), []))
        too_long = asyncio.create_task(ledger.record(request("req_7", status=1 << 70), []))
        homeless = asyncio.create_task(ledger.record(request("req_8"), [], [], [link(request_id="req_none")]))
        await asyncio.sleep(0)
    results = await asyncio.gather(*others, twice, unusable, too_long, homeless, return_exceptions=True)
    assert results[:5] == [None] * 5
    assert [getattr(result, "code", result) for result in results[5:]] == ["ledger_row_refused"] * 4
    assert "UNIQUE constraint failed: requests.id" in str(results[5])
    assert await database.read(count) == 6
    assert await ledger.request("req_5") == request("req_5")
    assert await ledger.attempts("req_1") == []
    assert await ledger.asset("d1") is None


async def test_rows_and_deletions_handed_over_together_keep_their_order(ledger: Ledger, writer: Writer) -> None:
    with held_up(writer):
        tasks = [
            asyncio.create_task(ledger.record(request("req_1"), [], [asset("kept"), asset("gone")])),
            asyncio.create_task(ledger.forget_asset("kept")),
            asyncio.create_task(ledger.record(request("req_2"), [], [asset("kept", width=7)])),
            asyncio.create_task(ledger.forget_asset("gone")),
            asyncio.create_task(ledger.forget_asset("gone")),
        ]
        await asyncio.sleep(0)
    assert await asyncio.gather(*tasks) == [None, True, None, True, False]
    assert await ledger.asset("kept") == asset("kept", width=7)
    assert await ledger.asset("gone") is None


async def test_a_full_disk_refuses_everybody_until_there_is_room(ledger: Ledger, writer: Writer) -> None:
    await writer.run(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 1").close())
    big = {"filler": "x" * 200_000}
    with held_up(writer):
        tasks = [asyncio.create_task(ledger.record(request(f"req_{n}", metadata=big), [])) for n in range(3)]
        await asyncio.sleep(0)
    for failure in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(failure, Unavailable)
        assert failure.code == "ledger_unavailable"
        assert "database or disk is full" in failure.message
    await writer.run(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 100000").close())
    await ledger.record(request("req_1", metadata=big), [])
    assert await ledger.request("req_1") is not None


async def test_a_database_locked_for_too_long_is_unavailable_until_it_is_free(
    ledger: Ledger, database: Database
) -> None:
    with Database.open(str(database.path)) as other, other.begin():
        with pytest.raises(Unavailable, match="database is locked") as caught:
            await ledger.note_attempt(attempt())
        assert caught.value.code == "ledger_unavailable"
    await ledger.note_attempt(attempt())
    assert await ledger.attempts("req_1") == [attempt()]


async def test_what_work_raises_reaches_its_caller_and_undoes_the_work(writer: Writer, database: Database) -> None:
    def failing(connection: Connection) -> None:
        connection.execute(requests.insert().values(id="req_1"))

    def refusing(connection: Connection) -> None:
        raise NotFound("Nothing there.")

    with pytest.raises(NotFound, match="Nothing there"):
        await writer.run(refusing)
    with pytest.raises(PenstockError, match="NOT NULL constraint failed"):
        await writer.run(failing)
    assert await database.read(count) == 0


async def test_a_caller_that_stops_waiting_does_not_stop_its_row(ledger: Ledger, writer: Writer) -> None:
    with held_up(writer):
        task = asyncio.create_task(ledger.record(request(), []))
        await asyncio.sleep(0)
        task.cancel()
    await ledger.record(request("req_2"), [])
    assert task.cancelled()
    assert await ledger.request("req_1") == request()


async def test_closing_commits_what_was_handed_over_and_refuses_what_follows(
    ledger: Ledger, writer: Writer, database: Database
) -> None:
    with held_up(writer):
        tasks = [asyncio.create_task(ledger.record(request(f"req_{number}"), [])) for number in range(700)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(writer.close())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="shutting down"):
            await ledger.note_attempt(attempt())
    await closing
    await asyncio.gather(*tasks)
    assert await database.read(count) == 700
    await writer.close()


async def test_callers_beyond_the_bound_are_refused_at_once(
    ledger: Ledger, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "MOST_WAITING", 3)
    with held_up(writer):  # one is waiting already: the work that holds the writer up
        tasks = [asyncio.create_task(ledger.note_attempt(attempt(f"att_{number}"))) for number in range(3)]
        await asyncio.sleep(0)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[:2] == [None, None]
    assert isinstance(results[2], Unavailable)
    await ledger.note_attempt(attempt("att_4", started_at=NOW + 1))


async def test_at_a_high_rate_a_commit_waits_for_the_requests_under_way_and_no_longer(
    ledger: Ledger, writer: Writer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        await ledger.record(request(f"req_{number}"), [])
    commits: list[str] = []
    event.listen(database.writing, "commit", lambda connection: commits.append("commit"))
    monkeypatch.setattr(writer_module, "GATHER_FROM", 1)
    monkeypatch.setattr(writer_module, "GATHER_SECONDS", 30.0)
    ledger.expect(2)
    first = asyncio.create_task(ledger.record(request("req_a"), []))
    await asyncio.sleep(0.05)
    assert not first.done(), "another request is under way"
    await asyncio.wait_for(asyncio.gather(first, ledger.record(request("req_b"), [])), 10)
    assert commits == ["commit"]
    ledger.expect(-1)
    await asyncio.wait_for(ledger.record(request("req_c"), []), 10)  # nobody else is under way
