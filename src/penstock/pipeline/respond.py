"""Replies out: headers in both spellings, bodies in pieces, pictures read from the store while they are sent."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from email.utils import format_datetime

from penstock.core.answer import ChatDelta, Event, PartialPicture
from penstock.core.errors import PenstockError
from penstock.core.money import from_pico, plain
from penstock.core.pieces import Pieces, chunks, length
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.limit import limit_headers
from penstock.pipeline.request import Deprecation, Life, Reply, Send, StreamWriter
from penstock.pipeline.settle import charged_pico
from penstock.pipeline.spool import Spool

Headers = list[tuple[bytes, bytes]]

_MOST_NAMES = 25
"""Ignored fields listed in a header."""
_WRITE = 64 * 1024
"""Bytes up to which pieces leave together."""
_LOOK_SECONDS = 0.05
"""After how long a request's caller is watched."""


class Responder:
    """Sends one request's answer: as a whole, or as a stream from its first event on."""

    def __init__(self, send: Send, life: Life, gateway: Gateway) -> None:
        self._send = send
        self._life = life
        self._gateway = gateway
        self._writer: StreamWriter | None = None
        self._look: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self._gone = False

    def watch(self, leave: Callable[[], None]) -> None:
        """Notice soon that the caller hangs up, and call `leave` then. The request's body must be read.

        Most small requests are over before it is worth looking.
        """
        self._look = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._start_watch, leave)

    async def event(self, event: Event) -> None:
        """A streamed event. The first that is shown opens the stream: until then nothing is promised to the caller."""
        if not isinstance(event, ChatDelta | PartialPicture):
            return
        opening = () if self._writer else await self._open_stream()
        pieces = (*opening, *self._stream().event(event))
        if pieces and not self._gone:
            await self._body(pieces, more=True)

    async def answer(self) -> None:
        """The whole answer, or the end of the stream."""
        life = self._life
        assert life.answer is not None and life.call is not None
        if not life.call.stream:
            await send_reply(self._send, life.surface.reply(life, life.answer), metadata(life), self._gateway)
            return
        opening = () if self._writer else await self._open_stream()
        await self._body((*opening, *self._stream().closing(life.answer)), more=False)

    async def failure(self, error: PenstockError) -> None:
        """The error as a reply, or as the last event of a stream that has begun."""
        if self._writer is not None:
            await self._body(self._writer.failure(error), more=False)
            return
        life = self._life
        await send_reply(self._send, life.surface.failure(life, error), metadata(life), self._gateway)

    def close(self) -> None:
        if self._look is not None:
            self._look.cancel()
        if self._watch is not None:
            self._watch.cancel()

    def _stream(self) -> StreamWriter:
        assert self._writer is not None
        return self._writer

    async def _open_stream(self) -> Pieces:
        self._writer = self._life.surface.stream(self._life)
        if self._life.latency is None:  # the headers leave with the first event
            self._life.latency = self._gateway.clock.monotonic() - self._life.incoming.started
        headers = _encoded(
            {
                **metadata(self._life),
                "content-type": "text/event-stream; charset=utf-8",
                "cache-control": "no-cache",
                "x-accel-buffering": "no",
            }
        )
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        return self._writer.opening()

    async def _body(self, pieces: Pieces, more: bool) -> None:
        await _send_pieces(self._send, pieces, more, self._gateway)

    def _start_watch(self, leave: Callable[[], None]) -> None:
        self._watch = asyncio.ensure_future(self._watch_caller(leave))

    async def _watch_caller(self, leave: Callable[[], None]) -> None:
        while not self._gone:
            message = await self._life.incoming.receive()
            self._gone = message["type"] == "http.disconnect"
        leave()


