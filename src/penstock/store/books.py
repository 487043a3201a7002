"""Reading and changing what an administrator keeps: people, keys, budgets, limits, allowances.

Whatever is done to them is a function of a connection (`people`, `keys`, `spending`, `usage`), so that the endpoints
and the command line do the same thing. `Books` runs such functions for callers on the event loop, `BlockingBooks` for
the command line, which may work on the database of a gateway that is running.
"""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from penstock.store.db import Database
from penstock.store.marker import Marker
from penstock.store.writer import Writer

T = TypeVar("T")


class Books:
    """For callers on the event loop. Both methods may raise Unavailable."""

    def __init__(self, database: Database, writer: Writer, marker: Marker) -> None:
        self._database = database
        self._writer = writer
        self._marker = marker

    async def read(self, query: Callable[[Connection], T]) -> T:
        """What `query` finds, in a read transaction on a reader thread."""
        return await self._database.read(query)

    async def change(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the writer's transaction; what it changed counts for every request after this returns."""
        result = await self._writer.run(work)
        self._marker.bump()
        return result


class BlockingBooks:
    """The same, blocking."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._marker = Marker.beside(database.path)

    def read(self, query: Callable[[Connection], T]) -> T:
        """As `Books.read`."""
        with self._database.look() as connection:
            return query(connection)

    def change(self, work: Callable[[Connection], T]) -> T:
        """As `Books.change`."""
        with self._database.begin() as connection:
            result = work(connection)
        self._marker.bump()
        return result
