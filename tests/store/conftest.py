"""A real SQLite file for every test, with its writer and ledger."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from penstock.store.db import Database
from penstock.store.keys import Keys
from penstock.store.ledger import Ledger
from penstock.store.writer import Writer
from tests.store.samples import HandClock


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    # One millisecond: tests that lock the file want to hear of it at once.
    with Database.open(str(tmp_path / "penstock.db"), busy_timeout_ms=1) as database:
        yield database


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    writer = Writer(database)
    yield writer
    await writer.close()


@pytest.fixture
def ledger(database: Database, writer: Writer) -> Ledger:
    return Ledger(database, writer)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def keys(database: Database, writer: Writer, clock: HandClock) -> Keys:
    return Keys(database, writer, clock)
