"""Addresses that make no sense: every page answers them, says nothing that was not asked, and never breaks."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from penstock.api.routes import Route
from penstock.pipeline.sessions import COOKIE
from penstock.web.door import Door
from penstock.web.routes import PAGES
from tests.browser.filled import SETTINGS, Filled, fill
from tests.browser.screenshots import pages
from tests.e2e.running import RunningGateway

HOSTILE = (
    "",
    "0",
    "-1",
    "1e999",
    "9" * 300,
    "nan",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "\x00",
    "\ud83d".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    "%ff",
    "2026-13-45",
    "9999-12-31",
    "a" * 900,
    "🖼" * 50,
    "sandbox/image,,," * 20,
)
NAMES = (
    "q model models provider providers operation key team organisation user app status since until range by before id "
    "sort here can weights price_from price_to price_unit megapixels input_modalities output_modalities model_authors "
    "day in out n size free quality edits refs refsize hits cached kind find only prompt seed reference text pick "
    "page done revoked archived fallback copies without contributed next width download"
).split()
SHOWN = [route for route in PAGES if route.method == "GET" and isinstance(route.handler, Door)]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningGateway, Filled]]:
    with RunningGateway(tmp_path_factory.mktemp("nonsense"), SETTINGS) as gateway:
        yield gateway, fill(gateway)


@pytest.fixture(scope="module")
def client(installation: tuple[RunningGateway, Filled]) -> Iterator[httpx.Client]:
    """An administrator's browser."""
    gateway = installation[0]
    cookie = httpx.post(f"{gateway.url}/sign-in", data={"key": gateway.admin_key}).cookies[COOKIE]
    headers = {"accept": "text/html", "cookie": f"{COOKIE}={cookie}"}
    with httpx.Client(base_url=gateway.url, headers=headers, timeout=60) as opened:
        yield opened


def shown(route: object) -> str | None:
    return route.path if isinstance(route, Route) else None


@pytest.mark.parametrize("route", SHOWN, ids=shown)
def test_no_query_breaks_a_page(
    client: httpx.Client, installation: tuple[RunningGateway, Filled], route: Route
) -> None:
    addresses = [path.partition("?")[0] for path in pages(installation[1]).values()]
    path = next(
        (path for path in addresses if route.pattern.fullmatch(path)), re.sub(r"{\w+(\.\.\.)?}", "x", route.path)
    )
    for value in HOSTILE:
        query = "&".join(f"{name}={quote(value, safe='')}" for name in NAMES)
        response = client.get(f"{path}?{query}")
        assert response.status_code < 500, (path, value[:40])
        assert "<script>alert" not in response.text, path
    for query in ("&&&===", "%", "q=%zz", "model=a&model=b&model=c", "x" * 8000, "[]=1&{}=2"):
        assert client.get(f"{path}?{query}").status_code < 500, (path, query[:40])


@pytest.mark.parametrize("route", [route for route in SHOWN if "{" in route.path], ids=shown)
def test_no_name_in_a_path_breaks_a_page(client: httpx.Client, route: Route) -> None:
    for value in HOSTILE:
        parts = re.split(r"{\w+(?:\.\.\.)?}", route.path)
        response = client.get(quote(value or "x", safe="").join(parts))
        assert response.status_code < 500, (route.path, value[:40])
        assert "<script>alert" not in response.text, route.path
