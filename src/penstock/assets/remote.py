"""Pictures in an object store: S3 and what speaks like it, Google Cloud Storage, Azure, through obstore.

Credentials, region and endpoint come from the environment variables each of them documents (`AWS_ACCESS_KEY_ID`,
`AWS_ENDPOINT_URL`, ...) or the machine's role; none of them is a setting of ours.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError

from penstock.assets.files import failed, missing

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ObjectStore


class RemoteFiles:
    """A bucket or container, with an object per name."""

    def __init__(self, objects: "ObjectStore") -> None:
        self._objects = objects

    async def adopt(self, incoming: Path, name: str, length: int, media_type: str) -> None:
        try:
            if not await self.exists(name):
                attributes = {"Content-Type": media_type}
                await obstore.put_async(self._objects, name, incoming, attributes=attributes)
        except (BaseError, OSError) as error:
            raise failed(error) from error
        finally:
            _drop(incoming)

    async def read(self, name: str, start: int, end: int | None, chunk: int) -> AsyncIterator[bytes]:
        if end is not None and start >= end:
            return
        options: GetOptions = {"range": {"offset": start} if end is None else (start, end)}
        try:
            result = await obstore.get_async(self._objects, name, options=options)
            async for data in result.stream(min_chunk_size=chunk):
                yield bytes(data)
        except FileNotFoundError as error:
            raise missing(name) from error
        except (BaseError, OSError) as error:
            raise failed(error) from error

    async def load(self, name: str) -> bytes:
        return b"".join([data async for data in self.read(name, 0, None, 1024 * 1024)])

    async def exists(self, name: str) -> bool:
        try:
            await obstore.head_async(self._objects, name)
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise failed(error) from error
        return True

    async def delete(self, name: str) -> None:
        try:
            await obstore.delete_async(self._objects, name)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise failed(error) from error


def _drop(incoming: Path) -> None:
    incoming.unlink(missing_ok=True)
