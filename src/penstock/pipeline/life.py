"""One request's life, top to bottom: each line of `_serve` is one file.

Every operation in every dialect takes this way. The row in the ledger is committed before the last byte of the answer
is sent; a caller that hangs up ends a chat, while pictures that are being made are finished, kept and recorded.
"""

import asyncio
import re
from contextlib import aclosing
from functools import partial

import structlog

from penstock.core.answer import ChatAnswer, ChatDelta, EmbeddingAnswer, Event, ImageAnswer, PartialPicture
from penstock.core.call import ImageCall
from penstock.core.errors import BadRequest, ClientGone, DeadlineExceeded, PenstockError
from penstock.core.picture import Picture
from penstock.core.principal import Principal
from penstock.pipeline.call import carry_out
from penstock.pipeline.direct import direct
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.imagine import as_asked
from penstock.pipeline.limit import admit, admit_call, leave
from penstock.pipeline.mirror import mirror
from penstock.pipeline.quote import price_candidates
from penstock.pipeline.record import record
from penstock.pipeline.request import Incoming, Life, Send, Surface
from penstock.pipeline.reserve import reserve
from penstock.pipeline.resolve import resolve
from penstock.pipeline.respond import Responder
from penstock.pipeline.route import choose
from penstock.pipeline.settle import settle, settle_failure

log = structlog.get_logger()


async def live(gateway: Gateway, surface: Surface, incoming: Incoming, principal: Principal, send: Send) -> None:
    """Serve one request and answer it, whatever happens."""
    life = Life(incoming=incoming, surface=surface, principal=principal)
    responder = Responder(send, life, gateway)
    gateway.ledger.expect(1)
    try:
        incoming.check_ids()
        life.timeout = _timeout(incoming, gateway)
        admit(life, gateway)
        try:
            async with asyncio.timeout(life.timeout) as deadline:
                await _serve(life, gateway, responder, deadline)
        except TimeoutError as error:
            if life.left:
                raise ClientGone("The caller hung up.") from error
            raise DeadlineExceeded(f"The request did not finish within {life.timeout:g} seconds.") from error
        settle(life)
        await record(life, gateway)
        await responder.answer()
        mirror(life, gateway)
    except PenstockError as error:
        await _fail(life, error, gateway, responder)
    except Exception:
        log.exception("request.broke", request_id=incoming.id, path=incoming.path)
        broken = PenstockError(f"Something broke inside the gateway. Quote {incoming.id} to its operator.")
        await _fail(life, broken, gateway, responder)
    finally:
        if life.recorded is not None:
            life.recorded.set()  # also where it could not be: nobody must wait for ever
        responder.close()
        leave(life, gateway)
        gateway.ledger.expect(-1)


async def _serve(life: Life, gateway: Gateway, responder: Responder, deadline: asyncio.Timeout) -> None:
    model, call = await as_asked(life, await life.surface.read(life, gateway), gateway)
    responder.watch(partial(_leave, life, deadline))
    direct(life, model, gateway)
    resolve(life, call, gateway)
    price_candidates(life, call)
    admit_call(life, gateway)
    life.plan = plan = await reserve(life, choose(life, gateway), gateway)
    async with aclosing(carry_out(life, call, plan, gateway)) as events:
        async for event in events:
            if isinstance(event, ChatAnswer | ImageAnswer | EmbeddingAnswer):
                life.answer = event
            elif call.stream:
                life.stored += [stored for stored in _pictures(event) if stored not in life.stored]
                await responder.event(event)


def _pictures(event: Event) -> list[tuple[str, Picture]]:
    """The pictures an event brings, each with its role; those of earlier events of its stream may be among them."""
    match event:
        case PartialPicture(picture=picture):
            return [("partial", picture)]
        case ChatDelta(pictures=pictures):
            return [("output", picture) for picture in pictures.values()]
    return []


def _leave(life: Life, deadline: asyncio.Timeout) -> None:
    """The caller has hung up: pictures are made all the same, anything else ends here unless it has ended already."""
    life.client_gone = True
    ended = life.answer is not None or life.error is not None or deadline.expired()
    if not ended and not isinstance(life.call, ImageCall):
        life.left = True
        deadline.reschedule(asyncio.get_running_loop().time())


async def _fail(life: Life, error: PenstockError, gateway: Gateway, responder: Responder) -> None:
    life.error = error
    settle_failure(life)
    try:
        await record(life, gateway)
    except Exception:
        log.exception("ledger.row_lost", request_id=life.incoming.id, error_code=error.code)
    await responder.failure(error)


def _timeout(incoming: Incoming, gateway: Gateway) -> float:
    """Seconds the request may take: what the caller asks for in milliseconds, within what is configured."""
    longest = gateway.settings.server.request_timeout_seconds
    asked = incoming.ours("request-timeout")
    if asked is None:
        return longest
    if not re.fullmatch(r"[0-9]{1,15}", asked) or not int(asked):
        raise BadRequest("The request-timeout header is a whole number of milliseconds.", param="request-timeout")
    return min(longest, int(asked) / 1000)
