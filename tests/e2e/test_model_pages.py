"""The page of every model of the catalogue, for those signed in and those who are not: whole, and nothing invented."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from penstock.catalogue.imported import files
from penstock.catalogue.load import DATA, load
from penstock.web.routes import PAGES
from tests.browser.filled import SETTINGS, fill
from tests.e2e.running import RunningGateway

CATALOGUE = load([], files(DATA))
SLUGS = [*CATALOGUE.models, "studio/painter"]
CHUNKS = 12
SHOWN_NOTHING = re.compile(r"\b(None|nan|NaN|Undefined)\b")
ZERO_DOLLARS = re.compile(r"\$0\.00(?!\d)")
TAGS = re.compile(r"<(/?)([a-z][a-z0-9]*)([^>]*)>")
SCRIPTS = re.compile(r"<script.*?</script>", re.DOTALL)
VOID = {"meta", "link", "input", "img", "wbr", "br"}
LEFTOVERS = re.compile(r"\{\{|\{%|%\}|&lt;span|&lt;time|Markup\(")
ALLOWED_ZERO = {
    slug
    for slug in CATALOGUE.models
    for offer in CATALOGUE.offers(slug)
    if offer.price and any(meter.amount == 0 or meter.first == 0 for meter in offer.price.meters)
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("model-pages"), SETTINGS) as running:
        fill(running)
        yield running


def client(gateway: RunningGateway, key: str | None) -> httpx.Client:
    headers = {"accept": "text/html", **({"authorization": f"Bearer {key}"} if key else {})}
    return httpx.Client(base_url=gateway.url, headers=headers, timeout=60)


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_model_has_a_page_that_is_whole(gateway: RunningGateway, chunk: int, signed_in: bool) -> None:
    with client(gateway, gateway.admin_key if signed_in else None) as visitor:
        visitor.headers["accept-encoding"] = "identity"  # to pack and unpack takes longer than to make the page
        for slug in SLUGS[chunk::CHUNKS]:
            response = visitor.get(f"/models/{slug}")
            assert response.status_code == 200, (slug, response.status_code)
            _check(slug, response.text, signed_in)


def _check(slug: str, html: str, signed_in: bool) -> None:
    """By regular expressions: a parser takes four times as long as the gateway does."""
    tags = TAGS.findall(html)
    words = TAGS.sub(" ", SCRIPTS.sub("", html))
    for pattern, text in ((SHOWN_NOTHING, words), (LEFTOVERS, html)):
        found = pattern.search(text)
        assert found is None, (slug, found, text[max(0, found.start() - 80) : found.end() + 80])
    assert slug in ALLOWED_ZERO or not ZERO_DOLLARS.search(words), slug
    names = [name for _, name, _ in tags]
    assert names.count("h1") == 2, slug  # it and its end
    _check_closed(slug, tags)
    ids = re.findall(r' id="([^"]*)"', html)
    assert len(ids) == len(set(ids)), (slug, [id for id in ids if ids.count(id) > 1])
    assert ("activity" in ids) == ("apps" in ids) == signed_in, slug
    attributes = " ".join(rest for _, _, rest in tags)
    assert " style=" not in attributes and " onclick=" not in attributes, slug
    for address in set(re.findall(r'<a [^>]*?href="([^"]*)"', html)):
        _check_link(slug, address, set(ids))


def _check_closed(slug: str, tags: list[tuple[str, str, str]]) -> None:
    opened: list[str] = []
    for end, name, rest in tags:
        if end:
            assert opened and opened.pop() == name, (slug, name)
        elif name not in VOID and not rest.endswith("/"):
            opened.append(name)
    assert not opened, (slug, opened)


def _check_link(slug: str, address: str, ids: set[str]) -> None:
    parts = urlsplit(unescape(address))
    if parts.scheme:
        assert parts.scheme in ("http", "https") and parts.netloc, (slug, address)
        return
    if not parts.path:
        assert not parts.fragment or parts.fragment in ids, (slug, address)
        return
    path = unquote(parts.path)
    if re.fullmatch(r"/models/[^/]+/[^/]+", path):
        assert path.removeprefix("/models/") in SLUGS, (slug, address)
    assert any(route.pattern.fullmatch(path) for route in PAGES if route.method == "GET"), (slug, address)


@pytest.mark.parametrize("path", ["/models", "/models/sandbox/image"])
def test_a_page_with_all_it_loads_is_small(gateway: RunningGateway, path: str) -> None:
    with client(gateway, gateway.admin_key) as visitor:
        page = visitor.get(path)
        sent = int(page.headers["content-length"])
        parts = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
        for part in {*parts, "/static/gateway.js"}:
            sent += int(visitor.get(part).headers["content-length"])
        assert sent <= 120 * 1024, sent


def test_a_model_by_another_name_leads_to_its_page(gateway: RunningGateway) -> None:
    with client(gateway, None) as visitor:
        for name in ("flux-2-pro", "bfl/flux-2-pro", "Black-Forest-Labs/FLUX.2-pro"):
            response = visitor.get(f"/models/{name}?kind=pictures")
            assert response.status_code == 308, name
            assert response.headers["location"] == "/models/black-forest-labs/flux.2-pro?kind=pictures"
        unknown = visitor.get("/models/black-forest-labs/flux.2-por")
        assert unknown.status_code == 404
        assert 'href="/models/black-forest-labs/flux.2-pro"' in unknown.text
        assert visitor.get("/models/nobody/nothing/card.png").status_code == 404


def test_the_card_of_links_is_a_picture(gateway: RunningGateway) -> None:
    with client(gateway, None) as visitor:
        card = visitor.get("/models/openai/gpt-image-2/card.png")
        assert card.headers["content-type"] == "image/png" and card.content.startswith(b"\x89PNG")
        assert card.headers["cache-control"].startswith("public")
        html = visitor.get("/models/openai/gpt-image-2").text
        assert f'content="{gateway.url}/models/openai/gpt-image-2/card.png"' in html
        assert f'<link rel="canonical" href="{gateway.url}/models/openai/gpt-image-2">' in html


def test_pages_are_closed_where_they_are_not_public(tmp_path_factory: pytest.TempPathFactory) -> None:
    with RunningGateway(tmp_path_factory.mktemp("closed"), {**SETTINGS, "pages": {"public": False}}) as closed:
        with client(closed, None) as visitor:
            for path in ("/models", "/models/sandbox/image", "/models/sandbox/image/card.png", "/models/sandbox-image"):
                response = visitor.get(path)
                assert (response.status_code, response.headers["location"][:8]) == (303, "/sign-in")
        with client(closed, closed.key) as visitor:
            card = visitor.get("/models/sandbox/image/card.png")
            assert card.headers["cache-control"].startswith("private")


def test_a_key_sees_what_it_made_itself_and_nobody_else_s(gateway: RunningGateway) -> None:
    with client(gateway, gateway.key) as visitor:
        for path in ("/models", "/models/sandbox/image"):
            html = visitor.get(path).text
            assert "/v1/assets/" not in html and "Poster Maker" not in html
        assert "No requests yet." in html and "No pictures yet with your key." in html
    with client(gateway, None) as visitor:
        html = visitor.get("/models/sandbox/image").text
        assert "/v1/assets/" not in html and "Poster Maker" not in html and "succeeded" in html.lower()
    with client(gateway, gateway.admin_key) as visitor:
        html = visitor.get("/models/sandbox/image").text
        assert "/v1/assets/" in html and "Poster Maker" in html
        assert "&lt;b&gt;Bold&lt;/b&gt; &amp; Co" in visitor.get("/models/studio/painter").text


def test_a_page_more_is_the_next_models(gateway: RunningGateway) -> None:
    seen: list[str] = []
    with client(gateway, None) as visitor:
        address: str | None = "/models?output_modalities=image"
        while address:
            html = visitor.get(address).text
            seen += re.findall(r'<h3><a href="/models/([^"]+)"', html)
            more = re.search(r'class="more"><a class="button quiet" href="([^"]+)"', html)
            address = unescape(more[1]) if more else None
    wanted = {slug for slug, model in CATALOGUE.models.items() if "image" in model.output_modalities}
    assert len(seen) == len(set(seen)) and set(seen) == {*wanted, "studio/painter"}


def test_nothing_found_says_so_and_offers_a_way_out(gateway: RunningGateway) -> None:
    with client(gateway, None) as visitor:
        html = visitor.get("/models?q=nothing+is+called+so&sort=best").text
        assert "No model is all of that" in html and 'href="/models">Clear the filters' in html
        assert "“best” is not known as an order" in html


def _sign_in(visitor: httpx.Client, key: str) -> str:
    """The token of the visitor's forms."""
    visitor.post("/sign-in", data={"key": key})
    token = re.search(r'<meta name="csrf" content="([^"]+)"', visitor.get("/models/sandbox/image").text)
    assert token is not None
    return token[1]


