"""The playground's workbench, for tests that use it as a person does."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.kit import looking
from tests.e2e.running import RunningGateway

HOSTILE = "<img src=x onerror=alert(1)><script>document.title='taken'</script>" + "w" * 300
PASTE = """(text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const brought = new DataTransfer();
  brought.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
  const event = new ClipboardEvent("paste", { clipboardData: brought, bubbles: true, cancelable: true });
  document.activeElement.dispatchEvent(event);
}"""
DROP = PASTE.replace("pasted.png", "dropped.png").replace(
    'new ClipboardEvent("paste", { clipboardData: brought', 'new DragEvent("drop", { dataTransfer: brought'
)
SIZED = "/playground?model=sandbox/image&size=512x512&prompt="


@contextmanager
def opened(browser: Browser, gateway: RunningGateway, path: str, **how: Any) -> Iterator[Page]:
    """The page, its prices told."""
    with looking(browser, gateway, key=how.pop("key", gateway.key), **how) as page:
        page.goto(path)
        told(page)
        yield page


def told(page: Page) -> None:
    """Wait until what the request would cost is known, or why it cannot be made."""
    expect(page.locator("#make")).to_be_enabled()
    expect(page.locator("#total")).not_to_have_class("total waiting")
    expect(page.locator("#chosen .cost", has_text="…")).to_have_count(0)


def cards(page: Page, state: str) -> Locator:
    return page.locator(f'.result[data-state="{state}"]')


def make(page: Page, state: str = "done") -> Locator:
    """Press the button; the newest row's first card, when it is in that state."""
    rows = page.locator(".made").count()
    page.get_by_role("button", name="Make", exact=True).click()
    expect(page.locator(".made")).to_have_count(rows + 1)
    card = page.locator(".made").first.locator(".result").first
    expect(card).to_have_attribute("data-state", state)
    return card


def fact(card: Locator, name: str) -> str:
    return card.locator(".facts div", has_text=name).locator("dd").inner_text()


def picture(width: int, height: int, colour: tuple[int, int, int] = (40, 90, 160)) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()
