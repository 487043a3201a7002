"""Liveness and readiness."""

from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply


async def alive(gateway: Gateway, incoming: Incoming) -> Reply:
    """The process answers."""
    return Reply(pieces=(b'{"status":"ok"}',))


async def ready(gateway: Gateway, incoming: Incoming) -> Reply:
    """The ledger can be read. Raises Unavailable where it cannot."""
    await gateway.ledger.recent(1)
    return Reply(pieces=(b'{"status":"ready"}',))
