"""Ask before you pay: a quote calls nobody, keeps nothing, and the call it is about costs what it said."""

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from penstock.core.principal import Scope
from tests.e2e.doors import FLUX, data_url
from tests.e2e.pictures import noise, png
from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import OpenAISimulator

WIDE, SQUARE = png(2048, 1024), png(1024, 1024)
ASKED = {"model": FLUX, "prompt": "a lighthouse at dusk"}
MESSAGES = [{"role": "user", "content": "a lighthouse at dusk"}]


def shown(*pictures: bytes) -> list[dict[str, Any]]:
    return [{"type": "image_url", "image_url": {"url": data_url(picture)}} for picture in pictures]


def post(gateway: RunningGateway, path: str, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {gateway.key}"}
    return httpx.post(f"{gateway.url}{path}", headers=headers, timeout=60, **body)


def quoted(gateway: RunningGateway, **body: Any) -> Any:
    response = post(gateway, "/v1/quote", **body)
    assert response.status_code == 200, response.text
    return json.loads(response.text, parse_float=Decimal, parse_int=Decimal)


def offer_of(quote: Any, id: str) -> Any:
    return next(row for row in quote["offers"] if row["offer"] == id)


EXACT = [
    pytest.param("/v1/images/generations", "image_generation", {"json": {**ASKED, "size": "2048x2048"}}, "0.075"),
    pytest.param(
        "/v1/images/generations", "image_generation", {"json": {**ASKED, "size": "1024x1024", "n": 3}}, "0.09"
    ),
    pytest.param(
        "/v1/images/edits",
        "image_edit",
        {"json": {**ASKED, "size": "1024x1024", "images": [{"image_url": data_url(WIDE)}]}},
        "0.06",
    ),
    pytest.param(
        "/v1/images/edits",
        "image_edit",
        {
            "data": {**ASKED, "size": "1024x1024", "n": "2"},
            "files": [("image[]", ("a.png", WIDE)), ("image[]", ("b.png", SQUARE))],
        },
        "0.15",
    ),
    pytest.param(
        "/api/v1/images",
        "image_edit",
        {"json": {**ASKED, "size": "2048x2048", "input_references": shown(SQUARE)}},
        "0.09",
    ),
    pytest.param("/api/v1/images", "image_generation", {"json": {**ASKED, "aspect_ratio": "16:9"}}, "0.03"),
    pytest.param(
        "/v1/chat/completions",
        "chat",
        {
            "json": {
                "model": FLUX,
                "messages": [{"role": "user", "content": [{"type": "text", "text": "blue"}, *shown(SQUARE)]}],
                "image_config": {"size": "1024x1024"},
            }
        },
        "0.045",
    ),
]


@pytest.mark.parametrize("named", [True, False], ids=["operation named", "operation left out"])
@pytest.mark.parametrize(("path", "operation", "body", "dollars"), EXACT)
def test_an_exact_quote_is_what_the_call_costs(
    gateway: RunningGateway,
    bfl: BflSimulator,
    path: str,
    operation: str,
    body: dict[str, Any],
    dollars: str,
    named: bool,
) -> None:
    kind = "data" if "data" in body else "json"
    asked = {**body, kind: {**body[kind], **({"operation": operation} if named else {})}}
    quote = quoted(gateway, **asked)
    row = offer_of(quote, "bfl/flux-2-pro")
    assert not bfl.calls
    assert (row["able"], row["on"], row["certainty"]) == (True, True, "exact")
    assert row["low_usd"] == row["high_usd"] == Decimal(dollars) == sum(line["usd"] for line in row["lines"])
    assert quote["cheapest"] == "bfl/flux-2-pro"
    response = post(gateway, path, **body)
    assert response.status_code == 200, response.text[:300]
    assert Decimal(response.headers["x-penstock-cost"]) == Decimal(dollars)
    ledger = gateway.request(response.headers["x-request-id"])
    assert ledger["operation"] == quote["operation"]
    assert ledger["price_version"] == row["price_version"]


ESTIMATES = [
    pytest.param(
        "/v1/chat/completions",
        "chat",
        {"model": "sandbox/text", "messages": MESSAGES, "max_tokens": 50},
        "sandbox/text",
    ),
    pytest.param(
        "/api/v1/chat/completions",
        "chat",
        {"model": "openai/gpt-4o-mini", "messages": MESSAGES, "max_tokens": 50},
        "openai/gpt-4o-mini",
    ),
    pytest.param(
        "/v1/embeddings", "embedding", {"model": "sandbox/embedding", "input": ["one", "two"]}, "sandbox/embedding"
    ),
    pytest.param(
        "/v1/images/generations",
        "image_generation",
        {"model": "openai/gpt-image-1", "prompt": "a boat", "quality": "low", "size": "1024x1024"},
        "openai/gpt-image-1",
    ),
]


@pytest.mark.parametrize(("path", "operation", "fields", "offer"), ESTIMATES)
def test_an_estimate_holds_what_the_call_costs(
    gateway: RunningGateway, openai_upstream: OpenAISimulator, path: str, operation: str, fields: Any, offer: str
) -> None:
    quote = quoted(gateway, json=fields)
    row = offer_of(quote, offer)
    assert not openai_upstream.calls
    assert (quote["operation"], row["certainty"]) == (operation, "estimate")
    response = post(gateway, path, json=fields)
    assert response.status_code == 200, response.text[:300]
    cost = Decimal(gateway.request(response.headers["x-request-id"])["cost_pico"]) / 10**12
    assert 0 < cost <= row["high_usd"]


def test_a_quote_lists_who_is_off_and_who_cannot_and_why(gateway: RunningGateway) -> None:
    quote = quoted(gateway, json={**ASKED, "model": "flux-2-pro", "size": "2048x2048"})
    assert (quote["object"], quote["model"], quote["asked_model"]) == ("quote", FLUX, "flux-2-pro")
    row = offer_of(quote, "openrouter/black-forest-labs/flux.2-pro")
    assert (row["on"], row["able"], row["param"]) == (False, False, "size")
    assert "takes an aspect_ratio, not a pixel size" in row["why_not"]
    assert (row["certainty"], row["low_usd"], row["high_usd"], row["lines"]) == (None, None, None, [])
    row = offer_of(quoted(gateway, json={**ASKED, "aspect_ratio": "1:1"}), "openrouter/black-forest-labs/flux.2-pro")
    assert (row["on"], row["able"], row["unverified"]) == (False, True, True)


def test_a_provider_the_request_does_not_want_cannot(gateway: RunningGateway) -> None:
    quote = quoted(gateway, json={**ASKED, "size": "1024x1024", "provider": {"ignore": ["bfl"]}})
    assert offer_of(quote, "bfl/flux-2-pro")["why_not"] == "bfl is to be ignored by this request."
    assert quote["cheapest"] is None


def test_a_model_that_nobody_serves_here_is_quoted_all_the_same(gateway: RunningGateway) -> None:
    quote = quoted(gateway, json={"model": "google/gemini-3-pro-image", "prompt": "a boat"})
    assert all(not row["on"] for row in quote["offers"]) and quote["cheapest"] is None
    assert offer_of(quote, "google/gemini-3-pro-image")["low_usd"] > 0


def test_a_quote_writes_nothing_down_and_lets_its_pictures_go(gateway: RunningGateway) -> None:
    before = gateway.rows("select count(*) as n from requests")
    reference = noise(200, 200)
    quoted(gateway, json={**ASKED, "images": [{"image_url": data_url(reference)}]})
    assert gateway.rows("select count(*) as n from requests") == before
    (row,) = gateway.rows("select * from assets where width = 200 and height = 200")
    assert row["expires_at"] - row["created_at"] == 3_600_000
    assert gateway.rows("select * from asset_links where digest = ?", row["digest"]) == []
    post(gateway, "/v1/images/edits", json={**ASKED, "images": [{"image_url": data_url(reference)}]})
    (row,) = gateway.rows("select * from assets where width = 200 and height = 200")
    assert row["expires_at"] is None


def test_pictures_of_a_body_that_is_refused_go_too(gateway: RunningGateway) -> None:
    reference = noise(201, 200)
    body = {**ASKED, "size": "none", "images": [{"image_url": data_url(reference)}]}
    assert post(gateway, "/v1/quote", json=body).status_code == 400
    (row,) = gateway.rows("select * from assets where width = 201")
    assert row["expires_at"] is not None


BAD: dict[str, tuple[str, Any]] = {
    "no JSON": ("/v1/images/generations", {"content": b'{"model": '}),
    "no object": ("/v1/images/generations", {"content": b"[]"}),
    "a wrong size": ("/v1/images/generations", {"json": {**ASKED, "size": "huge"}}),
    "a wrong n": ("/v1/images/generations", {"json": {**ASKED, "n": 11}}),
    "a wrong type": ("/v1/images/generations", {"json": {**ASKED, "n": "two"}}),
    "an empty prompt": ("/v1/images/generations", {"json": {**ASKED, "prompt": " "}}),
    "an unknown model": ("/v1/images/generations", {"json": {**ASKED, "model": "flux-2-por"}}),
    "no picture": ("/v1/images/edits", {"json": {**ASKED, "images": ["data:image/png;base64,AAAA"]}}),
    "an address that is refused": ("/v1/images/edits", {"json": {**ASKED, "images": ["http://10.0.0.1/a.png"]}}),
    "a broken form": (
        "/v1/images/edits",
        {"content": b"--B\r\nx", "headers": {"content-type": "multipart/form-data; boundary=B"}},
    ),
    "a form without a picture": ("/v1/images/edits", {"data": ASKED, "files": {"mask": ("m.png", SQUARE)}}),
    "a chat without messages": ("/v1/chat/completions", {"json": {"model": FLUX, "messages": []}}),
    "a chat without words": (
        "/v1/chat/completions",
        {"json": {"model": FLUX, "messages": [{"role": "user", "content": shown(SQUARE)}]}},
    ),
    "a wrong input": ("/v1/embeddings", {"json": {"model": "sandbox/embedding", "input": 5}}),
    "a wrong provider": ("/v1/embeddings", {"json": {"model": "sandbox/embedding", "input": "x", "provider": 1}}),
    "no model": ("/v1/chat/completions", {"json": {"messages": MESSAGES}}),
}


@pytest.mark.parametrize(("path", "body"), BAD.values(), ids=BAD)
def test_what_is_wrong_with_a_body_is_told_as_its_endpoint_tells_it(
    gateway: RunningGateway, path: str, body: dict[str, Any]
) -> None:
    def send(where: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {gateway.key}", **body.get("headers", {})}
        return httpx.post(f"{gateway.url}{where}", timeout=60, **{**body, "headers": headers})

    asked, told = send("/v1/quote"), send(path)
    assert (asked.status_code, asked.json()) == (told.status_code, told.json())
    assert asked.status_code in (400, 404)


CONTRADICTIONS = [
    ({"operation": "video", **ASKED}, "`operation` must be one of chat, image_generation, image_edit, embedding."),
    ({"operation": 5, **ASKED}, "`operation` must be one of"),
    ({"model": FLUX}, "It is not plain what the body asks for"),
    ({**ASKED, "messages": MESSAGES}, "It is not plain what the body asks for"),
    ({**ASKED, "input": "x"}, "It is not plain what the body asks for"),
    (
        {**ASKED, "operation": "image_generation", "images": [data_url(SQUARE)]},
        "says image_generation, and the body is",
    ),
    (
        {**ASKED, "operation": "image_edit", "input_references": []},
        "says image_edit, and the body is one for image_gen",
    ),
    ({**ASKED, "operation": "image_edit"}, "`image` is missing"),
    ({**ASKED, "operation": "chat"}, "`messages` must be a list"),
]


@pytest.mark.parametrize(("fields", "says"), CONTRADICTIONS)
def test_an_operation_that_is_not_the_bodys_is_refused(
    gateway: RunningGateway, fields: dict[str, Any], says: str
) -> None:
    response = post(gateway, "/v1/quote", json=fields)
    assert response.status_code == 400
    assert says in response.json()["error"]["message"]


def test_a_form_is_an_edit(gateway: RunningGateway) -> None:
    response = post(gateway, "/v1/quote", data={**ASKED, "operation": "chat"}, files={"image": ("a.png", SQUARE)})
    assert response.json()["error"]["message"] == "A form is a request for image_edit; chat takes JSON."


def test_a_workload_comes_to_a_day_and_a_month(gateway: RunningGateway) -> None:
    body = {
        "model": "sandbox/image",
        "operation": "image_generation",
        "requests_per_day": 1000,
        "size": "1024x1024",
        "references": [{"width": 1024, "height": 1024}],
        "edits_share": 0.25,
        "cache_hit_share": 0.2,
    }
    response = post(gateway, "/v1/quote/workload", json=body)
    answer = json.loads(response.text, parse_float=Decimal)
    (row,) = answer["offers"]
    assert (row["per_request_usd"], row["per_day_usd"]) == (Decimal("0.027"), 27)
    assert row["per_month_usd"] == Decimal("821.8125")
    assert row["formula"] == (
        "(0.75 x (1 output megapixel $0.03) + 0.25 x (1 output megapixel $0.03 + 1 input megapixel $0.015)) "
        "x 0.8 not in the cache = $0.027 a request; x 1000 requests = $27 a day; x 30.4375 days = $821.8125 a month"
    )
    assert answer["cheapest"] == "sandbox/image"


WORKLOAD = {"model": "sandbox/image", "operation": "image_generation"}
BAD_WORKLOADS = [
    ({"model": "sandbox/image"}, "`operation` is missing."),
    ({**WORKLOAD, "operation": "video"}, "`operation` must be one of chat, image_generation, image_edit, embedding."),
    ({**WORKLOAD, "requests_per_day": 1_000_001}, "`requests_per_day` is wrong"),
    ({**WORKLOAD, "requests_per_day": 0.5}, "`requests_per_day` is wrong"),
    ({**WORKLOAD, "requests_a_day": 5}, "did you mean `requests_per_day`?"),
    ({**WORKLOAD, "cache_hit_share": 1.5}, "`cache_hit_share` must be from 0 to 1"),
    ({**WORKLOAD, "cache_hit_share": "NaN"}, "`cache_hit_share` must be from 0 to 1"),
    ({**WORKLOAD, "cache_hit_share": "1e-999999"}, "`cache_hit_share` must be from 0 to 1"),
    ({**WORKLOAD, "edits_share": 0.5}, "`references` is missing"),
    ({**WORKLOAD, "output_tokens": 5}, "`output_tokens` has no meaning for image_generation"),
    ({**WORKLOAD, "size": "big"}, "`size` must be like 1024x1024"),
    ({**WORKLOAD, "references": [{"width": 0, "height": 5}]}, "`references[0].width` is wrong"),
    ({**WORKLOAD, "references": {"count": 2, "size": "big"}}, "A size is written like 1024x1024."),
    ({"model": "sandbox/text", "operation": "chat", "images": 2}, "`images` has no meaning for chat"),
]


@pytest.mark.parametrize(("body", "says"), BAD_WORKLOADS)
def test_what_is_wrong_with_a_workload_is_told(gateway: RunningGateway, body: dict[str, Any], says: str) -> None:
    response = post(gateway, "/v1/quote/workload", json=body)
    assert response.status_code == 400, response.text
    assert says in response.json()["error"]["message"]


def test_a_workload_of_a_model_nobody_knows_is_not_found(gateway: RunningGateway) -> None:
    response = post(gateway, "/v1/quote/workload", json={**WORKLOAD, "model": "sandbox/imgae"})
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("path", "scope"), [("/v1/quote", Scope.READ), ("/v1/quote/workload", Scope.INFERENCE)], ids=str
)
def test_a_quote_needs_its_scope(gateway: RunningGateway, path: str, scope: Scope) -> None:
    headers = {"authorization": f"Bearer {gateway.new_key(scope)}"}
    assert httpx.post(f"{gateway.url}{path}", headers=headers, json={**WORKLOAD, "prompt": "x"}).status_code == 403
    assert httpx.post(f"{gateway.url}{path}", json={**WORKLOAD, "prompt": "x"}).status_code == 401


def test_a_single_request_and_a_workload_of_it_agree(gateway: RunningGateway) -> None:
    fields = {"model": FLUX, "size": "1920x1080", "references": [{"width": 2048, "height": 1024}]}
    quote = quoted(gateway, json={**ASKED, "size": "1920x1080", "images": [{"image_url": data_url(WIDE)}]})
    response = post(gateway, "/v1/quote/workload", json={**fields, "operation": "image_edit", "requests_per_day": 1})
    many = json.loads(response.text, parse_float=Decimal)
    one = offer_of(quote, "bfl/flux-2-pro")["low_usd"]
    assert offer_of(many, "bfl/flux-2-pro")["per_request_usd"] == offer_of(many, "bfl/flux-2-pro")["per_day_usd"] == one
