"""Who may do what, over every endpoint there is; and what must never be told or kept."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from penstock.api.routes import ROUTES, Route
from penstock.core.principal import Scope
from penstock.store.keys import NewKey, create_key, revoke_key
from tests.e2e.doors import DOORS, MESSAGES, PICTURE, PROMPT, client_of, data_url, name_of, refusal
from tests.e2e.running import RunningGateway, now_ms

OPEN_TO_ANYBODY = {
    "/v1/assets/{digest}",
    "/healthz",
    "/health",
    "/v1/health",
    "/v1/healthz",
    "/readyz",
    "/openapi.json",
}
"""Written down a second time, so that nothing is opened by accident. Pictures check a signature or a key themselves."""

CLOSED = [route for route in ROUTES if route.scope is not Scope.PUBLIC]
ASSETS = next(route for route in ROUTES if route.path == "/v1/assets/{digest}")
KEYS = {"none": None, "empty": "Bearer", "basic": "Basic cHNrOng=", "bare": "psk_x", "wrong": "Bearer psk_" + "x" * 43}


def shown(value: object) -> str | None:
    return f"{value.method} {value.path}" if isinstance(value, Route) else None


def ask(
    client: httpx.Client, route: Route, authorization: str | None, *, prefix: str = "", method: str = ""
) -> httpx.Response:
    """A request to an endpoint, its template filled in; nothing that costs anything."""
    path = re.sub(r"{\w+(\.\.\.)?}", "x", route.path)
    headers = {} if authorization is None else {"authorization": authorization}
    return client.request(method or route.method, prefix + path, headers=headers)


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    """Without a key."""
    with httpx.Client(base_url=gateway.url, timeout=30) as opened:
        yield opened


def test_nothing_is_open_that_is_not_meant_to_be() -> None:
    assert {route.path for route in ROUTES if route.scope is Scope.PUBLIC} == OPEN_TO_ANYBODY


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("route", [*CLOSED, ASSETS], ids=shown)
def test_an_endpoint_answers_nobody_without_a_key(
    gateway: RunningGateway, client: httpx.Client, route: Route, key: str | None
) -> None:
    rows = len(gateway.rows("select id from requests"))
    response = ask(client, route, key)
    message, told = refusal(response)
    assert (response.status_code, told["code"]) == (401, "invalid_api_key")
    assert "key" in message
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["x-request-id"].startswith("req_")
    for prefix in ("x-penstock", "x-agentcc"):
        told_cost = response.headers.get(f"{prefix}-cost"), response.headers.get(f"{prefix}-attempts")
        assert told_cost == (("0", "0") if route.surface else (None, None))
    assert len(gateway.rows("select id from requests")) == rows, "whoever has no key writes no rows"


@pytest.mark.parametrize("route", CLOSED, ids=shown)
def test_no_spelling_of_a_path_opens_it(client: httpx.Client, route: Route) -> None:
    path = re.sub(r"{\w+(\.\.\.)?}", "x", route.path)
    spellings = [
        path + "/",
        "/" + path,
        path.upper(),
        path.replace("v1", "v1/."),
        f"{path}%00",
        f"/v1{path}",
        f"{path}?a",
    ]
    spellings += [f"/v1/v1{path.removeprefix('/v1')}", f"/healthz/..{path}", f"/static/..{path}", f"/healthz;{path}"]
    for method in (route.method, "HEAD", "GET", "POST", "OPTIONS", "PUT"):
        for spelling in spellings:
            response = client.request(method, spelling)
            # `//host` is the address of a page for this server, and pages send whoever has no key to sign in.
            signing_in = response.status_code == 303 and response.headers["location"].startswith("/sign-in")
            assert signing_in or response.status_code in (401, 404, 405), (method, spelling)


@pytest.mark.parametrize("route", [route for route in CLOSED if route.method == "GET"], ids=shown)
def test_asking_for_the_head_only_needs_a_key_too(client: httpx.Client, route: Route) -> None:
    assert ask(client, route, None, method="HEAD").status_code == 401


@pytest.mark.parametrize("route", [route for route in CLOSED if route.path.startswith("/v1/")], ids=shown)
def test_the_doubled_prefix_needs_a_key_too(client: httpx.Client, route: Route) -> None:
    assert ask(client, route, None, prefix="/v1").status_code == 401


@pytest.mark.parametrize("route", CLOSED, ids=shown)
def test_a_key_in_the_address_is_not_taken(gateway: RunningGateway, client: httpx.Client, route: Route) -> None:
    path = re.sub(r"{\w+(\.\.\.)?}", "x", route.path)
    for name in ("key", "api_key", "token", "access_token"):
        assert client.request(route.method, path, params={name: gateway.admin_key}).status_code == 401


@pytest.fixture(scope="module")
def narrow_keys(gateway: RunningGateway) -> dict[Scope, str]:
    """For each scope a key with every other one but the administrator's."""
    grantable = set(Scope) - {Scope.PUBLIC, Scope.ADMIN}
    return {
        scope: gateway.new_key(*(grantable - {scope} if scope is not Scope.ADMIN else grantable))
        for scope in set(Scope) - {Scope.PUBLIC}
    }


