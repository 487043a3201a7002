"""Lets the database's threads have the interpreter when the event loop is too busy to let go of it.

CPython's lock is handed over when its holder has kept it for a whole switch interval (5 ms). A saturated loop lets
go sooner, at every poll for sockets, and has it back before a waiting thread wakes; measured, a commit then waited
for half a minute. So the loop, when nothing came back for a while, stands still for an instant.
"""

import asyncio
import time
from collections.abc import Callable

PATIENCE_SECONDS = 0.01
"""How long nothing may come back before the loop stands still."""

PAUSE_SECONDS = 0.0005
"""How long it stands still: enough for a thread to wake and run a statement; at most a twentieth of the time."""


class GiveWay:
    """Counts what one event loop waits for from threads, and gives way to them when nothing moves."""

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._pause = pause
        self._waiting = 0
        self._returned = 0
        self._returned_before = 0
        self._timer: asyncio.TimerHandle | None = None

    def enter(self) -> None:
        """Something was handed to a thread."""
        self._waiting += 1
        if self._timer is None:
            self._arm()

    def leave(self, count: int = 1) -> None:
        """So many of them have come back."""
        self._waiting -= count
        self._returned += count

    def _arm(self) -> None:
        self._returned_before = self._returned
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        if self._returned == self._returned_before:
            self._pause(PAUSE_SECONDS)
        self._arm()
