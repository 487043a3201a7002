"""Attempts beside one another whose caller goes away."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, nullcontext
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from penstock.core.answer import ChatDelta, Event
from penstock.core.call import ChatCall
from penstock.pipeline import together
from penstock.pipeline.background import Background
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.rounds import Step
from penstock.routing.base import Plan
from tests.pipeline.lives import candidate, life

DELTA = ChatDelta(choices=msgspec.Raw(b"[]"))


class Everybody:
    """Asks each of a plan once."""

    def __init__(self, _life: Any, _call: Any, plan: Plan, _gateway: Any) -> None:
        self._left = list(plan.order)

    async def next(self, *, wait: bool = True) -> Step | None:
        return Step(self._left.pop(0), 0.0, again=False) if self._left else None

    def trial(self, _candidate: Any) -> Any:
        return nullcontext()


async def test_a_loser_with_news_for_a_caller_that_has_gone_is_not_kept_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = candidate("one"), candidate("two")
    over = asyncio.Event()

    async def ask(_life: Any, _call: Any, asked: Any, _gateway: Any, _reason: str) -> AsyncGenerator[Event, None]:
        yield DELTA
        while asked is order[0]:  # the line of news is full before the other has any
            yield DELTA
        over.set()

    monkeypatch.setattr(together, "Asking", Everybody)
    monkeypatch.setattr(together, "ask", ask)
    monkeypatch.setattr(together, "add_late", lambda _life, tasks, _gateway: asyncio.wait(tasks))
    gateway = cast(Gateway, SimpleNamespace(background=Background()))
    call = ChatCall(model="own/talker", body={}, stream=True)
    async with aclosing(together.side_by_side(life(), call, Plan(order=order, at_once=2), gateway)) as events:
        await anext(events)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not over.is_set(), "its news is in line"
    await asyncio.wait_for(over.wait(), 5)
    await gateway.background.close()
