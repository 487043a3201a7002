"""What the asset store needs of a place that keeps files, and how its failures are told."""

import errno
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from penstock.core.errors import NotFound, Unavailable


class Files(Protocol):
    """A place that keeps files by name. Names are made by the store, never by a caller."""

    async def adopt(self, incoming: Path, name: str, length: int, media_type: str) -> None:
        """Take a local file over under that name; it is gone from where it was. A file already there is kept."""
        ...

    def read(self, name: str, start: int, end: int | None, chunk: int) -> AsyncIterator[bytes]:
        """Bytes `start` to `end` (exclusive; None: to the last), in pieces of about `chunk` bytes."""
        ...

    async def load(self, name: str) -> bytes: ...

    async def exists(self, name: str) -> bool: ...

    async def delete(self, name: str) -> None:
        """Remove the file; nothing happens where there is none."""
        ...


def missing(name: str) -> NotFound:
    return NotFound(f"There is no stored picture {name}.", code="asset_not_found")


def failed(error: Exception) -> Unavailable:
    """A storage failure as a caller is told it; code `storage_full` or `storage_failed`."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable("The disk that keeps the pictures is full.", code="storage_full")
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error).partition("\n")[0]
    return Unavailable(f"The place that keeps the pictures cannot be used: {reason}.", code="storage_failed")