RESULT: dict[str, Any] = {
    "benchmark": "Arena <b>of</b> lighthouses",
    "operation": "image_generation",
    "score": "1234.5",
    "low": "1230",
    "high": "1240",
    "votes": "500",
    "source": "https://arena.example/lighthouses",
    "measured_on": "2026-05-01",
    "note": "As sandbox-image.",
}


def test_a_contributed_result_is_shown_once_an_administrator_accepts_it(gateway: RunningGateway) -> None:
    from penstock.store.benchmark_reviews import decide, waiting

    path = "/models/sandbox/image"
    with client(gateway, None) as visitor:
        token = _sign_in(visitor, gateway.key)
        without_source = visitor.post(f"{path}/benchmarks", data={**RESULT, "csrf": token, "source": ""})
        assert without_source.status_code == 400
        assert "The source is missing" in without_source.text and 'value="1234.5"' in without_source.text
        assert visitor.post(f"{path}/benchmarks", data=RESULT).status_code == 403
        sent = visitor.post(f"{path}/benchmarks", data={**RESULT, "csrf": token})
        assert (sent.status_code, sent.headers["location"]) == (303, f"{path}?contributed=yes#benchmarks")
        assert "Thank you." in visitor.get(f"{path}?contributed=yes").text
        assert "lighthouses" not in visitor.get(path).text.replace("Name three lighthouses", "")
        (review,) = gateway.change(waiting)
        gateway.change(lambda c: decide(c, review.id, "accepted", None, review.created_at))
        html = visitor.get(path).text
    assert "Arena &lt;b&gt;of&lt;/b&gt; lighthouses" in html and "contributed here" in html
    assert "1,234.5" in html and "1,230 to 1,240" in html and 'href="https://arena.example/lighthouses"' in html


def test_only_whoever_is_signed_in_can_contribute(gateway: RunningGateway) -> None:
    with client(gateway, None) as visitor:
        assert "Contribute a result" not in visitor.get("/models/sandbox/image").text
        assert visitor.post("/models/sandbox/image/benchmarks", data=RESULT).status_code == 401
