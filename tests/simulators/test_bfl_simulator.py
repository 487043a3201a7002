"""The simulated Black Forest Labs keeps the real one's promises, and breaks them when told to."""

import asyncio
import base64
import io
import time
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from PIL import Image

from tests.simulators.base import (
    Behaviour,
    CloseConnection,
    Delay,
    Garbage,
    Hang,
    On,
    RateLimited,
    Status,
    Truncated,
    draw,
    wait_until,
)
from tests.simulators.bfl import BflSimulator, Outcome

pytestmark = pytest.mark.e2e

KEY = {"x-key": "bfl-test-key"}


@pytest.fixture(scope="module")
def running() -> Iterator[BflSimulator]:
    with BflSimulator() as simulator:
        yield simulator


@pytest.fixture
def bfl(running: BflSimulator) -> BflSimulator:
    running.reset()
    return running


@pytest.fixture
async def client(bfl: BflSimulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(bfl.url, timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


def as_text(width: int, height: int, form: str = "png") -> str:
    return base64.b64encode(draw(width, height, form)).decode()


async def submit(client: aiohttp.ClientSession, endpoint: str, **body: Any) -> tuple[int, Any]:
    async with client.post(f"/v1/{endpoint}", json=body, headers=KEY) as reply:
        return reply.status, await reply.json()


async def poll(client: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    async with client.get(url, headers=KEY) as reply:
        return reply.status, await reply.json()


async def finish(client: aiohttp.ClientSession, endpoint: str, **body: Any) -> Any:
    """The state that a job ends in."""
    status, accepted = await submit(client, endpoint, **body)
    assert status == 200, accepted
    for _ in range(20):
        _, state = await poll(client, accepted["polling_url"])
        if state["status"] not in ("Pending", "Reasoning", "Generating"):
            return state
    raise AssertionError("the job never ended")


async def fetch(client: aiohttp.ClientSession, url: str, **headers: str) -> tuple[int, str, bytes]:
    async with client.get(url, headers=headers) as reply:
        return reply.status, reply.content_type, await reply.read()


@pytest.mark.parametrize(
    ("endpoint", "body", "size", "form"),
    [
        ("flux-2-pro", {"prompt": "p", "width": 1920, "height": 1080}, (1920, 1080), "JPEG"),
        ("flux-2-pro", {"prompt": "p", "output_format": "webp", "width": 64, "height": 80}, (64, 80), "WEBP"),
        ("flux-2-klein-4b", {"prompt": "p", "input_image": as_text(320, 240)}, (320, 240), "JPEG"),
        ("flux-pro-1.1", {"prompt": "p", "output_format": "png"}, (1024, 768), "PNG"),
        ("flux-pro-1.1-ultra", {"prompt": "p", "aspect_ratio": "1:1"}, (2048, 2048), "JPEG"),
        ("flux-kontext-pro", {"prompt": "p", "aspect_ratio": "16:9"}, (1360, 768), "PNG"),
        ("flux-pro-1.0-expand", {"image": as_text(100, 50), "left": 10, "top": 6}, (110, 56), "JPEG"),
        ("flux-3-image", {"prompt": "p"}, (1024, 1024), "JPEG"),
        ("flux-3-image", {"prompt": "p", "resolution": "768sq", "aspect_ratio": "2:1"}, (1072, 528), "JPEG"),
    ],
)
async def test_a_picture_has_the_size_and_format_asked_for(
    client: aiohttp.ClientSession, endpoint: str, body: dict[str, Any], size: tuple[int, int], form: str
) -> None:
    state = await finish(client, endpoint, **body)
    status, media_type, data = await fetch(client, state["result"]["sample"])
    image = Image.open(io.BytesIO(data))
    assert (status, media_type, image.size, image.format) == (200, f"image/{form.lower()}", size, form)


@pytest.mark.parametrize(
    ("endpoint", "body", "credits"),
    [
        ("flux-2-pro", {"width": 1024, "height": 1024}, "3"),
        ("flux-2-pro", {"width": 1920, "height": 1080}, "4.5"),
        ("flux-2-pro", {"width": 2048, "height": 2048}, "7.5"),
        ("flux-2-pro", {"width": 512, "height": 512}, "3"),
        ("flux-2-pro", {"width": 1024, "height": 1024, "input_image": as_text(1024, 1024)}, "4.5"),
        (
            "flux-2-pro",
            {"width": 1024, "height": 1024, "input_image": as_text(1920, 1080), "input_image_2": as_text(800, 600)},
            "7.5",
        ),
        ("flux-2-max", {"width": 1920, "height": 1080}, "10"),
        ("flux-2-flex", {"width": 1920, "height": 1080}, "10"),
        ("flux-2-klein-4b", {"width": 1920, "height": 1080}, "1.5"),
        ("flux-2-klein-9b", {"width": 1920, "height": 1080}, "1.7"),
        ("flux-pro-1.1", {}, "4"),
        ("flux-3-image", {"resolution": "2k"}, "10"),
    ],
)
async def test_a_job_costs_what_the_price_page_says(
    bfl: BflSimulator, client: aiohttp.ClientSession, endpoint: str, body: dict[str, Any], credits: str
) -> None:
    _, accepted = await submit(client, endpoint, prompt="p", **body)
    assert accepted["cost"] == float(credits)
    assert bfl.billed == []
    await poll(client, accepted["polling_url"])
    for _ in range(2):
        _, state = await poll(client, accepted["polling_url"])
        assert state["status"] == "Ready"
    assert bfl.billed == [Decimal(credits)]
    _, account = await poll(client, "/v1/credits")
    assert account == {"credits": float(10_000 - Decimal(credits))}


async def test_a_class_without_a_published_price_states_none(bfl: BflSimulator, client: aiohttp.ClientSession) -> None:
    _, accepted = await submit(client, "flux-3-image", prompt="p", resolution="1.5k")
    assert accepted["cost"] is None


async def test_a_submission_states_megapixels_unrounded(client: aiohttp.ClientSession) -> None:
    _, accepted = await submit(client, "flux-2-pro", prompt="p", width=1920, height=1080, input_image=as_text(512, 512))
    assert (accepted["output_mp"], accepted["input_mp"]) == (1.98, 0.25)


@pytest.mark.parametrize(
    ("endpoint", "body", "status", "says"),
    [
        ("flux-2-pro", {}, 422, "Field required"),
        ("flux-2-pro", {"prompt": "p", "width": 0, "height": 0}, 422, "greater than or equal to 64"),
        ("flux-pro-1.1", {"prompt": "p", "width": 1000, "height": 1000}, 422, "multiples of 32"),
        ("flux-2-pro", {"prompt": "p", "width": 4096, "height": 2048}, 400, "4 megapixels"),
        ("flux-2-pro", {"prompt": "p", "safety_tolerance": 6}, 422, "less than or equal to 5"),
        ("flux-2-pro", {"prompt": "p", "output_format": "gif"}, 422, "one of jpeg"),
        ("flux-2-pro", {"prompt": "p", "input_image": "not base64!"}, 422, "base64 encoded image"),
        ("flux-2-pro", {"prompt": "p", "input_image": "aGVsbG8="}, 422, "base64 encoded image"),
        ("flux-2-flex", {"prompt": "p", "steps": True}, 422, "valid integer"),
        ("flux-pro-1.1", {"prompt": "p", "width": 2048}, 422, "less than or equal to 1440"),
        ("flux-pro-1.0-fill", {"prompt": "p"}, 422, "Field required"),
        ("flux-pro-1.0-fill", {"image": as_text(64, 64), "mask": as_text(32, 32)}, 422, "size of the image"),
        ("flux-3-image", {"prompt": ""}, 422, "at least 1 character"),
        ("flux-3-image", {"prompt": "p", "seed": 1}, 422, "Extra inputs are not permitted"),
        ("flux-3-image", {"prompt": "p", "resolution": "1K"}, 422, "one of 768sq"),
        ("flux-3-image", {"prompt": "p", "images": [as_text(200, 300)]}, 422, "at least 256 x 256"),
        ("flux-3-image", {"prompt": "p", "images": [as_text(256, 256)] * 11}, 422, "from 1 to 10"),
        ("flux-9", {"prompt": "p"}, 404, "Not Found"),
    ],
)
async def test_a_request_out_of_order_is_refused(
    bfl: BflSimulator, client: aiohttp.ClientSession, endpoint: str, body: dict[str, Any], status: int, says: str
) -> None:
    answered, refusal = await submit(client, endpoint, **body)
    assert answered == status
    assert says in str(refusal["detail"])
    assert isinstance(refusal["detail"], list) == (status == 422)
    assert bfl.active == 0


async def test_older_endpoints_pass_over_unknown_fields_and_the_test_can_see_it(
    bfl: BflSimulator, client: aiohttp.ClientSession
) -> None:
    assert (await submit(client, "flux-2-pro", prompt="p", n=2))[0] == 200
    assert bfl.ignored == {"flux-2-pro.n": 1}


@pytest.mark.parametrize("path", ["/v1/credits", "/v1/get_result?id=x", "/v1/nothing"])
@pytest.mark.parametrize("headers", [{}, {"x-key": "wrong"}, {"authorization": "Bearer bfl-test-key"}])
async def test_nothing_is_said_without_the_key(
    client: aiohttp.ClientSession, path: str, headers: dict[str, str]
) -> None:
    status, _, _ = await fetch(client, path, **headers)
    assert status == 403


async def test_a_key_sent_to_the_delivery_host_is_refused_and_remembered(
    bfl: BflSimulator, client: aiohttp.ClientSession
) -> None:
    state = await finish(client, "flux-2-pro", prompt="p", width=64, height=64)
    assert (await fetch(client, state["result"]["sample"], **KEY))[0] == 400
    assert bfl.violations == ["x-key was sent to the delivery host"]
    unsigned = state["result"]["sample"].partition("?")[0]
    assert (await fetch(client, unsigned))[0] == 403


async def test_a_job_takes_its_polls_and_says_what_it_is_doing(
    client: aiohttp.ClientSession, bfl: BflSimulator
) -> None:
    bfl.script.append(Outcome(pending_polls=3))
    _, accepted = await submit(client, "flux-3-image", prompt="p", resolution="768sq")
    states = [(await poll(client, accepted["polling_url"]))[1]["status"] for _ in range(4)]
    assert states == ["Pending", "Reasoning", "Generating", "Ready"]


async def test_the_same_seed_makes_the_same_picture(client: aiohttp.ClientSession) -> None:
    made = []
    for seed in (7, 7, 8):
        state = await finish(client, "flux-2-pro", prompt="p", seed=seed, width=64, height=64)
        assert state["result"]["seed"] == seed
        made.append((await fetch(client, state["result"]["sample"]))[2])
    assert made[0] == made[1] != made[2]


async def test_a_fill_paints_where_its_mask_is_white(client: aiohttp.ClientSession) -> None:
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 32, 64))
    data = io.BytesIO()
    mask.save(data, "PNG")
    white = base64.b64encode(data.getvalue()).decode()
    state = await finish(client, "flux-pro-1.0-fill", image=as_text(64, 64), mask=white, output_format="png")
    image = Image.open(io.BytesIO((await fetch(client, state["result"]["sample"]))[2]))
    before = Image.open(io.BytesIO(draw(64, 64)))
    assert image.getpixel((10, 40)) == (255, 0, 255)
    assert image.getpixel((50, 40)) == before.getpixel((50, 40))


async def test_more_jobs_than_the_account_may_run_are_refused_until_one_ends(client: aiohttp.ClientSession) -> None:
    accepted = [await submit(client, "flux-2-pro", prompt="p", width=64, height=64) for _ in range(25)]
    assert [status for status, _ in accepted] == [200] * 24 + [429]
    for _ in range(2):
        await poll(client, accepted[0][1]["polling_url"])
    assert (await submit(client, "flux-2-pro", prompt="p"))[0] == 200


async def test_an_account_without_credit_is_told_so(bfl: BflSimulator, client: aiohttp.ClientSession) -> None:
    bfl.credits = Decimal(2)
    assert await submit(client, "flux-2-pro", prompt="p") == (402, {"detail": "Insufficient credits"})


@pytest.mark.parametrize(
    ("outcome", "http_status", "state"),
    [
        (
            Outcome(status="Request Moderated", reasons=("Violence",)),
            200,
            {"status": "Request Moderated", "details": {"Moderation Reasons": ["Violence"]}},
        ),
        (Outcome(status="Content Moderated"), 200, {"status": "Content Moderated", "details": None}),
        (Outcome(status="Error", http_status=503), 503, {"status": "Error"}),
        (Outcome(status="Failed", state_field="state"), 200, {"state": "Failed"}),
    ],
)
async def test_a_job_can_end_badly_and_is_not_charged(
    bfl: BflSimulator, client: aiohttp.ClientSession, outcome: Outcome, http_status: int, state: dict[str, Any]
) -> None:
    bfl.script.append(outcome)
    _, accepted = await submit(client, "flux-2-pro", prompt="p")
    await poll(client, accepted["polling_url"])
    status, ended = await poll(client, accepted["polling_url"])
    assert status == http_status
    assert {name: ended[name] for name in state} == state
    assert (bfl.billed, bfl.active) == ([], 0)


async def test_a_job_can_be_unknown_at_first(bfl: BflSimulator, client: aiohttp.ClientSession) -> None:
    bfl.script.append(Outcome(unknown_polls=2, pending_polls=0))
    _, accepted = await submit(client, "flux-2-pro", prompt="p")
    states = [(await poll(client, accepted["polling_url"]))[1]["status"] for _ in range(3)]
    assert states == ["Task not found", "Task not found", "Ready"]


async def test_a_settled_cost_is_the_one_charged(bfl: BflSimulator, client: aiohttp.ClientSession) -> None:
    bfl.script.append(Outcome(settled=Decimal("2.5")))
    state = await finish(client, "flux-2-pro", prompt="p")
    assert state["cost"] == 2.5
    assert bfl.billed == [Decimal("2.5")]


async def test_a_job_can_point_its_polls_elsewhere(bfl: BflSimulator, client: aiohttp.ClientSession) -> None:
    bfl.script.append(Outcome(polling_url="https://elsewhere.example/"))
    assert (await submit(client, "flux-2-pro", prompt="p"))[1]["polling_url"] == "https://elsewhere.example/"


@pytest.mark.parametrize(
    ("delivery", "status", "media_type"),
    [("forbidden", 403, "text/plain"), ("gone", 404, "text/plain"), ("page", 200, "text/html")],
)
async def test_a_picture_can_be_out_of_reach(
    bfl: BflSimulator, client: aiohttp.ClientSession, delivery: str, status: int, media_type: str
) -> None:
    bfl.script.append(Outcome(delivery=delivery))
    state = await finish(client, "flux-2-pro", prompt="p", width=64, height=64)
    assert (await fetch(client, state["result"]["sample"]))[:2] == (status, media_type)


async def test_a_picture_can_break_off(bfl: BflSimulator, client: aiohttp.ClientSession) -> None:
    bfl.script.append(Outcome(delivery="truncated"))
    state = await finish(client, "flux-2-pro", prompt="p", width=64, height=64)
    with pytest.raises(aiohttp.ClientPayloadError):
        await fetch(client, state["result"]["sample"])


@pytest.mark.parametrize(
    ("behaviour", "status", "body", "headers"),
    [
        (Status(500), 500, {"detail": "Internal Server Error"}, {}),
        (Status(503, "down"), 503, "down", {}),
        (Status(402, {"error": "x"}, {"x-ratelimit-limit": "24"}), 402, {"error": "x"}, {"x-ratelimit-limit": "24"}),
        (RateLimited(7), 429, {"detail": "Too many requests"}, {"retry-after": "7"}),
        (RateLimited(), 429, {"detail": "Too many requests"}, {}),
        (On("/v1/", RateLimited(0.5), method="POST"), 429, {"detail": "Too many requests"}, {"retry-after": "0.5"}),
        (Delay(0.01, Status(502)), 502, {"detail": "Bad Gateway"}, {}),
    ],
)
async def test_a_scripted_error_is_answered_once(
    bfl: BflSimulator,
    client: aiohttp.ClientSession,
    behaviour: Behaviour,
    status: int,
    body: object,
    headers: dict[str, str],
) -> None:
    bfl.script.append(behaviour)
    async with client.post("/v1/flux-2-pro", json={"prompt": "p"}, headers=KEY) as reply:
        answered = await reply.text() if isinstance(body, str) else await reply.json()
        assert (reply.status, answered) == (status, body)
        assert headers == {name: reply.headers[name] for name in headers}
        assert ("retry-after" in reply.headers) == ("retry-after" in headers)
    assert (await submit(client, "flux-2-pro", prompt="p"))[0] == 200


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [(Garbage(), ValueError), (Truncated(), aiohttp.ClientPayloadError), (CloseConnection(), aiohttp.ClientError)],
)
async def test_a_scripted_breakage_is_seen_by_the_client(
    bfl: BflSimulator, client: aiohttp.ClientSession, behaviour: Behaviour, error: type[Exception]
) -> None:
    bfl.script.append(behaviour)
    with pytest.raises(error):
        await submit(client, "flux-2-pro", prompt="p")


