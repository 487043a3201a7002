"""Requests whose process died are finished: their jobs are asked for again, and what they cost is recorded.

A job that a provider had accepted is never submitted again. What was sent without an answer having come is recorded
as that, with the most that it may have cost, so that no reservation outlives its deadline.
"""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import structlog

from penstock.core.answer import ImageAnswer, Submitted
from penstock.core.call import ImageCall
from penstock.core.errors import PenstockError, Unavailable
from penstock.core.money import from_pico, to_pico
from penstock.core.spending import Period
from penstock.pipeline.attempt import follow, merged
from penstock.pipeline.drive import drive_on
from penstock.pipeline.facts import candidate_of, life_of
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.record import record
from penstock.pipeline.request import Attempt, Life
from penstock.pipeline.settle import settle, settle_failure, settle_untold
from penstock.store.reservations import AllowanceUse, ReservationRow, Reserved
from penstock.store.rows import AttemptRow
from penstock.upstream.rotation import using

log = structlog.get_logger()

_PAUSE_SECONDS = 15.0
_AT_LEAST_SECONDS = 60.0
"""How long a job is asked for after it was found, even where its request's time is over."""
_LATE_SECONDS = 30.0
"""A request of this process that is so long over was not recorded: the database could not be written then."""

STOPPED = "gateway_stopped"


async def finish_abandoned(gateway: Gateway) -> None:
    """Runs until cancelled."""
    under_way: set[asyncio.Task[None]] = set()
    try:
        while True:
            try:
                for row in await abandoned(gateway):
                    task = asyncio.create_task(_finish(row, gateway))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
            except PenstockError as error:
                log.warning("requests.not_finished", error=error.message)
            await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def abandoned(gateway: Gateway) -> list[ReservationRow]:
    """Take over the requests whose process is gone; those that nobody else has taken meanwhile."""
    now, me = int(gateway.clock.now() * 1000), gateway.presence.id
    at_least = now + int(_AT_LEAST_SECONDS * 1000)
    taken = []
    for row in await gateway.ledger.open_reservations():
        deadline = max(row.deadline, at_least)
        if _is_abandoned(row, now, gateway) and await gateway.ledger.adopt(row, me, deadline):
            taken.append(replace(row, owner=me, deadline=deadline))
    return taken


def _is_abandoned(row: ReservationRow, now: int, gateway: Gateway) -> bool:
    if row.owner == gateway.presence.id:
        return row.deadline + _LATE_SECONDS * 1000 < now
    return not gateway.presence.alive(row.owner)


async def _finish(row: ReservationRow, gateway: Gateway) -> None:
    try:
        await finish(row, gateway)
    except PenstockError as error:
        log.warning("request.not_finished", request_id=row.request_id, error=error.message)
    except Exception:  # the task boundary: one request must not keep the others from being finished
        log.exception("request.not_finished", request_id=row.request_id)


async def finish(row: ReservationRow, gateway: Gateway) -> None:
    """Bring one request to its end, and record it; its reservation ends with that."""
    if await gateway.ledger.request(row.request_id) is not None:
        await gateway.ledger.forget_reservation(row.request_id)
        return
    life = life_of(row, gateway)
    life.reserved = await _reserved(row, life, gateway)
    noted = await gateway.ledger.attempts(row.request_id)
    life.attempts = [found for attempt in noted if (found := _attempt(attempt, gateway))]
    if life.attempts:
        life.served_by = life.attempts[-1].candidate
    # An attempt at pictures is noted before it is sent, so without one nothing was. What was sent to an offer that is
    # not there any more cannot be asked for.
    known = len(life.attempts) == len(noted) and isinstance(life.call, ImageCall)
    await _carry_on(life, known, row.deadline / 1000 - gateway.clock.now(), gateway)
    await record(life, gateway)
    log.info("request.finished", request_id=row.request_id, error_code=life.error.code if life.error else None)


async def _carry_on(life: Life, known: bool, seconds: float, gateway: Gateway) -> None:
    """Wait for the jobs that were accepted; settle for what they bring."""
    results = await asyncio.gather(*(_result(life, attempt, seconds, gateway) for attempt in life.attempts))
    answers = [result for result in results if isinstance(result, ImageAnswer)]
    if answers:
        life.answer = merged(answers, tuple(r for r in results if isinstance(r, PenstockError)))
        settle(life)
        return
    life.error = next((r for r in results if isinstance(r, PenstockError)), None) or Unavailable(
        "The gateway was stopped while this request was under way.", code=STOPPED
    )
    if known:
        settle_failure(life)
    else:
        settle_untold(life)


async def _result(life: Life, attempt: Attempt, seconds: float, gateway: Gateway) -> ImageAnswer | PenstockError | None:
    """The answer of a job, or why there is none; None for an attempt that had its end before."""
    assert life.call is not None
    if attempt.outcome != "pending":
        return None
    driven = drive_on(attempt.submitted, life.call, attempt.candidate, gateway) if attempt.submitted else None
    if driven is None:
        attempt.outcome = "failed"
        attempt.error = Unavailable("The gateway was stopped before the provider had answered.", code=STOPPED)
        return attempt.error
    try:
        async with (
            asyncio.timeout(seconds),
            gateway.slots.hold(attempt.candidate),
            aclosing(follow(life, attempt, driven, life.call, gateway)) as events,
        ):
            async for event in events:
                if isinstance(event, ImageAnswer):
                    return event
    except TimeoutError:
        pass
    except PenstockError as error:
        return error
    return Unavailable("The job was not done before the request's time was over.", code=STOPPED)


async def _reserved(row: ReservationRow, life: Life, gateway: Gateway) -> Reserved:
    parts = await gateway.ledger.reservation_parts(row.request_id)
    covered = row.facts.get("allowance")
    quoted = max((to_pico(quote.high) for quote in life.quotes.values() if quote.high is not None), default=0)
    month = Period.MONTH.start(row.created_at)
    return Reserved(
        amount_pico=max((part.amount_pico for part in parts), default=quoted),
        parts=parts,
        allowance=AllowanceUse(allowance_id=covered, month_start=month, requests=1) if covered else None,
    )


def _attempt(row: AttemptRow, gateway: Gateway) -> Attempt | None:
    """An attempt as it was written down last."""
    candidate = candidate_of(f"{row.provider}/{row.upstream}", gateway)
    if candidate is None:
        return None
    if row.key_name is not None:  # a job is asked for with the key that submitted it
        candidate = replace(candidate, account=using(candidate.account, row.key_name) or candidate.account)
    stated = None if row.stated_pico is None else from_pico(row.stated_pico)
    submitted = None
    if row.upstream_id is not None and row.polling_url is not None:
        submitted = Submitted(upstream_id=row.upstream_id, polling_url=row.polling_url, stated_cost=stated)
    return Attempt(
        id=row.id,
        number=row.number,
        candidate=candidate,
        started=gateway.clock.monotonic() - (gateway.clock.now() - row.started_at / 1000),
        started_at=row.started_at / 1000,
        submitted=submitted,
        stated_cost=stated,
        outcome=row.outcome,
    )
