"""Pictures of every page, light, dark and narrow: `make screenshots` leaves them in `.screenshots`, to be looked at."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.filled import SETTINGS, Filled, fill
from tests.browser.kit import WIDTHS, launch, looking
from tests.e2e.running import RunningGateway

LOOKS = {"light": ("light", 1280), "dark": ("dark", 1280), "narrow": ("light", WIDTHS["narrow"])}


def pages(filled: Filled) -> dict[str, str]:
    """The address of each page, by what its picture is called."""
    return {
        "docs": "/docs",
        "error": "/models/nobody/nothing",
    }


NAMES = tuple(pages(Filled([], "", "")))


def main(folder: Path, only: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as data,
        RunningGateway(Path(data) / "filled", SETTINGS) as gateway,
        RunningGateway(Path(data) / "empty", SETTINGS) as empty,
        sync_playwright() as playwright,
    ):
        browser = launch(playwright)
        filled = fill(gateway)
        wanted = {name: (gateway, path) for name, path in pages(filled).items()}
        wanted |= {"home": (empty, "/"), "sign-in": (empty, "/sign-in")}
        for name, (where, path) in wanted.items():
            if only and not any(name.startswith(part) for part in only):
                continue
            for look, (theme, width) in LOOKS.items():
                key = None if name == "sign-in" else where.admin_key
                with looking(browser, where, key=key, theme=theme, width=width, expected=("404",)) as page:
                    page.goto(path)
                    page.wait_for_load_state("networkidle")
                    page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
