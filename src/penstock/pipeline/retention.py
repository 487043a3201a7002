"""Deletes pictures whose retention has ended, now and then."""

import asyncio

import structlog

from penstock.core.errors import PenstockError
from penstock.pipeline.gateway import Gateway

log = structlog.get_logger()

_PAUSE_SECONDS = 300.0
_AT_ONCE = 200


async def forget_expired(gateway: Gateway) -> None:
    """Runs until cancelled."""
    while True:
        try:
            while await forget_some(gateway):
                continue
        except PenstockError as error:
            log.warning("assets.not_forgotten", error=error.message)
        await asyncio.sleep(_PAUSE_SECONDS)


async def forget_some(gateway: Gateway) -> int:
    """Delete up to a few hundred expired pictures; how many there were."""
    now = int(gateway.clock.now() * 1000)
    expired = await gateway.ledger.expired_assets(now, _AT_ONCE)
    for asset in expired:
        if await gateway.ledger.forget_asset(asset.digest, expired_by=now):
            await gateway.assets.delete(asset.digest)
    return len(expired)
