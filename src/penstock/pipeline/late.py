"""What a request cost that is known only after its answer: attempts that ran beside the one that won.

Their providers charge for them all the same. Until they are done, the most they may cost is held back as uncertain;
then the request's row, its sums and its budgets are set right.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from penstock.core.errors import PenstockError
from penstock.core.money import pico_or_none
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.record import alternatives, asset_rows, attempt_row, link_row
from penstock.pipeline.request import Life
from penstock.pipeline.settle import charged_pico, settle, settle_failure
from penstock.store.amending import Amendment
from penstock.store.reservations import BudgetUse

log = structlog.get_logger()


async def add_late(life: Life, tasks: Sequence["asyncio.Task[None]"], gateway: Gateway) -> None:
    """Wait for the attempts and for the request's row, then add what they cost."""
    await asyncio.wait(tasks)
    assert life.recorded is not None
    await life.recorded.wait()
    told = _told(life)
    if life.error is None:
        settle(life)
    else:
        settle_failure(life)
    try:
        await gateway.ledger.amend(_amendment(life, told, _told(life), gateway))
    except PenstockError as error:  # what they may have cost stays uncertain, and held back
        log.warning("ledger.not_amended", request_id=life.incoming.id, error=error.message)


@dataclass(frozen=True, slots=True)
class _Told:
    """What is known of a request's cost at one time, in pico-dollars; None: not known."""

    cost: int | None
    charged: int | None
    uncertain: int | None


def _told(life: Life) -> _Told:
    cost = pico_or_none(life.charge.amount) if life.charge else None
    return _Told(cost, charged_pico(life), pico_or_none(life.uncertain))


def _amendment(life: Life, told: _Told, now: _Told, gateway: Gateway) -> Amendment:
    reserved = life.reserved
    held = reserved.amount_pico if reserved else 0
    spent = (now.charged or 0) - (told.charged or 0)
    freed = (held if told.uncertain is None else told.uncertain) - (held if now.uncertain is None else now.uncertain)
    pictures = alternatives(life)
    return Amendment(
        request_id=life.incoming.id,
        cost_pico=now.cost,
        charged_pico=now.charged,
        uncertain_pico=now.uncertain,
        attempts=tuple(attempt_row(life, attempt) for attempt in life.attempts),
        assets=tuple(asset_rows(pictures, gateway)),
        links=tuple(link_row(life, *entry) for entry in pictures),
        budgets=tuple(
            BudgetUse(budget_id=part.budget_id, period_start=part.period_start, spent_pico=spent, uncertain_pico=-freed)
            for part in (reserved.parts if reserved else ())
        ),
    )
