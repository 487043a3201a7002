"""The playground as a person uses it: pictures by one click, at the price that was told before it."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.kit import overflows, serious_faults
from tests.browser.workbench import SIZED, cards, fact, make, opened, told
from tests.e2e.running import RunningGateway

SEEN = """new MutationObserver(() => {
  const preview = document.querySelector('img[alt^="A preview"]');
  if (preview) window.seen = preview.src;
}).observe(document.body, { childList: true, subtree: true })"""


def test_one_click_makes_a_picture_for_what_was_said_before(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, SIZED + "a+harbour") as page:
        assert page.locator("#total").inner_text() == "Costs $0.03"
        card = make(page)
        row = empty.last_request()
        assert fact(card, "Cost") == "$0.03"
        assert row["cost_pico"] == 30_000_000_000
        assert fact(card, "Provider") == "sandbox"
        assert card.get_by_role("img").get_attribute("alt") == "a harbour"
        assert page.evaluate("document.querySelector('.result img').naturalWidth") == 512
        card.get_by_text("Details").click()
        assert row["id"] in card.locator(".pairs").inner_text()


def test_two_models_are_asked_at_once_each_with_its_price(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, SIZED + "[sandbox:slow+1]+a+harbour") as page:
        page.get_by_text("Choose models").click()
        page.get_by_label("Search the models").fill("painter")
        assert page.locator('.choices[data-kind="pictures"] li:visible').count() == 1
        page.get_by_label("Painter").check()
        told(page)
        assert page.locator("#chosen .cost").all_inner_texts() == ["$0.03", "price not known"]
        assert page.locator("#total").inner_text() == "Together $0.03, and 1 whose price is not known"
        page.get_by_role("button", name="Make", exact=True).click()
        expect(cards(page, "waiting")).to_have_count(2)
        expect(cards(page, "done")).to_have_count(2)
        assert fact(page.locator('.result[data-model="studio/painter"]'), "Cost") == "not known"
        assert "model=sandbox%2Fimage&model=studio%2Fpainter" in page.url
        page.reload()
        told(page)
        assert page.locator("#chosen .name").all_inner_texts() == ["Sandbox Image", "Painter"]


def test_several_pictures_with_a_seed_come_with_theirs(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, SIZED + "a+harbour") as page:
        page.get_by_label("Pictures per model").fill("3")
        page.get_by_label("Seed", exact=True).fill("41")
        expect(page.locator("#total")).to_have_text("Costs $0.09")
        card = make(page)
        assert [text.rpartition(" ")[2] for text in card.locator("figcaption .numbers").all_inner_texts()] == [
            "41",
            "42",
            "43",
        ]
        assert fact(card, "Cost") == "$0.09"
        page.get_by_label("Pictures per model").fill("1")
        again = page.locator(".made").count()
        card.get_by_role("button", name="Same again, another seed").click()
        expect(page.locator(".made")).to_have_count(again + 1)
        expect(cards(page, "waiting")).to_have_count(0)
        assert "seed 41" not in page.locator(".made").first.inner_text()


def test_previews_are_shown_while_a_picture_is_made(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, SIZED + "a+harbour") as page:
        page.evaluate(SEEN)
        make(page)
        assert page.evaluate("window.seen").startswith("data:image/png;base64,")
        assert empty.last_request()["stream"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_stands_in_anybodys_way(browser: Browser, empty: RunningGateway, theme: str) -> None:
    with opened(browser, empty, SIZED + "a+harbour&model=studio/painter", theme=theme) as page:
        assert serious_faults(page) == []
        make(page)
        page.get_by_text("Details").first.click()
        page.get_by_text("Do it by program").first.click()
        page.get_by_text("Choose models").click()
        page.get_by_text("More settings").click()
        assert serious_faults(page) == []
        page.set_viewport_size({"width": 360, "height": 740})
        assert overflows(page) == 0


def test_a_picture_is_made_without_a_mouse(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, "/playground") as page:
        presses = 0
        while page.evaluate("document.activeElement?.id") != "prompt":
            page.keyboard.press("Tab")
            presses += 1
            assert presses < 40
        page.keyboard.type("a harbour")
        while page.evaluate("document.activeElement?.id") != "make":
            page.keyboard.press("Tab")
            presses += 1
            assert presses < 80
        page.keyboard.press("Enter")
        expect(cards(page, "done")).to_have_count(1)
        expect(page.locator("#said")).to_contain_text("Sandbox Image: the picture is there.")
        page.locator("#prompt").focus()
        page.keyboard.press("Control+Enter")
        expect(cards(page, "done")).to_have_count(2)


def test_code_makes_the_same_request_and_holds_no_key(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, SIZED + "it%27s+a+%22harbour%22") as page:
        page.get_by_label("Seed", exact=True).fill("5")
        card = make(page)
        card.get_by_text("Do it by program").click()
        shell, python = card.locator("pre").all_inner_texts()
        assert "$PENSTOCK_KEY" in shell
        assert "psk_" not in shell + python
        assert """it'\\''s a \\"harbour\\\"""" in shell
        compile(python, "sample", "exec")
        assert 'extra_body={"seed": 5},' in python
