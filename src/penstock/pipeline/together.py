"""Several candidates beside one another: the first that has something to show is the answer.

A race asks several at once, a hedge asks the next when the one before it takes too long. Those that lose are ended
where their provider then charges nothing more; elsewhere they go on, and what they cost is added when they are done
(`pipeline.late`).
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from penstock.core.answer import ChatAnswer, ChatDelta, EmbeddingAnswer, Event, ImageAnswer, PartialPicture
from penstock.core.call import Call
from penstock.core.errors import PenstockError, ProviderError
from penstock.pipeline.asking import Asking
from penstock.pipeline.attempt import ask
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.late import add_late
from penstock.pipeline.request import Life
from penstock.pipeline.rounds import Step
from penstock.routing.base import Plan

_ANSWERS = ImageAnswer | ChatAnswer | EmbeddingAnswer
_SHOWN = ChatDelta | PartialPicture | _ANSWERS
_AHEAD = 64
"""Events of a stream that wait until the one before is sent."""


async def side_by_side(life: Life, call: Call, plan: Plan, gateway: Gateway) -> AsyncGenerator[Event, None]:
    """The events of the first candidate that shows something. Raises as `carry_out` does."""
    field = _Field(life, call, plan, gateway)
    try:
        async with aclosing(field.events()) as events:
            async for event in events:
                yield event
    finally:
        await field.end()


@dataclass(eq=False, slots=True)
class _Runner:
    """One candidate being asked."""

    step: Step
    reason: str
    lost: bool = False
    task: "asyncio.Task[None] | None" = None


_News = tuple[_Runner, Event | None, BaseException | None]


class _Field:
    """The runners of one request."""

    def __init__(self, life: Life, call: Call, plan: Plan, gateway: Gateway) -> None:
        self._life, self._call, self._plan, self._gateway = life, call, plan, gateway
        self._asking = Asking(life, call, plan, gateway)
        self._running: list[_Runner] = []
        self._news: asyncio.Queue[_News] = asyncio.Queue(_AHEAD)
        self._winner: _Runner | None = None
        self._answered = False
        self._refused: PenstockError | None = None
        """A failure after which nobody else is asked."""
        self._hedge_at: float | None = None

    async def events(self) -> AsyncGenerator[Event, None]:
        await self._start("first")
        while len(self._running) < self._plan.at_once and await self._start("race"):
            pass
        while self._running:
            news = await self._next_news()
            if news is None:
                await self._start("hedge")
                self._hedge_at = None
                continue
            runner, event, error = news
            if error is not None:
                await self._failed(runner, error)
            elif event is not None:
                if self._winner is None and isinstance(event, _SHOWN):
                    self._win(runner)
                if runner is self._winner:
                    self._answered = isinstance(event, _ANSWERS)
                    yield event
                    if self._answered:
                        return
        raise self._refused or self._asking.nobody()

    async def end(self) -> None:
        """End whoever still runs for this request: nobody waits any more. Losers are none of these."""
        tasks = [runner.task for runner in self._running if runner.task and not runner.lost]
        for task in tasks if not self._answered else ():
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while not self._news.empty():  # a loser that waits to tell something goes on
            self._news.get_nowait()

    async def _next_news(self) -> _News | None:
        """What happens next; None where nobody has shown anything until it is time for a hedge."""
        if self._hedge_at is None or self._winner is not None:
            return await self._news.get()
        try:
            return await asyncio.wait_for(
                self._news.get(), max(0.0, self._hedge_at - asyncio.get_running_loop().time())
            )
        except TimeoutError:
            return None

    async def _start(self, reason: str) -> bool:
        step = await self._asking.next(wait=not self._running)
        if step is None:
            return False
        runner = _Runner(step, "retry" if step.again else reason)
        if not self._running:
            self._life.served_by = step.candidate
        runner.task = asyncio.create_task(self._run(runner))
        self._running.append(runner)
        if self._plan.hedge_after is not None and len(self._running) == 1:  # two at once, never more
            self._hedge_at = asyncio.get_running_loop().time() + self._plan.hedge_after
        return True

    async def _run(self, runner: _Runner) -> None:
        candidate = runner.step.candidate
        try:
            with self._asking.trial(candidate):
                async with aclosing(ask(self._life, self._call, candidate, self._gateway, runner.reason)) as events:
                    async for event in events:
                        if not runner.lost:
                            await self._news.put((runner, event, None))
        except Exception as error:  # the task boundary: whoever waits for news raises it
            if not runner.lost:
                await self._news.put((runner, None, error))

    def _win(self, winner: _Runner) -> None:
        self._winner, life = winner, self._life
        life.served_by = winner.step.candidate
        life.fallback_used = winner.reason in ("fallback", "retry") and winner.step.candidate is not self._plan.order[0]
        losers = [runner for runner in self._running if runner is not winner]
        for runner in losers:
            self._let_go(runner)
        tasks = [runner.task for runner in losers if runner.task is not None]
        if tasks:
            life.recorded = asyncio.Event()
            self._gateway.background.start(add_late(life, tasks, self._gateway))

    def _let_go(self, runner: _Runner) -> None:
        runner.lost = True
        candidate = runner.step.candidate
        spared = self._call.operation in candidate.account.provider.cancels
        for attempt in self._life.attempts:
            if attempt.candidate.offer is candidate.offer and attempt.outcome in ("pending", "succeeded"):
                attempt.lost, attempt.spared = True, spared and attempt.outcome == "pending"
        if spared and runner.task is not None:
            runner.task.cancel()

    async def _failed(self, runner: _Runner, error: BaseException) -> None:
        """One has failed: the next comes in its place, unless it had begun, or nobody else may be asked after that."""
        self._running.remove(runner)
        if runner is self._winner or not isinstance(error, PenstockError):
            raise error
        goes_on = isinstance(error, ProviderError) and self._asking.goes_on_after(runner.step.candidate, error)
        if not goes_on:
            self._refused = error
        if self._refused is None:
            await self._start("fallback")
