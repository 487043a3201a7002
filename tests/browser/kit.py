"""A browser for tests: Chromium as the system has it, pages that tell of every fault, and what axe finds on them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, Response

from penstock.pipeline.sessions import COOKIE
from tests.e2e.running import RunningGateway

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTHS = {"wide": 1280, "narrow": 360}
"""Pixels."""
THEMES = ("light", "dark")


def launch(playwright: Playwright) -> Browser:
    """The system's Chromium; without one the test is skipped, which strict mode counts as a failure."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("there is no Chromium here; `apt-get install chromium` brings one")
    sandboxed = [] if os.geteuid() else ["--no-sandbox"]
    return playwright.chromium.launch(executable_path=path, args=[*sandboxed, "--disable-dev-shm-usage"])


@dataclass
class Watched:
    """A page, and everything that went wrong on it."""

    page: Page
    base: str
    faults: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Parts of messages that the test provokes."""

    def watch(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # htmx says so when somebody leaves while a part of the page is on its way.
        if message.type in ("error", "warning") and "htmx:" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        """Nothing is loaded from other hosts."""
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(self.base).netloc:
            self.faults.append(f"another host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.status}: {response.url}")

    def check(self) -> None:
        """Raises AssertionError where something went wrong that was not to."""
        left = [fault for fault in self.faults if not any(part in fault for part in self.expected)]
        assert not left, left


@contextmanager
def looking(
    browser: Browser,
    gateway: RunningGateway,
    *,
    key: str | None = None,
    theme: str = "light",
    width: int = WIDTHS["wide"],
    height: int = 900,
    scripts: bool = True,
    expected: tuple[str, ...] = (),
) -> Iterator[Page]:
    """A page of its own, signed in with the key where one is given. What went wrong on it fails the test at its end."""
    context = browser.new_context(
        base_url=gateway.url,
        color_scheme="dark" if theme == "dark" else "light",
        viewport={"width": width, "height": height},
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    try:
        page = context.new_page()
        page.set_default_timeout(10_000)
        watched = Watched(page, gateway.url, expected=expected)
        watched.watch()
        if key is not None:
            cookie = httpx.post(f"{gateway.url}/sign-in", data={"key": key}).cookies[COOKIE]
            context.add_cookies([{"name": COOKIE, "value": cookie, "url": gateway.url}])
        yield page
        watched.check()
    finally:
        context.close()


def sign_in(page: Page, key: str) -> None:
    """By the form, as a person does."""
    page.goto("/sign-in?next=/docs")
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/docs")


def serious_faults(page: Page, within: str | None = None) -> list[str]:
    """What axe calls serious or critical, in a line each; with a selector, within that only."""
    found: Any = Axe().run(page, context=within).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:160]} ({node.get('failureSummary', '').splitlines()[-1]})"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def overflows(page: Page) -> int:
    """Pixels by which the page is wider than the window; 0 on every page that is right."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def shifted(page: Page) -> float:
    """How much moved by itself while the page was loaded, as the Layout Instability API counts; 0 where nothing did."""
    return float(
        page.evaluate("""() => new Promise((tell) => {
          let sum = 0;
          const add = (list) => { for (const each of list.getEntries()) if (!each.hadRecentInput) sum += each.value; };
          new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => tell(sum), 50);
        })""")
    )
