"""A real SQLite file for every test, with its writer and ledger."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from penstock.store.books import BlockingBooks, Books
from penstock.store.db import Database
from penstock.store.ledger import Ledger
from penstock.store.lookup import Keys
from penstock.store.marker import Marker
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
def keys(database: Database, clock: HandClock) -> Keys:
    return Keys(database, Marker.beside(database.path), clock)


@pytest.fixture
def books(database: Database, writer: Writer) -> Books:
    return Books(database, writer, Marker.beside(database.path))


@pytest.fixture
def shell(database: Database) -> Iterator[BlockingBooks]:
    """The command line's way to the same file, beside a gateway that runs."""
    with Database.open(str(database.path)) as same_file:
        yield BlockingBooks(same_file)
