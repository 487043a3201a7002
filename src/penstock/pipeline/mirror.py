"""Copies of requests sent to others for comparison: after the answer, for some of them, within a sum of money a day.

A copy has a row of its own in the ledger (`mirror_of`) and is seen by nobody but whoever runs the gateway, who pays
for it; only where the request itself asked for it, it counts against its key's budgets and limits. What it made is kept
like other pictures.
"""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import structlog

from penstock.core import ids
from penstock.core.answer import ChatAnswer, EmbeddingAnswer, ImageAnswer
from penstock.core.call import Call, ImageCall
from penstock.core.errors import PenstockError
from penstock.core.money import from_pico
from penstock.core.spending import Period
from penstock.metering.quote import UNPRICED
from penstock.pipeline.call import carry_out
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.limit import admit, admit_call, leave
from penstock.pipeline.quote import price_candidates
from penstock.pipeline.record import record
from penstock.pipeline.request import ANY, Life, Preferences, Way
from penstock.pipeline.reserve import amount, reserve
from penstock.pipeline.resolve import resolve
from penstock.pipeline.settle import settle, settle_failure
from penstock.routing.base import Plan, Target
from penstock.routing.priority import Priority
from penstock.store.mirrors import spent_on_mirrors

log = structlog.get_logger()


def mirror(life: Life, gateway: Gateway) -> None:
    """Start the copies that the request's plan asks for; the answer has been sent."""
    plan = life.plan
    for target in plan.mirrors if plan else ():
        gateway.background.start(_copy(life, target, gateway))


async def _copy(of: Life, target: Target, gateway: Gateway) -> None:
    life = _beginning(of, target, gateway)
    held = Decimal(0)
    try:
        _admit(life, of, target, gateway)
        most = _most(life, gateway)
        if most is None or (life.free and not await _take(most, gateway)):
            log.info("mirror.not_paid_for", request_id=of.incoming.id)
            return
        held = most if life.free else held
        await _carry_out(life, Plan(order=life.candidates, strategy=life.strategy), gateway)
    except PenstockError as error:  # who is to be compared with cannot do it, or the key may not send so much
        log.info("mirror.not_possible", request_id=of.incoming.id, error=error.message)
    finally:
        leave(life, gateway)
        gateway.purse.give_back(held)


def _admit(life: Life, of: Life, target: Target, gateway: Gateway) -> None:
    """Choose who gets the copy, and count it at its key's limits."""
    assert life.call is not None
    resolve(life, life.call, gateway)
    asked = of.served_by.offer if of.served_by else None
    life.candidates = tuple(c for c in life.candidates if target.fits(c) and c.offer is not asked)[:1]
    price_candidates(life, life.call)
    if not life.free:
        admit(life, gateway)
        admit_call(life, gateway)


async def _carry_out(life: Life, plan: Plan, gateway: Gateway) -> None:
    assert life.call is not None
    try:
        plan = await reserve(life, plan, gateway)
        async with aclosing(carry_out(life, life.call, plan, gateway)) as events:
            async for event in events:
                if isinstance(event, ChatAnswer | ImageAnswer | EmbeddingAnswer):
                    life.answer = event
        settle(life)
    except PenstockError as error:
        life.error = error
        settle_failure(life)
    try:
        await record(life, gateway)
    except PenstockError as error:
        log.warning("ledger.row_lost", request_id=life.incoming.id, error_code=error.code)


def _beginning(of: Life, target: Target, gateway: Gateway) -> Life:
    """A request of its own by the same key, which bounds its caller by nothing.

    It is the gateway's to pay, unless the request itself asked for the copy.
    """
    now = gateway.clock.now()
    incoming = replace(
        of.incoming,
        id=ids.new("req", now),
        receive=_nobody,
        started=gateway.clock.monotonic(),
        started_at=now,
        pictures={},
    )
    asked_for = of.directions.strategy is not None
    principal = of.principal
    if not asked_for:  # whoever runs the gateway may compare with models that the key may not call
        principal = replace(principal, models=(), budgets=(), allowances=(), limits=())
    life = Life(incoming=incoming, surface=of.surface, principal=principal, free=not asked_for)
    assert of.way is not None
    model = gateway.catalogue.models[target.model] if target.model else of.way.models[0]
    life.asked_model, life.mirror_of = model.slug, of.incoming.id
    life.preferences = _privacy(of.preferences)
    life.way = Way(strategy=Priority(), models=(model,))
    life.timeout = gateway.settings.server.request_timeout_seconds
    life.client_gone = True
    life.size_class = of.size_class
    life.strategy = "mirror"
    assert of.call is not None
    life.call = _quiet(of.call)
    return life


def _privacy(asked: Preferences) -> Preferences:
    """Whom the caller does not want to see the request does not see a copy of it either."""
    if asked is ANY:
        return ANY
    return Preferences(
        only=asked.only, ignore=asked.ignore, no_collection=asked.no_collection, zero_retention=asked.zero_retention
    )


def _quiet(call: Call) -> Call:
    """The same call, answered as a whole."""
    if isinstance(call, ImageCall):
        return replace(call, stream=False, partial_images=0)
    body = {name: value for name, value in call.body.items() if name not in ("stream", "stream_options")}
    return replace(call, stream=False, body=body)


def _most(life: Life, gateway: Gateway) -> Decimal | None:
    """US dollars that the copy may cost; None where there is nobody to ask, or nobody knows."""
    quote = life.quotes[life.candidates[0].offer.id] if life.candidates else UNPRICED
    return None if quote.unpriced else from_pico(amount(quote, gateway))


async def _take(most: Decimal, gateway: Gateway) -> bool:
    """Hold the money back, where it fits into what is left of the day's."""
    today = Period.DAY.start(int(1000 * gateway.clock.now()))
    try:
        spent = await gateway.books.read(partial(spent_on_mirrors, since_ms=today))
    except PenstockError:
        return False
    return gateway.purse.take(most, spent, gateway.routes.settings.mirror_usd_per_day)


async def _nobody() -> Mapping[str, Any]:
    return {"type": "http.disconnect"}
