"""The settings, page by page: sound in light and dark and on a telephone, empty and with long names, and shut."""

import httpx
from playwright.sync_api import Browser, expect

from tests.browser.kit import looking, overflows, serious_faults
from tests.e2e.running import RunningGateway

LONG = "<b>x</b>" + "verylongname" * 14
REFUSED = ("403",)
PAGES = (
    "",
    "/keys",
    "/keys/new",
    "/people",
    "/people/teams/new",
    "/budgets",
    "/budgets/new",
    "/budgets/credit",
    "/budgets/allowance",
    "/limits",
    "/limits/new",
    "/providers",
    "/providers/sandbox/pause",
    "/routing",
    "/routing/explain",
    "/catalogue",
    "/benchmarks",
)


def _make_long_key(gateway: RunningGateway) -> None:
    body = {"name": LONG, "models": ["sandbox/*", "a" * 190]}
    headers = {"authorization": f"Bearer {gateway.admin_key}"}
    assert httpx.post(f"{gateway.url}/admin/api/keys", json=body, headers=headers).status_code == 200


def test_long_names_do_not_break_them(browser: Browser, filled: RunningGateway) -> None:
    _make_long_key(filled)
    with looking(browser, filled, key=filled.admin_key, width=360) as page:
        for path in ("", "/keys", "/people", "/budgets", "/keys/website/revoke"):
            page.goto(f"/settings{path}")
            assert overflows(page) == 0, path


def test_pages_of_an_empty_installation_say_what_is_missing(browser: Browser, empty: RunningGateway) -> None:
    with looking(browser, empty, key=empty.admin_key) as page:
        page.goto("/settings")
        expect(page.get_by_text("No budget bounds what is spent")).to_be_visible()
        for path in ("/budgets", "/limits", "/people", "/benchmarks", "/catalogue"):
            page.goto(f"/settings{path}")
            assert serious_faults(page) == [], path


def test_nobody_but_an_administrator_comes_in(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.key, expected=REFUSED) as page:
        for path in PAGES:
            answer = page.goto(f"/settings{path}")
            assert answer is not None and answer.status == 403, path
    with looking(browser, filled, key=filled.admin_key, expected=REFUSED) as page:
        cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    posts = ("/keys/new", "/keys/website/revoke", "/budgets/new", "/providers/sandbox/pause", "/routing/explain")
    with httpx.Client(base_url=filled.url, cookies=cookies) as client:
        for path in posts:
            assert client.post(f"/settings{path}", data={"name": "x"}).status_code == 403, path
