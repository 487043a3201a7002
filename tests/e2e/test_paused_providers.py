"""A provider that the administrator has paused: asked for nothing, whatever the operation, until it is resumed."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock.store.paused import pause_provider, resume_provider
from tests.e2e.doors import MESSAGES, PICTURE, data_url, refusal
from tests.e2e.running import RunningGateway, now_ms
from tests.simulators.base import Delay
from tests.simulators.openai import OpenAISimulator

Fields = dict[str, Any]
IMAGE = {"images": [{"image_url": data_url(PICTURE)}]}
REFERENCE = {"input_references": [{"type": "image_url", "image_url": {"url": data_url(PICTURE)}}]}
WHY = "Invoice under review"


@dataclass(frozen=True)
class Ask:
    path: str
    fields: Fields

    def __str__(self) -> str:
        return self.path + (":stream" if self.fields.get("stream") else "")


ASKS = [
    Ask("/v1/chat/completions", {"model": "own/chat", **MESSAGES}),
    Ask("/v1/chat/completions", {"model": "own/chat", "stream": True, **MESSAGES}),
    Ask("/api/v1/chat/completions", {"model": "own/chat", **MESSAGES}),
    Ask("/v1/embeddings", {"model": "own/vector", "input": "one"}),
    Ask("/api/v1/embeddings", {"model": "own/vector", "input": "one"}),
    Ask("/v1/images/generations", {"model": "own/picture", "prompt": "p"}),
    Ask("/v1/images/edits", {"model": "own/picture", "prompt": "p", **IMAGE}),
    Ask("/api/v1/images", {"model": "own/picture", "prompt": "p", **REFERENCE}),
]


def offers() -> list[Fields]:
    pictures = {"operations": ["image_generation", "image_edit"], "limits": {"max_references": 4}}
    return [
        {"model": "own/chat", "upstream": "gpt-4o-mini", "operations": ["chat"]},
        {"model": "own/vector", "upstream": "text-embedding-3-small", "operations": ["embedding"]},
        {"model": "own/picture", "upstream": "gpt-image-1", **pictures},
    ]


@pytest.fixture(scope="module")
def second() -> Iterator[OpenAISimulator]:
    with OpenAISimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, openai_upstream: OpenAISimulator, second: OpenAISimulator
) -> Iterator[RunningGateway]:
    def provider(simulator: OpenAISimulator) -> Fields:
        fields = {"name": "First" if simulator is openai_upstream else "Second", "adapter": "openai_compatible"}
        return {**fields, "base_url": simulator.base_url, "api_key": simulator.keys[0], "offers": offers()}

    names = {"chat": "text", "vector": "embeddings", "picture": "image"}
    models = [
        {
            "slug": f"own/{name}",
            "name": name,
            "maker": "Own",
            "input_modalities": ["text", "image"],
            "output_modalities": [makes],
        }
        for name, makes in names.items()
    ]
    settings = {"models": models, "providers": {"first": provider(openai_upstream), "second": provider(second)}}
    with RunningGateway(tmp_path_factory.mktemp("paused"), settings) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_paused(gateway: RunningGateway, second: OpenAISimulator) -> Iterator[None]:
    second.reset()
    yield
    for name in ("first", "second"):
        resume(gateway, name)


def administer(gateway: RunningGateway, method: str, path: str, body: Fields | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {gateway.admin_key}"}
    return httpx.request(method, f"{gateway.url}/admin/api/{path}", json=body, headers=headers, timeout=30)


def pause(gateway: RunningGateway, provider: str, reason: str = WHY) -> Fields:
    response = administer(gateway, "POST", f"providers/{provider}/pause", {"reason": reason})
    assert response.status_code == 200, response.text
    state: Fields = response.json()
    return state


def resume(gateway: RunningGateway, provider: str) -> None:
    assert administer(gateway, "POST", f"providers/{provider}/resume").status_code == 200


def send(gateway: RunningGateway, ask: Ask) -> httpx.Response:
    headers = {"authorization": f"Bearer {gateway.key}"}
    return httpx.post(gateway.url + ask.path, json=ask.fields, headers=headers, timeout=30)


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_another_provider_is_asked_and_the_paused_one_is_not(
    gateway: RunningGateway, openai_upstream: OpenAISimulator, second: OpenAISimulator, ask: Ask
) -> None:
    pause(gateway, "first")
    response = send(gateway, ask)
    assert response.status_code == 200, response.text
    assert response.headers["x-penstock-provider"] == "second"
    assert not openai_upstream.calls
    resume(gateway, "first")
    assert send(gateway, ask).headers["x-penstock-provider"] == "first"


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_where_all_are_paused_the_answer_is_503_with_the_reason_and_nobody_is_asked(
    gateway: RunningGateway, openai_upstream: OpenAISimulator, second: OpenAISimulator, ask: Ask
) -> None:
    pause(gateway, "first")
    pause(gateway, "second", "Too dear.")
    response = send(gateway, ask)
    message, told = refusal(response)
    assert (response.status_code, told["code"]) == (503, "provider_paused")
    assert message == (f"First is paused by the administrator: {WHY}. Second is paused by the administrator: Too dear.")
    row = gateway.request(response.headers["x-request-id"])
    assert (row["status"], row["cost_pico"], row["attempts"]) == (503, 0, 0)
    assert not openai_upstream.calls and not second.calls


@pytest.mark.parametrize("ask", [ask for ask in ASKS if ask.path.startswith("/v1/")], ids=str)
def test_quotes_and_explanations_say_who_is_paused(gateway: RunningGateway, ask: Ask) -> None:
    pause(gateway, "first")
    headers = {"authorization": f"Bearer {gateway.key}"}
    with httpx.Client(base_url=gateway.url, headers=headers, timeout=30) as client:
        explained = client.post("/v1/explain", json=ask.fields).json()
        quoted = client.post("/v1/quote", json=ask.fields).json()
    assert [row["provider"] for row in explained["order"]] == ["second"]
    says = f"First is paused by the administrator: {WHY}."
    assert [(row["provider"], row["why_not"]) for row in explained["excluded"]] == [("first", says)]
    offers = {row["provider"]: row for row in quoted["offers"]}
    assert (offers["first"]["on"], offers["first"]["why_not"]) == (False, says)
    assert (offers["second"]["on"], offers["second"]["why_not"]) == (True, None)


def test_models_of_paused_providers_are_not_listed_and_their_page_says_why(gateway: RunningGateway) -> None:
    headers = {"authorization": f"Bearer {gateway.key}"}
    for name in ("first", "second"):
        pause(gateway, name)
    with httpx.Client(base_url=gateway.url, headers=headers, timeout=30) as client:
        assert "own/chat" not in [row["id"] for row in client.get("/v1/models").json()["data"]]
        assert WHY in client.get("/v1/models/own/chat").json()["message"]


def test_a_request_under_way_finishes(gateway: RunningGateway, openai_upstream: OpenAISimulator) -> None:
    openai_upstream.script.append(Delay(1.0))
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(send(gateway, ASKS[0])))
    thread.start()
    deadline = time.monotonic() + 5
    while not openai_upstream.calls and time.monotonic() < deadline:
        time.sleep(0.01)
    pause(gateway, "first")
    thread.join()
    assert answers[0].status_code == 200
    assert answers[0].headers["x-penstock-provider"] == "first"


def test_what_another_process_pauses_is_heard_within_seconds(gateway: RunningGateway) -> None:
    gateway.change(lambda c: pause_provider(c, "first", WHY, None, now_ms()))
    assert _soon(lambda: _state(gateway, "first")["state"] == "paused")
    assert send(gateway, ASKS[0]).headers["x-penstock-provider"] == "second"
    gateway.change(lambda c: resume_provider(c, "first"))
    assert _soon(lambda: _state(gateway, "first")["state"] == "on")


def test_a_pause_outlives_a_restart(tmp_path: Path) -> None:
    with RunningGateway(tmp_path) as before:
        pause(before, "sandbox")
    with RunningGateway(tmp_path) as after:
        ask = Ask("/v1/chat/completions", {"model": "sandbox/text", **MESSAGES})
        assert send(after, ask).status_code == 503
        resume(after, "sandbox")
        assert send(after, ask).status_code == 200


def test_a_pause_has_a_reason_a_time_and_a_key(gateway: RunningGateway) -> None:
    state = pause(gateway, "first", "  too \n dear ")
    assert state["state"] == "paused"
    assert state["reason"] == "paused by the administrator: too dear"
    assert state["paused"]["reason"] == "too dear"
    assert state["paused"]["paused_by"].startswith("key_")
    again = pause(gateway, "first", "still too dear")
    assert again["paused"]["paused_at"] == state["paused"]["paused_at"]
    for body, status in (({"reason": " "}, 400), ({"reason": "x" * 201}, 400), ({}, 400)):
        assert administer(gateway, "POST", "providers/first/pause", body).status_code == status
    assert administer(gateway, "POST", "providers/frist/pause", {"reason": "x"}).status_code == 404
    assert "Did you mean `first`?" in administer(gateway, "POST", "providers/frist/resume").json()["message"]
    assert administer(gateway, "POST", "providers/bfl/pause", {"reason": "x"}).status_code == 400


def test_a_provider_is_tested_with_a_question_that_costs_nothing(
    gateway: RunningGateway, openai_upstream: OpenAISimulator
) -> None:
    found = administer(gateway, "POST", "providers/first/test").json()
    assert [key["result"] for key in found["keys"]] == ["works"]
    assert found["message"] == "First answers and accepts the key."
    pause(gateway, "first")
    keys, openai_upstream.keys = openai_upstream.keys, ("another",)
    try:
        found = administer(gateway, "POST", "providers/first/test").json()
    finally:
        openai_upstream.keys = keys
    assert [key["result"] for key in found["keys"]] == ["key_refused"]
    assert administer(gateway, "POST", "providers/sandbox/test").json()["keys"] == []
    assert administer(gateway, "POST", "providers/bfl/test").status_code == 400


def test_the_list_says_what_is_on_and_why_others_are_off(gateway: RunningGateway) -> None:
    send(gateway, ASKS[0])
    first = _state(gateway, "first")
    assert (first["state"], first["models"], first["has_key"], first["can_be_tested"]) == ("on", 3, True, True)
    assert first["succeeded"] > 0 and first["left_alone"] == []
    assert "BFL_API_KEY" in _state(gateway, "bfl")["reason"]
    answer = administer(gateway, "GET", "providers")
    assert "test-key" not in answer.text and "sk-" not in answer.text
    off = administer(gateway, "GET", "providers?state=off").json()["data"]
    assert off and {row["state"] for row in off} == {"off"}


def _state(gateway: RunningGateway, provider: str) -> Fields:
    rows = administer(gateway, "GET", "providers").json()["data"]
    found: Fields = next(row for row in rows if row["provider"] == provider)
    return found


def _soon(so: Any) -> bool:
    deadline = time.monotonic() + 10
    while not so() and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(so())
