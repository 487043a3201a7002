"""At most so many upstream calls at once per account and per offer: a provider that refuses excess never sees it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from penstock.core.target import Candidate


class Slots:
    """Semaphores made on first use, one per limited account and one per limited offer."""

    def __init__(self) -> None:
        self._semaphores: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def hold(self, candidate: Candidate) -> AsyncIterator[None]:
        """Wait for a place, and give it back at the end. Waiting is bounded by the request's deadline."""
        provider = candidate.account.provider
        limits = ((provider.slug, provider.concurrency), (candidate.offer.id, candidate.offer.concurrency))
        held: list[asyncio.Semaphore] = []
        try:
            for name, limit in limits:
                if limit is not None:
                    semaphore = self._semaphores.setdefault(name, asyncio.Semaphore(limit))
                    await semaphore.acquire()
                    held.append(semaphore)
            yield
        finally:
            for semaphore in held:
                semaphore.release()
