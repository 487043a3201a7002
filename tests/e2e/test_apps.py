"""Which application asked, through the front door: every operation's row, the sums, the file, OpenRouter's fields."""

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.e2e.doors import PICTURE, Door, by_images, by_message, by_references, client_of, data_url
from tests.e2e.running import RunningGateway

IMAGE = {"model": "sandbox/image", "prompt": "a lighthouse"}
TALK = {"messages": [{"role": "user", "content": "good morning"}]}
REFERENCE = data_url(PICTURE)
DOORS = {
    "generation": Door("/v1/images/generations", IMAGE),
    "edit": Door("/v1/images/edits", {**IMAGE, **by_images(REFERENCE)}),
    "chat": Door("/v1/chat/completions", {"model": "sandbox/text", **TALK}),
    "stream": Door("/v1/chat/completions", {"model": "sandbox/text", "stream": True, **TALK}),
    "picture in a chat": Door("/v1/chat/completions", {"model": "sandbox/image", **by_message(REFERENCE)}),
    "embedding": Door("/v1/embeddings", {"model": "sandbox/embedding", "input": "one"}),
    "openrouter's generation": Door("/api/v1/images", IMAGE),
    "openrouter's edit": Door("/api/v1/images", {**IMAGE, **by_references(REFERENCE)}),
    "openrouter's chat": Door("/api/v1/chat/completions", {"model": "sandbox/text", **TALK}),
    "openrouter's embedding": Door("/api/v1/embeddings", {"model": "sandbox/embedding", "input": "one"}),
}
REFUSED = Door("/v1/images/generations", {"model": "nobody/nothing", "prompt": "a lighthouse"})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("apps")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def client(running: RunningGateway) -> Iterator[httpx.Client]:
    with client_of(running) as client:
        yield client


@pytest.fixture(scope="module")
def admin(running: RunningGateway) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {running.admin_key}"}
    with httpx.Client(base_url=running.url, headers=headers, timeout=30) as client:
        yield client


def told(admin: httpx.Client, path: str, **query: str) -> Any:
    answer = admin.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json(parse_float=Decimal)


@pytest.mark.parametrize(("name", "door", "status"), [*((n, d, 200) for n, d in DOORS.items()), ("no", REFUSED, 404)])
def test_the_row_and_the_sums_of_every_operation_say_which_application_asked(
    running: RunningGateway, client: httpx.Client, admin: httpx.Client, name: str, door: Door, status: int
) -> None:
    headers = {"x-title": f"Maker of {name}", "http-referer": "https://posters.example:8443/make?secret=1"}
    answer = client.post(door.path, json=door.good, headers=headers)
    assert answer.status_code == status, answer.text
    (row,) = told(admin, "/admin/api/requests", app=headers["x-title"])["data"]
    assert row["id"] == answer.headers["x-request-id"]
    assert (row["app"], row["app_url"]) == (headers["x-title"], "https://posters.example:8443")
    (sums,) = told(admin, "/admin/api/usage", by="app,operation", app=headers["x-title"], since="1d")["data"]
    assert (sums["app"], sums["operation"], sums["requests"]) == (row["app"], row["operation"], 1)
    assert sums["cost_usd"] == row["cost_usd"]
    assert told(admin, "/admin/api/usage", by="app,hour", app=headers["x-title"], since="1d")["total"]["requests"] == 1


def test_sums_are_told_by_application_and_those_of_none_too(client: httpx.Client, admin: httpx.Client) -> None:
    for headers in ({"x-title": "One"}, {"x-title": "One"}, {"referer": "http://two.example/"}, {}):
        client.post("/v1/chat/completions", json=DOORS["chat"].good, headers=headers)
    found = {row["app"]: row["requests"] for row in told(admin, "/admin/api/usage", by="app", since="1d")["data"]}
    assert (found["One"], found["two.example"]) == (2, 1)
    assert found[None] >= 1


def test_the_gateways_own_pages_are_no_application(running: RunningGateway, client: httpx.Client) -> None:
    headers = {"referer": f"{running.url}/playground"}
    client.post("/v1/chat/completions", json=DOORS["chat"].good, headers=headers)
    row = running.last_request()
    assert (row["app"], row["app_url"]) == (None, None)


@pytest.mark.parametrize(
    ("title", "referer", "app", "url"),
    [
        (b"<script>alert(1)</script>", b"https://<script>/", "<script>alert(1)</script>", None),
        (b"x" * 8000, b"https://" + b"y" * 8000, "x" * 100, None),
        (b"\xff\xfe", b"http://[::1", "ÿþ", None),
        (b"", b"http://a.example:99999/", None, None),
        ("\x85\u202e".encode(), b"javascript:alert(1)", None, None),
        ("Müller ★ \u202e".encode(), b"HTTPS://A.Example", "Müller ★", "https://a.example"),
        (b'=HYPERLINK("http://a.example")', b"//a.example", '=HYPERLINK("http://a.example")', None),
    ],
)
@pytest.mark.parametrize("door", [DOORS["generation"], DOORS["openrouter's chat"]], ids=["openai", "openrouter"])
def test_no_header_breaks_a_request(
    running: RunningGateway, client: httpx.Client, door: Door, title: bytes, referer: bytes, app: str, url: str
) -> None:
    headers = [(b"X-Title", title), (b"HTTP-Referer", referer)]
    answer = client.post(door.path, json=door.good, headers=headers)
    assert answer.status_code == 200, answer.text
    row = running.request(answer.headers["x-request-id"])
    assert (row["app"], row["app_url"]) == (app, url)


def test_a_file_has_the_application_and_no_formula(client: httpx.Client, admin: httpx.Client) -> None:
    client.post("/v1/chat/completions", json=DOORS["chat"].good, headers={"x-title": "=1+1"})
    text = admin.get("/admin/api/export", params={"since": "1d"}).text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert (rows[-1]["app"], rows[-1]["app_url"]) == ("'=1+1", "")


def test_a_generation_tells_the_page_as_openrouter_does(client: httpx.Client) -> None:
    for headers, page in (({"http-referer": "https://posters.example/a"}, "https://posters.example"), ({}, None)):
        made = client.post("/api/v1/images", json=IMAGE, headers=headers)
        data = client.get("/api/v1/generation", params={"id": made.headers["x-request-id"]}).json()["data"]
        assert (data["http_referer"], data["origin"], data["app_id"]) == (page, page or "", None)
