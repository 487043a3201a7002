"""The front doors with a good request each, and what every refusal at any of them looks like."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any

import httpx
from PIL import Image

from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import OpenAISimulator

FLUX = "black-forest-labs/flux.2-pro"
GPT_IMAGE = "openai/gpt-image-1"
BODY_MEGABYTES = 2
PICTURE_MEGABYTES = 1

Fields = dict[str, Any]


def encoded(width: int, height: int, mode: str = "RGB", form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, form)
    return buffer.getvalue()


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


PICTURE = encoded(64, 64)


@dataclass(frozen=True)
class Door:
    """An endpoint, and a request that it would serve."""

    path: str
    good: Fields
    picture_field: Callable[[str], Fields] | None = None
    """The fields that bring a picture by its address."""
    about: str = ""
    """What errors about that picture name as their parameter."""


def by_images(address: str) -> Fields:
    return {"images": [{"image_url": address}]}


def by_references(address: str) -> Fields:
    return {"input_references": [{"type": "image_url", "image_url": {"url": address}}]}


def by_message(address: str) -> Fields:
    content = [{"type": "text", "text": "blue"}, {"type": "image_url", "image_url": {"url": address}}]
    return {"messages": [{"role": "user", "content": content}]}


MESSAGES = {"messages": [{"role": "user", "content": "a lighthouse"}]}
PROMPT = {"model": FLUX, "prompt": "a lighthouse"}
EDITS = Door("/v1/images/edits", {**PROMPT, **by_images(data_url(PICTURE))}, by_images, "images")
GENERATIONS = Door("/v1/images/generations", PROMPT)
ROUTER_IMAGES = Door("/api/v1/images", PROMPT, by_references, "input_references")
CHATS = [Door(f"{base}/chat/completions", {"model": "openai/gpt-4o-mini", **MESSAGES}) for base in ("/v1", "/api/v1")]
PICTURE_CHATS = [
    Door(f"{base}/chat/completions", {"model": FLUX, **MESSAGES}, by_message, "messages") for base in ("/v1", "/api/v1")
]
EMBEDDINGS = [
    Door(f"{base}/embeddings", {"model": "openai/text-embedding-3-small", "input": "one"})
    for base in ("/v1", "/api/v1")
]
IMAGES = [GENERATIONS, EDITS, ROUTER_IMAGES]
DOORS = [*CHATS, *IMAGES, *EMBEDDINGS]
WITH_PICTURES = [EDITS, ROUTER_IMAGES, *PICTURE_CHATS]


@contextmanager
def small_gateway(data: Path, bfl: BflSimulator, openai_upstream: OpenAISimulator) -> Iterator[RunningGateway]:
    """A gateway like the usual one, with small limits and no private network that may be fetched from."""
    settings = {
        "server": {"max_body_megabytes": BODY_MEGABYTES},
        "assets": {"max_picture_megabytes": PICTURE_MEGABYTES},
        "providers": {
            "bfl": {"base_url": bfl.url, "api_key": "bfl-test-key", "quirks": {"poll_seconds": 0.01}},
            "openai": {"base_url": openai_upstream.base_url, "api_key": "openai-test-key"},
        },
    }
    with RunningGateway(data, settings) as running:
        yield running


def client_of(gateway: RunningGateway) -> httpx.Client:
    """A client with a key."""
    headers = {"authorization": f"Bearer {gateway.key}"}
    # Nothing here is encrypted, and to read every authority's certificate takes longer than most tests.
    return httpx.Client(base_url=gateway.url, headers=headers, timeout=30, verify=SSLContext(PROTOCOL_TLS_CLIENT))


def name_of(value: object) -> str | None:
    if isinstance(value, Door):
        return f"{value.path}:{value.good['model'].rpartition('/')[2]}"
    if isinstance(value, dict):
        return json.dumps(value)[:60]
    return None


def assert_refused(
    gateway: RunningGateway, response: httpx.Response, status: int, says: str, param: str | None = None
) -> None:
    """The error's shape, headers and row: as every refusal has them."""
    message, told = refusal(response)
    assert response.status_code == status, response.text[:500]
    assert says.lower() in message.lower(), message
    assert message.endswith((".", "?")), message
    if param is not None:
        assert told["param"] == param, response.text
    row = recorded(gateway, response)
    assert (row["status"], row["error_code"], row["error_message"]) == (status, told["code"], message[:500])
    assert (row["cost_pico"], row["attempts"], row["images_delivered"]) == (0, 0, 0)
    assert response.headers["x-penstock-cost"] == response.headers["x-agentcc-cost"] == "0"
    assert response.headers["x-penstock-attempts"] == "0"


def recorded(gateway: RunningGateway, response: httpx.Response) -> dict[str, Any]:
    assert response.headers["x-penstock-request-id"] == response.headers["x-agentcc-request-id"]
    for name in ("trace-id", "latency-ms", "timeout-ms", "cache", "fallback-used", "routing-strategy"):
        assert response.headers[f"x-penstock-{name}"] == response.headers[f"x-agentcc-{name}"]
    return gateway.request(response.headers["x-request-id"])


def refusal(response: httpx.Response) -> tuple[str, dict[str, Any]]:
    """The sentence, and `code` and `param`, out of the shape that the path's dialect has."""
    body = response.json()
    error = body["error"]
    if response.request.url.path.startswith("/api/"):
        assert body.keys() == {"error"}
        assert error.keys() == {"code", "message", "metadata"}
        assert error["code"] == response.status_code
        metadata = error["metadata"]
        assert metadata["error_type"]
        return error["message"], {"code": metadata["error_code"], "param": metadata.get("param")}
    assert body.keys() == {"error", "message"}
    assert error.keys() == {"message", "type", "code", "param"}
    assert body["message"] == error["message"]
    assert error["type"]
    return error["message"], {"code": error["code"], "param": error["param"]}
