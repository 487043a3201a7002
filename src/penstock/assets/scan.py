"""Takes the pictures out of JSON while it arrives, so that no body is ever held with its pictures in it.

Works on the bytes of a JSON document or of a stream of server-sent events, without parsing either. A picture is a
string without a raw quote in it for a long way, so the scanner jumps from gap to gap; what follows a quote that
opens nothing is never base64. Invalid JSON comes out as invalid JSON.
"""

import re

import pybase64

from penstock.assets.incoming import Incoming
from penstock.assets.measure import SIGNATURES, NotAPicture
from penstock.assets.store import PICTURE_LIMIT, AssetStore
from penstock.core.errors import TooLarge
from penstock.core.picture import Picture
from penstock.core.pieces import placeholder

KEEP_LIMIT = 8 * 2**20
"""Bytes of text held."""
SHORTEST = 1024
"""Characters of base64 below which a string stays text."""
MOST_PICTURES = 1000
"""In one body, or between two drains of a stream."""

_BACKSLASH = 0x5C
_LONGEST_HEAD = 256
_SEEN = _LONGEST_HEAD + SHORTEST
"""Bytes after a quote that suffice to tell whether a picture begins there."""
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FIRST = frozenset(_BASE64 + b"\\")
"""What the text of a picture, or the head before it, may begin with."""
_HEAD = re.compile(rb'data:(?P<type>[^;,"]*)(?:;[^,"]*)?;base64,', re.IGNORECASE)
_PICTURE_TYPES = frozenset((b"image/png", b"image/jpeg", b"image/jpg", b"image/webp", b"image/gif"))
_ESCAPES = ((rb"\/", b"/"), (rb"\u002b", b"+"), (rb"\u002f", b"/"), (rb"\u003d", b"="))
"""How JSON writers escape characters of the alphabet: PHP the slash, .NET the plus sign."""
_UNFINISHED = re.compile(rb"\\(?:u[0-9A-Fa-f]{0,3})?\Z")


