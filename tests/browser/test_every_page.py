"""What must be so of every page: for whom it is, in both looks, on a telephone, with nothing from elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.filled import SETTINGS, Filled, fill
from tests.browser.kit import THEMES, looking, overflows, serious_faults
from tests.browser.screenshots import NAMES, pages
from tests.e2e.running import RunningGateway


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningGateway, Filled]]:
    with RunningGateway(tmp_path_factory.mktemp("every-page"), SETTINGS) as gateway:
        yield gateway, fill(gateway)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_for_everybody(browser: Browser, installation: tuple[RunningGateway, Filled], name: str) -> None:
    gateway, filled = installation
    for theme in THEMES:
        with looking(browser, gateway, key=gateway.admin_key, theme=theme, expected=("404",)) as page:
            page.goto(pages(filled)[name])
            page.wait_for_load_state("networkidle")
            assert serious_faults(page) == [], theme
            assert page.locator("h1").count() == 1
            page.set_viewport_size({"width": 360, "height": 740})
            assert overflows(page) <= 0
            page.set_viewport_size({"width": 2560, "height": 1200})
            assert overflows(page) <= 0
            for word in ("None", "nan", "NaN", "undefined"):
                assert word not in page.locator("main").inner_text().split(), word


def test_every_page_is_looked_at(tmp_path: Path) -> None:
    """A page that is in the table of routes has a picture taken of it."""
    from penstock.api.routes import Route
    from penstock.core.principal import Scope
    from penstock.web.door import Door
    from penstock.web.routes import PAGES

    shown = [path.partition("?")[0] for path in pages(Filled([], "req_1", "req_2")).values()]
    html: list[Route] = [
        route
        for route in PAGES
        if route.method == "GET" and isinstance(route.handler, Door) and route.scope is not Scope.PUBLIC
    ]
    missing = [route.path for route in html if not any(route.pattern.fullmatch(path) for path in shown)]
    assert [path for path in missing if path != "/" and not path.endswith(".png")] == []
