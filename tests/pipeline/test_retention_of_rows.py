"""Rows of the ledger are kept as long as the settings say; sums and pictures have lives of their own."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from penstock.pipeline.retention import forget_rows, forget_some
from penstock.settings import LedgerSettings, Settings
from penstock.store import tables
from penstock.store.books import Books
from penstock.store.db import Database
from penstock.store.ledger import Ledger
from penstock.store.marker import Marker
from penstock.store.rows import PromptRow
from penstock.store.sums import DAY_MS
from penstock.store.writer import Writer
from tests.store.samples import NOW, HandClock, asset, attempt, link, request


class Forgotten:
    """The files of deleted pictures."""

    def __init__(self) -> None:
        self.digests: list[str] = []

    async def delete(self, digest: str) -> None:
        self.digests.append(digest)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Any]:
    """What the retention uses of one."""
    with Database.open(str(tmp_path / "penstock.db")) as database:
        writer = Writer(database)
        yield SimpleNamespace(
            settings=Settings(ledger=LedgerSettings(retention_days=30.0)),
            clock=HandClock(),
            ledger=Ledger(database, writer),
            books=Books(database, writer, Marker.beside(database.path)),
            assets=Forgotten(),
        )
        await writer.close()


async def record(gateway: Any, id: str, days_old: float, expires_at: int | None = None) -> None:
    """A request of so many days ago, with an attempt, a picture and its prompt."""
    then = NOW - int(days_old * DAY_MS)
    await gateway.ledger.record(
        request(id, created_at=then),
        [attempt(f"att_{id}", id)],
        [asset(f"digest_{id}", created_at=then, expires_at=expires_at)],
        [link(f"digest_{id}", id)],
        prompt=PromptRow(request_id=id, created_at=then, body={"prompt": "a boat"}),
    )


async def rows(gateway: Any, table: Any, column: str = "request_id") -> list[str]:
    return await gateway.books.read(lambda c: sorted(c.execute(select(table.c[column])).scalars()))


async def forget_all(gateway: Any) -> None:
    while await forget_rows(gateway) or await forget_some(gateway):
        continue


async def test_what_is_too_old_goes_with_all_that_belongs_to_it_and_its_sums_stay(gateway: Any) -> None:
    await record(gateway, "req_old", 31)
    await record(gateway, "req_new", 29)
    before = await gateway.books.read(lambda c: c.execute(select(func.sum(tables.usage_days.c.requests))).scalar())
    await forget_all(gateway)
    assert await rows(gateway, tables.requests, "id") == ["req_new"]
    for table in (tables.attempts, tables.asset_links, tables.prompts):
        assert await rows(gateway, table) == ["req_new"]
    for table in (tables.usage_days, tables.usage_hours):
        query = select(func.sum(table.c.requests))
        assert await gateway.books.read(lambda c, query=query: c.execute(query).scalar()) == before == 2


async def test_without_a_retention_only_prompts_go(gateway: Any) -> None:
    gateway.settings = Settings(ledger=LedgerSettings(prompt_retention_days=10.0))
    await record(gateway, "req_old", 3000)
    await record(gateway, "req_new", 9)
    await forget_all(gateway)
    assert await rows(gateway, tables.requests, "id") == ["req_new", "req_old"]
    assert await rows(gateway, tables.prompts) == ["req_new"]


async def test_prompts_go_before_the_rest_of_their_request(gateway: Any) -> None:
    gateway.settings = Settings(ledger=LedgerSettings(retention_days=30.0, prompt_retention_days=7.0))
    await record(gateway, "req_1", 8)
    await forget_all(gateway)
    assert await rows(gateway, tables.requests, "id") == ["req_1"]
    assert await rows(gateway, tables.prompts) == []


async def test_a_picture_outlives_its_request_and_is_deleted_when_its_own_time_is_over(gateway: Any) -> None:
    await record(gateway, "req_1", 31, expires_at=NOW + 1)
    await forget_all(gateway)
    assert await rows(gateway, tables.requests, "id") == []
    assert await rows(gateway, tables.assets, "digest") == ["digest_req_1"]
    gateway.clock.seconds += 1
    await forget_all(gateway)
    assert await rows(gateway, tables.assets, "digest") == []
    assert gateway.assets.digests == ["digest_req_1"]


async def test_rows_go_a_few_hundred_at_a_time(gateway: Any) -> None:
    for number in range(450):
        await gateway.ledger.record(request(f"req_{number}", created_at=NOW - 40 * DAY_MS), [])
    assert [await forget_rows(gateway) for _ in range(4)] == [200, 200, 50, 0]


async def test_where_nothing_is_too_old_nothing_is_written(gateway: Any, tmp_path: Path) -> None:
    await record(gateway, "req_1", 1)
    marker = Marker.beside(tmp_path / "penstock.db")
    before = marker.state()
    await forget_all(gateway)
    assert marker.state() == before