class PictureScanner:
    """One body on its way in: `feed` it, then `finish`, or `drain` now and then where it is a stream.

    A string becomes a picture where at least SHORTEST characters of base64 follow its quote (or its
    `data:...;base64,` head, which stays) and the head declares a picture of a format we take, or the bytes begin like
    one. Everything else stays text: sound, documents, vectors, other formats.
    """

    def __init__(self, store: AssetStore, *, keep_limit: int = KEEP_LIMIT, picture_limit: int = PICTURE_LIMIT) -> None:
        self._store = store
        self._keep_limit = keep_limit
        self._picture_limit = picture_limit
        self._kept: list[bytes] = []
        self._kept_length = 0
        self._given = 0
        """Bytes of text handed out by `drain`."""
        self._held = b""
        """The end of the last chunk, where only the next one tells what it means."""
        self._incoming: Incoming | None = None
        self._closed: list[tuple[int, Incoming]] = []
        """Complete pictures with the place of their placeholder, in bytes of text since the beginning."""
        self._count = 0
        self._failure: NotAPicture | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere.

        Raises TooLarge where the text or a picture is beyond its limit, and Unavailable where the disk refuses. A bad
        picture is reported by `finish` and `drain`; what follows it is ignored.
        """
        data = self._held + chunk if self._held else chunk
        self._held = b""
        at = 0
        while at < len(data) and self._failure is None:
            at = self._picture(self._incoming, data, at) if self._incoming else self._text(data, at)

    async def finish(self) -> tuple[bytes, dict[str, Picture]]:
        """The rest of the text with a placeholder for each picture, and the pictures in it, stored, by digest.

        Raises NotAPicture, which says which picture it was; what was not drained before is not in the store then.
        """
        if self._incoming is not None:
            self._fail(NotAPicture("the body ends inside it.", code="image_truncated"))
        self._check()
        text = b"".join(self._kept) + self._held
        self._held = b""
        return await self._hand_out(text, len(text))

    async def drain(self) -> tuple[bytes, dict[str, Picture]]:
        """The text up to its last complete line, and the pictures in it. Raises NotAPicture."""
        self._check()
        text = b"".join(self._kept)
        return await self._hand_out(text, text.rfind(b"\n") + 1)

    def abandon(self) -> None:
        """Drop what has not been handed out. May be called at any time, and again."""
        if self._incoming is not None:
            self._incoming.abandon()
            self._incoming = None
        for _, incoming in self._closed:
            incoming.abandon()
        self._closed, self._kept, self._kept_length, self._held = [], [], 0, b""

    def _text(self, data: bytes, start: int) -> int:
        """Keep text from `start` to where a picture begins or the data ends; returns that place."""
        quote = data.find(b'"', start)
        while quote >= 0:
            later = data.rfind(b'"', quote + 1, quote + 1 + SHORTEST)
            if later >= 0:
                quote = later
                continue
            # After a backslash a quote is part of a string, or closes one that ends in a backslash.
            begin = 0 if quote and data[quote - 1] == _BACKSLASH else _picture_begins(data, quote + 1)
            if begin is None:
                self._keep(data[start:quote])
                self._held = data[quote:]
                return len(data)
            if begin:
                self._keep(data[start:begin])
                self._open()
                return begin
            quote = data.find(b'"', quote + 1 + SHORTEST)
        end = len(data) - data.endswith(b"\\")
        self._keep(data[start:end])
        self._held = data[end:]
        return len(data)

    def _picture(self, incoming: Incoming, data: bytes, start: int) -> int:
        """Write a picture's text from `start` to its closing quote or the end of the data; returns that place."""
        quote = data.find(b'"', start)
        end = quote if quote >= 0 else len(data)
        text: bytes | memoryview = memoryview(data)[start:end]
        if data.find(b"\\", start, end) >= 0:
            text, self._held = _unescaped(data[start:end])
            if quote >= 0:
                text, self._held = text + self._held, b""
        try:
            incoming.write_base64(text)
            if quote >= 0:
                self._close(incoming)
        except NotAPicture as error:
            self._fail(error)
        except BaseException:
            self.abandon()
            raise
        return end

    def _open(self) -> None:
        self._count += 1
        if len(self._closed) >= MOST_PICTURES:
            self.abandon()
            raise TooLarge(f"There are more than {MOST_PICTURES} pictures in one body.")
        self._incoming = self._store.receive(self._picture_limit)

    def _close(self, incoming: Incoming) -> None:
        picture = incoming.close()
        self._incoming = None
        self._closed.append((self._given + self._kept_length, incoming))
        self._keep(placeholder(picture.digest).encode())

    def _keep(self, text: bytes) -> None:
        self._kept_length += len(text)
        if self._kept_length > self._keep_limit:
            self.abandon()
            raise TooLarge(f"The body has more than {self._keep_limit / 2**20:g} MiB besides its pictures.")
        if text:
            self._kept.append(text)

    def _fail(self, error: NotAPicture) -> None:
        self.abandon()
        self._failure = NotAPicture(f"The {_ordinal(self._count)} picture: {error.message}", code=error.code)
        self._failure.__cause__ = error

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _hand_out(self, text: bytes, end: int) -> tuple[bytes, dict[str, Picture]]:
        """The first `end` bytes of the kept text with their pictures, moved into the store."""
        self._kept, self._kept_length = [text[end:]], len(text) - end
        self._given += end
        pictures = {}
        while self._closed and self._closed[0][0] < self._given:
            _, incoming = self._closed.pop(0)
            try:
                picture = await incoming.finish()
            except BaseException:
                incoming.abandon()
                self.abandon()
                raise
            pictures[picture.digest] = picture
        return text[:end], pictures


def _picture_begins(data: bytes, at: int) -> int | None:
    """Where the base64 of a picture begins in the string whose first character is at `at`.

    0: it is no picture (or not a string). None: more bytes are needed to tell. There is no quote in the next SHORTEST.
    """
    seen = data[at : at + _SEEN]
    if seen and seen[0] not in _FIRST:
        return 0
    if len(seen) < _SEEN and b'"' not in seen and b"\n" not in seen:
        return None
    head = _HEAD.match(seen)
    begin = head.end() if head else 0
    sample = seen[begin : begin + SHORTEST]
    if len(sample) < SHORTEST:
        return 0
    plain, _ = _unescaped(sample)
    text = plain.rstrip(b"=")
    if len(plain) - len(text) > 2 or text.translate(None, _BASE64):
        return 0
    declared = head is not None and head["type"].replace(rb"\/", b"/").strip().lower() in _PICTURE_TYPES
    return at + begin if declared or _begins_like_a_picture(plain) else 0


def _begins_like_a_picture(base64: bytes) -> bool:
    start = pybase64.b64decode(base64[:16])
    return start.startswith(SIGNATURES) and (not start.startswith(b"RIFF") or start[8:12] == b"WEBP")


def _unescaped(text: bytes) -> tuple[bytes, bytes]:
    """Base64 text without its escapes, and an escape cut off at its end. Escapes of other characters stay."""
    cut = _UNFINISHED.search(text, max(0, len(text) - 5))
    text, rest = (text[: cut.start()], text[cut.start() :]) if cut else (text, b"")
    for escape, character in _ESCAPES:
        if escape[:2] in text:
            text = text.replace(escape, character).replace(escape.upper().replace(b"U", b"u"), character)
    return text, rest


def _ordinal(number: int) -> str:
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
