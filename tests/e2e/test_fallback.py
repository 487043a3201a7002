"""Two providers of one model: the second is asked where the first failed, and never where that would pay twice."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.e2e.doors import MESSAGES, PICTURE, client_of, data_url
from tests.e2e.running import RunningGateway
from tests.simulators.base import Behaviour, CloseConnection, Delay, Garbage, Hang, RateLimited, Status, Truncated
from tests.simulators.openai import Blocked, BreaksOff, ErrorEvent, ErrorInside, NoQuota, OpenAISimulator

FIRST_KEY, SECOND_KEY = "sk-first-2b61", "sk-second-77d0"
PATIENCE = 0.3
"""Seconds the impatient provider is given."""

Fields = dict[str, Any]
IMAGE = {"images": [{"image_url": data_url(PICTURE)}]}
REFERENCE = {"input_references": [{"type": "image_url", "image_url": {"url": data_url(PICTURE)}}]}


@dataclass(frozen=True)
class Ask:
    path: str
    fields: Fields

    def __str__(self) -> str:
        return self.path + (":stream" if self.fields.get("stream") else "")

    @property
    def of_pictures(self) -> bool:
        return "images" in self.path


CHAT = Ask("/v1/chat/completions", {"model": "own/chat", **MESSAGES})
STREAM = Ask("/v1/chat/completions", {"model": "own/chat", "stream": True, **MESSAGES})
ROUTER_CHAT = Ask("/api/v1/chat/completions", {"model": "own/chat", **MESSAGES})
EMBEDDING = Ask("/v1/embeddings", {"model": "own/vector", "input": "one"})
GENERATION = Ask("/v1/images/generations", {"model": "own/picture", "prompt": "p"})
EDIT = Ask("/v1/images/edits", {"model": "own/picture", "prompt": "p", **IMAGE})
ROUTER_EDIT = Ask("/api/v1/images", {"model": "own/picture", "prompt": "p", **REFERENCE})
ASKS = [CHAT, STREAM, ROUTER_CHAT, EMBEDDING, GENERATION, EDIT, ROUTER_EDIT]


@pytest.fixture(scope="module")
def first() -> Iterator[OpenAISimulator]:
    with OpenAISimulator() as simulator:
        simulator.keys = (FIRST_KEY,)
        yield simulator


@pytest.fixture(scope="module")
def second() -> Iterator[OpenAISimulator]:
    with OpenAISimulator() as simulator:
        simulator.keys = (SECOND_KEY,)
        yield simulator


def offers(suffix: str = "", images_per_call: int = 10) -> list[Fields]:
    """What each provider sells; the price of a picture or a token is one cent."""

    def price(unit: str) -> Fields:
        return {"source": "this test", "checked": "2026-11-20", "meters": [{"unit": unit, "amount": "0.01"}]}

    pictures = {"operations": ["image_generation", "image_edit"], "price": price("image")}
    limits = {"images_per_call": images_per_call, "max_references": 4}
    return [
        {
            "model": f"own/chat{suffix}",
            "upstream": "gpt-4o-mini",
            "operations": ["chat"],
            "price": price("text_token_out"),
        },
        {"model": f"own/vector{suffix}", "upstream": "text-embedding-3-small", "operations": ["embedding"]},
        {"model": f"own/picture{suffix}", "upstream": "gpt-image-1", "limits": limits, **pictures},
    ]


def provider(address: str, key: str, sold: list[Fields], **further: Any) -> Fields:
    return {"adapter": "openai_compatible", "base_url": address, "api_key": key, "offers": sold, **further}


def models(suffix: str = "") -> list[Fields]:
    return [
        {"slug": f"own/chat{suffix}", "name": "Own chat", "maker": "Own"},
        {"slug": f"own/vector{suffix}", "name": "Own vector", "maker": "Own", "output_modalities": ["embeddings"]},
        {"slug": f"own/picture{suffix}", "name": "Own picture", "maker": "Own", "output_modalities": ["image"]},
    ]


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, first: OpenAISimulator, second: OpenAISimulator, nobody: str
) -> Iterator[RunningGateway]:
    settings = {
        "providers": {
            "first": provider(first.base_url, FIRST_KEY, [*offers(), *offers("-each", 1)]),
            "impatient": provider(first.base_url, FIRST_KEY, offers("-slow"), timeout_seconds=PATIENCE),
            "unreachable": provider(nobody, "sk-nobody", offers("-down")),
            "second": provider(
                second.base_url, SECOND_KEY, [*offers(), *offers("-each", 1), *offers("-slow"), *offers("-down")]
            ),
        },
        "models": [model for suffix in ("", "-each", "-slow", "-down") for model in models(suffix)],
    }
    # An offer's id is its provider and upstream name, so each suffix needs names of its own at a provider.
    for given in settings["providers"].values():
        for offer in given["offers"]:
            suffix = offer["model"].partition("-")[2]
            offer["upstream"] += f"-{suffix}" if suffix else ""
    with RunningGateway(tmp_path_factory.mktemp("gateway"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with client_of(gateway) as opened:
        yield opened


@pytest.fixture(autouse=True)
def fresh(first: OpenAISimulator, second: OpenAISimulator) -> None:
    first.reset()
    second.reset()


def called(ask: Ask, suffix: str) -> Fields:
    return {**ask.fields, "model": ask.fields["model"] + suffix}


def assert_served_by_the_second(gateway: RunningGateway, response: httpx.Response, name: str, code: str) -> None:
    assert response.status_code == 200, response.text
    for spelling in ("x-penstock", "x-agentcc"):
        assert response.headers[f"{spelling}-provider"] == "second"
        assert response.headers[f"{spelling}-fallback-used"] == "true"
        assert response.headers[f"{spelling}-attempts"] == "2"
    row = gateway.request(response.headers["x-request-id"])
    assert (row["provider"], row["fallback_used"], row["attempts"], row["status"]) == ("second", 1, 2, 200)
    failed, served = gateway.attempts(row["id"])
    assert (failed["provider"], failed["outcome"], failed["error_code"]) == (name, "failed", code)
    assert (served["provider"], served["outcome"], served["error_code"]) == ("second", "succeeded", None)
    assert (failed["number"], served["number"]) == (1, 2)


FALLS_BACK: dict[str, tuple[Behaviour, str]] = {
    "breaks": (Status(500), "provider_failed"),
    "is overloaded": (Status(503), "provider_failed"),
    "limits the rate": (RateLimited(30), "rate_limit_exceeded"),
    "refuses the gateway's key": (Status(401), "provider_key_refused"),
    "wants money": (Status(402), "provider_out_of_credit"),
    "has no quota left": (NoQuota(), "provider_out_of_credit"),
    "does not know the model": (Status(404), "provider_failed"),
    "tells of an error in a good answer": (ErrorInside(), "provider_failed"),
}


@pytest.mark.parametrize("ask", ASKS, ids=str)
@pytest.mark.parametrize(("mishap", "code"), FALLS_BACK.values(), ids=FALLS_BACK)
def test_the_second_is_asked_where_the_first_did_nothing(
    gateway: RunningGateway,
    client: httpx.Client,
    first: OpenAISimulator,
    second: OpenAISimulator,
    ask: Ask,
    mishap: Behaviour,
    code: str,
) -> None:
    first.script.append(mishap)
    response = client.post(ask.path, json=ask.fields)
    assert_served_by_the_second(gateway, response, "first", code)
    assert (first.count(), second.count(), len(first.billed), len(second.billed)) == (1, 1, 0, 1)
    assert "retry-after" not in response.headers


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_the_second_is_asked_where_the_first_is_not_reached(
    gateway: RunningGateway, client: httpx.Client, second: OpenAISimulator, ask: Ask
) -> None:
    response = client.post(ask.path, json=called(ask, "-down"))
    assert_served_by_the_second(gateway, response, "unreachable", "provider_unreachable")
    assert second.count() == 1


AMBIGUOUS: dict[str, tuple[Behaviour, str]] = {
    "hangs up": (CloseConnection(), "provider_connection_lost"),
    "stops in its answer": (Truncated(), "provider_connection_lost"),
    "hangs": (Hang(), "provider_timeout"),
    "takes too long": (Delay(3 * PATIENCE), "provider_timeout"),
}


@pytest.mark.parametrize("ask", [GENERATION, EDIT, ROUTER_EDIT], ids=str)
@pytest.mark.parametrize(("mishap", "code"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_no_picture_is_asked_for_again_that_may_have_been_made(
    gateway: RunningGateway,
    client: httpx.Client,
    first: OpenAISimulator,
    second: OpenAISimulator,
    ask: Ask,
    mishap: Behaviour,
    code: str,
) -> None:
    first.script.append(mishap)
    response = client.post(ask.path, json=called(ask, "-slow" if code == "provider_timeout" else ""))
    assert response.status_code == (504 if code == "provider_timeout" else 502)
    row = gateway.request(response.headers["x-request-id"])
    assert (row["error_code"], row["attempts"], row["fallback_used"], row["cost_pico"]) == (code, 1, 0, None)
    assert "x-penstock-cost" not in response.headers
    assert second.calls == []


@pytest.mark.parametrize("ask", [CHAT, ROUTER_CHAT, EMBEDDING], ids=str)
@pytest.mark.parametrize(("mishap", "code"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_text_is_asked_for_again_whatever_happened(
    gateway: RunningGateway, client: httpx.Client, first: OpenAISimulator, ask: Ask, mishap: Behaviour, code: str
) -> None:
    first.script.append(mishap)
    response = client.post(ask.path, json=called(ask, "-slow" if code == "provider_timeout" else ""))
    assert_served_by_the_second(gateway, response, "impatient" if code == "provider_timeout" else "first", code)


UNUSABLE: dict[str, Behaviour] = {
    "no picture": Status(200, {"data": [{"b64_json": "aGVsbG8="}]}),
    "a long text that is no picture": Status(200, {"data": [{"b64_json": "iVBORw0KGgo" + "A" * 90_000}]}),
    "an address that is not fetched": Status(200, {"data": [{"url": "https://10.0.0.1/a.png"}]}),
}


@pytest.mark.parametrize("ask", [GENERATION, EDIT, ROUTER_EDIT], ids=str)
@pytest.mark.parametrize("mishap", UNUSABLE.values(), ids=UNUSABLE)
def test_no_picture_is_asked_for_again_that_was_made_and_cannot_be_used(
    gateway: RunningGateway,
    client: httpx.Client,
    first: OpenAISimulator,
    second: OpenAISimulator,
    ask: Ask,
    mishap: Behaviour,
) -> None:
    first.script.append(mishap)
    response = client.post(ask.path, json=ask.fields)
    assert response.status_code == 502
    assert gateway.request(response.headers["x-request-id"])["cost_pico"] is None
    assert second.calls == []


REFUSED: dict[str, tuple[Behaviour, str]] = {
    "blocks the content": (Blocked(), "content_policy_violation"),
    "finds the request wrong": (Status(400), "rejected_by_provider"),
    "cannot process it": (Status(422), "rejected_by_provider"),
}


@pytest.mark.parametrize("ask", ASKS, ids=str)
@pytest.mark.parametrize(("mishap", "code"), REFUSED.values(), ids=REFUSED)
def test_what_one_refuses_is_not_taken_to_another(
    gateway: RunningGateway,
    client: httpx.Client,
    first: OpenAISimulator,
    second: OpenAISimulator,
    ask: Ask,
    mishap: Behaviour,
    code: str,
) -> None:
    first.script.append(mishap)
    response = client.post(ask.path, json=ask.fields)
    moderated_there = code == "content_policy_violation" and ask.path.startswith("/api/")
    assert response.status_code == (403 if moderated_there else 400)
    row = gateway.request(response.headers["x-request-id"])
    assert (row["error_code"], row["attempts"], row["fallback_used"], row["cost_pico"]) == (code, 1, 0, 0)
    assert second.calls == []


@pytest.mark.parametrize("mishap", [BreaksOff(1), ErrorEvent(1)], ids=str)
def test_a_stream_that_has_begun_stays_with_its_provider(
    gateway: RunningGateway, client: httpx.Client, first: OpenAISimulator, second: OpenAISimulator, mishap: Behaviour
) -> None:
    first.script.append(mishap)
    response = client.post(STREAM.path, json=STREAM.fields)
    assert '"error"' in response.text
    assert second.calls == []
    assert gateway.request(response.headers["x-request-id"])["fallback_used"] == 0


@pytest.mark.parametrize("mishap", [BreaksOff(0), ErrorEvent(0)], ids=str)
def test_a_stream_that_has_not_begun_is_taken_to_the_second(
    gateway: RunningGateway, client: httpx.Client, first: OpenAISimulator, mishap: Behaviour
) -> None:
    first.script.append(mishap)
    response = client.post(STREAM.path, json=STREAM.fields)
    assert response.headers["x-penstock-provider"] == "second"
    assert response.text.endswith("data: [DONE]\n\n")
    assert "error" not in response.text


def test_where_both_fail_the_last_one_is_told(
    gateway: RunningGateway, client: httpx.Client, first: OpenAISimulator, second: OpenAISimulator
) -> None:
    first.script.append(Status(500))
    second.script.append(RateLimited(9))
    response = client.post(CHAT.path, json=CHAT.fields)
    assert (response.status_code, response.headers["retry-after"]) == (429, "9")
    assert (response.headers["x-penstock-provider"], response.headers["x-penstock-attempts"]) == ("second", "2")
    row = gateway.request(response.headers["x-request-id"])
    assert (row["fallback_used"], row["cost_pico"]) == (1, 0)
    assert [attempt["error_code"] for attempt in gateway.attempts(row["id"])] == [
        "provider_failed",
        "rate_limit_exceeded",
    ]


@pytest.mark.parametrize(
    "fields",
    [{"provider": {"allow_fallbacks": False}}, {"provider": {"only": ["first"]}}, {"provider": {"ignore": ["second"]}}],
    ids=str,
)
@pytest.mark.parametrize("ask", [CHAT, EMBEDDING, GENERATION, EDIT], ids=str)
def test_a_caller_that_wants_one_provider_gets_no_other(
    client: httpx.Client, first: OpenAISimulator, second: OpenAISimulator, ask: Ask, fields: Fields
) -> None:
    first.script.append(Status(500))
    response = client.post(ask.path, json={**ask.fields, **fields})
    assert (response.status_code, response.headers["x-penstock-fallback-used"]) == (502, "false")
    assert second.calls == []


@pytest.mark.parametrize(
    ("mishaps", "falls_back"),
    [
        ([Status(500), RateLimited(1)], True),
        ([RateLimited(1), CloseConnection()], False),
        ([CloseConnection(), RateLimited(1)], False),
        ([Status(500), Blocked()], False),
    ],
    ids=str,
)
def test_of_pictures_made_one_by_one_any_that_may_have_been_paid_for_keeps_all_of_them_here(
    gateway: RunningGateway,
    client: httpx.Client,
    first: OpenAISimulator,
    second: OpenAISimulator,
    mishaps: list[Behaviour],
    falls_back: bool,
) -> None:
    first.script.extend(mishaps)
    response = client.post(GENERATION.path, json={**called(GENERATION, "-each"), "n": 2})
    assert first.count() == 2
    assert second.count() == (2 if falls_back else 0)
    assert response.status_code == 200 if falls_back else response.status_code in (400, 502)
    row = gateway.request(response.headers["x-request-id"])
    assert (row["attempts"], row["fallback_used"]) == ((4, 1) if falls_back else (2, 0))
    ambiguous = any(isinstance(mishap, CloseConnection) for mishap in mishaps)
    assert row["cost_pico"] == (None if ambiguous else 2 * 10**10 if falls_back else 0)


@pytest.mark.parametrize("stream", [False, True])
def test_each_provider_sees_its_own_key_only(
    client: httpx.Client, first: OpenAISimulator, second: OpenAISimulator, stream: bool
) -> None:
    first.script.append(Status(500))
    client.post(CHAT.path, json={**CHAT.fields, "stream": stream})
    assert [call.headers["authorization"] for call in first.calls] == [f"Bearer {FIRST_KEY}"]
    assert [call.headers["authorization"] for call in second.calls] == [f"Bearer {SECOND_KEY}"]
    assert not any(name.startswith(("x-penstock", "x-agentcc")) for call in second.calls for name in call.headers)


@pytest.mark.parametrize("mishap", [Garbage()], ids=str)
def test_a_chat_answered_with_garbage_is_taken_to_the_second(
    gateway: RunningGateway, client: httpx.Client, first: OpenAISimulator, mishap: Behaviour
) -> None:
    first.script.append(mishap)
    assert_served_by_the_second(gateway, client.post(CHAT.path, json=CHAT.fields), "first", "provider_failed")
