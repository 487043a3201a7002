"""The database file: opened, brought up to date, read from on a few threads, written to by one transaction at a time.

Everything that writes goes through `store.writer` while the gateway runs; `begin` is for the start and the command
line, which may work on the same file at the same time.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, IntegrityError, ProgrammingError

from penstock.core.errors import PenstockError, Unavailable
from penstock.store import migrate
from penstock.store.giveway import GiveWay

T = TypeVar("T")

READERS = 4
"""Threads, and connections, that reads go through."""

OLDEST_SQLITE = (3, 35)
"""Upserts, and more than 999 parameters to a statement."""


class Database:
    """One SQLite file in write-ahead mode."""

    def __init__(self, path: Path, *, busy_timeout_ms: int) -> None:
        self.path = path
        self.writing = _engine(path, "BEGIN IMMEDIATE", "journal_mode=WAL", busy_timeout_ms)
        """For the writer's connection and for `begin`."""
        self.dialect = self.writing.dialect
        """For compiling statements once."""
        self._reading = _engine(path, "BEGIN", "query_only=ON", busy_timeout_ms)
        self.give_way = GiveWay()
        """For whoever makes the event loop wait for a thread of the database's."""
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="penstock-read")

    @classmethod
    def open(cls, url: str, *, busy_timeout_ms: int = 5000) -> "Database":
        """Open `sqlite:///path` or a path, making the folder, the file and the tables where they are missing.

        `busy_timeout_ms` is how long to wait for another process that is writing. Raises PenstockError: the address
        or the file is not one of ours (`database_address`, `database_unusable`), or a newer Penstock wrote it
        (`database_newer`).
        """
        path = _path(url)
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise PenstockError(
                f"This Python has SQLite {sqlite3.sqlite_version}; Penstock needs 3.35 or newer.",
                code="database_unusable",
            )
        database = None
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            database = cls(path, busy_timeout_ms=busy_timeout_ms)
            database._bring_up_to_date()
        except (OSError, DatabaseError, PenstockError) as error:
            if database is not None:
                database.close()
            if isinstance(error, PenstockError):
                raise
            raise PenstockError(
                f"The database {path} cannot be used: {reason(error)}. Check that the folder can be written to, "
                "or point Penstock at another data directory.",
                code="database_unusable",
            ) from error
        return database

    def _bring_up_to_date(self) -> None:
        with self._reading.begin() as connection:
            found = migrate.version(connection)
            behind = migrate.check(found)
        if found is None:
            # For its owner's eyes only, before anything is in it; the files beside it get the same mode. It is not
            # opened here to be made: closing it would drop the locks of this process's other connections.
            self.path.chmod(0o600)
        if behind:
            # Asked again inside the write transaction: another process may have done it meanwhile.
            with self.writing.begin() as connection:
                if migrate.check(migrate.version(connection)):
                    migrate.upgrade(connection)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A write transaction on this thread. Raises Unavailable where the file stays locked or the disk is full."""
        with _translated("written"), self.writing.begin() as connection:
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """A read transaction on this thread: one state of the database, whatever is written meanwhile."""
        with _translated("read"), self._reading.begin() as connection:
            yield connection

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a read transaction on a reader thread, off the event loop."""
        self.give_way.enter()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, self._look_with, work)
        finally:
            self.give_way.leave()

    def _look_with(self, work: Callable[[Connection], T]) -> T:
        with self.look() as connection:
            return work(connection)

    def close(self) -> None:
        """Wait for reads in progress, and close every connection. The writer is closed before."""
        self._readers.shutdown()
        self._reading.dispose()
        self.writing.dispose()

    def __enter__(self) -> "Database":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def reason(error: BaseException) -> str:
    """What the driver or the system says, without the statement and its values."""
    return str(getattr(error, "orig", None) or error)


def is_about_a_row(error: Exception) -> bool:
    """Whether an error is one statement's or one row's, rather than the whole database's."""
    return not isinstance(error, DatabaseError) or isinstance(error, IntegrityError | DataError | ProgrammingError)


def unavailable(error: Exception, done: str) -> Unavailable:
    """The error for a locked file, a full disk, a damaged file. `done` is what could not be: `read` or `written`."""
    return Unavailable(
        f"The gateway's database cannot be {done} now: {reason(error)}. Check the free space on its disk, and "
        "whether another program holds it locked; then try again.",
        code="ledger_unavailable",
    )


@contextmanager
def _translated(done: str) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        if is_about_a_row(error):
            raise
        raise unavailable(error, done) from error


def _path(url: str) -> Path:
    if "://" not in url:
        return Path(url).expanduser()
    with suppress(ArgumentError):
        parts = make_url(url)
        if parts.get_backend_name() == "sqlite" and parts.database and parts.database != ":memory:":
            return Path(parts.database).expanduser()
    raise PenstockError(
        f"The database address {url.partition('://')[0]}://... is not one Penstock can open. "
        "Write sqlite:///folder/penstock.db, with four slashes where the path is absolute, or a plain path.",
        code="database_address",
    )


def _engine(path: Path, begin: str, mode: str, busy_timeout_ms: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
    )

    def connected(connection: sqlite3.Connection, record: Any) -> None:
        # Otherwise the driver begins transactions itself, late and as readers, which cannot wait for a lock.
        connection.isolation_level = None
        for pragma in (f"busy_timeout={busy_timeout_ms}", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        _set_mode(connection, mode, busy_timeout_ms)

    def began(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", began)
    return engine


def _set_mode(connection: sqlite3.Connection, mode: str, busy_timeout_ms: int) -> None:
    """The busy timeout does not cover two processes that turn a new file to write-ahead mode at once, so ask again."""
    for tries_left in range(busy_timeout_ms // 5, -1, -1):
        try:
            connection.execute(f"PRAGMA {mode}")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or not tries_left:
                raise
        time.sleep(0.005)
