"""The upstream client: aiohttp behind three methods, so that another can take its place.

Pictures never pass through memory whole: a request's are read from the asset store while sending, and a reply's
go through a scanner that stores them as they arrive and leaves placeholders in the text.
"""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from functools import lru_cache
from typing import Protocol

import aiohttp
from yarl import URL

from penstock.core.errors import (
    BadRequest,
    ConnectionLost,
    PenstockError,
    ProviderError,
    TooLarge,
    Unreachable,
    UpstreamFailed,
    UpstreamTimeout,
)
from penstock.core.picture import Picture
from penstock.core.pieces import PictureBytes, chunks, length
from penstock.core.wire import StreamEvent, UpstreamReply, UpstreamRequest
from penstock.upstream.events import EventParser

_SMALLEST_PICTURE = 1400
"""A reply shorter than this has no string long enough for the scanner."""
_CONNECT_SECONDS = 10.0
_ERROR_BYTES = 64 * 1024


class Scanner(Protocol):
    """Takes pictures out of JSON or event-stream text as it passes (`assets.scan`)."""

    def feed(self, chunk: bytes) -> None: ...

    async def finish(self) -> tuple[bytes, dict[str, Picture]]: ...

    async def drain(self) -> tuple[bytes, dict[str, Picture]]: ...

    def abandon(self) -> None: ...


class UpstreamClient:
    """Sends what adapters write. One per process; close it at the end."""

    def __init__(self, pictures: PictureBytes, scanner: Callable[[], Scanner]) -> None:
        self._pictures = pictures
        self._scanner = scanner
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def exchange(self, request: UpstreamRequest, timeout: float) -> UpstreamReply:
        """One request, one complete reply, whatever its status.

        `timeout` in seconds bounds all of it. Raises Unreachable where nothing was sent, else UpstreamTimeout or
        ConnectionLost.
        """
        try:
            async with self._send(request, timeout) as response:
                return await self._collect(response)
        except (BadRequest, TooLarge) as error:
            raise _unusable(error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _translated(error, request.url) from error

    async def stream(
        self, request: UpstreamRequest, timeout: float, silence: float | None = None
    ) -> AsyncGenerator[StreamEvent | UpstreamReply, None]:
        """One request, and its events as they come; a single UpstreamReply where the provider did not stream.

        `silence` in seconds bounds the wait for each part of it. Close the iterator to hang up. Raises like `exchange`.
        """
        try:
            async with self._send(request, timeout, silence) as response:
                if response.content_type != "text/event-stream" or response.status != 200:
                    yield await self._collect(response)
                    return
                async with aclosing(self._events(response)) as events:
                    async for event in events:
                        yield event
        except (BadRequest, TooLarge) as error:
            raise _unusable(error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _translated(error, request.url) from error

    def _send(
        self, request: UpstreamRequest, timeout: float, silence: float | None = None
    ) -> "aiohttp.client._RequestContextManager":
        headers = dict(request.headers)
        body: bytes | AsyncIterator[bytes] | None = None
        if len(request.body) == 1 and isinstance(request.body[0], bytes):
            body = request.body[0]
        elif request.body:
            headers["content-length"] = str(length(request.body))
            body = chunks(request.body, self._pictures)
        return self._opened().request(
            request.method,
            _parsed(request.url),
            headers=headers,
            data=body,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=_CONNECT_SECONDS, sock_read=silence),
        )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15, ttl_dns_cache=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=256 * 1024,
                auto_decompress=True,
                headers={"accept-encoding": "identity", "user-agent": "penstock"},
            )
        return self._session

    async def _collect(self, response: aiohttp.ClientResponse) -> UpstreamReply:
        headers = _headers(response)
        size = response.content_length
        if response.status >= 400:
            return UpstreamReply(status=response.status, headers=headers, body=await _beginning(response))
        if size is not None and size < _SMALLEST_PICTURE:
            return UpstreamReply(status=response.status, headers=headers, body=await response.read())
        scanner = self._scanner()
        try:
            async for chunk in response.content.iter_any():
                scanner.feed(chunk)
            body, pictures = await scanner.finish()
        except BaseException:
            scanner.abandon()
            raise
        return UpstreamReply(status=response.status, headers=headers, body=body, pictures=pictures)

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncGenerator[StreamEvent, None]:
        """Events; the scanner joins in at the first long line, for pictures are long lines."""
        parser = EventParser()
        scanner: Scanner | None = None
        waiting = 0
        try:
            async for chunk in response.content.iter_any():
                if scanner is None and (waiting := _open_line(chunk, waiting)) < _SMALLEST_PICTURE:
                    for name, data in parser.feed(chunk):
                        yield StreamEvent(event=name, data=data)
                    continue
                if scanner is None:
                    scanner, chunk = self._scanner(), parser.taken() + chunk
                scanner.feed(chunk)
                text, pictures = await scanner.drain()
                for name, data in parser.feed(text):
                    yield StreamEvent(event=name, data=data, pictures=pictures)
            rest, pictures = await scanner.finish() if scanner else (b"", {})
            for name, data in (*parser.feed(rest), *parser.end()):
                yield StreamEvent(event=name, data=data, pictures=pictures)
        finally:
            if scanner is not None:
                scanner.abandon()


@lru_cache(1024)
def _parsed(url: str) -> URL:
    """Most requests go to a few addresses; polling addresses pass through."""
    return URL(url)


def _open_line(chunk: bytes, waiting: int) -> int:
    """Bytes of the line left open after this chunk, or the longest line in it."""
    end = chunk.rfind(b"\n")
    if end < 0:
        return waiting + len(chunk)
    return len(chunk) - end - 1 if len(chunk) < _SMALLEST_PICTURE else max(map(len, chunk.split(b"\n")))


def _headers(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """An error's body, or the first of it; it may come in several pieces."""
    body = b""
    while len(body) < _ERROR_BYTES and (chunk := await response.content.read(_ERROR_BYTES - len(body))):
        body += chunk
    return body


def _unusable(error: PenstockError) -> UpstreamFailed:
    """What the scanner says of a caller's body, said of a provider's; what it delivered it will charge for."""
    failed = UpstreamFailed(f"The provider delivered something unusable: {error.message}", code="unusable_result")
    failed.ambiguous = True
    return failed


def _translated(error: Exception, url: str) -> ProviderError:
    host = url.partition("://")[2].partition("/")[0]
    if isinstance(error, aiohttp.ConnectionTimeoutError | aiohttp.ClientConnectorError | ssl.SSLError):
        return Unreachable(f"No connection to {host}.")
    if isinstance(error, TimeoutError):
        return UpstreamTimeout(f"{host} did not answer in time.")
    if isinstance(error, aiohttp.ClientPayloadError):
        return ConnectionLost(f"{host} broke off its answer.")
    return ConnectionLost(f"The connection to {host} broke: {type(error).__name__}.")