def metadata(life: Life) -> dict[str, str]:
    """The headers that say what happened, `x-penstock-*` and `x-agentcc-*`; what is not known is not there."""
    incoming = life.incoming
    facts = {
        "request-id": incoming.caller_id or incoming.id,
        "trace-id": incoming.trace_id,
        "latency-ms": str(int(1000 * (life.latency or 0))),
        "cache": "skip",
        "routing-strategy": life.strategy,
        "fallback-used": "true" if life.fallback_used else "false",
        "attempts": str(len(life.attempts)),
        "timeout-ms": str(int(1000 * life.timeout)),
    }
    if life.served_by is not None:
        facts["provider"] = life.served_by.offer.provider
        facts["model-used"] = life.served_by.model.slug
    if life.charge is not None and life.charge.amount is not None:
        facts["cost"] = plain(life.charge.amount)
    if life.budget_warning is not None:
        facts["budget-warning"] = life.budget_warning
    if credit := _credit(life):
        facts["credits-used"] = credit[0]
        facts["credits-remaining"] = credit[1]
    if ignored := _shown(life.ignored):
        facts["ignored"] = ", ".join(ignored)
    if life.preferences.locked:
        facts["provider-locked"] = "true"
    if life.directions.warnings:
        facts["config-warning"] = "; ".join(life.directions.warnings)
    if life.deprecation is not None:
        facts["deprecation"] = _ending(life.deprecation)
    headers = in_both_spellings(incoming.id, facts)
    if life.deprecation is not None:
        headers["sunset"] = _http_date(life.deprecation.day)  # RFC 8594
    return headers | limit_headers(life) if life.limits else headers


def _http_date(day: date) -> str:
    return format_datetime(datetime(day.year, day.month, day.day, tzinfo=UTC), usegmt=True)


def _ending(end: Deprecation) -> str:
    """`2026-12-01; use openai/gpt-image-2`."""
    return f"{end.day}; use {end.successor}" if end.successor else str(end.day)


def _credit(life: Life) -> tuple[str, str] | None:
    """What the request took of the credit paid in beforehand, and what is left of it; once its cost is known."""
    credit = next((budget for budget in life.principal.budgets if budget.kind == "credit"), None)
    if credit is None or life.reserved is None or life.reserved.left is None:
        return None
    reserved, charged = life.reserved, charged_pico(life)
    if charged is None or reserved.left is None:
        return None
    left = reserved.left[credit.id] + reserved.amount_pico - charged
    return plain(from_pico(charged)), plain(from_pico(left))


def in_both_spellings(request_id: str, facts: Mapping[str, str]) -> dict[str, str]:
    """Facts as headers, `x-penstock-*` and `x-agentcc-*`, beside our id of the request."""
    headers = {"x-request-id": request_id}
    for name, value in facts.items():
        headers[f"x-penstock-{name}"] = value
        headers[f"x-agentcc-{name}"] = value
    return headers


def _shown(names: Sequence[str]) -> list[str]:
    """Field names fit for a header: the first of them, for clients refuse headers of many kilobytes."""
    return [name for name in names if name.isascii() and name.isprintable() and len(name) <= 64][:_MOST_NAMES]


async def send_reply(
    send: Send, reply: Reply, headers: Mapping[str, str], gateway: Gateway, *, head: bool = False
) -> None:
    """One whole reply; with `head` the body's length is told and the body kept back. `headers` come beside its own."""
    everything = {**headers, **reply.headers}
    if reply.status != 204:  # which has no body, nor anything said of one (RFC 9110, section 8.6)
        everything["content-type"] = reply.media_type
        everything["content-length"] = str(length(reply.pieces) + (reply.spool.size if reply.spool else 0))
    try:
        await send({"type": "http.response.start", "status": reply.status, "headers": _encoded(everything)})
        await _send_pieces(send, () if head else reply.pieces, reply.spool is not None, gateway)
        if reply.spool is not None:
            await _send_spool(send, reply.spool, head)
    finally:
        if reply.spool is not None:
            reply.spool.close()


async def _send_spool(send: Send, spool: Spool, head: bool) -> None:
    if not head:
        async for chunk in spool.chunks():
            await _send_bytes(send, chunk, True)
    await _send_bytes(send, b"", False)


def _encoded(headers: Mapping[str, str]) -> Headers:
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]


async def _send_pieces(send: Send, pieces: Pieces, more: bool, gateway: Gateway) -> None:
    """Small pieces leave in one write: a client may take each read for whole events, and every write costs."""
    waiting: list[bytes] = []
    size = 0
    async for chunk in chunks(pieces, gateway.assets):
        if waiting and size + len(chunk) > _WRITE:
            await _send_bytes(send, b"".join(waiting), True)
            waiting, size = [], 0
        waiting.append(chunk)
        size += len(chunk)
    if waiting or not more:
        await _send_bytes(send, b"".join(waiting), more)


async def _send_bytes(send: Send, data: bytes, more: bool) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})
