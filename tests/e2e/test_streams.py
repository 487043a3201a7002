"""Streams as they are on the wire, at every endpoint that has them: framing, end, cost, failures, callers who leave."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.e2e.books import PICO, Books
from tests.e2e.pictures import data_url, from_base64, from_data_url, png, seen
from tests.e2e.running import RunningGateway
from tests.simulators.base import Behaviour, Delay, wait_until
from tests.simulators.bfl import BflSimulator, Outcome
from tests.simulators.openai import BreaksOff, ErrorEvent, OpenAISimulator, SlowEvents

PROMPT = "a lighthouse at dusk"
REFERENCE = png(512, 512)
FLUX = "black-forest-labs/flux.2-pro"


def chat(**asked: Any) -> dict[str, Any]:
    text = asked.pop("prompt")
    return {"messages": [{"role": "user", "content": text}], **asked}


def edit(**asked: Any) -> dict[str, Any]:
    return {"images": [{"image_url": data_url(REFERENCE)}], **asked}


CHATS = {"/v1/chat/completions": chat, "/api/v1/chat/completions": chat}
IMAGES = {"/v1/images/generations": dict, "/v1/images/edits": edit, "/api/v1/images": dict}
DOORS = {**CHATS, **IMAGES}
MODELS = [("sandbox/image", "sandbox"), ("openai/gpt-image-1.5", "openai"), (FLUX, "bfl")]
TEXTS = [("sandbox/text", "sandbox"), ("openai/gpt-4o-mini", "openai")]


@dataclass
class Stream:
    """What came: the events' data decoded, and whether the end was a good one."""

    status: int
    headers: httpx.Headers
    events: list[dict[str, Any]]
    done: bool


def streamed(gateway: RunningGateway, door: str, *, agent: str = "tests", **asked: Any) -> Stream:
    """Ask at a door, and read the stream to its end, strictly."""
    body = DOORS[door](**asked)
    headers = {"authorization": f"Bearer {gateway.key}", "user-agent": agent}
    response = httpx.post(gateway.url + door, headers=headers, json={**body, "stream": True}, timeout=60)
    if response.status_code != 200:
        return Stream(response.status_code, response.headers, [response.json()], False)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert b"\r" not in response.content and response.content.endswith(b"\n\n")
    blocks = response.content.removesuffix(b"\n\n").split(b"\n\n")
    done = blocks[-1] == b"data: [DONE]"
    return Stream(200, response.headers, [event_of(block) for block in (blocks[:-1] if done else blocks)], done)


def event_of(block: bytes) -> dict[str, Any]:
    """One event's data. Where the event has a name, its data has the same."""
    *named, data = block.split(b"\n")
    event: dict[str, Any] = json.loads(data.removeprefix(b"data: "))
    assert [line.removeprefix(b"event: ").decode() for line in named] in ([], [event.get("type")])
    return event


def pictures_of(events: list[dict[str, Any]]) -> list[bytes]:
    """The pictures of a stream, previews left out."""
    found = [from_base64(event["b64_json"]) for event in events if event.get("type", "").endswith(".completed")]
    for event in events:
        for choice in event.get("choices", []):
            found += [from_data_url(image["image_url"]["url"]) for image in choice["delta"].get("images", [])]
    return found


@pytest.fixture
def books(gateway: RunningGateway, bfl: BflSimulator, openai_upstream: OpenAISimulator) -> Books:
    return Books(gateway, bfl, openai_upstream)


@pytest.mark.parametrize(("model", "provider"), MODELS)
@pytest.mark.parametrize("door", DOORS)
def test_a_picture_is_streamed_whole_and_the_last_event_states_its_cost(
    gateway: RunningGateway, books: Books, door: str, model: str, provider: str
) -> None:
    got = streamed(gateway, door, model=model, prompt=PROMPT, size="1024x1024", output_format="png")
    assert got.done
    assert [(one.size, one.format) for one in map(seen, pictures_of(got.events))] == [((1024, 1024), "png")]
    assert "x-penstock-cost" in got.headers
    row = books.check(got.headers, got.events[-1]["usage"]["cost"], model=model, provider=provider)
    assert (row["stream"], row["client_gone"], row["path"]) == (1, 0, door)
    if door in CHATS:
        shown, ended, usage = got.events
        assert shown["choices"][0]["delta"]["role"] == "assistant"
        assert (ended["choices"][0]["delta"], ended["choices"][0]["finish_reason"]) == ({}, "stop")
        assert usage["choices"] == []


