"""A gateway started for one command, on a free port of this machine and the data directory."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from penstock.core.errors import BadRequest, Unavailable
from penstock.settings import Settings


@asynccontextmanager
async def own_gateway(settings: Settings, who: str) -> AsyncIterator[tuple[str, str]]:
    """Its address, and a key that ends with it; `who` is what the ledger calls the key."""
    import uvicorn

    from penstock.app import build
    from penstock.core.principal import Scope
    from penstock.store.keys import NewKey, create_key, revoke_key
    from penstock.telemetry import log

    log.set_up("warning")
    application = build(settings, os.environ)
    books, clock = application.gateway.books, application.gateway.clock
    new = NewKey(who, [Scope.INFERENCE])
    made, plaintext = await books.change(lambda c: create_key(c, new, int(1000 * clock.now())))
    config = uvicorn.Config(
        application, host="127.0.0.1", port=0, proxy_headers=False, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if running.done():
                raise Unavailable("A gateway for this request could not be started.")
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", plaintext
    finally:
        await books.change(lambda c: revoke_key(c, made.id, int(1000 * clock.now())))
        server.should_exit = True
        await running


def address_of(url: str) -> str:
    """A gateway's address without what may follow it. Raises BadRequest where it is none."""
    if not url.startswith(("http://", "https://")):
        raise BadRequest(f"A gateway's address is like http://127.0.0.1:8080, not {url!r}.")
    return url.rstrip("/").removesuffix("/v1")
