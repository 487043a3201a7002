"""Providers paused and resumed while the gateway runs: at once in this process, in others a few seconds later."""

import asyncio
from functools import partial

import structlog

from penstock.core.errors import PenstockError
from penstock.pipeline.gateway import Gateway
from penstock.store.paused import Pause, pause_provider, pauses, resume_provider

log = structlog.get_logger()

_LOOK_SECONDS = 2.0


async def pause(gateway: Gateway, provider: str, reason: str, key_id: str | None) -> Pause:
    """No request begins with this provider any more. Raises BadRequest without a reason."""
    now = int(gateway.clock.now() * 1000)
    made = await gateway.books.change(partial(pause_provider, provider=provider, reason=reason, key_id=key_id, now=now))
    gateway.accounts.put({**gateway.accounts.paused, provider: made})
    return made


async def resume(gateway: Gateway, provider: str) -> None:
    """It is called again."""
    await gateway.books.change(partial(resume_provider, provider=provider))
    gateway.accounts.put({slug: pause for slug, pause in gateway.accounts.paused.items() if slug != provider})


async def watch_paused(gateway: Gateway) -> None:
    """Hear what other processes have paused and resumed. Runs until cancelled."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            await look(gateway)
        except PenstockError as error:
            log.warning("paused.not_read", error=error.message)
        except Exception:  # the task boundary: a provider paused in an emergency must not be missed for ever
            log.exception("paused.not_read")


async def look(gateway: Gateway) -> None:
    """Put in force what the database says, unless this process has changed something meanwhile."""
    before = gateway.accounts.changes
    found = await gateway.books.read(pauses)
    if gateway.accounts.changes == before and found != gateway.accounts.paused:
        gateway.accounts.put(found)
