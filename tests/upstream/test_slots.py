"""Slots: never more calls at once than a provider and an offer take, and every place is given back."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from penstock.core.call import Operation
from penstock.core.target import Account, Candidate, Model, Offer, Provider
from penstock.upstream.slots import Slots

OPERATIONS = frozenset({Operation.CHAT})


def candidate(provider: int | None = None, offer: int | None = None, name: str = "one") -> Candidate:
    sells = Provider(slug="p", name="P", adapter="x", concurrency=provider)
    sold = Offer(model="m/m", provider="p", upstream=name, operations=OPERATIONS, concurrency=offer)
    return Candidate(Model(slug="m/m", name="M", maker="M"), sold, Account(provider=sells))


class Crowd:
    """Callers that each hold a place until they are told to go."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._go = asyncio.Event()
        self.inside = 0
        self.most = 0

    def enter(self, candidate: Candidate, number: int) -> list["asyncio.Task[None]"]:
        return [asyncio.create_task(self._hold(candidate)) for _ in range(number)]

    def release(self) -> None:
        self._go.set()

    async def _hold(self, candidate: Candidate) -> None:
        async with self._slots.hold(candidate):
            self.inside += 1
            self.most = max(self.most, self.inside)
            await self._go.wait()
            self.inside -= 1


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("provider", "offer", "inside"), [(None, None, 10), (3, None, 3), (None, 2, 2), (3, 2, 2), (2, 3, 2), (20, 20, 10)]
)
async def test_as_many_are_inside_as_the_lower_limit_allows(
    provider: int | None, offer: int | None, inside: int
) -> None:
    crowd = Crowd(Slots())
    tasks = crowd.enter(candidate(provider, offer), 10)
    await settle()
    assert crowd.inside == inside
    crowd.release()
    await asyncio.gather(*tasks)
    assert (crowd.inside, crowd.most) == (0, inside)


async def test_two_offers_share_the_places_of_their_provider_and_not_their_own() -> None:
    crowd = Crowd(Slots())
    tasks = crowd.enter(candidate(3, 2, "one"), 2) + crowd.enter(candidate(3, 2, "two"), 2)
    await settle()
    assert crowd.inside == 3
    crowd.release()
    await asyncio.gather(*tasks)


async def test_who_is_cancelled_inside_or_while_waiting_gives_every_place_back() -> None:
    slots = Slots()
    crowd = Crowd(slots)
    asked = candidate(2, 1)
    tasks = crowd.enter(asked, 4)
    await settle()
    assert crowd.inside == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    after = Crowd(slots)
    tasks = after.enter(asked, 1) + after.enter(replace(asked, offer=replace(asked.offer, upstream="two")), 1)
    await settle()
    assert after.inside == 2
    after.release()
    await asyncio.gather(*tasks)


async def test_an_error_inside_gives_the_place_back() -> None:
    slots, asked = Slots(), candidate(1, 1)
    for _ in range(3):
        with suppress(ValueError):
            async with asyncio.timeout(1), slots.hold(asked):
                raise ValueError
