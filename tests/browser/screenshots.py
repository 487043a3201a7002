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
    first, *_, edited = filled.pictures or ("first", "edited")
    return {
        "calculator": "/calculator?model=black-forest-labs/flux.2-pro&edits=25&hits=20",
        "compare": "/compare?models=black-forest-labs/flux.2-pro,openai/gpt-image-2,sandbox/image",
        "compare-none": "/compare",
        "docs": "/docs",
        "models": "/models",
        "models-none": "/models?q=nothing+is+called+so&can=masks",
        "model": "/models/sandbox/image",
        "model-many": "/models/openai/gpt-oss-120b",
        "model-rated": "/models/black-forest-labs/flux.2-pro",
        "gallery": "/gallery",
        "gallery-found": "/gallery?operation=image_edit&key=website",
        "gallery-pick": "/gallery?pick=1",
        "picture": f"/gallery/{first}",
        "picture-edited": f"/gallery/{edited}",
        "picture-delete": f"/gallery/{first}/delete",
        "playground": f"/playground?model=sandbox/image&model=studio/painter&size=640x480&prompt=x&reference={first}",
        "playground-chat": "/playground?model=sandbox/text&prompt=Which+lighthouse+is+the+oldest",
        "dashboard": "/dashboard?range=24h&by=app",
        "dashboard-now": "/dashboard/now",
        "logs": "/logs",
        "log-fallback": f"/logs/{filled.fallback}",
        "log-edit": f"/logs/{filled.edit}",
        "settings": "/settings",
        "settings-keys": "/settings/keys",
        "settings-key-new": "/settings/keys/new",
        "settings-key": "/settings/keys/website",
        "settings-key-revoke": "/settings/keys/website/revoke",
        "settings-people": "/settings/people",
        "settings-team-new": "/settings/people/teams/new",
        "settings-team": "/settings/people/teams/Design",
        "settings-team-archive": "/settings/people/teams/Design/archive",
        "settings-budgets": "/settings/budgets",
        "settings-budget-new": "/settings/budgets/new",
        "settings-credit-new": "/settings/budgets/credit",
        "settings-allowance-new": "/settings/budgets/allowance",
        "settings-budget": f"/settings/budgets/{filled.bounds['budget']}",
        "settings-budget-end": f"/settings/budgets/{filled.bounds['budget']}/end",
        "settings-allowance-end": f"/settings/allowances/{filled.bounds['allowance']}/end",
        "settings-limits": "/settings/limits",
        "settings-limit-new": "/settings/limits/new",
        "settings-limit-end": f"/settings/limits/{filled.bounds['limit']}/end",
        "settings-providers": "/settings/providers",
        "settings-provider-pause": "/settings/providers/sandbox/pause",
        "settings-routing": "/settings/routing",
        "settings-explain": "/settings/routing/explain?model=studio/painter",
        "settings-catalogue": "/settings/catalogue",
        "settings-benchmarks": "/settings/benchmarks",
        "error": "/models/nobody/nothing",
    }


NOTHING = Filled([], "id", "id", {"budget": "id", "limit": "id", "allowance": "id"})
NAMES = tuple(pages(NOTHING))


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
        wanted |= {
            "home": (empty, "/"),
            "empty-dashboard": (empty, "/dashboard"),
            "empty-gallery": (empty, "/gallery"),
            "sign-in": (empty, "/sign-in"),
        }
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
