"""Who may open which page, and what a form must bring: over every page there is."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from penstock.api.routes import Route
from penstock.core.principal import Scope
from penstock.pipeline.sessions import COOKIE, CSRF_HEADER, csrf_token, is_csrf_token
from penstock.store.keys import NewKey, create_key, revoke_key
from penstock.web.door import Door, own_path
from penstock.web.routes import PAGES
from penstock.web.visit import SECTIONS
from tests.e2e.doors import PICTURE, data_url
from tests.e2e.running import RunningGateway, now_ms

HTML = {"accept": "text/html"}
ALWAYS_OPEN = {"/sign-in", "/sign-out", "/appearance", "/docs", "/static/{path...}"}
"""Written down a second time, so that nothing is opened by accident."""
OPENED_BY_A_SETTING = re.compile(r"/(models|calculator|compare)(/|$)")

DOORED = [route for route in PAGES if isinstance(route.handler, Door)]
CLOSED = [route for route in DOORED if route.scope is not Scope.PUBLIC]
POSTS = [route for route in DOORED if route.method == "POST" and route.path != "/sign-in"]


def shown(value: object) -> str | None:
    return f"{value.method} {value.path}" if isinstance(value, Route) else None


def at(route: Route) -> str:
    return re.sub(r"{\w+(\.\.\.)?}", "x", route.path)


@pytest.fixture(scope="module")
def visitor(gateway: RunningGateway) -> Iterator[httpx.Client]:
    """Somebody who has not signed in."""
    with httpx.Client(base_url=gateway.url, headers=HTML, timeout=30) as client:
        yield client


@contextmanager
def signed_in(gateway: RunningGateway, key: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, headers=HTML, timeout=30) as client:
        response = client.post("/sign-in", data={"key": key, "next": "/docs"})
        assert (response.status_code, response.headers["location"]) == (303, "/docs")
        yield client


def token_in(client: httpx.Client) -> str:
    """The token that pages give this visitor's forms."""
    found = re.search(r'<meta name="csrf" content="(\w+)">', client.get("/nothing/here").text)
    assert found is not None
    return found[1]


def test_nothing_is_open_that_is_not_meant_to_be() -> None:
    assert {route.path for route in PAGES if route.scope is Scope.PUBLIC} == ALWAYS_OPEN
    opened = [route for route in DOORED if isinstance(route.handler, Door) and route.handler.public]
    for route in opened:
        assert OPENED_BY_A_SETTING.match(route.path), route.path
        assert (route.method, route.scope) == ("GET", Scope.READ)
    assert all(route.handler.scope is route.scope for route in DOORED if isinstance(route.handler, Door))


def test_every_entry_of_the_bar_says_the_scope_that_its_page_needs() -> None:
    scopes = {route.path: (route.scope, route.handler.public) for route in DOORED if isinstance(route.handler, Door)}
    assert {section.path: (section.scope, section.public) for section in SECTIONS} == {
        section.path: scopes[section.path] for section in SECTIONS
    }


@pytest.mark.parametrize("route", CLOSED, ids=shown)
def test_a_page_shows_nothing_to_whoever_is_not_signed_in(visitor: httpx.Client, route: Route) -> None:
    for cookie in ("", f"{COOKIE}=", f"{COOKIE}={'x' * 43}", f"{COOKIE}=psk_x"):
        response = visitor.request(route.method, at(route), headers={"cookie": cookie})
        if route.method == "GET":
            assert response.status_code == 303
            assert response.headers["location"].startswith("/sign-in")
        else:
            assert response.status_code == 401


@pytest.mark.parametrize("route", [route for route in CLOSED if route.scope is Scope.ADMIN], ids=shown)
def test_a_page_of_administrators_is_closed_to_other_keys(gateway: RunningGateway, route: Route) -> None:
    with signed_in(gateway, gateway.key) as client:
        response = client.request(
            route.method, at(route), data={"csrf": token_in(client)} if route.method == "POST" else None
        )
        assert response.status_code == 403
        assert "lacks the scope" in response.text


@pytest.mark.parametrize("route", POSTS, ids=shown)
def test_a_form_without_the_token_of_a_page_changes_nothing(gateway: RunningGateway, route: Route) -> None:
    with signed_in(gateway, gateway.admin_key) as client:
        before = gateway.rows("select count(*) n from keys"), gateway.rows("select count(*) n from sessions")
        other = csrf_token("another session")
        for token in (None, "", "x", "00" * 32, other):
            response = client.post(at(route), data={} if token is None else {"csrf": token})
            assert response.status_code == 403, token
            assert "page of yours" in response.text
        response = client.post(at(route), data={"csrf": token_in(client)}, headers={"origin": "https://evil.example"})
        assert response.status_code == 403
        assert "another site" in response.text
        assert before == (gateway.rows("select count(*) n from keys"), gateway.rows("select count(*) n from sessions"))


SANDBOX = {
    "/v1/chat/completions": {"model": "sandbox/text", "messages": [{"role": "user", "content": "Hello"}]},
    "/v1/images/generations": {"model": "sandbox/image", "prompt": "a boat", "size": "64x64"},
    "/v1/images/edits": {
        "model": "sandbox/image",
        "prompt": "a boat",
        "size": "64x64",
        "images": [{"image_url": data_url(PICTURE)}],
    },
    "/v1/embeddings": {"model": "sandbox/embedding", "input": "one"},
    "/api/v1/images": {"model": "sandbox/image", "prompt": "a boat"},
    "/api/v1/chat/completions": {"model": "sandbox/text", "messages": [{"role": "user", "content": "Hello"}]},
}


