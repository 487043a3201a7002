"""What every simulator is made of: a real HTTP server in a thread, a record of its calls, and a script of mishaps.

A simulator subclasses `Simulator` and writes `answer`. A test starts it with `with`, points the gateway at `.url`,
queues behaviours in `.script`, and afterwards reads `.calls` and `.violations`, all from its own thread.
"""

import asyncio
import colorsys
import hashlib
import io
import json
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.web_request import FileField
from PIL import Image

LARGEST_BODY = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a multipart body."""

    filename: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """One call as it came in."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Lower-case names."""
    body: Any
    """JSON decoded; a multipart form as a mapping of names to lists of text and Uploads; else the bytes."""
    at: float = field(default_factory=time.monotonic)
    """When, on the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the next call it applies to is met with, instead of a normal answer."""


@dataclass(frozen=True, slots=True)
class Status(Behaviour):
    """An error; without a body, in the provider's usual form."""

    code: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RateLimited(Behaviour):
    """429, with `Retry-After` in seconds where given."""

    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Delay(Behaviour):
    """Wait, then go on as `then` says, or normally."""

    seconds: float
    then: Behaviour | None = None


@dataclass(frozen=True, slots=True)
class Garbage(Behaviour):
    """200 and JSON by its header; by its body a web page that is not even UTF-8."""


@dataclass(frozen=True, slots=True)
class Truncated(Behaviour):
    """The normal answer, cut off in the middle of its body."""


@dataclass(frozen=True, slots=True)
class Hang(Behaviour):
    """No answer for as long as the simulator runs."""


@dataclass(frozen=True, slots=True)
class CloseConnection(Behaviour):
    """The connection closed without an answer, after the request was read."""


@dataclass(frozen=True, slots=True)
class On(Behaviour):
    """A behaviour for the next call whose path starts with this prefix; other calls pass it by."""

    prefix: str
    behaviour: Behaviour
    method: str | None = None


