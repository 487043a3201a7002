"""Which application a request came from, by what its headers say, and nothing that they say breaks it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.pipeline.apps import NOBODY, App, app_of, headers_of
from penstock.pipeline.request import Incoming
from tests.pipeline.lives import life

POSTERS = "https://posters.example"


def incoming(**headers: str) -> Incoming:
    return life(**{"host": "gateway.example:8080", **headers}).incoming


@pytest.mark.parametrize(
    ("headers", "app"),
    [
        ({}, NOBODY),
        ({"x_title": "Poster maker"}, App("Poster maker")),
        ({"x_openrouter_title": "Newer", "x_title": "Older"}, App("Newer")),
        ({"x_openrouter_title": " ", "x_title": "Older"}, App("Older")),
        ({"http_referer": f"{POSTERS}/make?id=7#top"}, App("posters.example", POSTERS)),
        ({"referer": f"{POSTERS}/make"}, App("posters.example", POSTERS)),
        ({"http_referer": POSTERS, "referer": "https://other.example"}, App("posters.example", POSTERS)),
        ({"http_referer": "posters", "referer": POSTERS}, App("posters.example", POSTERS)),
        ({"http_referer": POSTERS, "x_title": "Poster maker"}, App("Poster maker", POSTERS)),
        ({"referer": "HTTP://Posters.Example:3000"}, App("posters.example", "http://posters.example:3000")),
        ({"referer": "https://ada:secret@posters.example:443/"}, App("posters.example", POSTERS)),
        ({"referer": "http://[::1]:3000/a"}, App("::1", "http://[::1]:3000")),
        ({"referer": "http://127.0.0.1"}, App("127.0.0.1", "http://127.0.0.1")),
        ({"x_title": "M\xc3\xbcller \xe2\x98\x85"}, App("Müller ★")),
        ({"x_title": "M\xfcller"}, App("Müller")),
    ],
)
def test_an_application_is_called_by_its_title_else_by_the_host_of_its_page(headers: dict[str, str], app: App) -> None:
    assert app_of(incoming(**headers)) == app


@pytest.mark.parametrize(
    ("host", "referer", "app"),
    [
        ("gateway.example:8080", "http://gateway.example:8080/playground", NOBODY),
        ("gateway.example", "https://Gateway.example/playground", NOBODY),
        ("gateway.example:443", "https://gateway.example/", NOBODY),
        ("[::1]:8080", "http://[::1]:8080/", NOBODY),
        ("localhost:8080", "http://localhost:3000/", App("localhost", "http://localhost:3000")),
        ("[", "http://localhost:3000/", App("localhost", "http://localhost:3000")),
        ("", "http://localhost:3000/", App("localhost", "http://localhost:3000")),
    ],
)
def test_the_pages_of_the_gateway_itself_are_no_application(host: str, referer: str, app: App) -> None:
    assert app_of(incoming(host=host, referer=referer)) == app
    titled = app_of(incoming(host=host, referer=referer, x_title="Playground"))
    assert titled.name == "Playground" and titled.url is not None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "posters.example",
        "/make",
        "about:client",
        "android-app://com.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https://:443",
        "https:///make",
        "https://posters.example:99999",
        "https://posters.example:port",
        "https://[::1",
        "https://[zz]/",
        "https://<script>alert(1)</script>",
        "https://a b/",
        "https://posters.example\x00.evil/",
        'https://"onload="/',
        f"https://{'a' * 300}.example",
        "https://\u2100.example",
    ],
)
def test_an_address_that_is_none_is_left_out(address: str) -> None:
    assert app_of(incoming(http_referer=address)) == NOBODY
    assert app_of(incoming(http_referer=address, x_title="Poster maker")) == App("Poster maker")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("", None),
        (" \t ", None),
        ("\x00\x07\x1b", None),
        ("\u202eevil\u202c", "evil"),
        (" a\x00b\r\nc\t", "abc"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("x" * 60_000, "x" * 100),
        (" " * 60_000, None),
        ("\x01" * 60_000 + "x", None),
        ("ü" * 1000, "ü" * 100),
    ],
)
def test_a_title_is_cut_and_has_nothing_that_is_not_shown(title: str, name: str | None) -> None:
    assert app_of(incoming(x_title=title)).name == name


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=40), st.sampled_from(["", "http://", "https://"]))
def test_whatever_is_sent_something_short_and_harmless_is_made_of_it(
    title: str, address: str, host: str, scheme: str
) -> None:
    asked = replace(incoming(), headers={"x-title": title, "referer": scheme + address, "host": host})
    app = app_of(asked)
    assert app.name is None or (app.name.isprintable() and 0 < len(app.name) <= 100)
    assert app.url is None or (app.name and len(app.url) <= 200 and app.url.startswith(("http://", "https://")))


@given(st.text(max_size=100), st.sampled_from(["", POSTERS]))
def test_what_is_written_down_of_a_request_says_the_same_application_again(title: str, address: str) -> None:
    app = app_of(replace(incoming(), headers={"x-title": title, "referer": address}))
    assert app_of(replace(incoming(), headers=headers_of(app))) == app
