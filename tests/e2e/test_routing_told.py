"""How a request was routed is told to whoever asks: in OpenRouter's metadata, and to administrators."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.doors import client_of
from tests.e2e.running import PLAIN, RunningGateway
from tests.e2e.test_fallback import ASKS, Ask, models, offers, provider
from tests.simulators.base import Status
from tests.simulators.openai import NoQuota, OpenAISimulator

ASKED = {"x-openrouter-metadata": "enabled"}
ROUTING = PLAIN | {
    "breaker": {"minimum": 1, "open_seconds": 60},
    "rotation": {"no_credit_seconds": 60, "refused_seconds": 0, "rate_limited_seconds": 0},
}


@pytest.fixture(scope="module")
def second() -> Iterator[OpenAISimulator]:
    with OpenAISimulator() as simulator:
        yield simulator


def settings(first: OpenAISimulator, second: OpenAISimulator, routing: dict[str, Any]) -> dict[str, Any]:
    key = "openai-test-key"
    return {
        "providers": {
            "first": provider(first.base_url, key, offers()),
            "second": provider(second.base_url, key, offers()),
            "third": provider(second.base_url, key, [offer | {"limits": {"max_n": 0}} for offer in offers()[2:]]),
        },
        "models": models(),
        "routing": routing,
    }


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, openai_upstream: OpenAISimulator, second: OpenAISimulator
) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("told"), settings(openai_upstream, second, PLAIN)) as running:
        yield running


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with client_of(gateway) as opened:
        yield opened


def told(response: httpx.Response) -> Any:
    """The metadata, from the body or from the last event that is not the mark of the end."""
    text = response.text
    if response.headers["content-type"].startswith("text/event-stream"):
        text = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")][-1]
    return json.loads(text)["openrouter_metadata"]


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_an_answer_tells_who_could_be_asked_who_could_not_and_who_was(
    client: httpx.Client, openai_upstream: OpenAISimulator, ask: Ask
) -> None:
    openai_upstream.script.append(Status(500))
    response = client.post(ask.path, json=ask.fields, headers=ASKED)
    assert response.status_code == 200, response.text[:300]
    found = told(response)
    assert found["requested"] == ask.fields["model"]
    assert [(each["provider"], each["selected"]) for each in found["endpoints"]["available"]] == [
        ("first", False),
        ("second", True),
    ]
    assert [(each["provider"], each["status"]) for each in found["attempts"]] == [("first", 502), ("second", 200)]
    excluded = found["endpoints"]["excluded"]
    if ask.of_pictures:
        assert [each["provider"] for each in excluded] == ["third"]
        assert excluded[0]["reason"].endswith(".")
    assert found["endpoints"]["total"] == 2 + len(excluded)


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_nothing_is_told_that_nobody_asked_for(client: httpx.Client, ask: Ask) -> None:
    assert "openrouter_metadata" not in client.post(ask.path, json=ask.fields).text


@pytest.mark.parametrize("ask", [ask for ask in ASKS if not ask.fields.get("stream")], ids=str)
def test_an_error_tells_whom_it_asked(
    client: httpx.Client, openai_upstream: OpenAISimulator, second: OpenAISimulator, ask: Ask
) -> None:
    openai_upstream.script.append(Status(500))
    second.script.append(Status(500))
    response = client.post(ask.path, json=ask.fields, headers=ASKED)
    assert response.status_code == 502
    assert [each["status"] for each in told(response)["attempts"]] == [502, 502]
    assert not any(each["selected"] for each in told(response)["endpoints"]["available"])


def test_administrators_see_what_is_in_force_and_what_is_left_alone(
    tmp_path_factory: pytest.TempPathFactory, openai_upstream: OpenAISimulator, second: OpenAISimulator
) -> None:
    with (
        RunningGateway(tmp_path_factory.mktemp("alone"), settings(openai_upstream, second, ROUTING)) as gateway,
        client_of(gateway) as client,
    ):
        openai_upstream.script.append(Status(500))
        second.script.append(NoQuota())
        ask = {"model": "own/chat", "messages": [{"role": "user", "content": "x"}]}
        assert client.post("/v1/chat/completions", json=ask).status_code == 502
        assert client.get("/admin/api/routing").status_code == 403
        found = httpx.get(
            f"{gateway.url}/admin/api/routing", headers={"authorization": f"Bearer {gateway.admin_key}"}
        ).json()
    assert (found["refused"], found["settings"]["strategy"]) == (None, "priority")
    assert found["settings"]["breaker"] == {"error_rate": 0.5, "minimum": 1, "window_seconds": 30, "open_seconds": 60}
    (alone,) = found["left_alone"]
    assert (alone["offer"], alone["operation"], alone["state"]) == ("first/gpt-4o-mini", "chat", "open")
    assert 0 < alone["seconds_left"] <= 60
    (resting,) = found["resting_keys"]
    assert (resting["provider"], resting["key"], resting["reason"]) == ("second", "", "no_credit")
    assert "openai-test-key" not in json.dumps(found)