class Simulator(ABC):
    """A provider's server on 127.0.0.1, in its own thread with its own event loop."""

    keys: tuple[str, ...] = ("test-key",)
    """The keys it accepts."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        """0 until started, unless given. Kept when stopped, so that a restart comes back at the same address."""
        self.calls: list[Received] = []
        self.script: deque[Behaviour] = deque()
        """Each is used once, by the first call it applies to."""
        self.default: Behaviour | None = None
        """Used where nothing in the script applies; None answers normally."""
        self.violations: list[str] = []
        """What a client did that it must never do."""
        self.faults: list[Exception] = []
        """The simulator's own errors; `stop` raises them."""
        self.lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Returns when it accepts connections."""
        started: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(started)), name=type(self).__name__)
        self._thread.daemon = True
        self._thread.start()
        started.result(timeout=20)
        return self

    def stop(self) -> None:
        """Closes every connection and waits for the thread. Does nothing where it is not running."""
        if self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout=20)
        self._thread = None
        if self.faults:
            raise self.faults[0]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def reset(self) -> None:
        """Forgets everything it was told and has seen."""
        with self.lock:
            self.calls.clear()
            self.script.clear()
            self.violations.clear()
            self.default = None

    def count(self, path_prefix: str = "", method: str | None = None) -> int:
        """Calls to paths that start like this."""
        with self.lock:
            return sum(1 for call in self.calls if call.path.startswith(path_prefix) and method in (None, call.method))

    @abstractmethod
    async def answer(self, request: web.Request, call: Received, behaviour: Behaviour | None) -> web.StreamResponse:
        """The normal answer, or what a behaviour of the subclass's own makes of it. Subclasses write this."""

    def applies(self, behaviour: Behaviour, call: Received) -> bool:
        """Whether a behaviour of the script is for this call; subclasses narrow their own kinds."""
        if isinstance(behaviour, On):
            fits = call.path.startswith(behaviour.prefix) and behaviour.method in (None, call.method)
            return fits and self.applies(behaviour.behaviour, call)
        return not isinstance(behaviour, Delay) or behaviour.then is None or self.applies(behaviour.then, call)

    def error_body(self, code: int, message: str) -> object:
        """An error as this provider words it."""
        return {"detail": message}

    async def sleep(self, seconds: float) -> None:
        """Wait, but no longer than the simulator runs."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def refuse(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        """An error answer in the provider's form."""
        return respond(code, self.error_body(code, message), headers)

    async def cut_off(self, request: web.Request, whole: web.StreamResponse) -> web.StreamResponse:
        """Send half of an answer that promised all of itself, and close the connection."""
        body = whole.body if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b"{}"
        half = web.StreamResponse(status=whole.status, headers={"content-type": whole.content_type})
        half.content_length = len(body)
        await half.prepare(request)
        await half.write(body[: len(body) // 2])
        await asyncio.sleep(0.02)  # lets the half leave before the connection goes
        _drop(request)
        return half

    async def _run(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        application = web.Application(client_max_size=LARGEST_BODY)
        application.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True).start()
            self.port = runner.addresses[0][1]
        except OSError as error:
            started.set_exception(error)
        else:
            started.set_result(None)
            await self._stopping.wait()
        await runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        call = await _received(request)
        with self.lock:
            self.calls.append(call)
            behaviour = self._take(call)
        try:
            return await self._behave(request, call, behaviour)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception as error:
            self.faults.append(error)
            return self.refuse(500, "the simulator itself failed; see its faults")

    def _take(self, call: Received) -> Behaviour | None:
        for behaviour in self.script:
            if self.applies(behaviour, call):
                self.script.remove(behaviour)
                return behaviour
        return self.default if self.default is not None and self.applies(self.default, call) else None

    async def _behave(self, request: web.Request, call: Received, behaviour: Behaviour | None) -> web.StreamResponse:
        match behaviour:
            case On(behaviour=inner):
                return await self._behave(request, call, inner)
            case Delay(seconds, then):
                await self.sleep(seconds)
                return await self._behave(request, call, then)
            case Status(code, None, headers):
                return self.refuse(code, HTTPStatus(code).phrase, headers)
            case Status(code, body, headers):
                return respond(code, body, headers)
            case RateLimited(seconds):
                return self.refuse(429, "Too many requests", {} if seconds is None else {"retry-after": f"{seconds:g}"})
            case Garbage():
                return web.Response(body=b"<html>\xff\xfe not JSON </html>", content_type="application/json")
            case Truncated():
                return await self.cut_off(request, await self.answer(request, call, None))
            case Hang() | CloseConnection():
                if isinstance(behaviour, Hang):
                    await self._stopping.wait()
                _drop(request)
                return web.Response()
        return await self.answer(request, call, behaviour)


def respond(code: int, body: object, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer: text and bytes as they are, anything else as JSON."""
    if isinstance(body, bytes | str):
        data, media_type = body.encode() if isinstance(body, str) else body, "text/plain"
    else:
        data, media_type = json.dumps(body).encode(), "application/json"
    return web.Response(status=code, body=data, content_type=media_type, headers=headers)


async def _received(request: web.Request) -> Received:
    return Received(
        method=request.method,
        path=request.path,
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await _body(request),
    )


async def _body(request: web.Request) -> Any:
    if request.content_type == "multipart/form-data":
        form: dict[str, list[str | Upload]] = {}
        for name, value in (await request.post()).items():
            form.setdefault(name, []).append(_part(value))
        return form
    data = await request.read()
    try:
        return json.loads(data) if request.content_type == "application/json" else data
    except ValueError:
        return data


def _part(value: str | bytes | bytearray | FileField) -> str | Upload:
    if isinstance(value, FileField):
        with value.file as opened:
            return Upload(value.filename, value.content_type, opened.read())
    return value if isinstance(value, str) else value.decode()


def _drop(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


@lru_cache(maxsize=64)
def draw(width: int, height: int, form: str = "png", words: str = "") -> bytes:
    """An encoded picture of exactly this size and format (`png`, `jpeg` or `webp`), its colour chosen by the words."""
    hue = hashlib.sha256(words.encode()).digest()[0] / 255
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.7, 0.9))
    shade = Image.linear_gradient("L").resize((width, height))
    solid = Image.new("RGB", (width, height), (red, green, blue))
    return encoded(Image.composite(solid, Image.new("RGB", (width, height), "black"), shade), form)


def encoded(image: Image.Image, form: str) -> bytes:
    """The bytes of a picture, quickly rather than small."""
    settings: dict[str, dict[str, int]] = {"png": {"compress_level": 1}, "jpeg": {"quality": 80}, "webp": {"method": 0}}
    data = io.BytesIO()
    image.save(data, form, **settings[form])
    return data.getvalue()


def wait_until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Returns when the condition holds. Raises AssertionError when it does not in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"still not so after {seconds:g} s")
        time.sleep(0.005)
