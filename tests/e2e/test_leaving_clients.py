"""Callers that hang up, read slowly or are there when the gateway stops: chats end, pictures are finished and kept."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp import web

from tests.e2e.doors import FLUX, MESSAGES, client_of
from tests.e2e.running import RunningGateway
from tests.simulators.base import Delay, Hang, On, wait_until
from tests.simulators.bfl import BflSimulator, Outcome
from tests.simulators.openai import OpenAISimulator, SlowEvents

Fields = dict[str, Any]

PICTURE = {"model": FLUX, "prompt": "a lighthouse", "size": "64x64"}
PICTURE_DOORS: list[tuple[str, Fields]] = [
    ("/v1/images/generations", PICTURE),
    ("/v1/images/generations", {**PICTURE, "stream": True}),
    ("/api/v1/images", PICTURE),
    ("/v1/chat/completions", {"model": FLUX, "image_config": {"size": "64x64"}, **MESSAGES}),
    ("/v1/chat/completions", {"model": FLUX, "stream": True, "image_config": {"size": "64x64"}, **MESSAGES}),
]


class Talker:
    """A provider of chats that streams one word and then falls silent, or is silent from the beginning."""

    def __init__(self) -> None:
        self.words = 0
        """Words streamed before the silence."""
        self.open = 0
        """Calls that are connected now."""
        self.url = ""

    def __enter__(self) -> "Talker":
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(started)))
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _run(self, started: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        application = web.Application()
        application.router.add_post("/v1/{path:.*}", self._talk)
        runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        started.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        self.open += 1
        try:
            response = web.StreamResponse(headers={"content-type": "text/event-stream"})
            if self.words:
                await response.prepare(request)
            for _ in range(self.words):
                choice = {"index": 0, "delta": {"content": "word "}, "finish_reason": None}
                await response.write(b"data: " + json.dumps({"id": "1", "choices": [choice]}).encode() + b"\n\n")
            await self._stop.wait()
            return response
        finally:
            self.open -= 1


@pytest.fixture(scope="module")
def talker() -> Iterator[Talker]:
    with Talker() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, bfl: BflSimulator, openai_upstream: OpenAISimulator, talker: Talker
) -> Iterator[RunningGateway]:
    chat = {"model": "own/chat", "upstream": "chat", "operations": ["chat"], "concurrency": 2}
    vector = {"model": "own/vector", "upstream": "vector", "operations": ["embedding"]}
    settings = settings_for(bfl, openai_upstream)
    settings["providers"]["talker"] = {
        "adapter": "openai_compatible",
        "base_url": talker.url,
        "api_key": "k",
        "offers": [chat, vector],
    }
    settings["models"] = [
        {"slug": "own/chat", "name": "Own chat", "maker": "Own"},
        {"slug": "own/vector", "name": "Own vector", "maker": "Own", "output_modalities": ["embeddings"]},
    ]
    with RunningGateway(tmp_path_factory.mktemp("gateway"), settings) as running:
        yield running


def settings_for(bfl: BflSimulator, openai_upstream: OpenAISimulator) -> dict[str, Any]:
    return {
        "providers": {
            "bfl": {"base_url": bfl.url, "api_key": "bfl-test-key", "quirks": {"poll_seconds": 0.01}},
            "openai": {"base_url": openai_upstream.base_url, "api_key": "openai-test-key"},
        },
        "network": {"allow_private_hosts": ["127.0.0.1"]},
    }


@contextmanager
def sent(gateway: RunningGateway, path: str, fields: Fields) -> Iterator[socket.socket]:
    """A request sent over a connection that is closed at the end, whatever has come back."""
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    body = json.dumps(fields).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        yield connection


def next_row(gateway: RunningGateway, act: Callable[[], None]) -> dict[str, Any]:
    """The row of the request that `act` makes."""
    before = {row["id"] for row in gateway.rows("select id from requests")}
    found: list[dict[str, Any]] = []

    def written() -> bool:
        found[:] = [row for row in gateway.rows("select * from requests") if row["id"] not in before]
        return bool(found)

    act()
    wait_until(written)
    return found[0]


@pytest.mark.parametrize(("path", "fields"), PICTURE_DOORS, ids=str)
def test_a_picture_whose_caller_has_left_is_finished_kept_and_recorded_with_its_cost(
    gateway: RunningGateway, bfl: BflSimulator, path: str, fields: Fields
) -> None:
    bfl.script.append(Outcome(pending_polls=6))

    def leave() -> None:
        with sent(gateway, path, fields):
            wait_until(lambda: bfl.count("/v1/get_result") > 0)

    row = next_row(gateway, leave)
    assert (row["status"], row["client_gone"], row["error_code"]) == (200, 1, None)
    assert (row["images_delivered"], row["cost_pico"]) == (1, 3 * 10**10)
    assert len(bfl.billed) == 1
    (link,) = gateway.rows("select * from asset_links where request_id = ?", row["id"])
    (asset,) = gateway.rows("select * from assets where digest = ?", link["digest"])
    stored = gateway.data / "assets" / "sha256" / link["digest"][:2] / link["digest"][2:]
    assert stored.stat().st_size == asset["bytes"]
    (attempt,) = gateway.attempts(row["id"])
    assert attempt["outcome"] == "succeeded"


def test_a_job_is_written_down_before_it_is_awaited(gateway: RunningGateway, bfl: BflSimulator) -> None:
    bfl.script.append(Outcome(pending_polls=3))
    seen: list[dict[str, Any]] = []

    def pending() -> bool:
        seen[:] = gateway.rows("select * from attempts where outcome = 'pending' and upstream_id is not null")
        return bool(seen)

    def leave() -> None:
        with sent(gateway, "/v1/images/generations", PICTURE):
            wait_until(pending)

    next_row(gateway, leave)
    assert seen[0]["upstream_id"] in bfl.jobs
    assert seen[0]["polling_url"].startswith(bfl.url)
    assert seen[0]["stated_pico"] == 3 * 10**10


CHAT = {"model": "own/chat", **MESSAGES}
CHATS: list[tuple[int, str, Fields]] = [
    (0, "/v1/chat/completions", CHAT),
    (0, "/v1/chat/completions", {**CHAT, "stream": True}),
    (1, "/v1/chat/completions", {**CHAT, "stream": True}),
    (1, "/api/v1/chat/completions", {**CHAT, "stream": True}),
    (0, "/v1/embeddings", {"model": "own/vector", "input": "one"}),
]


@pytest.mark.parametrize(("words", "path", "fields"), CHATS, ids=str)
def test_a_provider_whose_caller_has_left_is_hung_up_on(
    gateway: RunningGateway, talker: Talker, words: int, path: str, fields: Fields
) -> None:
    talker.words = words

    def leave() -> None:
        with sent(gateway, path, fields) as connection:
            wait_until(lambda: talker.open == 1)
            if words:
                wait_until(lambda: b"word" in connection.recv(65536))

    began = time.monotonic()
    row = next_row(gateway, leave)
    wait_until(lambda: talker.open == 0)
    assert time.monotonic() - began < 5
    assert (row["status"], row["error_code"], row["client_gone"]) == (499, "client_closed_request", 1)
    assert row["cost_pico"] is None, "what the provider charges for the beginning is not known"
    (attempt,) = gateway.attempts(row["id"])
    assert attempt["outcome"] == "cancelled"


def test_callers_that_leave_give_their_places_back(gateway: RunningGateway, talker: Talker) -> None:
    """The offer takes two calls at once."""
    talker.words = 0
    for _ in range(3):
        next_row(gateway, lambda: _leave_at_once(gateway, talker))
    wait_until(lambda: talker.open == 0)


def _leave_at_once(gateway: RunningGateway, talker: Talker) -> None:
    with sent(gateway, "/v1/chat/completions", CHAT):
        wait_until(lambda: talker.open == 1)


def test_a_stream_that_is_left_in_the_middle_stops_at_the_provider(
    gateway: RunningGateway, openai_upstream: OpenAISimulator
) -> None:
    openai_upstream.script.append(SlowEvents(0.05))
    fields = {"model": "openai/gpt-4o-mini", "stream": True, "messages": [{"role": "user", "content": "word " * 200}]}

    def leave() -> None:
        with sent(gateway, "/v1/chat/completions", fields) as connection:
            assert b"200 OK" in connection.recv(65536)

    row = next_row(gateway, leave)
    assert (row["status"], row["client_gone"], row["stream"]) == (499, 1, 1)
    assert openai_upstream.billed == []
    # Charged for what was produced: the question, and fewer words than the answer would have had.
    asked, answered = (Decimal(dollars) / 10**6 for dollars in ("0.15", "0.6"))
    cost = Decimal(row["cost_pico"]) / 10**12
    assert 200 * asked < cost < 300 * asked + 100 * answered
    assert (row["cost_source"], row["uncertain_pico"]) == ("estimated", 0)
    assert "estimated" in row["charge_reason"]


@pytest.mark.parametrize("answer", ["b64_json", "url"])
def test_a_slow_reader_of_a_large_picture_gets_all_of_it(gateway: RunningGateway, answer: str) -> None:
    fields = {"model": "sandbox/image", "prompt": "a coast", "size": "1024x1024", "n": 4, "response_format": answer}
    with client_of(gateway) as client:
        made = client.post("/v1/images/generations", json={**fields, "seed": 5}, timeout=60)
        expected = made.json()["data"]
    with sent(gateway, "/v1/images/generations", {**fields, "seed": 5}) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        text = b""
        while b"\r\n\r\n" not in text:
            text += connection.recv(1024)
        time.sleep(0.3)  # so long that the gateway must wait with the rest
        head, _, body = text.partition(b"\r\n\r\n")
        length = int(dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])[b"content-length"])
        while len(body) < length:
            body += connection.recv(16384)
    got = json.loads(body)["data"]
    if answer == "b64_json":
        assert got == expected
        assert length > 1_000_000
    else:
        assert [digest_in(entry["url"]) for entry in got] == [digest_in(entry["url"]) for entry in expected]


def digest_in(address: str) -> str:
    return address.partition("/v1/assets/")[2].partition("?")[0]


async def test_a_caller_that_leaves_in_the_middle_of_an_answer_has_been_recorded(gateway: RunningGateway) -> None:
    fields = {"model": "sandbox/image", "prompt": "a coast", "size": "1536x1536", "seed": 6}
    headers = {"authorization": f"Bearer {gateway.key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{gateway.url}/v1/images/generations", json=fields) as response,
    ):
        await response.content.readexactly(1000)
        id = response.headers["x-request-id"]
        row = gateway.request(id)  # before the last byte was read
        assert (row["status"], row["images_delivered"]) == (200, 1)
        response.close()


def test_a_gateway_that_stops_finishes_the_picture_it_is_making(
    tmp_path: Path, bfl: BflSimulator, openai_upstream: OpenAISimulator
) -> None:
    bfl.script += [On("/v1/get_result", Delay(0.3)), On("/v1/get_result", Delay(0.3))]
    answers: list[httpx.Response] = []
    with RunningGateway(tmp_path, settings_for(bfl, openai_upstream)) as gateway:

        def ask() -> None:
            with client_of(gateway) as client:
                answers.append(client.post("/v1/images/generations", json=PICTURE))

        asking = threading.Thread(target=ask)
        asking.start()
        wait_until(lambda: bfl.count("/v1/get_result") == 1)
    asking.join(20)
    assert answers[0].status_code == 200
    assert gateway.last_request()["status"] == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{gateway.url}/healthz")


def test_a_gateway_that_stops_finishes_the_picture_of_a_caller_that_has_left(
    tmp_path: Path, bfl: BflSimulator, openai_upstream: OpenAISimulator
) -> None:
    bfl.script.append(On("/v1/get_result", Delay(0.3)))
    with (
        RunningGateway(tmp_path, settings_for(bfl, openai_upstream)) as gateway,
        sent(gateway, "/v1/images/generations", PICTURE),
    ):
        wait_until(lambda: bfl.count("/v1/get_result") == 1)
    row = gateway.last_request()
    assert (row["status"], row["client_gone"], row["images_delivered"], row["cost_pico"]) == (200, 1, 1, 3 * 10**10)


def test_a_deadline_ends_a_chat_and_hangs_up_on_the_provider(
    gateway: RunningGateway, openai_upstream: OpenAISimulator
) -> None:
    openai_upstream.script.append(Hang())
    with client_of(gateway) as client:
        fields = {"model": "openai/gpt-4o-mini", **MESSAGES}
        response = client.post("/v1/chat/completions", json=fields, headers={"x-agentcc-request-timeout": "200"})
    assert (response.status_code, response.headers["x-penstock-timeout-ms"]) == (504, "200")
    assert gateway.request(response.headers["x-request-id"])["client_gone"] == 0
