"""A body too large for memory: written to a file first, and read while it is sent.

The file has no name, so nothing is left of it when it is closed, nor when the process is killed.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Self

from penstock.core.errors import Unavailable

CHUNK = 256 * 1024


class Spool:
    """Written through `file`, on a thread; then its `size` is told and its `chunks` sent. Whoever has it closes it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    @classmethod
    def open(cls, folder: Path) -> Self:
        """An empty one, in a folder that is made where it is missing. Raises Unavailable."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(tempfile.TemporaryFile(dir=folder))
        except OSError as error:
            raise failed(error) from error

    @property
    def size(self) -> int:
        """Bytes written."""
        return self.file.seek(0, 2)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Everything that has been written, in pieces."""
        self.file.seek(0)
        while chunk := await asyncio.to_thread(self.file.read, CHUNK):
            yield chunk

    def close(self) -> None:
        self.file.close()


def failed(error: OSError) -> Unavailable:
    """The error for a full disk or a folder that cannot be written to."""
    return Unavailable(
        f"The answer cannot be written to the data directory before it is sent: {error.strerror}. "
        "Check the free space on its disk.",
        code="spool_unavailable",
    )
