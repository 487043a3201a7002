"""The playground's conversation: answers as they come, as text and nothing else, and what each cost."""

import base64

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.kit import looking, overflows, serious_faults
from tests.browser.workbench import HOSTILE, PASTE, opened, picture
from tests.e2e.running import RunningGateway

TALK = "/playground?model=sandbox/text"


def send(page: Page, text: str) -> None:
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()


def test_a_conversation_goes_on_and_each_answer_says_what_it_cost(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, TALK) as page:
        assert "from $0.00" in page.locator("#total").inner_text()
        send(page, "Good morning.")
        expect(page.locator(".message").nth(1)).to_contain_text("You said: Good morning.")
        expect(page.locator(".message").nth(1)).to_contain_text("$")
        first = empty.last_request()
        assert first["stream"]
        assert f"${first['cost_pico'] / 1e12:.6f}".rstrip("0") in page.locator(".message").nth(1).inner_text()
        expect(page.get_by_label("Message")).to_have_value("")
        send(page, "And good night.")
        expect(page.locator(".message").nth(3)).to_contain_text("You said: And good night.")
        expect(page.locator(".message").nth(3)).to_contain_text("$")
        assert empty.last_request()["text_tokens_in"] > first["text_tokens_in"]
        page.get_by_role("button", name="Clear", exact=True).click()
        assert page.locator(".message").count() == 0


def test_pictures_go_with_a_message(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, TALK) as page:
        page.evaluate(PASTE, base64.b64encode(picture(300, 200)).decode())
        expect(page.locator(".references li")).to_have_count(1)
        assert page.get_by_role("button", name="Paint a mask").count() == 0
        send(page, "What is this?")
        expect(page.locator(".message").nth(1)).to_contain_text("(and 1 picture)")
        assert page.locator(".message.mine img").count() == 1
        assert page.locator(".references li").count() == 0


def test_answers_are_text_and_code_and_never_markup(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, TALK, width=360) as page:
        send(page, f"{HOSTILE}\n\n```html\n<b>bold</b>\n```\nthe end")
        answer = page.locator(".message").nth(1)
        expect(answer.locator(".prose > p").last).to_have_text("the end")
        assert answer.locator("pre").inner_text() == "<b>bold</b>"
        assert HOSTILE in answer.locator(".prose > p").first.inner_text()
        assert page.locator(".prose img, .prose b").count() == 0
        assert page.title() == "Playground · Penstock"
        assert overflows(page) == 0


def test_an_answer_is_stopped_and_a_failure_is_told(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, TALK, expected=("502",)) as page:
        send(page, "[sandbox:slow 20] Good morning.")
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.locator(".message").nth(1)).to_contain_text("Stopped after")
        send(page, "[sandbox:500] Good morning.")
        failed = page.locator(".message").nth(3)
        expect(failed).to_contain_text("The sandbox broke")
        expect(failed.get_by_role("button", name="Try again")).to_be_visible()
        assert empty.last_request()["id"] in failed.inner_text()
        send(page, "[sandbox:dies-mid-stream] One two three four.")
        expect(page.locator(".message").nth(5)).to_contain_text("You")
        expect(page.locator(".message").nth(5)).to_contain_text("broke off")


def test_the_kinds_are_changed_on_the_page(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, "/playground?model=sandbox/image&prompt=a+harbour") as page:
        page.get_by_text("Conversation", exact=True).first.click()
        expect(page.get_by_label("Message")).to_have_value("a harbour")
        expect(page.locator("#chosen .name")).to_have_text("Sandbox Text")
        assert page.locator("#size").is_hidden()
        page.get_by_text("Pictures", exact=True).first.click()
        expect(page.locator("#chosen .name")).to_have_text("Sandbox Image")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_conversation_stands_in_nobodys_way(browser: Browser, empty: RunningGateway, theme: str) -> None:
    with looking(browser, empty, key=empty.key, theme=theme) as page:
        page.goto(TALK)
        assert serious_faults(page) == []
        send(page, "Good morning.\n```\ncode\n```")
        expect(page.locator(".message").nth(1).locator(".row")).to_contain_text("$")
        assert serious_faults(page) == []