@pytest.mark.parametrize(("model", "provider"), TEXTS)
@pytest.mark.parametrize("door", CHATS)
def test_a_chat_is_streamed_word_by_word_and_its_last_chunk_states_its_cost(
    gateway: RunningGateway, books: Books, door: str, model: str, provider: str
) -> None:
    got = streamed(gateway, door, model=model, prompt="good morning")
    assert got.done
    *said, usage = got.events
    deltas = [chunk["choices"][0]["delta"].get("content") or "" for chunk in said]
    assert "".join(deltas) == "You said: good morning" and len([delta for delta in deltas if delta]) > 2
    assert [chunk["choices"][0]["finish_reason"] for chunk in said] == [None] * (len(said) - 1) + ["stop"]
    assert usage["choices"] == [] and all("usage" not in chunk and "error" not in chunk for chunk in said)
    assert {chunk["id"] for chunk in got.events} == {usage["id"]}
    books.check(got.headers, usage["usage"]["cost"], model=model, provider=provider, billed=False)


@pytest.mark.parametrize(("model", "provider"), MODELS[:2])
@pytest.mark.parametrize("door", IMAGES)
def test_previews_come_in_order_before_the_picture(
    gateway: RunningGateway, books: Books, door: str, model: str, provider: str
) -> None:
    got = streamed(gateway, door, model=model, prompt=PROMPT, size="1024x1024", partial_images=3)
    kind = "image_edit" if door == "/v1/images/edits" else "image_generation"
    assert [event["type"] for event in got.events] == [f"{kind}.partial_image"] * 3 + [f"{kind}.completed"]
    assert [event["partial_image_index"] for event in got.events[:3]] == [0, 1, 2]
    assert {seen(from_base64(event["b64_json"])).size for event in got.events} == {(1024, 1024)}
    assert "x-penstock-cost" not in got.headers, "the headers left before the cost was known"
    row = books.check(got.headers, got.events[-1]["usage"]["cost"], model=model, provider=provider)
    kept = gateway.rows("select role from asset_links where request_id = ? order by role, position", row["id"])
    sent = ["reference"] if door == "/v1/images/edits" else []
    assert [link["role"] for link in kept] == ["output", "partial", "partial", "partial", *sent]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("outcome", "openai_status", "openrouter_status"),
    [
        (Outcome(status="Error"), 502, 502),
        (Outcome(status="Content Moderated"), 400, 403),
        (Outcome(delivery="gone"), 502, 502),
    ],
    ids=["failed", "moderated", "expired"],
)
def test_a_job_that_fails_before_anything_was_shown_is_told_by_its_status(
    gateway: RunningGateway,
    bfl: BflSimulator,
    door: str,
    outcome: Outcome,
    openai_status: int,
    openrouter_status: int,
) -> None:
    bfl.script.append(outcome)
    got = streamed(gateway, door, model=FLUX, prompt=PROMPT)
    assert got.status == (openrouter_status if door.startswith("/api") else openai_status)
    row = gateway.request(got.headers["x-request-id"])
    assert (row["status"], row["images_delivered"]) == (got.status, 0)
    (attempt,) = gateway.attempts(row["id"])
    assert attempt["upstream_id"] in bfl.jobs and attempt["outcome"] in ("failed", "moderated")
    assert row["cost_pico"] == sum(bfl.billed) * PICO / 100


@pytest.mark.parametrize("door", CHATS)
@pytest.mark.parametrize("trouble", [ErrorEvent(events=2), BreaksOff(events=2)], ids=["error", "cut"])
def test_a_chat_that_fails_on_the_way_ends_in_an_error_and_not_in_done(
    gateway: RunningGateway, openai_upstream: OpenAISimulator, door: str, trouble: Behaviour
) -> None:
    openai_upstream.script.append(trouble)
    got = streamed(gateway, door, model="openai/gpt-4o-mini", prompt="good morning")
    *said, last = got.events
    assert not got.done and said
    assert last["error"]["message"] and all("error" not in chunk for chunk in said)
    if door.startswith("/api"):
        assert (last["error"]["code"], last["choices"][0]["finish_reason"]) == (502, "error")
    row = gateway.request(got.headers["x-request-id"])
    assert (row["status"], row["attempts"]) == (502, 1)
    assert gateway.attempts(row["id"])[0]["outcome"] == "failed"