async def test_a_behaviour_for_another_path_waits_for_it(bfl: BflSimulator, client: aiohttp.ClientSession) -> None:
    bfl.script.extend([On("/v1/get_result", Status(500)), Outcome(status="Error")])
    _, accepted = await submit(client, "flux-2-pro", prompt="p")
    assert (await poll(client, accepted["polling_url"]))[0] == 500
    assert (await poll(client, accepted["polling_url"]))[1]["status"] == "Generating"
    assert (await poll(client, accepted["polling_url"]))[1]["status"] == "Error"
    assert len(bfl.script) == 0


async def test_a_default_behaviour_lasts(bfl: BflSimulator, client: aiohttp.ClientSession) -> None:
    bfl.default = On("/v1/flux", Status(503))
    assert [(await submit(client, "flux-2-pro", prompt="p"))[0] for _ in range(3)] == [503, 503, 503]
    assert (await poll(client, "/v1/credits"))[0] == 200


async def test_calls_are_recorded_with_their_bodies(bfl: BflSimulator, client: aiohttp.ClientSession) -> None:
    await finish(client, "flux-2-pro", prompt="p", width=64, height=64)
    first = bfl.calls[0]
    assert (first.method, first.path, first.body) == (
        "POST",
        "/v1/flux-2-pro",
        {"prompt": "p", "width": 64, "height": 64},
    )
    assert first.headers["x-key"] == "bfl-test-key"
    assert (bfl.count(), bfl.count("/v1/get_result"), bfl.count(method="POST")) == (3, 2, 1)


