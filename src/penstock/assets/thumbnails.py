"""Small versions of stored pictures, for pages with many of them: made when first asked for, and kept beside them.

WebP, no side longer than 320 or 960 pixels. They go when their picture goes (`AssetStore.delete`).
"""

import asyncio
from functools import partial

import structlog

from penstock.assets.files import missing
from penstock.assets.measure import MAX_PIXELS, NotAPicture
from penstock.assets.store import AssetStore
from penstock.assets.workers import Workers
from penstock.core.errors import PenstockError
from penstock.core.picture import Picture

log = structlog.get_logger()

MEDIA_TYPE = "image/webp"

LARGE_PIXELS = 25_000_000
"""Larger ones are decoded one at a time: each may take nine bytes of memory a pixel."""


class NoThumbnail(PenstockError):
    """There is a picture, and no small version can be made of it."""

    status = 422
    type = "invalid_request_error"
    code = "thumbnail_unavailable"


class Thumbnails:
    """Reads small versions, and makes those that are not there."""

    def __init__(self, assets: AssetStore) -> None:
        self._assets = assets
        self._workers = Workers()
        self._large = asyncio.Semaphore(1)
        self._making: dict[tuple[str, int], asyncio.Task[bytes]] = {}

    async def load(self, picture: Picture, side: int) -> bytes:
        """The WebP with no side longer than `side`, one of `store.THUMBNAIL_SIDES`.

        Raises NotFound where the picture is gone, NoThumbnail where it cannot be decoded or is too large, and
        Unavailable on a bad disk.
        """
        kept = await self._assets.load_thumbnail(picture.digest, side)
        return await self._shared(picture, side) if kept is None else kept

    async def close(self) -> None:
        """End what is being made, and the processes that make it."""
        for task in self._making.values():
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)
        await self._workers.close()

    async def _shared(self, picture: Picture, side: int) -> bytes:
        """Callers that ask for the same one at the same time share it."""
        wanted = (picture.digest, side)
        task = self._making.get(wanted)
        if task is None:
            task = self._making[wanted] = asyncio.create_task(self._made(picture, side))
            task.add_done_callback(partial(self._done, wanted))
        return await asyncio.shield(task)  # one caller that hangs up must not take it from the others

    def _done(self, wanted: tuple[str, int], task: "asyncio.Task[bytes]") -> None:
        del self._making[wanted]
        if not task.cancelled():
            task.exception()  # heard by whoever still waits; nobody may

    async def _made(self, picture: Picture, side: int) -> bytes:
        if picture.pixels > MAX_PIXELS:
            raise NoThumbnail(
                f"The picture has {picture.pixels} pixels; small versions are made of {MAX_PIXELS} at most."
            )
        if picture.pixels > LARGE_PIXELS:
            async with self._large:
                data = await self._shrunk(picture, side)
        else:
            data = await self._shrunk(picture, side)
        await self._keep(picture, side, data)
        return data

    async def _shrunk(self, picture: Picture, side: int) -> bytes:
        try:
            return await self._workers.shrink(side, picture.bytes, self._assets.read(picture.digest))
        except NotAPicture as error:
            raise NoThumbnail(f"No small version can be made of this picture. {error.message}") from error
        except TimeoutError as error:
            raise NoThumbnail("To make a small version of this picture takes too long.") from error
        except OSError as error:
            log.warning("thumbnail.not_made", digest=picture.digest, error=str(error))
            raise NoThumbnail(f"No small version can be made of this picture now: {error}.") from error

    async def _keep(self, picture: Picture, side: int, data: bytes) -> None:
        """Where that fails it is served all the same, and made again the next time. Raises NotFound."""
        try:
            await self._assets.keep_thumbnail(picture.digest, side, data, MEDIA_TYPE)
            # Asked afterwards: a deletion removes the picture first and then this.
            if not await self._assets.exists(picture.digest):
                await self._assets.delete_thumbnails(picture.digest)
                raise missing(picture.digest)
        except PenstockError as error:
            if error.status < 500:
                raise
            log.warning("thumbnail.not_kept", digest=picture.digest, error=error.message)
