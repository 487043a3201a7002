"""Deletes pictures and rows of the ledger whose retention has ended, now and then."""

import asyncio
from collections.abc import Iterable
from functools import partial

import structlog

from penstock.core.errors import PenstockError
from penstock.core.picture import Picture
from penstock.pipeline.gateway import Gateway
from penstock.store.forgetting import forget_prompts, forget_requests, old_prompts, old_requests
from penstock.store.rows import AssetRow

log = structlog.get_logger()

_PAUSE_SECONDS = 300.0
_AT_ONCE = 200
_A_WHILE_MS = 3_600_000
_DAY_MS = 86_400_000


async def forget_expired(gateway: Gateway) -> None:
    """Runs until cancelled."""
    while True:
        for forget in (forget_some, forget_rows):
            try:
                while await forget(gateway):
                    continue
            except PenstockError as error:
                log.warning("retention.not_forgotten", error=error.message)
        await asyncio.sleep(_PAUSE_SECONDS)


async def forget_some(gateway: Gateway) -> int:
    """Delete up to a few hundred expired pictures; how many there were."""
    now = int(gateway.clock.now() * 1000)
    expired = await gateway.ledger.expired_assets(now, _AT_ONCE)
    for asset in expired:
        if await gateway.ledger.forget_asset(asset.digest, expired_by=now):
            await gateway.assets.delete(asset.digest)
    return len(expired)


async def forget_rows(gateway: Gateway) -> int:
    """Delete up to a few hundred requests and kept prompts whose retention is over; how many there were."""
    kept, books = gateway.settings.ledger, gateway.books
    now = int(gateway.clock.now() * 1000)
    prompts = await books.read(partial(old_prompts, before_ms=_before(now, kept.prompt_retention_days), limit=_AT_ONCE))
    if prompts:
        await books.change(partial(forget_prompts, ids=prompts))
    if kept.retention_days is None:
        return len(prompts)
    requests = await books.read(partial(old_requests, before_ms=_before(now, kept.retention_days), limit=_AT_ONCE))
    if requests:
        await books.change(partial(forget_requests, ids=requests))
    return len(prompts) + len(requests)


def _before(now: int, days: float) -> int:
    return now - int(days * _DAY_MS)


async def keep_for_a_while(pictures: Iterable[Picture], gateway: Gateway) -> None:
    """Let pictures that belong to no request go in an hour, unless a request sends or makes them too."""
    now = int(gateway.clock.now() * 1000)
    rows = [
        AssetRow(
            digest=picture.digest,
            media_type=picture.media_type,
            width=picture.width,
            height=picture.height,
            bytes=picture.bytes,
            created_at=now,
            expires_at=now + _A_WHILE_MS,
        )
        for picture in pictures
    ]
    # Not deleted at once: a call that sends the same picture may be under way.
    await gateway.ledger.note_assets(rows)
