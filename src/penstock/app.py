"""The composition root: `build(settings)` makes a gateway from its parts and returns it as an ASGI application.

The application dispatches by a table, before any web framework; it is the boundary where a request begins and where
an error nobody expected becomes an answer.
"""

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from random import random
from typing import Any

import structlog

from penstock.api.routes import ROUTES, Router, canonical
from penstock.assets.scan import PictureScanner
from penstock.assets.store import AssetStore
from penstock.assets.thumbnails import Thumbnails
from penstock.catalogue.configured import configured
from penstock.core import ids
from penstock.core.clock import Clock, SystemClock
from penstock.core.errors import PenstockError
from penstock.metering.windows import Windows
from penstock.pipeline.auth import authenticate
from penstock.pipeline.callers import Callers
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.life import live
from penstock.pipeline.pausing import watch_paused
from penstock.pipeline.probe import probe_providers
from penstock.pipeline.reload import watch
from penstock.pipeline.request import ID, OURS, Incoming, Receive, Send
from penstock.pipeline.respond import in_both_spellings, send_reply
from penstock.pipeline.resume import finish_abandoned
from penstock.pipeline.retention import forget_expired
from penstock.pipeline.routes import RoutesInForce, compiled
from penstock.pipeline.sharing import share_health
from penstock.pipeline.switchboard import Switchboard
from penstock.providers import ADAPTERS, check_quirks
from penstock.routing.base import Dice
from penstock.settings import Routing, Settings
from penstock.store.books import Books
from penstock.store.db import Database
from penstock.store.kept import kept_secret
from penstock.store.ledger import Ledger
from penstock.store.lookup import Keys
from penstock.store.marker import Marker
from penstock.store.paused import pauses
from penstock.store.presence import Presence
from penstock.store.writer import Writer
from penstock.upstream.breakers import Breakers
from penstock.upstream.client import UpstreamClient
from penstock.upstream.credentials import switches
from penstock.upstream.fetch import Fetcher
from penstock.upstream.health import Healths
from penstock.upstream.rotation import Rotation
from penstock.upstream.slots import Slots
from penstock.web.door import Door
from penstock.web.errors import failed
from penstock.web.routes import PAGES

log = structlog.get_logger()


_CALLED_NOBODY = {"cost": "0", "attempts": "0", "fallback-used": "false", "cache": "skip"}
"""What is so of a call refused before its body was read."""


