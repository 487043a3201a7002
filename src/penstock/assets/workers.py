"""Processes that make pictures smaller, started when they are needed and asked through pipes by the event loop.

Neither threads nor `concurrent.futures`: measured beside a saturated loop, a thread that decodes 16 megapixels of WebP
needed 72 seconds for half a second's work, for it waits for the interpreter after every few kilobytes (see
`store.giveway`), and kept the loop waiting 40 ms at a time; a pool's own threads waited up to 5 seconds to hand a
picture over. Pipes are read by the loop itself: the same took 0.6 seconds, whatever else the loop did. A process can
also be killed, and dies alone.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import suppress

from penstock.assets import shrink
from penstock.assets.measure import NotAPicture

MOST = 2
"""Processes, and so pictures, at once."""

SECONDS = 60.0
"""For one picture; 100 megapixels take about three on a slow machine."""


class Workers:
    """At most `MOST` processes. Two loops cannot share them."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(MOST)
        self._idle: list[Process] = []

    async def shrink(self, side: int, length: int, data: AsyncIterator[bytes]) -> bytes:
        """`shrink.shrink` of `data`, `length` bytes in all.

        Raises NotAPicture, and OSError where no process can be had or it broke off.
        """
        async with self._turns:
            process = self._at_hand() or await _started()
            try:
                async with asyncio.timeout(SECONDS):
                    well, result = await _asked(process, side, length, data)
            except BaseException:  # whatever it was, the pipes are out of step now
                await _ended(process)
                raise
            self._idle.append(process)
        if not well:
            raise NotAPicture(result.decode())
        return result

    async def close(self) -> None:
        """End the processes that are idle."""
        while self._idle:
            await _ended(self._idle.pop())

    def _at_hand(self) -> Process | None:
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:  # the system may have ended it to have its memory
                return process
        return None


async def _started() -> Process:
    # -P: nothing is imported from the folder the gateway happens to run in.
    return await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", shrink.__name__, stdin=PIPE, stdout=PIPE, limit=2**20
    )


async def _asked(process: Process, side: int, length: int, data: AsyncIterator[bytes]) -> tuple[bool, bytes]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(shrink.ASK.pack(side, length))
    sent = 0
    async for chunk in data:
        process.stdin.write(chunk)
        await process.stdin.drain()
        sent += len(chunk)
    if sent != length:
        raise OSError(f"the stored file has {sent} bytes rather than {length}")
    try:
        well, size = shrink.TELL.unpack(await process.stdout.readexactly(shrink.TELL.size))
        return well, await process.stdout.readexactly(size)
    except asyncio.IncompleteReadError as error:
        raise OSError("the process that makes small pictures ended in its middle") from error


async def _ended(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
