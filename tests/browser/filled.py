"""What the pages are looked at with: an organisation with teams, keys and budgets, and requests of every kind."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import httpx

from tests.e2e.running import RunningGateway

_PAINTER: dict[str, Any] = {
    "model": "studio/painter",
    "operations": ["image_generation", "image_edit"],
    "limits": {"free_size": True, "max_side": 2048, "max_references": 8, "mask": True, "seed": True},
}
SETTINGS: dict[str, Any] = {
    "ledger": {"store_prompts": True},
    "pages": {"public": True},
    "models": [
        {
            "slug": "studio/painter",
            "name": "Painter",
            "maker": "Studio",
            "description": "A model of this installation, drawn by the sandbox, sold by two providers.",
            "input_modalities": ["text", "image"],
            "output_modalities": ["image"],
        }
    ],
    "providers": {
        # Nobody listens there, so every request for its picture falls back.
        "studio-a": {
            "name": "Studio A",
            "adapter": "openai_compatible",
            "base_url": "http://127.0.0.1:9/v1",
            "api_key": "nobody-listens",
            "offers": [{**_PAINTER, "upstream": "painter-a", "wire": "gpt-image"}],
        },
        "studio-b": {"name": "Studio B", "adapter": "sandbox", "offers": [{**_PAINTER, "upstream": "image"}]},
    },
}
PROMPTS = (
    "a lighthouse at dusk, waves, warm light",
    "a red bicycle against a white wall",
    "portrait of a botanist among ferns, soft light, <script>alert(1)</script>",
    "an aerial view of terraced rice fields in the morning",
    "a paper model of a city, isometric, pastel colours, very long prompt that goes on " * 4,
)
SIZES = ("1024x768", "768x1024", "512x512", "1536x640", "1024x1024")


@dataclass(frozen=True, slots=True)
class Filled:
    """What `fill` left behind."""

    pictures: list[str]
    """Digests, oldest first; the last one is that of the edit."""
    edit: str
    """The request that made a picture from two others."""
    fallback: str
    """A request whose first provider failed."""
    bounds: dict[str, str]
    """Ids of the `budget`, the `limit` and the `allowance` there is."""


def fill(gateway: RunningGateway) -> Filled:
    """Use a gateway as a small team would. Its budgets are hard; the sandbox costs nothing real."""
    admin = {"authorization": f"Bearer {gateway.admin_key}"}
    with httpx.Client(base_url=gateway.url, headers=admin, timeout=60) as client:
        key = _people(client)
        return _requests(client, key, _bounds(client))


def _people(client: httpx.Client) -> str:
    """An organisation with two teams; the secret of a key of theirs."""
    _post(client, "/admin/api/organisations", {"name": "Lighthouse Studio"})
    for team in ("Design", "Research and a rather long team name"):
        _post(client, "/admin/api/teams", {"name": team, "organisation": "Lighthouse Studio"})
    _post(client, "/admin/api/users", {"name": "ada", "organisation": "Lighthouse Studio"})
    made = _post(
        client,
        "/admin/api/keys",
        {"name": "website", "organisation": "Lighthouse Studio", "team": "Design", "scopes": ["inference", "read"]},
    )
    return str(made["key"])


def _bounds(client: httpx.Client) -> dict[str, str]:
    # Nobody's price for the painter is known, and it is to be used all the same.
    terms = {"period": "month", "amount_usd": "25", "on_unpriced": "allow"}
    limit = {"level": "key", "holder": "website", "unit": "images", "amount": "600", "window_seconds": 3600}
    made = {
        "budget": _post(client, "/admin/api/budgets", {"level": "team", "holder": "Design", **terms}),
        "limit": _post(client, "/admin/api/limits", limit),
        "allowance": _post(client, "/admin/api/allowances", {"level": "user", "holder": "ada", "requests": 100}),
    }
    return {name: str(answer["id"]) for name, answer in made.items()}


def _requests(client: httpx.Client, key: str, bounds: dict[str, str]) -> Filled:
    headers = {
        "authorization": f"Bearer {key}",
        "x-title": "Poster Maker",
        "http-referer": "https://posters.example/new",
    }
    pictures: list[bytes] = []
    for number, (prompt, size) in enumerate(zip(PROMPTS, SIZES, strict=True)):
        body = {"model": "sandbox/image", "prompt": prompt, "size": size, "n": 1 + number % 2, "seed": 7 + number}
        pictures += _pictures(client.post("/v1/images/generations", json=body, headers=headers))
    files = [("image[]", (f"{n}.png", data, "image/png")) for n, data in enumerate(pictures[:2])]
    edit = client.post(
        "/v1/images/edits",
        data={"model": "sandbox/image", "prompt": "put the bicycle in front of the lighthouse", "size": "1024x768"},
        files=files,
        headers=headers,
    )
    pictures += _pictures(edit)
    chat = {"model": "sandbox/text", "messages": [{"role": "user", "content": "Name three lighthouses."}]}
    client.post("/v1/chat/completions", json=chat, headers=headers).raise_for_status()
    fallback = client.post(
        "/v1/images/generations",
        json={"model": "studio/painter", "prompt": "a harbour", "size": "512x512"},
        headers={**headers, "x-title": "<b>Bold</b> & Co"},
    )
    for failing in ("moderated-input", "429 2"):
        client.post(
            "/v1/images/generations",
            json={"model": "sandbox/image", "prompt": "a harbour", "size": "512x512"},
            headers={**headers, "x-penstock-sandbox": failing},
        )
    digests = [hashlib.sha256(data).hexdigest() for data in pictures]
    return Filled(digests, edit.headers["x-request-id"], fallback.headers["x-request-id"], bounds)


def _pictures(response: httpx.Response) -> list[bytes]:
    response.raise_for_status()
    return [base64.b64decode(row["b64_json"]) for row in response.json()["data"]]


def _post(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = client.post(path, json=body)
    assert response.status_code < 300, (path, response.text)
    answer: dict[str, Any] = response.json()
    return answer
