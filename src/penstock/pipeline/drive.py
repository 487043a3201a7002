"""One upstream call carried out: the adapters decide, this file acts.

It sends what an adapter writes, waits between its polls, and turns what it reads into events.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import cache
from typing import Any, TypeVar, cast

from penstock.core.answer import Event, Pending, Submitted
from penstock.core.call import Call, ChatCall
from penstock.core.errors import JOB_FAILED, ProviderError, RateLimited, Unreachable, UpstreamTimeout
from penstock.core.picture import Picture
from penstock.core.target import Account, Candidate
from penstock.core.wire import StreamEvent, UpstreamReply, UpstreamRequest
from penstock.pipeline.gateway import Gateway
from penstock.providers.base import Adapter, InProcessAdapter, PollingAdapter

T = TypeVar("T")
_POLL_SECONDS = 30.0
"""Longest time one question for a job's state may take; the next one is asked after it."""
_LATE_TASKS = 3
"""Polls directly after submission that may not find the task yet."""


@cache
def _kind(adapter: type) -> str:
    if hasattr(adapter, "perform"):
        return "in process"
    return "polling" if hasattr(adapter, "poll") else "direct"


def drive(call: Call, candidate: Candidate, gateway: Gateway, seconds: float) -> AsyncGenerator[Event, None]:
    """The events of one upstream call, whatever kind of adapter its provider has; the last one is its Answer.

    `seconds` bounds all of it, of a streamed chat the wait for each part of it.
    """
    adapter = gateway.adapters[candidate.account.provider.adapter]
    kind = _kind(type(adapter))
    if kind == "in process":
        bench = Bench(gateway)
        events = cast(InProcessAdapter, adapter).perform(call, candidate.offer, candidate.account, bench)
        return cast(AsyncGenerator[Event, None], events)
    if kind == "polling":
        return _poll(cast(PollingAdapter, adapter), call, candidate, gateway, seconds)
    return _ask(cast(Adapter, adapter), call, candidate, gateway, seconds)


def drive_on(
    submitted: Submitted, call: Call, candidate: Candidate, gateway: Gateway
) -> AsyncGenerator[Event, None] | None:
    """The further events of a job that was submitted before; None where its provider has no jobs."""
    adapter = gateway.adapters[candidate.account.provider.adapter]
    if _kind(type(adapter)) != "polling":
        return None
    return _await_job(cast(PollingAdapter, adapter), submitted, call, candidate, gateway, candidate.account.timeout)


async def _ask(
    adapter: Adapter, call: Call, candidate: Candidate, gateway: Gateway, seconds: float
) -> AsyncGenerator[Event, None]:
    """One request answered at once, as a reply or as a stream."""
    offer, account = candidate.offer, candidate.account
    request = adapter.request(call, offer, account)
    if not request.stream:
        reply = await gateway.upstream.exchange(request, seconds)
        yield adapter.read(call, offer, account, reply)
        return
    reader = adapter.reader(call, offer, account)
    async with aclosing(_opened(request, call, account, seconds, gateway)) as pieces:
        async for piece in pieces:
            if isinstance(piece, UpstreamReply):
                yield adapter.read(call, offer, account, piece)
                return
            for event in reader.read(piece):
                yield event
    for event in reader.end():
        yield event


def _opened(
    request: UpstreamRequest, call: Call, account: Account, seconds: float, gateway: Gateway
) -> AsyncGenerator[StreamEvent | UpstreamReply, None]:
    """A chat may go on for long as long as it goes on; a picture is a result like any other."""
    if isinstance(call, ChatCall):
        return gateway.upstream.stream(request, account.timeout, seconds)
    return gateway.upstream.stream(request, seconds)


async def _poll(
    adapter: PollingAdapter, call: Call, candidate: Candidate, gateway: Gateway, seconds: float
) -> AsyncGenerator[Event, None]:
    """A job submitted once and asked for its state until it is done; only the asking is repeated."""
    offer, account = candidate.offer, candidate.account
    reply = await gateway.upstream.exchange(adapter.request(call, offer, account), seconds)
    submitted = adapter.read(call, offer, account, reply)
    yield submitted
    if isinstance(submitted, Submitted):
        async with aclosing(_await_job(adapter, submitted, call, candidate, gateway, seconds)) as events:
            async for event in events:
                yield event


async def _await_job(
    adapter: PollingAdapter,
    submitted: Submitted,
    call: Call,
    candidate: Candidate,
    gateway: Gateway,
    seconds: float,
) -> AsyncGenerator[Event, None]:
    """A job asked for its state until it is done."""
    offer, account = candidate.offer, candidate.account
    ends = gateway.clock.monotonic() + seconds
    polls = 0
    while True:
        await asyncio.sleep(adapter.interval(polls, account))
        if gateway.clock.monotonic() > ends:
            raise UpstreamTimeout(f"{account.provider.name} did not finish within {seconds:g} seconds.")
        polls += 1
        try:
            reply = await gateway.upstream.exchange(adapter.poll(submitted, account), _POLL_SECONDS)
            state = adapter.read_poll(call, offer, account, submitted, reply)
        except ProviderError as error:
            if not _worth_asking_again(error, polls):
                # The job is accepted, and paid for unless it is known to have failed.
                error.ambiguous = error.code != JOB_FAILED
                raise
            continue
        yield state
        if not isinstance(state, Pending):
            return


def _worth_asking_again(error: ProviderError, polls: int) -> bool:
    if error.code == "task_not_found":
        return polls <= _LATE_TASKS
    passing = isinstance(error, RateLimited | Unreachable | UpstreamTimeout) or error.ambiguous
    return passing or error.code == "poll_transient"


class Bench:
    """The workbench of in-process adapters."""

    def __init__(self, gateway: Gateway) -> None:
        self._assets = gateway.assets

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.to_thread(work, *arguments)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def load(self, picture: Picture) -> bytes:
        return await self._assets.load(picture.digest)

    async def store(self, data: bytes) -> Picture:
        return await self._assets.store(data)
