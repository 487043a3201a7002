"""At most so many upstream calls at once per account and per offer: a provider that refuses excess never sees it."""

import asyncio
from types import TracebackType

from penstock.core.target import Candidate


class Slots:
    """Semaphores made on first use, one per limited account and one per limited offer."""

    def __init__(self) -> None:
        self._semaphores: dict[str, asyncio.Semaphore] = {}

    def hold(self, candidate: Candidate) -> "Place":
        """Wait for a place with `async with`. Waiting is bounded by the request's deadline."""
        provider, offer = candidate.account.provider, candidate.offer
        if provider.concurrency is None and offer.concurrency is None:
            return _FREE
        limits = ((provider.slug, provider.concurrency), (offer.id, offer.concurrency))
        return Place(
            tuple(
                self._semaphores.setdefault(name, asyncio.Semaphore(limit))
                for name, limit in limits
                if limit is not None
            )
        )


class Place:
    """A place in each of several queues, or in none."""

    __slots__ = ("_held", "_semaphores")

    def __init__(self, semaphores: tuple[asyncio.Semaphore, ...]) -> None:
        self._semaphores = semaphores
        self._held: list[asyncio.Semaphore] = []

    async def __aenter__(self) -> None:
        try:
            for semaphore in self._semaphores:
                await semaphore.acquire()
                self._held.append(semaphore)
        except BaseException:
            self._release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        while self._held:
            self._held.pop().release()


_FREE = Place(())
