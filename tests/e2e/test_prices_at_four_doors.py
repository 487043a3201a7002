"""What a picture costs is the same at every front door, in the header, in the body and in the ledger."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest

from tests.e2e.pictures import data_url, from_base64, from_data_url, png, seen
from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator

MODEL = "black-forest-labs/flux.2-pro"
PROMPT = "a lighthouse at dusk"


def through_generations(gateway: RunningGateway, size: str, references: list[bytes]) -> httpx.Response:
    headers = {"authorization": f"Bearer {gateway.key}"}
    fields: dict[str, Any] = {"model": MODEL, "prompt": PROMPT, "size": size, "output_format": "png"}
    if references:
        files = [("image[]", (f"{i}.png", data, "image/png")) for i, data in enumerate(references)]
        return httpx.post(f"{gateway.url}/v1/images/edits", headers=headers, data=fields, files=files, timeout=60)
    return httpx.post(f"{gateway.url}/v1/images/generations", headers=headers, json=fields, timeout=60)


def through_images_json(gateway: RunningGateway, size: str, references: list[bytes]) -> httpx.Response:
    fields = {
        "model": MODEL,
        "prompt": PROMPT,
        "size": size,
        "output_format": "png",
        "input_references": [{"type": "image_url", "image_url": {"url": data_url(r)}} for r in references],
    }
    return post(gateway, "/api/v1/images", fields)


def chat_fields(size: str, references: list[bytes]) -> dict[str, Any]:
    content = [{"type": "text", "text": PROMPT}]
    content += [{"type": "image_url", "image_url": {"url": data_url(r)}} for r in references]
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": content}],
        "modalities": ["image", "text"],
        "image_config": {"size": size, "output_format": "png"},
    }


def through_chat(gateway: RunningGateway, size: str, references: list[bytes]) -> httpx.Response:
    return post(gateway, "/v1/chat/completions", chat_fields(size, references))


def through_openrouter_chat(gateway: RunningGateway, size: str, references: list[bytes]) -> httpx.Response:
    return post(gateway, "/api/v1/chat/completions", chat_fields(size, references))


def post(gateway: RunningGateway, path: str, fields: dict[str, Any]) -> httpx.Response:
    headers = {"authorization": f"Bearer {gateway.key}"}
    return httpx.post(f"{gateway.url}{path}", headers=headers, json=fields, timeout=60)


Door = Callable[[RunningGateway, str, list[bytes]], httpx.Response]
DOORS: list[Door] = [through_generations, through_images_json, through_chat, through_openrouter_chat]
PRICES = [
    ("1024x1024", [], "0.03"),
    ("1920x1080", [], "0.045"),
    ("2048x2048", [], "0.075"),
    ("1024x1024", [(1024, 1024)], "0.045"),
]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
@pytest.mark.parametrize(("size", "references", "dollars"), PRICES)
def test_flux_2_pro_costs_what_its_maker_charges(
    gateway: RunningGateway, bfl: BflSimulator, door: Door, size: str, references: list[tuple[int, int]], dollars: str
) -> None:
    response = door(gateway, size, [png(*reference) for reference in references])
    assert response.status_code == 200, response.text[:500]
    body = msgspec.json.decode(response.content, type=dict[str, msgspec.Raw])
    usage = msgspec.json.decode(body["usage"], type=dict[str, msgspec.Raw])
    row = gateway.request(response.headers["x-request-id"])
    assert response.headers["x-penstock-cost"] == response.headers["x-agentcc-cost"] == dollars
    assert Decimal(bytes(usage["cost"]).decode()) == Decimal(dollars)
    assert row["cost_pico"] == int(Decimal(dollars) * 10**12) == row["cost_computed_pico"] == row["quote_high_pico"]
    assert row["cost_source"] == "stated"
    assert [credits / 100 for credits in bfl.billed] == [Decimal(dollars)]
    width, height = map(int, size.split("x"))
    made = seen(picture_in(response))
    assert (made.size, made.format) == ((width, height), "png")


def picture_in(response: httpx.Response) -> bytes:
    body = response.json()
    if "data" in body:
        return from_base64(body["data"][0]["b64_json"])
    return from_data_url(body["choices"][0]["message"]["images"][0]["image_url"]["url"])
