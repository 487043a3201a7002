"""What tests of the gallery share: pictures made by request, and what stands on its pages."""

import re
from typing import Any

import httpx
from playwright.sync_api import Page

from tests.e2e.pictures import data_url, from_base64
from tests.e2e.running import RunningGateway

CELLS = "#pictures [data-digest]"


def post(gateway: RunningGateway, key: str, path: str, body: dict[str, Any]) -> bytes:
    """What the first picture of an answer is."""
    headers = {"authorization": f"Bearer {key}"}
    response = httpx.post(gateway.url + path, json=body, headers=headers, timeout=30)
    assert response.status_code == 200, response.text
    return from_base64(response.json()["data"][0]["b64_json"])


def drawn(gateway: RunningGateway, key: str, prompt: str, **fields: Any) -> bytes:
    body = {"model": "sandbox/image", "prompt": prompt, "size": "256x256", "seed": 5, **fields}
    return post(gateway, key, "/v1/images/generations", body)


def edited(gateway: RunningGateway, key: str, prompt: str, *references: bytes) -> bytes:
    images = [{"image_url": data_url(data)} for data in references]
    body = {"model": "sandbox/image", "prompt": prompt, "size": "256x256", "images": images}
    return post(gateway, key, "/v1/images/edits", body)


def digests(page: Page) -> list[str]:
    return [cell.get_attribute("data-digest") or "" for cell in page.locator(CELLS).all()]


def digest_in(page: Page) -> str:
    """Of the picture whose page it is."""
    found = re.search(r"/gallery/([0-9a-f]{64})", page.url)
    assert found is not None, page.url
    return found[1]


def facts(page: Page) -> dict[str, str]:
    names, values = page.locator("dl.pairs dt").all_inner_texts(), page.locator("dl.pairs dd").all_inner_texts()
    return dict(zip(names, values, strict=True))
