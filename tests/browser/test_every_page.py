"""What must be so of every page: for whom it is, in both looks, on a telephone, with nothing from elsewhere."""

import pytest
from playwright.sync_api import Browser

from tests.browser.filled import Filled
from tests.browser.kit import looking, overflows, serious_faults, shifted
from tests.browser.screenshots import NAMES, NOTHING, pages
from tests.e2e.running import RunningGateway

STILL = 0.01
"""A tenth of what is called good (https://web.dev/articles/cls)."""
MOVES = {"playground": 0.05}
"""There the script makes room for the picture that the address names, when it has come."""
SAMPLED = {"docs": ".intro"}
"""Where all of a page is a hundred times the same, and checking it takes a minute: a part that has everything."""


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_for_everybody(browser: Browser, installation: tuple[RunningGateway, Filled], name: str) -> None:
    gateway, filled = installation
    with looking(browser, gateway, key=gateway.admin_key, width=2560, expected=("404",)) as page:
        page.goto(pages(filled)[name])
        page.wait_for_load_state("networkidle")
        assert shifted(page) < MOVES.get(name, STILL)
        assert overflows(page) <= 0
        assert page.locator("h1").count() == 1
        words = page.locator("main").inner_text().split()
        assert not {"None", "nan", "NaN", "undefined", "[object"} & set(words)
        page.set_viewport_size({"width": 1280, "height": 900})
        assert serious_faults(page, SAMPLED.get(name)) == []
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 360, "height": 740})
        assert overflows(page) <= 0
        assert serious_faults(page, SAMPLED.get(name)) == [], "dark and narrow"


def test_every_page_is_looked_at() -> None:
    """A page that is in the table of routes has a picture taken of it."""
    from penstock.api.routes import Route
    from penstock.core.principal import Scope
    from penstock.web.door import Door
    from penstock.web.routes import PAGES

    shown = [path.partition("?")[0] for path in pages(NOTHING).values()]
    html: list[Route] = [
        route
        for route in PAGES
        if route.method == "GET" and isinstance(route.handler, Door) and route.scope is not Scope.PUBLIC
    ]
    missing = [route.path for route in html if not any(route.pattern.fullmatch(path) for path in shown)]
    assert [path for path in missing if path != "/" and not path.endswith(".png")] == []
