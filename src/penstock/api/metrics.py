"""`GET /metrics`: counters of this process in Prometheus' text format."""

import asyncio

from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.telemetry.metrics import MEDIA_TYPE, Standing


async def metrics(gateway: Gateway, incoming: Incoming) -> Reply:
    """Needs a key with the scope `admin`: what is used and spent is nobody else's business."""
    text = await asyncio.to_thread(gateway.metrics.text, await _standing(gateway))
    return Reply(media_type=MEDIA_TYPE, headers={"cache-control": "no-store"}, pieces=(text,))


async def _standing(gateway: Gateway) -> Standing:
    now = gateway.clock.monotonic()
    return Standing(
        reservations=len(await gateway.ledger.open_reservations()),
        breakers={
            (operation, offer.partition("/")[0], offer): state.name != "closed"
            for (offer, operation), state in gateway.breakers.states(now).items()
        },
        resting=[(rest.provider, rest.key_name, rest.reason) for rest in gateway.rotation.resting(now)],
    )