@pytest.mark.parametrize("route", CLOSED, ids=shown)
def test_a_key_without_the_scope_is_refused_by_its_name(
    gateway: RunningGateway, client: httpx.Client, narrow_keys: dict[Scope, str], route: Route
) -> None:
    response = ask(client, route, f"Bearer {narrow_keys[route.scope]}")
    message, told = refusal(response)
    assert (response.status_code, told["code"]) == (403, "forbidden")
    assert f"`{route.scope}`" in message


@pytest.mark.parametrize("route", CLOSED, ids=shown)
def test_the_key_of_an_administrator_opens_everything(
    gateway: RunningGateway, client: httpx.Client, route: Route
) -> None:
    assert ask(client, route, f"Bearer {gateway.admin_key}").status_code not in (401, 403)


def test_a_revoked_key_is_refused_by_the_very_next_request(gateway: RunningGateway, client: httpx.Client) -> None:
    made, key = gateway.change(lambda c: create_key(c, NewKey("soon gone", (Scope.READ,)), now_ms()))
    bearer = {"authorization": f"Bearer {key}"}
    assert client.get("/v1/models", headers=bearer).status_code == 200
    gateway.change(lambda c: revoke_key(c, made.id, now_ms()))
    response = client.get("/v1/models", headers=bearer)
    assert (response.status_code, "was revoked" in refusal(response)[0]) == (401, True)


def test_a_key_that_has_expired_is_refused(gateway: RunningGateway, client: httpx.Client) -> None:
    new = NewKey("old", (Scope.READ,), expires_at=now_ms() - 1)
    _, key = gateway.change(lambda c: create_key(c, new, now_ms() - 1000))
    response = client.get("/v1/models", headers={"authorization": f"Bearer {key}"})
    assert (response.status_code, "has expired" in refusal(response)[0]) == (401, True)


# Pictures.


def made_by(gateway: RunningGateway, key: str, **further: Any) -> dict[str, Any]:
    fields = {"model": "sandbox/image", "prompt": "a coast", "size": "64x64", "response_format": "url", **further}
    response = httpx.post(
        f"{gateway.url}/v1/images/generations", headers={"authorization": f"Bearer {key}"}, json=fields, timeout=30
    )
    found: dict[str, Any] = response.json()["data"][0]
    return found


def test_a_picture_is_there_for_its_maker_and_the_administrator_and_for_nobody_else(
    gateway: RunningGateway, client: httpx.Client
) -> None:
    path = httpx.URL(made_by(gateway, gateway.key, seed=41)["url"]).path
    stranger, unread = gateway.new_key(), gateway.new_key(Scope.INFERENCE)
    found = {
        name: client.get(path, headers={"authorization": f"Bearer {key}"})
        for name, key in {
            "maker": gateway.key,
            "admin": gateway.admin_key,
            "stranger": stranger,
            "unread": unread,
        }.items()
    }
    assert {name: response.status_code for name, response in found.items()} == {
        "maker": 200,
        "admin": 200,
        "stranger": 404,
        "unread": 403,
    }
    missing = client.get(f"/v1/assets/{'0' * 64}", headers={"authorization": f"Bearer {stranger}"})
    assert missing.text == found["stranger"].text, "whether it exists is not told"
    assert client.get(path).status_code == 401
    made_by(gateway, stranger, seed=41)
    again = client.get(path, headers={"authorization": f"Bearer {stranger}"})
    assert again.status_code == 200, "whoever makes the same picture may see it"


def test_a_picture_is_served_as_a_picture_whatever_is_in_it(gateway: RunningGateway, client: httpx.Client) -> None:
    response = client.get(made_by(gateway, gateway.key)["url"])
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]


def test_a_signed_address_opens_its_picture_until_its_time_and_nothing_else(
    gateway: RunningGateway, client: httpx.Client
) -> None:
    one, other = (httpx.URL(made_by(gateway, gateway.key, seed=seed)["url"]) for seed in (1, 2))
    assert client.get(one).status_code == 200
    signature = one.params["signature"]
    for changed in (
        one.copy_set_param("expires", str(int(one.params["expires"]) + 1)),
        one.copy_set_param("expires", "9" * 5000),
        one.copy_set_param("expires", "-1"),
        one.copy_set_param("expires", ""),
        one.copy_set_param("signature", signature[::-1]),
        one.copy_set_param("signature", signature[:-1]),
        one.copy_set_param("signature", "ü"),
        other.copy_set_param("signature", signature),
        one.copy_with(path=other.path),
    ):
        response = client.get(changed)
        assert (response.status_code, refusal(response)[1]["code"]) == (403, "invalid_signature"), changed


