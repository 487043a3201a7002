"""A loop that is too busy stands still for its threads, and only then."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from penstock.store.giveway import PAUSE_SECONDS, GiveWay


class Timers:
    """Collects what the loop is asked to call later; `ring` is when later comes."""

    def __init__(self) -> None:
        self.set: list[Callable[[], None]] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        self.set.append(callback)
        return object()

    def ring(self) -> None:
        self.set.pop()()


@pytest.fixture
async def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    timers = Timers()
    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", timers.call_later)
    return timers


async def test_the_loop_stands_still_only_while_something_waits_and_nothing_comes_back(timers: Timers) -> None:
    pauses: list[float] = []
    give_way = GiveWay(pause=pauses.append)
    give_way.enter()
    give_way.enter()
    assert len(timers.set) == 1
    timers.ring()
    assert pauses == [PAUSE_SECONDS]
    give_way.leave()
    timers.ring()
    assert pauses == [PAUSE_SECONDS]
    timers.ring()
    assert pauses == [PAUSE_SECONDS] * 2
    give_way.leave()
    timers.ring()
    assert pauses == [PAUSE_SECONDS] * 2
    assert timers.set == []
    give_way.enter()
    assert len(timers.set) == 1


async def test_reads_and_writes_are_waited_for(timers: Timers, database: Any, ledger: Any) -> None:
    await ledger.request("req_1")
    timers.ring()
    assert timers.set == []
    await ledger.forget_asset("d1")
    timers.ring()
    assert timers.set == []
