"""Pictures brought home: what a provider left at an address or in a short base64 field goes into the asset store.

Results are downloaded at once, without any key, through the guarded fetcher; downloading again is free, so passing
faults are tried again.
"""

import asyncio
from dataclasses import replace

import pybase64

from penstock.core.answer import ImageAnswer, Output
from penstock.core.errors import PenstockError, UpstreamFailed
from penstock.core.picture import Picture
from penstock.pipeline.gateway import Gateway
from penstock.upstream.fetch import FetchFailed, FetchRefused

_PAUSES = (0.2, 1.0)
"""Seconds before the second and third try of a download."""


async def bring_home(answer: ImageAnswer, gateway: Gateway) -> ImageAnswer:
    """The answer with every output a stored picture; those that cannot be had become failures.

    Raises the first failure where nothing is left.
    """
    results = await asyncio.gather(*(_home(output, gateway) for output in answer.outputs), return_exceptions=True)
    outputs = tuple(result for result in results if isinstance(result, Output))
    failures = answer.failures
    for result in results:
        if isinstance(result, BaseException):
            if not isinstance(result, PenstockError):
                raise result
            failures = (*failures, result)
    if not outputs:
        raise failures[0] if failures else UpstreamFailed("The provider answered without a picture.")
    return replace(answer, outputs=outputs, failures=failures)


async def _home(output: Output, gateway: Gateway) -> Output:
    if output.picture is not None:
        return output
    picture = await (_download(output.url, gateway) if output.url else _decode(output.base64 or "", gateway))
    return replace(output, picture=picture, url=None, base64=None)


async def _decode(text: str, gateway: Gateway) -> Picture:
    try:
        return await gateway.assets.store(pybase64.b64decode(text, validate=True))
    except (ValueError, PenstockError) as error:
        raise UpstreamFailed(f"The provider delivered something that is not a picture: {error}") from error


async def _download(url: str, gateway: Gateway) -> Picture:
    for pause in (*_PAUSES, None):
        try:
            return await download(url, gateway)
        except FetchRefused as error:
            raise UpstreamFailed(f"The provider's result is at an address that is not fetched: {error}") from error
        except FetchFailed as error:
            expired = error.status in (403, 404, 410)
            if expired or pause is None:
                why = "has expired" if expired else "could not be downloaded"
                raise UpstreamFailed(f"The provider's result {why}: {error}", code="result_unavailable") from error
            await asyncio.sleep(pause)
        except PenstockError as error:
            raise UpstreamFailed(f"The provider's result is not a usable picture: {error.message}") from error
    raise AssertionError("the last try returns or raises")


def picture_limit(gateway: Gateway) -> int:
    """Bytes one picture may have."""
    return gateway.settings.assets.max_picture_megabytes * 2**20


async def download(url: str, gateway: Gateway) -> Picture:
    """The picture at an address, stored as it arrives.

    Raises FetchRefused, FetchFailed, and BadRequest or TooLarge where what is there is no picture or too large.
    """
    incoming = gateway.assets.receive(picture_limit(gateway))
    try:
        async with gateway.fetcher.get(url) as chunks:
            async for chunk in chunks:
                incoming.write(chunk)
        return await incoming.finish()
    finally:
        incoming.abandon()