async def test_forms_are_recorded_part_by_part(bfl: BflSimulator, client: aiohttp.ClientSession) -> None:
    form = aiohttp.FormData()
    form.add_field("prompt", "p")
    form.add_field("image[]", b"one", filename="1.png", content_type="image/png")
    form.add_field("image[]", b"two", filename="2.png", content_type="image/png")
    async with client.post("/v1/nothing", data=form, headers=KEY):
        pass
    body = bfl.calls[0].body
    assert body["prompt"] == ["p"]
    assert [(part.filename, part.media_type, part.data) for part in body["image[]"]] == [
        ("1.png", "image/png", b"one"),
        ("2.png", "image/png", b"two"),
    ]


async def test_pictures_expire() -> None:
    with BflSimulator(result_seconds=0, pending_polls=0) as bfl:
        async with aiohttp.ClientSession(bfl.url) as client:
            state = await finish(client, "flux-2-pro", prompt="p", width=64, height=64)
            assert (await fetch(client, state["result"]["sample"]))[0] == 403


async def test_a_hang_ends_with_the_simulator_which_comes_back_at_the_same_address() -> None:
    bfl = BflSimulator().start()
    address = bfl.url
    bfl.script.append(Hang())
    async with aiohttp.ClientSession(address) as client:
        waiting = asyncio.create_task(submit(client, "flux-2-pro", prompt="p"))
        await asyncio.to_thread(wait_until, lambda: bfl.count() == 1)
        await asyncio.sleep(0.05)
        assert not waiting.done()
        before = time.monotonic()
        await asyncio.to_thread(bfl.stop)
        assert time.monotonic() - before < 3
        with pytest.raises(aiohttp.ClientError):
            await waiting
    with pytest.raises(aiohttp.ClientError):
        async with aiohttp.ClientSession(address) as client:
            await submit(client, "flux-2-pro", prompt="p")
    with bfl:
        assert bfl.url == address
        async with aiohttp.ClientSession(address) as client:
            assert (await submit(client, "flux-2-pro", prompt="p"))[0] == 200
