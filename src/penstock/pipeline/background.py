"""What outlives a request: work that goes on after its answer, the count of turns, and the money of mirrors."""

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import structlog

log = structlog.get_logger()


class Background:
    """Tasks that nobody waits for, kept from being forgotten."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Go on with it beside everything else."""
        task = asyncio.create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End what is still going on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:  # the task boundary: nobody else will hear of it
            log.exception("background.broke")


class Turns:
    """How many requests for each model were planned."""

    def __init__(self) -> None:
        self._turns: dict[str, int] = {}

    def now(self, model: str) -> int:
        return self._turns.get(model, 0)

    def next(self, model: str) -> int:
        """The number of this request, from 0."""
        turn = self.now(model)
        self._turns[model] = turn + 1
        return turn


class Purse:
    """Money that copies for comparison under way may cost, so that several at once do not spend the same."""

    def __init__(self) -> None:
        self._held = Decimal(0)

    def take(self, usd: Decimal, spent: Decimal, most: Decimal) -> bool:
        """Hold so many US dollars, where they fit beside what is spent and held already."""
        if spent + self._held + usd > most:
            return False
        self._held += usd
        return True

    def give_back(self, usd: Decimal) -> None:
        """The copy is over, and recorded."""
        self._held -= usd
