"""Asking providers that are down: what is asked, with which key, and what an answer puts back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import cast

import pytest

from penstock.assets.scan import PictureScanner
from penstock.assets.store import AssetStore
from penstock.core.call import Operation
from penstock.core.clock import SystemClock
from penstock.core.target import Account, AccountKey, Provider, Secret
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.probe import probe_once, probe_providers
from penstock.providers import ADAPTERS
from penstock.settings import Breaker, Routing
from penstock.settings import Rotation as RotationSettings
from penstock.upstream.breakers import Breakers
from penstock.upstream.client import UpstreamClient
from penstock.upstream.rotation import Reason, Rotation
from tests.simulators.base import On, Status
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import OpenAISimulator

pytestmark = pytest.mark.e2e

Simulator = BflSimulator | OpenAISimulator


@pytest.fixture(scope="module")
def bfl_server() -> Iterator[BflSimulator]:
    with BflSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def openai_server() -> Iterator[OpenAISimulator]:
    with OpenAISimulator() as simulator:
        yield simulator


@pytest.fixture
def bfl(bfl_server: BflSimulator) -> BflSimulator:
    bfl_server.reset()
    return bfl_server


@pytest.fixture
def openai(openai_server: OpenAISimulator) -> OpenAISimulator:
    openai_server.reset()
    return openai_server


class Room:
    """A gateway of two providers, with as much of it as a prober looks at."""

    def __init__(self, bfl: BflSimulator, openai: OpenAISimulator, upstream: UpstreamClient) -> None:
        self.accounts = {
            "bfl": _account("bfl", "bfl", bfl.url, (bfl.keys[0], "wrong")),
            "openai": _account("openai", "openai_compatible", openai.base_url, (openai.keys[0],)),
            "sandbox": Account(provider=Provider(slug="sandbox", name="Sandbox", adapter="sandbox")),
        }
        self.rotation = Rotation(RotationSettings())
        self.breakers = Breakers(Breaker(minimum=1, open_seconds=10_000))
        self.clock = SystemClock()
        self.gateway = cast(
            Gateway,
            SimpleNamespace(
                accounts=self.accounts,
                adapters={name: make() for name, make in ADAPTERS.items()},
                rotation=self.rotation,
                breakers=self.breakers,
                clock=self.clock,
                upstream=upstream,
                routes=SimpleNamespace(settings=Routing(probe_seconds=0)),
            ),
        )

    def rest(self, provider: str, key: str, reason: Reason) -> None:
        self.rotation.rest(self.accounts[provider], key, reason, self.clock.monotonic(), None)

    def open(self, offer_id: str) -> None:
        now = self.clock.monotonic()
        entry = self.breakers.enter((offer_id, Operation.IMAGE_GENERATION), now)
        assert entry is not None
        self.breakers.leave(entry, False, now)

    def resting(self) -> list[tuple[str, str]]:
        return [(rest.provider, rest.key_name) for rest in self.rotation.resting(self.clock.monotonic())]

    def open_offers(self) -> list[str]:
        return [id for (id, _), state in self.breakers.states(self.clock.monotonic()).items() if state.name == "open"]


def _account(slug: str, adapter: str, url: str, keys: tuple[str, ...]) -> Account:
    provider = Provider(slug=slug, name=slug, adapter=adapter, base_url=url)
    several = tuple(AccountKey(name=str(number), key=Secret(key)) for number, key in enumerate(keys, start=1))
    if len(several) == 1:
        return Account(provider=provider, key=several[0].key)
    return Account(provider=provider, key=several[0].key, key_name="1", keys=several)


@pytest.fixture
async def room(
    bfl: BflSimulator, openai: OpenAISimulator, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Room]:
    folder = tmp_path_factory.mktemp("assets")
    assets = AssetStore.open(str(folder / "kept"), folder / "spool")
    upstream = UpstreamClient(assets, lambda: PictureScanner(assets, picture_limit=2**20))
    yield Room(bfl, openai, upstream)
    await upstream.close()


async def test_nobody_is_asked_while_everything_works(room: Room, bfl: BflSimulator, openai: OpenAISimulator) -> None:
    await probe_once(room.gateway)
    assert bfl.calls == openai.calls == []


async def test_a_key_without_credit_is_back_when_there_is_credit(room: Room, bfl: BflSimulator) -> None:
    room.rest("bfl", "1", "no_credit")
    bfl.credits = Decimal(0)
    await probe_once(room.gateway)
    assert room.resting() == [("bfl", "1")]
    bfl.credits = Decimal("0.5")
    await probe_once(room.gateway)
    assert room.resting() == []
    assert [(call.method, call.path) for call in bfl.calls] == [("GET", "/v1/credits")] * 2


async def test_each_resting_key_is_asked_with_itself(room: Room, bfl: BflSimulator) -> None:
    room.rest("bfl", "1", "refused")
    room.rest("bfl", "2", "refused")
    await probe_once(room.gateway)
    assert sorted(call.headers["x-key"] for call in bfl.calls) == [bfl.keys[0], "wrong"]
    assert room.resting() == [("bfl", "2")]


@pytest.mark.parametrize(("reason", "back"), [("refused", True), ("no_credit", False)])
async def test_a_list_of_models_shows_that_a_key_is_taken_and_nothing_of_credit(
    room: Room, openai: OpenAISimulator, reason: Reason, back: bool
) -> None:
    room.rest("openai", "", reason)
    await probe_once(room.gateway)
    assert room.resting() == ([] if back else [("openai", "")])
    assert [(call.method, call.path) for call in openai.calls] == [("GET", "/v1/models")]


async def test_a_limited_rate_is_not_asked_about(room: Room, openai: OpenAISimulator) -> None:
    room.rest("openai", "", "rate_limited")
    await probe_once(room.gateway)
    assert openai.calls == []
    assert room.resting() == [("openai", "")]


async def test_an_answer_wakes_the_offers_of_its_provider_only(room: Room) -> None:
    room.open("openai/gpt-image-2")
    room.open("sandbox/image")
    await probe_once(room.gateway)
    assert room.open_offers() == ["sandbox/image"]


async def test_a_provider_that_is_down_is_asked_with_a_key_that_does_not_rest(room: Room, bfl: BflSimulator) -> None:
    room.open("bfl/flux-2-pro")
    room.rest("bfl", "1", "rate_limited")
    await probe_once(room.gateway)
    assert [call.headers["x-key"] for call in bfl.calls] == ["wrong"]
    assert room.open_offers() == ["bfl/flux-2-pro"]


@pytest.mark.parametrize("status", [401, 402, 404, 429, 500, 503])
async def test_what_is_no_good_answer_changes_nothing(room: Room, openai: OpenAISimulator, status: int) -> None:
    room.open("openai/gpt-image-2")
    room.rest("openai", "", "refused")
    openai.script.append(On("/v1/models", Status(status)))
    await probe_once(room.gateway)
    assert room.resting() == [("openai", "")]
    assert room.open_offers() == ["openai/gpt-image-2"]


async def test_nobody_is_asked_where_the_configuration_says_never(room: Room, bfl: BflSimulator) -> None:
    room.rest("bfl", "1", "no_credit")
    prober = asyncio.create_task(probe_providers(room.gateway))
    await asyncio.sleep(0)
    prober.cancel()
    await asyncio.gather(prober, return_exceptions=True)
    assert prober.cancelled()
    assert bfl.calls == []
