"""The adapter and the simulated provider, joined: what the one writes the other takes, and the other way round."""

import base64
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal

import aiohttp
import pytest

from penstock.core.answer import ImageAnswer, Pending
from penstock.core.call import ImageCall, Operation, Size
from penstock.core.errors import Moderated, NoCredit, PenstockError, RateLimited, Rejected, UpstreamFailed
from penstock.core.picture import Picture
from penstock.core.pieces import Base64, Pieces
from penstock.core.target import Account, Offer, Provider, Secret
from penstock.providers.base import UpstreamReply, UpstreamRequest
from penstock.providers.bfl import Bfl
from penstock.providers.bfl_wire import WIRES
from tests.simulators.base import Behaviour, Garbage, Status, draw
from tests.simulators.base import RateLimited as Busy
from tests.simulators.bfl import BflSimulator, Outcome
from tests.simulators.bfl_rules import ENDPOINTS

pytestmark = pytest.mark.e2e

DATA = draw(256, 320)
REFERENCE = Picture(hashlib.sha256(DATA).hexdigest(), "image/png", 256, 320, len(DATA))


@pytest.fixture(scope="module")
def running() -> Iterator[BflSimulator]:
    with BflSimulator() as simulator:
        yield simulator


@pytest.fixture
def bfl(running: BflSimulator) -> BflSimulator:
    running.reset()
    return running


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def account(bfl: BflSimulator) -> Account:
    provider = Provider(
        slug="bfl", name="Black Forest Labs", adapter="bfl", base_url=bfl.url, cost_unit_usd=Decimal("0.01")
    )
    return Account(provider=provider, key=Secret("bfl-test-key"))


def offer(endpoint: str) -> Offer:
    wire = ENDPOINTS[endpoint][0]
    return Offer(
        model="any",
        provider="bfl",
        upstream=endpoint,
        operations=frozenset(Operation),
        wire=wire,
        parameters=frozenset(WIRES[wire].options),
    )


def sent(pieces: Pieces) -> bytes:
    return b"".join(base64.b64encode(DATA) if isinstance(piece, Base64) else bytes(piece) for piece in pieces)


async def send(client: aiohttp.ClientSession, request: UpstreamRequest) -> UpstreamReply:
    async with client.request(
        request.method, request.url, headers=request.headers, data=sent(request.body) or None
    ) as reply:
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return UpstreamReply(status=reply.status, headers=headers, body=await reply.read())


async def carry_out(client: aiohttp.ClientSession, bfl: BflSimulator, call: ImageCall, endpoint: str) -> ImageAnswer:
    adapter, there, at = Bfl(), account(bfl), offer(endpoint)
    submitted = adapter.read(call, at, there, await send(client, adapter.request(call, at, there)))
    for _ in range(5):
        reply = await send(client, adapter.poll(submitted, there))
        answer = adapter.read_poll(call, at, there, submitted, reply)
        if not isinstance(answer, Pending):
            return answer
    raise AssertionError("the job never ended")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_every_endpoint_takes_what_the_adapter_writes_and_its_cost_is_understood(
    bfl: BflSimulator, client: aiohttp.ClientSession, endpoint: str
) -> None:
    wire = WIRES[ENDPOINTS[endpoint][0]]
    call = ImageCall(
        model="any",
        prompt="a red house",
        n=2,
        size=Size(512, 256),
        aspect_ratio="16:9",
        resolution="1K",
        output_format="png",
        seed=11,
        references=(REFERENCE,) * max(1, wire.most),
        mask=REFERENCE if wire.mask else None,
        options={"safety_tolerance": 0, "prompt_upsampling": False, "steps": 20, "guidance": 3.0, "grounding": False},
    )
    answer = await carry_out(client, bfl, call, endpoint)
    assert answer.stated_cost == bfl.billed[0] / 100
    assert (answer.outputs[0].url or "").startswith(f"{bfl.url}/delivery/")
    assert answer.outputs[0].seed == (11 if wire.seed else None)
    assert (bfl.ignored, bfl.violations) == ({}, [])


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Status(402), NoCredit),
        (Busy(2), RateLimited),
        (Status(500), UpstreamFailed),
        (Garbage(), UpstreamFailed),
        (Outcome(status="Request Moderated"), Moderated),
        (Outcome(status="Content Moderated", http_status=503), Moderated),
        (Outcome(status="Error", http_status=503), UpstreamFailed),
        (Outcome(status="Failed"), UpstreamFailed),
        (Outcome(unknown_polls=1), UpstreamFailed),
        (Outcome(polling_url="https://elsewhere.example/"), UpstreamFailed),
    ],
)
async def test_every_mishap_has_its_error(
    bfl: BflSimulator, client: aiohttp.ClientSession, behaviour: Behaviour, kind: type[PenstockError]
) -> None:
    bfl.script.append(behaviour)
    with pytest.raises(kind):
        await carry_out(client, bfl, ImageCall(model="any", prompt="p"), "flux-2-pro")
    assert bfl.billed == []


async def test_a_refused_field_is_named_in_the_error(bfl: BflSimulator, client: aiohttp.ClientSession) -> None:
    call = replace(ImageCall(model="any", prompt="p"), size=Size(32, 32))
    with pytest.raises(Rejected, match="width: Input should be greater than or equal to 64; height: "):
        await carry_out(client, bfl, call, "flux-2-pro")
