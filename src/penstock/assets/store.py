"""The asset store: every picture's bytes, once, under their SHA-256.

A folder or an object store, chosen by address. It knows bytes only; owners, lineage and retention are rows elsewhere.
"""

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

import pybase64
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from penstock.assets.files import Files, failed
from penstock.assets.incoming import SUFFIX, Incoming, name
from penstock.assets.local import LocalFiles
from penstock.assets.remote import RemoteFiles
from penstock.core.errors import NotFound
from penstock.core.picture import Picture

PICTURE_LIMIT = 64 * 2**20
"""Bytes of one encoded picture, unless told otherwise."""
CHUNK = 256 * 1024
THUMBNAIL_SIDES = (320, 960)
"""Longest sides, in pixels, of the small versions that may be kept of a picture."""
_LEFTOVER_SECONDS = 3600


class AssetStore:
    """Pictures by digest. Reading raises NotFound (`asset_not_found`), everything raises Unavailable on a bad disk."""

    def __init__(self, files: Files, spool: Path) -> None:
        self._files = files
        self._spool = spool

    @classmethod
    def open(cls, url: str, spool: Path) -> Self:
        """The store at an address: a folder, `file:///folder`, `s3://bucket/prefix`, `gs://...`, `az://...`.

        `spool` is where pictures on their way to an object store wait. A folder has a spool of its own, `.incoming`
        inside it, so that a picture is moved in by a rename.
        """
        root = _folder(url)
        try:
            if root is not None:
                files: Files = LocalFiles(root)
                spool = root / ".incoming"
            else:
                objects = from_url(url)
                if isinstance(objects, LocalStore):
                    raise ValueError(f"{url!r} is not an address of an object store")
                files = RemoteFiles(objects)
            spool.mkdir(parents=True, exist_ok=True)
        except (BaseError, OSError, ValueError) as error:
            raise failed(error) from error
        return cls(files, spool)

    def receive(self, limit: int = PICTURE_LIMIT) -> Incoming:
        """A picture to be written, at most `limit` bytes long."""
        return Incoming(self._spool, self._files, limit)

    async def store(self, data: bytes, limit: int = PICTURE_LIMIT) -> Picture:
        """Keep a picture that is in memory. Raises NotAPicture, TooLarge."""
        incoming = self.receive(limit)
        incoming.write(data)
        return await incoming.finish()

    def read(self, digest: str, start: int = 0, end: int | None = None, chunk: int = CHUNK) -> AsyncIterator[bytes]:
        """A picture's bytes from `start` to `end` (exclusive), in pieces of about `chunk` bytes."""
        return self._files.read(_name(digest), start, end, chunk)

    async def base64(self, digest: str, chunk: int = CHUNK) -> AsyncIterator[bytes]:
        """A picture as base64 text, in pieces of about `chunk` characters."""
        carry = b""
        async for data in self._files.read(_name(digest), 0, None, max(3, chunk // 4 * 3)):
            data = carry + data if carry else data
            whole = len(data) - len(data) % 3
            carry = data[whole:]
            if whole:
                yield pybase64.b64encode(memoryview(data)[:whole])
        if carry:
            yield pybase64.b64encode(carry)

    async def load(self, digest: str) -> bytes:
        """All of a picture's bytes."""
        return await self._files.load(_name(digest))

    async def exists(self, digest: str) -> bool:
        return await self._files.exists(_name(digest))

    async def delete(self, digest: str) -> None:
        """Remove a picture, and then its small versions; nothing happens where there is none."""
        await self._files.delete(_name(digest))
        await self.delete_thumbnails(digest)

    async def delete_thumbnails(self, digest: str) -> None:
        """Remove a picture's small versions; nothing happens where there are none."""
        for side in THUMBNAIL_SIDES:
            await self._files.delete(_thumbnail_name(digest, side))

    async def load_thumbnail(self, digest: str, side: int) -> bytes | None:
        """The small version of a picture that is kept; None where none is."""
        try:
            return await self._files.load(_thumbnail_name(digest, side))
        except NotFound:
            return None

    async def keep_thumbnail(self, digest: str, side: int, data: bytes, media_type: str) -> None:
        """Keep a small version of a picture until that is deleted; `side` is one of `THUMBNAIL_SIDES`."""
        target, incoming = _thumbnail_name(digest, side), self._spool / f"{secrets.token_hex(16)}{SUFFIX}"
        try:
            incoming.write_bytes(data)
        except OSError as error:
            with suppress(OSError):
                incoming.unlink(missing_ok=True)
            raise failed(error) from error
        await self._files.adopt(incoming, target, len(data), media_type)

    def sweep(self, now: float) -> int:
        """Remove spool files last written more than an hour before `now` (Unix seconds); how many there were."""
        removed = 0
        for path in self._spool.glob(f"*{SUFFIX}"):
            try:
                if path.stat().st_mtime < now - _LEFTOVER_SECONDS:
                    path.unlink()
                    removed += 1
            except FileNotFoundError:
                continue
        return removed


def _folder(url: str) -> Path | None:
    """The folder an address names; None for an object store's."""
    if url.startswith("file:"):
        return Path(unquote(urlsplit(url).path))
    return None if "://" in url else Path(url).expanduser()


def _name(digest: str) -> str:
    if re.fullmatch(r"[0-9a-f]{64}", digest) is None:
        raise NotFound("A picture's name is a SHA-256 in lower-case hexadecimal.", code="asset_not_found")
    return name(digest)


def _thumbnail_name(digest: str, side: int) -> str:
    if side not in THUMBNAIL_SIDES:
        raise ValueError(f"no small version has a side of {side}")
    folder, rest = _name(digest).removeprefix("sha256/").split("/")
    return f"thumbnails/{folder}/{rest}-{side}.webp"