@pytest.mark.parametrize("path", SANDBOX)
def test_a_session_calls_the_api_only_with_the_token_of_a_page(gateway: RunningGateway, path: str) -> None:
    with signed_in(gateway, gateway.key) as client:
        rows = len(gateway.rows("select id from requests"))
        for headers in ({}, {CSRF_HEADER: ""}, {CSRF_HEADER: csrf_token("another")}):
            refused = client.post(path, json=SANDBOX[path], headers=headers)
            assert refused.status_code == 403
        assert len(gateway.rows("select id from requests")) == rows
        taken = client.post(path, json=SANDBOX[path], headers={CSRF_HEADER: token_in(client)})
        assert taken.status_code == 200
        assert gateway.request(taken.headers["x-request-id"])["key_id"] is not None


def test_a_session_ends_with_its_key_and_with_signing_out(gateway: RunningGateway) -> None:
    key, secret = gateway.change(lambda c: create_key(c, NewKey("leaving", [Scope.READ, Scope.INFERENCE]), now_ms()))
    with signed_in(gateway, secret) as client:
        assert client.get("/v1/models").status_code == 200
        gateway.change(lambda c: revoke_key(c, key.id, now_ms()))
        assert client.get("/v1/models").status_code == 401
        assert client.get("/").headers["location"] == "/sign-in"
    with signed_in(gateway, gateway.key) as client:
        cookie = client.cookies[COOKIE]
        client.post("/sign-out", data={"csrf": token_in(client)})
        assert COOKIE not in client.cookies
        again = client.get("/v1/models", headers={"cookie": f"{COOKIE}={cookie}"})
        assert again.status_code == 401


def test_the_cookie_is_not_the_key_and_no_script_reads_it(gateway: RunningGateway) -> None:
    response = httpx.post(f"{gateway.url}/sign-in", data={"key": gateway.key})
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=") and gateway.key not in cookie
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"} <= set(cookie.split("; "))
    assert "Secure" not in cookie  # by plain http it would not be sent
    secret = cookie.partition("=")[2].partition(";")[0]
    assert gateway.rows("select * from sessions where hash = ?", secret) == []


def test_the_cookie_is_for_https_only_where_the_gateway_is_reached_by_that(tmp_path: Path) -> None:
    with RunningGateway(tmp_path, {"server": {"public_url": "https://pictures.example"}}) as gateway:
        data, headers = {"key": gateway.key}, {"origin": "https://pictures.example"}
        response = httpx.post(f"{gateway.url}/sign-in", data=data, headers=headers)
        assert "; Secure" in response.headers["set-cookie"]


@pytest.mark.parametrize("key", ["", "psk_wrong", "<script>alert(1)</script>", "x" * 10_000])
def test_a_wrong_key_opens_nothing(visitor: httpx.Client, key: str) -> None:
    response = visitor.post("/sign-in", data={"key": key, "next": "/models"})
    assert response.status_code == 401
    assert "set-cookie" not in response.headers
    assert (
        "<script>alert" not in response.text and key[:40] not in response.text.replace('placeholder="psk_', "")
    ) or not key


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\n//x", "models"]
)
def test_nobody_is_sent_to_another_site_after_signing_in(gateway: RunningGateway, wanted: str) -> None:
    response = httpx.post(f"{gateway.url}/sign-in", data={"key": gateway.key, "next": wanted})
    assert response.headers["location"] == "/"
    assert own_path(wanted) == "/"


def test_whoever_signs_in_comes_back_to_what_they_wanted(visitor: httpx.Client) -> None:
    sent = visitor.get("/gallery?model=sandbox/image&since=7d")
    page = visitor.get(sent.headers["location"])
    assert 'name="next" value="/gallery?model=sandbox/image&amp;since=7d"' in page.text


def test_a_token_is_of_one_session_and_looks_different_each_time() -> None:
    one, other = csrf_token("session"), csrf_token("session")
    assert one != other
    assert is_csrf_token("session", one) and is_csrf_token("session", other)
    assert not is_csrf_token("sessiom", one)
    assert not is_csrf_token("session", one[:-2]) and not is_csrf_token("session", "zz" * 32)


@pytest.mark.parametrize("path", ["/nothing", "/nothing/x/y/z", "/%3Cscript%3Ealert(1)%3C/script%3E"])
def test_a_browser_is_told_of_an_error_by_a_page_and_a_program_in_its_dialect(visitor: httpx.Client, path: str) -> None:
    page = visitor.get(path)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html") and "<script>alert" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert visitor.get(path, headers={"accept": "application/json"}).json()["error"]["code"] == "not_found"
    assert visitor.get("/v1/nothing").json()["error"]["code"] == "not_found"


def test_a_form_that_is_none_or_too_large_is_refused(visitor: httpx.Client) -> None:
    assert visitor.post("/sign-in", json={"key": "x"}).status_code == 400
    assert visitor.post(
        "/sign-in", content=b"\xff=\xfe", headers={"content-type": "application/x-www-form-urlencoded"}
    ).status_code in (400, 401)
    assert visitor.post("/sign-in", data={"key": "x" * 300_000}).status_code == 413
    assert (
        visitor.post(
            "/sign-in", content="a=1&" * 600, headers={"content-type": "application/x-www-form-urlencoded"}
        ).status_code
        == 400
    )


def test_light_or_dark_is_remembered(visitor: httpx.Client) -> None:
    response = visitor.post("/appearance", data={"theme": "dark", "next": "/sign-in?next=/models"})
    assert response.headers["location"] == "/sign-in?next=/models"
    assert '<html lang="en" data-theme="dark">' in visitor.get("/sign-in").text
    visitor.post("/appearance", data={"theme": "<b>", "next": "/sign-in"})
    assert '<html lang="en">' in visitor.get("/sign-in").text