@pytest.mark.parametrize("door", IMAGES)
@pytest.mark.parametrize(
    ("model", "trouble"),
    [
        ("openai/gpt-image-1.5", ErrorEvent(events=1)),
        ("openai/gpt-image-1.5", BreaksOff(events=1)),
        ("sandbox/image", None),
    ],
    ids=["error", "cut", "sandbox"],
)
def test_a_picture_that_fails_after_a_preview_ends_in_an_error_and_not_in_done(
    gateway: RunningGateway, openai_upstream: OpenAISimulator, door: str, model: str, trouble: Behaviour | None
) -> None:
    if trouble:
        openai_upstream.script.append(trouble)
    prompt = PROMPT if trouble else f"{PROMPT} [sandbox:dies-mid-stream]"
    got = streamed(gateway, door, model=model, prompt=prompt, size="1024x1024", partial_images=2)
    *previews, last = got.events
    assert not got.done and all(event["type"].endswith(".partial_image") for event in previews) and previews
    assert last["type"] == "error" and last["error"]["message"] and isinstance(last["error"]["code"], str)
    row = gateway.request(got.headers["x-request-id"])
    assert (row["status"], row["images_delivered"]) == (502, 0)


@contextmanager
def begun(gateway: RunningGateway, door: str, trace: str, **asked: Any) -> Iterator[httpx.Response]:
    """A stream that is open, and closed at the end of the block however much is still to come."""
    headers = {"authorization": f"Bearer {gateway.key}", "x-penstock-trace-id": trace}
    body = {**DOORS[door](**asked), "stream": True}
    with httpx.stream("POST", gateway.url + door, headers=headers, json=body, timeout=30) as response:
        yield response


def traced(gateway: RunningGateway, trace: str) -> dict[str, Any]:
    """The row of a request by its trace id, as soon as there is one."""
    wait_until(lambda: bool(gateway.rows("select 1 from requests where trace_id = ?", trace)))
    return gateway.rows("select * from requests where trace_id = ?", trace)[0]


@pytest.mark.parametrize("door", CHATS)
def test_a_chat_ends_when_its_caller_leaves(
    gateway: RunningGateway, openai_upstream: OpenAISimulator, door: str
) -> None:
    openai_upstream.script.append(SlowEvents(0.3))
    trace = f"left-{door.count('/')}"
    with begun(gateway, door, trace, model="openai/gpt-4o-mini", prompt="one two three four five six") as response:
        next(response.iter_bytes())
    row = traced(gateway, trace)
    assert (row["status"], row["client_gone"], row["cost_source"]) == (499, 1, "estimated")
    assert gateway.attempts(row["id"])[0]["outcome"] == "cancelled"


@pytest.mark.parametrize("door", IMAGES)
@pytest.mark.parametrize(("model", "provider"), MODELS[1:])
def test_a_picture_is_finished_kept_and_paid_when_its_caller_leaves(
    gateway: RunningGateway,
    bfl: BflSimulator,
    openai_upstream: OpenAISimulator,
    door: str,
    model: str,
    provider: str,
) -> None:
    bfl.script.append(Outcome(pending_polls=7))
    openai_upstream.script.append(Delay(0.3))
    trace = f"left-{provider}-{door.replace('/', '-')}"
    with (
        suppress(httpx.ReadTimeout),
        httpx.Client(
            timeout=0.15, headers={"authorization": f"Bearer {gateway.key}", "x-agentcc-trace-id": trace}
        ) as http,
    ):
        http.post(gateway.url + door, json={**DOORS[door](model=model, prompt=PROMPT), "stream": True})
        raise AssertionError("the answer came before the caller could leave")
    row = traced(gateway, trace)
    assert (row["status"], row["client_gone"], row["images_delivered"]) == (200, 1, 1)
    kept = gateway.rows("select digest from asset_links where request_id = ? and role = 'output'", row["id"])
    address = f"{gateway.url}/v1/assets/{kept[0]['digest']}"
    assert httpx.get(address, headers={"authorization": f"Bearer {gateway.key}"}).status_code == 200
    billed = sum(bfl.billed, Decimal(0)) / 100 + sum(openai_upstream.billed)
    assert Decimal(row["cost_pico"]) / PICO == billed > 0


