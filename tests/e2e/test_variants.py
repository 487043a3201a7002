"""`:floor` and `:nitro` after a model's name, for chats, pictures and edits, through a running gateway."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.e2e.pictures import data_url, png
from tests.e2e.running import RunningGateway
from tests.simulators.openai import OpenAISimulator

DEAR, CHEAP, UNPRICED = "dear", "cheap", "unpriced"


def price(dollars: str) -> dict[str, Any]:
    return {"source": "a test", "checked": "2026-11-20", "meters": [{"unit": "request", "amount": dollars}]}


def offers(dollars: str | None) -> list[dict[str, Any]]:
    found = [
        {"model": "own/talker", "upstream": "gpt-4o-mini", "operations": ["chat"]},
        {
            "model": "own/painter",
            "upstream": "gpt-image-1",
            "operations": ["image_generation", "image_edit"],
            "wire": "gpt-image",
            "limits": {"sizes": ["1024x1024"], "max_references": 4},
        },
    ]
    return found if dollars is None else [{**offer, "price": price(dollars)} for offer in found]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory, openai_upstream: OpenAISimulator) -> Iterator[RunningGateway]:
    """Three providers of the same models: one dear, one unpriced, one cheap, in this order."""
    account = {
        "adapter": "openai_compatible",
        "base_url": f"{openai_upstream.url}/v1",
        "api_key": "openai-test-key",
    }
    settings = {
        "providers": {
            DEAR: {**account, "offers": offers("0.5")},
            UNPRICED: {**account, "offers": offers(None)},
            CHEAP: {**account, "offers": offers("0.25")},
        },
        "models": [
            {"slug": "own/talker", "name": "Talker", "maker": "Own"},
            {
                "slug": "own/painter",
                "name": "Painter",
                "maker": "Own",
                "input_modalities": ["text", "image"],
                "output_modalities": ["image"],
            },
        ],
        "network": {"allow_private_hosts": ["127.0.0.1"]},
    }
    with RunningGateway(tmp_path_factory.mktemp("three"), settings) as running:
        yield running


def ask(gateway: RunningGateway, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{gateway.url}{path}", headers={"authorization": f"Bearer {gateway.key}"}, json=body, timeout=30)


CALLS = {
    "a chat": (
        "/v1/chat/completions",
        {"model": "own/talker", "messages": [{"role": "user", "content": "Hello"}]},
    ),
    "a picture": ("/v1/images/generations", {"model": "own/painter", "prompt": "a boat"}),
    "an edit": (
        "/v1/images/edits",
        {"model": "own/painter", "prompt": "a boat", "images": [{"image_url": data_url(png(64, 64))}]},
    ),
}
each_call = pytest.mark.parametrize(("path", "body"), CALLS.values(), ids=CALLS)


@each_call
def test_without_a_variant_the_catalogue_s_order_counts(three: RunningGateway, path: str, body: dict[str, Any]) -> None:
    answer = ask(three, path, body)
    assert answer.status_code == 200, answer.text[:300]
    assert answer.headers["x-penstock-provider"] == DEAR
    assert answer.headers["x-penstock-routing-strategy"] == "priority"


@each_call
def test_floor_asks_the_cheapest(three: RunningGateway, path: str, body: dict[str, Any]) -> None:
    answer = ask(three, path, {**body, "model": f"{body['model']}:floor"})
    assert answer.status_code == 200, answer.text[:300]
    assert answer.headers["x-penstock-provider"] == CHEAP
    assert Decimal(answer.headers["x-penstock-cost"]) == Decimal("0.25")
    row = three.request(answer.headers["x-request-id"])
    assert answer.headers["x-penstock-routing-strategy"] == row["routing_strategy"] == "cheapest"
    assert (row["model"], row["model_asked"]) == (body["model"], f"{body['model']}:floor")


@each_call
def test_nitro_asks_whoever_was_fastest_and_the_unmeasured_last(
    three: RunningGateway, path: str, body: dict[str, Any]
) -> None:
    locked = {**body, "provider": {"only": [UNPRICED]}}
    assert ask(three, path, locked).headers["x-penstock-provider"] == UNPRICED
    speeds = three._application.gateway.speeds
    measured = {at for at, _ in speeds._seconds}
    assert any(id.startswith(UNPRICED) for id in measured)
    for id, operation in list(speeds._seconds):
        for _ in range(20):  # the whole window: what really happened is no longer in it
            speeds.note(id, operation, 0.01 if id.startswith(UNPRICED) else 9.0)
    answer = ask(three, path, {**body, "model": f"{body['model']}:nitro"})
    assert answer.status_code == 200, answer.text[:300]
    assert answer.headers["x-penstock-provider"] == UNPRICED
    assert answer.headers["x-penstock-routing-strategy"] == "fastest"


@each_call
def test_an_unknown_variant_is_not_found(three: RunningGateway, path: str, body: dict[str, Any]) -> None:
    answer = ask(three, path, {**body, "model": f"{body['model']}:free"})
    assert answer.status_code == 404
    assert ":floor" in answer.json()["error"]["message"] and ":nitro" in answer.json()["error"]["message"]
