"""The calculator's page comes to the digits of the shared vectors and of the endpoint, and is calm about nonsense."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock.catalogue.load import load
from tests.e2e.running import RunningGateway

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "workload_vectors.json").read_text(), parse_float=Decimal
)
MODELS = {offer.id: offer.model for offer in load().all_offers}
AMOUNTS = ("per_request_usd", "per_day_usd", "per_month_usd")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A visitor who has not signed in, where the page is open to the world."""
    with (
        RunningGateway(tmp_path_factory.mktemp("open"), {"pages": {"public": True}}) as gateway,
        httpx.Client(base_url=gateway.url, headers={"accept": "text/html"}, timeout=30) as client,
    ):
        client.headers["x-test-key"] = gateway.key
        yield client


def address_of(vector: dict[str, Any]) -> dict[str, str]:
    """A vector as the page's parameters, each of them said."""
    asked = vector["workload"]
    kind = {"chat": "chat", "embedding": "embedding"}.get(asked["operation"], "pictures")
    said: dict[str, Any] = {
        "model": MODELS[vector["offer"]],
        "kind": kind,
        "day": asked["requests_per_day"],
        "in": asked.get("input_tokens", 0),
        "hits": 100 * Decimal(asked.get("cache_hit_share", 0)),
    }
    if kind == "chat":
        said |= {"cached": 100 * Decimal(asked.get("cached_input_share", 0)), "out": asked.get("output_tokens", 0)}
    if kind == "pictures":
        references = asked.get("references", {"count": 0})
        if isinstance(references, list):
            references = {"count": len(references), "size": f"{references[0]['width']}x{references[0]['height']}"}
        edits = asked.get("edits_share", 1 if references["count"] else 0)
        said |= {"size": asked.get("size") or asked.get("resolution") or "auto", "edits": 100 * edits}
        said |= {"n": asked.get("images", 1), "quality": asked.get("quality", "auto")}
        if references["count"]:
            said |= {"refs": references["count"], "refsize": references["size"]}
    return {
        name: f"{value.normalize():f}" if isinstance(value, Decimal) else str(value) for name, value in said.items()
    }


def cells(page: str, offer: str) -> list[str]:
    """What the row of an offer shows, a text for each of its cells after the name."""
    row = re.search(rf'<tr data-offer="{re.escape(offer)}".*?</tr>', page, re.DOTALL)
    assert row, offer
    found = re.findall(r"<td[^>]*>(.*?)</td>", row[0], re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in found]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_every_vector_shows_its_digits(site: httpx.Client, vector: dict[str, Any]) -> None:
    response = site.get("/calculator", params=address_of(vector))
    assert response.status_code == 200
    assert 'class="note warn"' not in response.text
    shown = cells(response.text, vector["offer"])[:3]
    if vector["certainty"] == "unpriced":
        assert shown == ["price not known", "not known", "not known"]
        return
    assert shown[0].endswith(" estimate") == (vector["certainty"] == "estimate")
    digits = [Decimal(text.removesuffix(" estimate").replace(",", "").removeprefix("$")) for text in shown]
    assert digits == [Decimal(vector[name]) for name in AMOUNTS]


def test_the_page_and_the_endpoint_say_the_same(site: httpx.Client) -> None:
    body = {"model": "flux-2-pro", "operation": "image_generation", "requests_per_day": 777, "size": "1920x1080"}
    shares = {"references": {"count": 2, "size": "640x480"}, "edits_share": 0.125, "cache_hit_share": 0.3333}
    headers = {"authorization": f"Bearer {site.headers['x-test-key']}"}
    told = site.post("/v1/quote/workload", json={**body, **shares}, headers=headers).json()
    query = "/calculator?model=flux-2-pro&day=777&size=1920x1080&edits=12.5&refs=2&refsize=640x480&hits=33.33"
    page = site.get(query).text
    assert len(told["offers"]) > 3
    for offer in told["offers"]:
        shown = cells(page, offer["offer"])
        if offer["able"]:
            assert unescape(page).count(offer["formula"] or "")
            assert [bool(re.match(r"\$\d", text)) for text in shown[:3]] == [
                offer[name] is not None for name in AMOUNTS
            ]
        else:
            assert shown == [" ".join(offer["why_not"].split())]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("model=flux-2-por", "Did you mean"),
        ("model=<script>alert(1)</script>", "There is no model “&lt;script&gt;"),
        (
            "model=sandbox/image&day=-5",
            "Requests a day: “-5” is not a whole number from 0 to 1,000,000, so 100 is used.",
        ),
        ("model=sandbox/image&kind=chat", "does pictures, so that is what is calculated"),
        ("model=sandbox/image&size=huge&quality=best", "Quality: “best” is not known here"),
        ("kind=dreams", "does pictures, so that is what is calculated"),
        ("model=%00%ff&day=%F0%9F%98%80&in=1e9", "There is no model"),
    ],
)
def test_nonsense_is_told_and_the_default_shown(site: httpx.Client, query: str, says: str) -> None:
    response = site.get(f"/calculator?{query}")
    assert response.status_code == 200
    assert says in response.text
    assert "<script>alert" not in response.text
    assert "data-offer=" in response.text


def test_without_a_model_one_that_can_be_called_is_shown(site: httpx.Client) -> None:
    for kind, model in (("pictures", "sandbox/image"), ("chat", "sandbox/text"), ("embedding", "sandbox/embedding")):
        page = site.get("/calculator", params={"kind": kind}).text
        assert f'data-offer="{model}"' in page
        assert "Cheapest here" in page
        assert "Nothing is called here, and nothing is charged." in page


def test_every_named_workload_leads_to_a_sum_without_a_note(site: httpx.Client) -> None:
    for model in ("", "flux-2-pro", "gpt-image-1", "gemini-3-pro-image", "gpt-4o-mini", "text-embedding-3-small"):
        page = site.get("/calculator", params={"model": model} if model else {}).text
        presets = re.search(r'<nav class="presets".*?</nav>', page, re.DOTALL)
        assert presets
        links = [unescape(href) for href in re.findall(r'href="([^"]+)"', presets[0])]
        assert len(links) == 5
        for link in links:
            shown = site.get(link).text
            assert 'class="note warn"' not in shown, link
            assert re.search(r'<dl class="stats">', shown), link


def test_a_part_is_answered_with_a_part(site: httpx.Client) -> None:
    headers = {"hx-request": "true", "hx-target": "calculator-answer"}
    answer = site.get("/calculator?model=sandbox/image&day=7", headers=headers).text
    assert "<html" not in answer
    assert 'data-query="day=7"' in answer
    found = site.get("/calculator?find=flux.2", headers={**headers, "hx-target": "model-choices"}).text
    assert "<html" not in found
    assert "/calculator?model=black-forest-labs/flux.2-pro" in found
