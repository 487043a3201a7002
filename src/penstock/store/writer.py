"""The one thread that writes: everything handed over while the last commit ran goes into the next transaction.

A caller's future resolves after the commit its rows are in. One bad row is refused alone; a locked file or a full
disk refuses everybody. docs/decisions/sqlite-one-writer-group-commit.md has the reasons and the measurements.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar

from sqlalchemy import Connection

from penstock.core.errors import PenstockError, Unavailable
from penstock.store.db import Database, is_about_a_row, reason, unavailable
from penstock.store.inserts import Insertion, Removal

T = TypeVar("T")

MOST_JOBS = 512
"""Callers served by one transaction."""

MOST_WAITING = 10_000
"""Callers waiting for a commit; beyond them the ledger is unavailable rather than memory full."""

GATHER_FROM = 500
"""Callers a second from which a commit waits for those who are about to come: alone each costs about 150 us of CPU."""

GATHER_SECONDS = 0.01
"""How long it waits for them at most."""

Rows = Sequence[tuple[Insertion | Removal, object]]


@dataclass(frozen=True, slots=True)
class _Job:
    """What one caller hands over: rows, which are merged with other callers' rows, or work done on its own."""

    future: "asyncio.Future[Any]"
    rows: Rows = ()
    work: Callable[[Connection], Any] | None = None


_Outcome = tuple[_Job, Any, Exception | None]


class Writer:
    """Writes for callers on one event loop, from a thread and a connection of its own."""

    def __init__(self, database: Database) -> None:
        self._connection = database.writing.connect()
        self._give_way = database.give_way
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting = 0
        self._closed = False
        self.under_way = 0
        """Requests that will be recorded, those that wait for it included; whoever carries them out keeps count."""
        self._rate = 0.0
        self._all_here = Event()
        # A daemon: rows not yet committed were promised to nobody, and must not keep a dying process alive.
        self._thread = Thread(target=self._run, name="penstock-writer", daemon=True)
        self._thread.start()

    def write(self, rows: Rows) -> "asyncio.Future[None]":
        """Insert rows, all or none of them; the future resolves when they are committed.

        A caller that stops waiting does not stop the rows. Raises Unavailable (`ledger_unavailable`) where nothing
        can be written now, and PenstockError (`ledger_row_refused`) where a row breaks a rule of its table.
        """
        return self._hand_over(_Job(asyncio.get_running_loop().create_future(), rows=rows))

    def run(self, work: Callable[[Connection], T]) -> "asyncio.Future[T]":
        """Run `work` in the writer's transaction, in its turn; the future has its result after the commit.

        `work` may be called more than once, each time with what it did before undone. Raises as `write` does, and
        whatever PenstockError `work` raises.
        """
        return self._hand_over(_Job(asyncio.get_running_loop().create_future(), work=work))

    async def close(self) -> None:
        """Commit what was handed over, then end the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self, job: _Job) -> "asyncio.Future[Any]":
        if self._closed:
            raise Unavailable("The gateway is shutting down and records nothing more.", code="ledger_unavailable")
        if self._waiting >= MOST_WAITING:
            raise Unavailable(
                f"{MOST_WAITING} requests are waiting to be recorded: the database's disk is too slow or stuck.",
                code="ledger_unavailable",
            )
        self._waiting += 1
        self._give_way.enter()
        self._queue.put(job)
        if self._waiting >= self.under_way:
            self._all_here.set()
        return job.future

    def _deliver(self, outcomes: list[_Outcome]) -> None:
        """On the event loop: wake everybody whose commit is done."""
        self._waiting -= len(outcomes)
        self._give_way.leave(len(outcomes))
        for job, value, error in outcomes:
            if job.future.done():  # the caller stopped waiting
                continue
            if error is None:
                job.future.set_result(value)
            else:
                job.future.set_exception(error)

    def _run(self) -> None:
        with self._connection as connection:
            began = time.monotonic()
            while group := self._next_group():
                outcomes = _carry_out(connection, group)
                ended = time.monotonic()
                self._rate += (len(group) / (ended - began) - self._rate) / 5
                began = ended
                with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    group[0].future.get_loop().call_soon_threadsafe(self._deliver, outcomes)

    def _next_group(self) -> list[_Job]:
        """Everything there is, after waiting for the first; empty when the writer is closed."""
        group: list[_Job] = []
        job = self._queue.get()
        if job is not None:
            self._gather()
        with suppress(Empty):
            while job is not None:
                group.append(job)
                if len(group) == MOST_JOBS:
                    return group
                job = self._queue.get_nowait()
            if group:
                self._queue.put(None)  # closing: nothing follows, so the end can be met again after this group
        return group

    def _gather(self) -> None:
        """Where many call, wait for the requests that are under way, for a moment or until all of them are here."""
        self._all_here.clear()
        if self._rate > GATHER_FROM and self._waiting < self.under_way:
            self._all_here.wait(GATHER_SECONDS)


def _carry_out(connection: Connection, jobs: list[_Job]) -> list[_Outcome]:
    """Commit the jobs together; where a row spoils that, halve the group until it is alone."""
    try:
        return _together(connection, jobs)
    except Exception as error:  # the task boundary: whatever went wrong is its callers' to hear, not this thread's end
        if not is_about_a_row(error):
            return [(job, None, _unavailable(error)) for job in jobs]
        if len(jobs) == 1:
            return [(jobs[0], None, _refused(error))]
    half = len(jobs) // 2
    return _carry_out(connection, jobs[:half]) + _carry_out(connection, jobs[half:])


def _together(connection: Connection, jobs: list[_Job]) -> list[_Outcome]:
    outcomes: list[_Outcome] = []
    bound: dict[Insertion | Removal, list[tuple[Any, ...]]] = {}
    with connection.begin():
        for job in jobs:
            if job.work is None:
                for insertion, row in job.rows:
                    bound.setdefault(insertion, []).append(insertion.bind(row))
                outcomes.append((job, None, None))
            else:
                # Work may look at or undo what was handed over before it.
                _insert(connection, bound)
                outcomes.append((job, job.work(connection), None))
        _insert(connection, bound)
    return outcomes


def _insert(connection: Connection, bound: dict[Insertion | Removal, list[tuple[Any, ...]]]) -> None:
    for insertion, rows in bound.items():
        insertion.run(connection, rows)
    bound.clear()


def _unavailable(error: Exception) -> Exception:
    failure = unavailable(error, "written")
    failure.__cause__ = error
    return failure


def _refused(error: Exception) -> Exception:
    if isinstance(error, PenstockError):
        return error
    failure = PenstockError(f"The ledger refused a row: {reason(error)}.", code="ledger_row_refused")
    failure.__cause__ = error
    return failure