class Penstock:
    """The gateway as an ASGI application. Its background work runs between lifespan startup and shutdown."""

    def __init__(
        self,
        gateway: Gateway,
        database: Database,
        writer: Writer,
        callers: Callers,
        watched: "Watched | None" = None,
    ) -> None:
        self.gateway = gateway
        self._watched = watched
        self._callers = callers
        self._database = database
        self._writer = writer
        self._router = Router(gateway, (*ROUTES, *PAGES))
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _serve(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        incoming = self._incoming(scope, receive)
        facts: Mapping[str, str] = {}
        try:
            route, parameters = self._router.find(incoming.method, incoming.path)
            facts = _CALLED_NOBODY if route.surface is not None else {}
            principal = None
            if not isinstance(route.handler, Door):  # a page asks at its own door
                principal = await authenticate(incoming, route.scope, self.gateway.keys)
            if principal is not None:
                principal = self.gateway.routes.now.admitted(principal)
            incoming.principal = principal
            if route.surface is not None:
                assert principal is not None
                await live(self.gateway, self._router.surfaces[route.path], incoming, principal, send)
                return
            assert route.handler is not None
            incoming.check_ids()
            reply = await route.handler(self.gateway, incoming, **parameters)
        except PenstockError as error:
            reply = await failed(self.gateway, incoming, error)
        except Exception:
            log.exception("request.broke", request_id=incoming.id, path=incoming.path)
            broke = PenstockError(f"Something broke inside the gateway. Quote {incoming.id} to its operator.")
            reply = await failed(self.gateway, incoming, broke)
        headers = self._headers(incoming, facts)
        await send_reply(send, reply, headers, self.gateway, head=incoming.method == "HEAD")

    def _headers(self, incoming: Incoming, facts: Mapping[str, str]) -> dict[str, str]:
        """The metadata headers of a reply that did not go the way of a call."""
        everything = {
            "request-id": incoming.caller_id or incoming.id,
            "trace-id": incoming.trace_id,
            "latency-ms": str(int(1000 * (self.gateway.clock.monotonic() - incoming.started))),
            **facts,
        }
        return in_both_spellings(incoming.id, everything)

    def _incoming(self, scope: Mapping[str, Any], receive: Receive) -> Incoming:
        clock = self.gateway.clock
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        now = clock.now()
        return Incoming(
            id=ids.new("req", now),
            trace_id=_trace_id(headers),
            method=scope["method"],
            path=canonical(scope["path"]),
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            says_ours=any(map(_is_ours, headers)),
            receive=receive,
            started=clock.monotonic(),
            started_at=now,
            scheme=scope.get("scheme", "http"),
            client=self._callers.address_of(scope.get("client"), scope["headers"]),
        )

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                work = [forget_expired, finish_abandoned, share_health, probe_providers, watch_paused]
                self._tasks = [asyncio.create_task(each(self.gateway)) for each in work]
                if self._watched is not None:
                    file, read = self._watched
                    self._tasks.append(asyncio.create_task(watch(file, read, self.gateway)))
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def close(self) -> None:
        """Stop the background work and close what is open."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.gateway.background.close()
        await self.gateway.upstream.close()
        await self.gateway.fetcher.close()
        await self.gateway.thumbnails.close()
        await self._writer.close()
        await asyncio.to_thread(self._database.close)
        self.gateway.presence.leave()


def _is_ours(name: str) -> bool:
    return name.startswith(OURS)


def _trace_id(headers: Mapping[str, str]) -> str:
    """The caller's trace id, the one in its `traceparent` (W3C Trace Context), or a new one."""
    given = headers.get("x-penstock-trace-id") or headers.get("x-agentcc-trace-id")
    if given and ID.fullmatch(given):
        return given
    parts = headers.get("traceparent", "").split("-")
    if len(parts) >= 4 and re.fullmatch(r"[0-9a-f]{32}", parts[1]):
        return parts[1]
    return os.urandom(16).hex()


Watched = tuple[Path, Callable[[], Settings]]
"""A configuration's file, and how it is read."""


def build(
    settings: Settings,
    environment: Mapping[str, str],
    clock: Clock | None = None,
    *,
    dice: Dice = random,
    watched: Watched | None = None,
) -> Penstock:
    """A gateway with all its parts, its database opened and migrated.

    `watched` is the configuration's file, from which routing is read again when it changes. Raises SettingsError or
    CatalogueError where the configuration cannot be used.
    """
    folder = settings.data_path
    folder.mkdir(parents=True, exist_ok=True)
    callers = Callers(settings.server.trusted_proxies)
    known = configured(settings)
    check_quirks(known.providers.values())
    switched = switches(known.providers, settings, environment)
    assets = AssetStore.open(settings.assets.url or str(folder / "assets"), folder / "spool")
    database = Database.open(f"sqlite:///{folder / 'penstock.db'}")
    writer = Writer(database)
    with database.look() as connection:
        paused = pauses(connection)
    marker = Marker.beside(database.path)
    clock = clock or SystemClock()
    routes = RoutesInForce(compiled(settings.routing, known), clock.now())
    healths = Healths(epoch=clock.now() - clock.monotonic())
    breakers, rotation = Breakers(), Rotation(settings.routing.rotation)

    def configure(routing: Routing) -> None:
        healths.memory_seconds = routing.memory_seconds
        breakers.settings, rotation.settings = routing.breaker, routing.rotation

    routes.listen(configure)
    limit = settings.assets.max_picture_megabytes * 2**20
    gateway = Gateway(
        settings=settings,
        catalogue=known,
        accounts=Switchboard(switched, paused),
        adapters={name: make() for name, make in ADAPTERS.items()},
        routes=routes,
        healths=healths,
        breakers=breakers,
        rotation=rotation,
        dice=dice,
        upstream=UpstreamClient(assets, lambda: PictureScanner(assets, picture_limit=limit)),
        fetcher=Fetcher(settings.network.allow_private_hosts, settings.network.fetch_timeout_seconds),
        slots=Slots(),
        assets=assets,
        thumbnails=Thumbnails(assets),
        ledger=Ledger(database, writer),
        keys=Keys(database, marker, clock),
        presence=Presence.enter(folder / "processes", clock.now()),
        books=Books(database, writer, marker),
        windows=Windows(),
        clock=clock,
        link_secret=kept_secret(database, "asset-links"),
    )
    assets.sweep(clock.now())
    return Penstock(gateway, database, writer, callers, watched)
