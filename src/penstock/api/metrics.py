"""`GET /metrics`: counters of this process in Prometheus' text format."""

import asyncio

from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.telemetry.metrics import MEDIA_TYPE


async def metrics(gateway: Gateway, incoming: Incoming) -> Reply:
    """Needs a key with the scope `admin`: what is used and spent is nobody else's business."""
    reservations = len(await gateway.ledger.open_reservations())
    text = await asyncio.to_thread(gateway.metrics.text, reservations)
    return Reply(media_type=MEDIA_TYPE, headers={"cache-control": "no-store"}, pieces=(text,))
