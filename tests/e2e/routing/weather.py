"""Providers whose weather changes: fast or slow, failing now and then, holding calls open; and a clock that is moved.

Each is a simulator as in `kit`. What a test foretells counts for calls of the API only where nothing is in `script`.
"""

import asyncio
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from aiohttp import web

from tests.e2e.pictures import png
from tests.e2e.routing.kit import NAMES
from tests.e2e.running import RunningGateway
from tests.simulators.base import Behaviour, Received, respond
from tests.simulators.openai import OpenAISimulator

Forecast = Callable[[Received], Behaviour | None]


class MovedClock:
    """The machine's clock, ahead by as many seconds as it was moved."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def move(self, seconds: float) -> None:
        """Let so much time pass at once; no request may be under way whose deadline that would be."""
        self.ahead += seconds


class Changing(OpenAISimulator):
    """A provider whose weather changes."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.forecast: Forecast = clear
        """What each call is met with."""
        self.held = False
        """Calls wait before they are answered, for as long as this is so."""
        self.waiting = 0
        """Calls that do."""
        self.hung_up = 0
        """Calls whose connection was closed while they did."""

    def reset(self) -> None:
        super().reset()
        self.forecast, self.held, self.hung_up = clear, False, 0

    @property
    def asked(self) -> int:
        """Calls that ask for something that costs money."""
        return self.count(method="POST")

    def applies(self, behaviour: Behaviour, call: Received) -> bool:
        return call.method == "POST" and super().applies(behaviour, call)

    def _take(self, call: Received) -> Behaviour | None:
        taken = super()._take(call)
        return self.forecast(call) if taken is None and call.method == "POST" else taken

    async def answer(self, request: web.Request, call: Received, behaviour: Behaviour | None) -> web.StreamResponse:
        if self.held and call.method == "POST":
            await self._hold(request)
        return await super().answer(request, call, behaviour)

    async def _hold(self, request: web.Request) -> None:
        self.waiting += 1
        try:
            while self.held and not self._stopping.is_set():
                if request.transport is None or request.transport.is_closing():
                    self.hung_up += 1
                    raise ConnectionResetError
                await self.sleep(0.005)
        finally:
            self.waiting -= 1


def clear(call: Received) -> Behaviour | None:
    """Every call is answered, at once."""
    return None


def always(behaviour: Behaviour) -> Forecast:
    return lambda call: behaviour


def taking_turns(*behaviours: Behaviour | None) -> Forecast:
    """One after another, and again from the first."""
    turn = iter(range(2**31))
    lock = threading.Lock()

    def forecast(call: Received) -> Behaviour | None:
        with lock:
            return behaviours[next(turn) % len(behaviours)]

    return forecast


_SKETCH = b64encode(png(16, 16)).decode()


class Sketching(Changing):
    """One whose pictures are all the same few pixels, for thousands of them."""

    async def answer(self, request: web.Request, call: Received, behaviour: Behaviour | None) -> web.StreamResponse:
        if call.path.endswith("/images/generations"):
            self._charge(Decimal("0.01"))
            return respond(200, {"created": 0, "data": [{"b64_json": _SKETCH}]})
        return await super().answer(request, call, behaviour)


@contextmanager
def changing(*names: str, kind: type[Changing] = Changing) -> Iterator[dict[str, Changing]]:
    """A running provider for each name."""
    providers = {name: kind() for name in names or NAMES}
    try:
        for each in providers.values():
            each.start()
        yield providers
    finally:
        for each in providers.values():
            each.held = False
            each.stop()


def on_its_loop(gateway: RunningGateway, work: Coroutine[Any, Any, Any]) -> None:
    """Do at once what the gateway does from time to time."""
    loop = gateway.application._tasks[0].get_loop()
    asyncio.run_coroutine_threadsafe(work, loop).result(20)