@pytest.mark.parametrize(
    "name", ["../../penstock.db", "..%2f..%2fpenstock.db", "%00", "x" * 64, "0" * 63, "A" * 64, "*", "%2e%2e", "ü"]
)
def test_no_name_of_a_picture_leads_out_of_the_store(gateway: RunningGateway, client: httpx.Client, name: str) -> None:
    headers = {"authorization": f"Bearer {gateway.admin_key}"}
    assert client.get(f"/v1/assets/{name}", headers=headers).status_code == 404


@pytest.mark.parametrize("wanted", ["bytes=" + "9" * 5000 + "-", "bytes=-" + "9" * 5000, "bytes=a-b", "bytes=--1", "x"])
def test_a_range_that_is_none_is_passed_over(gateway: RunningGateway, client: httpx.Client, wanted: str) -> None:
    response = client.get(made_by(gateway, gateway.key, seed=3)["url"], headers={"range": wanted})
    assert (response.status_code, response.content[:4]) == (200, b"\x89PNG")


# Text stays text.

HOSTILE = [
    "'; drop table requests; --",
    '" or 1=1 --',
    "<script>alert(1)</script>",
    "{{7*7}}${7*7}",
    "../../etc/passwd",
    "%s%n%x",
    "a\u0000b",
    "\u202egnp.exe",
    "🎨" * 50,
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("door", DOORS, ids=name_of)
def test_a_hostile_model_name_is_text(gateway: RunningGateway, door: Any, text: str) -> None:
    with client_of(gateway) as client:
        response = client.post(door.path, json={**door.good, "model": text})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/json"
    assert text in response.json()["error"]["message"]
    row = gateway.request(response.headers["x-request-id"])
    assert row["model_asked"] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_any_field_is_text(gateway: RunningGateway, text: str) -> None:
    headers = {
        f"x-penstock-{name}": text.encode().replace(b"\0", b"") for name in ("session-id", "user-id", "metadata")
    }
    fields = {"model": "sandbox/image", "prompt": text, "size": "64x64", "user": text, text: text, "quality": text}
    with client_of(gateway) as client:
        refused = client.post("/v1/images/generations", json=fields, headers=headers)
        served = client.post("/v1/images/generations", json={**fields, "quality": "low"}, headers=headers)
    assert (refused.status_code, served.status_code) == (400, 200), refused.text
    assert gateway.rows("select count(*) as rows from requests")[0]["rows"] > 0
    assert served.headers["content-type"] == "application/json"


# What is kept.


def test_no_key_is_in_the_database_in_clear(gateway: RunningGateway, client: httpx.Client) -> None:
    """Neither the callers' keys, right or wrong, nor the providers'."""
    wrong = "psk_" + "w" * 43
    with client_of(gateway) as named:
        named.post("/v1/chat/completions", json={"model": "sandbox/text", **MESSAGES})
        edit = {**PROMPT, "model": "sandbox/image", "size": "64x64", "images": [{"image_url": data_url(PICTURE)}]}
        assert named.post("/v1/images/edits", json=edit).status_code == 200
    client.get("/v1/models", headers={"authorization": f"Bearer {wrong}"})
    kept = b"".join(path.read_bytes() for path in gateway.data.rglob("penstock.db*"))
    assert len(kept) > 10_000
    middles = [key.removeprefix("psk_")[6:-4] for key in (gateway.key, gateway.admin_key, wrong)]
    for secret in (*middles, "bfl-test-key", "openai-test-key"):
        assert secret.encode() not in kept
    assert b"a lighthouse" not in kept, "nor is what was asked"


def test_a_key_is_in_no_answer(gateway: RunningGateway) -> None:
    with client_of(gateway) as client:
        for path in ("/v1/models", "/v1/nothing", "/v1/assets/x", "/openapi.json", "/docs"):
            response = client.get(path)
            assert gateway.key not in response.text + str(response.headers)


BREAKS = """
import sys
from penstock.telemetry.log import set_up
sys.stderr.isatty = lambda: {terminal}
set_up("info")
import structlog
def call(api_key):
    raise ValueError("something broke")
try:
    call("sk-live-0123456789")
except ValueError:
    structlog.get_logger().exception("request.broke")
"""


@pytest.mark.parametrize("terminal", [True, False])
def test_a_logged_traceback_shows_no_values(terminal: bool) -> None:
    done = subprocess.run([sys.executable, "-c", BREAKS.format(terminal=terminal)], capture_output=True, check=True)
    said = (done.stdout + done.stderr).decode()
    assert "something broke" in said
    assert "request.broke" in said
    assert "sk-live-0123456789" not in said.replace('call("sk-live-0123456789")', "")
