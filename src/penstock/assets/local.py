"""Pictures in a folder of this machine.

Reads and writes are plain system calls on the event loop: they go to the page cache and cost less than a hop to a
thread (docs/decisions/pictures-are-files.md).
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

from penstock.assets.files import failed, missing


class LocalFiles:
    """A folder, with a file per name."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def adopt(self, incoming: Path, name: str, length: int, media_type: str) -> None:
        try:
            _move(incoming, self._root / name, length)
        except OSError as error:
            raise failed(error) from error

    def read(self, name: str, start: int, end: int | None, chunk: int) -> AsyncIterator[bytes]:
        return _Reading(self._open(name), start, end, chunk)

    async def load(self, name: str) -> bytes:
        descriptor = self._open(name)
        try:
            return _whole(descriptor)
        except OSError as error:
            raise failed(error) from error

    async def exists(self, name: str) -> bool:
        return _length(self._root / name) is not None

    async def delete(self, name: str) -> None:
        try:
            (self._root / name).unlink(missing_ok=True)
        except OSError as error:
            raise failed(error) from error

    def _open(self, name: str) -> int:
        try:
            return os.open(self._root / name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise missing(name) from error
        except OSError as error:
            raise failed(error) from error


def _move(incoming: Path, target: Path, length: int) -> None:
    try:
        # A file of another length was cut short by a power failure after its rename; the new one replaces it.
        if _length(target) != length:
            target.parent.mkdir(parents=True, exist_ok=True)
            incoming.replace(target)
    finally:
        incoming.unlink(missing_ok=True)


def _whole(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _length(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


class _Reading:
    """The pieces of an open file.

    Not a generator, because one that is left half read is closed by the event loop, and a file must be closed without.
    """

    def __init__(self, descriptor: int, start: int, end: int | None, chunk: int) -> None:
        self._descriptor = descriptor
        self._at = start
        self._end = end
        self._chunk = chunk

    def __aiter__(self) -> "_Reading":
        return self

    async def __anext__(self) -> bytes:
        wanted = self._chunk if self._end is None else min(self._chunk, self._end - self._at)
        try:
            data = os.pread(self._descriptor, wanted, self._at) if wanted > 0 else b""
        except OSError as error:
            raise failed(error) from error
        if not data:
            raise StopAsyncIteration
        self._at += len(data)
        return data

    def __del__(self) -> None:
        os.close(self._descriptor)