@pytest.fixture(scope="module")
def router() -> Iterator[OpenAISimulator]:
    with OpenAISimulator(dialect="openrouter") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def crossing(
    tmp_path_factory: pytest.TempPathFactory, bfl: BflSimulator, router: OpenAISimulator
) -> Iterator[RunningGateway]:
    """A gateway with a router that makes pictures in chats, and a spare provider of FLUX.2 behind the first."""
    spare = {"model": FLUX, "upstream": "spare", "operations": ["image_generation"]}
    spare["limits"] = {"free_size": True, "output_formats": ["png"]}
    gemini = {"model": "google/gemini-2.5-flash-image", "upstream": "google/gemini-2.5-flash-image"}
    settings = {
        "providers": {
            "bfl": {"base_url": bfl.url, "api_key": "bfl-test-key", "quirks": {"poll_seconds": 0.01}},
            "router": {
                "enabled": True,
                "adapter": "openai_compatible",
                "base_url": router.base_url,
                "api_key": "openai-test-key",
                "quirks": {"cost_field": "usage.cost"},
                "cost_unit_usd": "1",
                "offers": [{**gemini, "operations": ["chat"]}],
            },
            "spare": {"enabled": True, "adapter": "sandbox", "offers": [spare]},
        },
        "network": {"allow_private_hosts": ["127.0.0.1"]},
    }
    with RunningGateway(tmp_path_factory.mktemp("crossing"), settings) as running:
        yield running


@pytest.mark.parametrize("door", [door for door in DOORS if door != "/v1/images/edits"])
def test_the_headers_of_a_stream_name_who_made_the_picture_in_the_end(
    crossing: RunningGateway, bfl: BflSimulator, door: str
) -> None:
    bfl.script.append(Outcome(status="Error"))
    got = streamed(crossing, door, model=FLUX, prompt=PROMPT, size="256x256", output_format="png")
    assert got.done and seen(pictures_of(got.events)[0]).size == (256, 256)
    assert (got.headers["x-penstock-provider"], got.headers["x-penstock-fallback-used"]) == ("spare", "true")
    attempts = crossing.attempts(got.headers["x-request-id"])
    assert [(attempt["provider"], attempt["outcome"]) for attempt in attempts] == [
        ("bfl", "failed"),
        ("spare", "succeeded"),
    ]


@pytest.mark.parametrize("agent", ["tests", "agentcc-python/1.0.0"])
@pytest.mark.parametrize("door", CHATS)
def test_a_picture_a_chat_model_makes_comes_in_one_delta_and_is_kept(
    crossing: RunningGateway, router: OpenAISimulator, door: str, agent: str
) -> None:
    router.reset()
    asked: dict[str, Any] = {"model": "google/gemini-2.5-flash-image", "modalities": ["image", "text"]}
    asked["image_config"] = {"aspect_ratio": "16:9", "image_size": "4K"}
    got = streamed(crossing, door, agent=agent, prompt=PROMPT, **asked)
    assert got.done
    shown = [choice["delta"] for chunk in got.events for choice in chunk["choices"] if "images" in choice["delta"]]
    (image,) = shown[0]["images"]
    url = image["image_url"]["url"]
    by_address = agent.startswith("agentcc")
    made = httpx.get(url).content if by_address else from_data_url(url)
    assert len(shown) == 1 and seen(made).size == (5376, 3072) and len(made) > 32 * 1024
    row = crossing.request(got.headers["x-request-id"])
    assert Decimal(str(got.events[-1]["usage"]["cost"])) == sum(router.billed) == Decimal(row["cost_pico"]) / PICO
    kept = crossing.rows("select role, digest from asset_links where request_id = ?", row["id"])
    assert [link["role"] for link in kept] == ["output"]
