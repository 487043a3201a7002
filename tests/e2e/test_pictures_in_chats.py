"""Pictures that a chat model answers with by itself: they count, cost what they did, and are in the gallery."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.e2e.books import PICO
from tests.e2e.pictures import from_data_url
from tests.e2e.running import RunningGateway
from tests.simulators.openai import OpenAISimulator

MODEL = "google/gemini-2.5-flash-image"
DOORS = ["/v1/chat/completions", "/api/v1/chat/completions"]


@pytest.fixture(scope="module")
def router() -> Iterator[OpenAISimulator]:
    with OpenAISimulator(dialect="openrouter") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory, router: OpenAISimulator) -> Iterator[RunningGateway]:
    """A gateway with a provider whose chat model draws, and states what that cost."""
    provider = {
        "enabled": True,
        "adapter": "openai_compatible",
        "base_url": router.base_url,
        "api_key": "openai-test-key",
        "quirks": {"cost_field": "usage.cost"},
        "cost_unit_usd": "1",
        "offers": [{"model": MODEL, "upstream": MODEL, "operations": ["chat"]}],
    }
    settings = {"providers": {"router": provider}, "network": {"allow_private_hosts": ["127.0.0.1"]}}
    with RunningGateway(tmp_path_factory.mktemp("drawing"), settings) as running:
        yield running


def chatted(gateway: RunningGateway, door: str, words: str, **fields: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {gateway.key}"}
    body = {"model": MODEL, "messages": [{"role": "user", "content": words}], **fields}
    response = httpx.post(gateway.url + door, headers=headers, json=body, timeout=30)
    assert response.status_code == 200, response.text
    return response


def shown_in_gallery(gateway: RunningGateway) -> list[str]:
    headers = {"authorization": f"Bearer {gateway.key}", "accept": "text/html"}
    page = httpx.get(f"{gateway.url}/gallery", headers=headers)
    assert page.status_code == 200
    return re.findall(r'data-digest="(\w{64})"', page.text)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("door", DOORS)
def test_a_picture_that_a_chat_model_made_counts_and_costs_what_the_provider_says(
    drawing: RunningGateway, router: OpenAISimulator, door: str, stream: bool
) -> None:
    router.reset()
    wide = {"aspect_ratio": "16:9"}
    answer = chatted(
        drawing, door, f"a boat, {door} {stream}", modalities=["image", "text"], image_config=wide, stream=stream
    )
    row = drawing.request(answer.headers["x-request-id"])
    assert (row["operation"], row["images_delivered"], row["output_pixels"]) == ("chat", 1, 1344 * 768)
    assert Decimal(row["cost_pico"]) / PICO == sum(router.billed) > 0
    assert row["charged_pico"] == row["cost_pico"]
    (link,) = drawing.rows("select role, digest from asset_links where request_id = ?", row["id"])
    assert link["role"] == "output"
    assert shown_in_gallery(drawing)[0] == link["digest"]
    if not stream:
        image = answer.json()["choices"][0]["message"]["images"][0]["image_url"]["url"]
        assert from_data_url(image).startswith(b"\x89PNG")


def test_the_sums_of_usage_count_it(drawing: RunningGateway) -> None:
    def images() -> int:
        return int(drawing.rows("select coalesce(sum(images), 0) n from usage_days where operation = 'chat'")[0]["n"])

    before = images()
    chatted(drawing, DOORS[0], "a hill", modalities=["image", "text"])
    assert images() == before + 1
    chatted(drawing, DOORS[0], "a hill in words")
    assert images() == before + 1


def test_a_chat_in_words_has_made_no_picture(drawing: RunningGateway) -> None:
    row = drawing.request(chatted(drawing, DOORS[0], "good morning").headers["x-request-id"])
    assert (row["images_delivered"], row["output_pixels"]) == (0, 0)
