"""What goes wrong at the playground: told in words, with what can be done, and nothing that was written is lost."""

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.kit import looking, overflows, serious_faults, sign_in
from tests.browser.workbench import HOSTILE, SIZED, cards, make, opened, told
from tests.e2e.running import RunningGateway


def test_what_a_model_cannot_do_stands_beside_it_before_the_click(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, "/playground?model=sandbox/image&size=9000x512&prompt=x") as page:
        assert "8192" in page.locator("#chosen .why").inner_text()
        assert page.locator("#total").inner_text() == "None of the chosen models can do this."
        page.get_by_role("button", name="Make", exact=True).click()
        expect(page.get_by_role("status").filter(has_text="the reasons stand beside them")).to_be_visible()
        assert page.locator(".result").count() == 0


def test_a_slow_one_is_not_waited_for_and_the_other_goes_on(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, SIZED + "[sandbox:slow+2]+a+harbour&model=studio/painter") as page:
        page.get_by_role("button", name="Make", exact=True).click()
        page.get_by_role("button", name="Stop waiting for Sandbox Image").click()
        stopped = page.locator('.result[data-model="sandbox/image"]')
        expect(stopped).to_have_attribute("data-state", "stopped")
        assert "in the gallery" in stopped.inner_text()
        expect(cards(page, "done")).to_have_count(1)


@pytest.mark.parametrize(
    ("word", "said", "advised"),
    [
        ("500", "The sandbox broke", "Try again, or choose another model."),
        ("moderated-input", "moderation refused the prompt", "Change the prompt"),
        ("429 7", "rate limited", "Try again in 7 seconds."),
        ("dies-mid-stream", "broke off", "Try again"),
    ],
)
def test_failures_are_told_in_words_with_what_can_be_done(
    browser: Browser, empty: RunningGateway, word: str, said: str, advised: str
) -> None:
    with opened(browser, empty, SIZED + f"[sandbox:{word}]+a+harbour", expected=("50", "40", "429")) as page:
        card = make(page, "failed")
        assert said in card.inner_text()
        assert advised in card.inner_text()
        assert empty.last_request()["id"] in card.inner_text()
        assert serious_faults(page) == []


def test_a_budget_that_is_used_up_is_named(browser: Browser, empty: RunningGateway) -> None:
    with httpx.Client(base_url=empty.url, headers={"authorization": f"Bearer {empty.admin_key}"}) as client:
        made = client.post("/admin/api/keys", json={"name": "small", "scopes": ["inference", "read"]}).json()
        budget = {"level": "key", "holder": "small", "period": "day", "amount_usd": "0.04"}
        assert client.post("/admin/api/budgets", json=budget).status_code < 300
    with opened(browser, empty, SIZED + "a+harbour", key=made["key"], expected=("429",)) as page:
        make(page)
        card = make(page, "failed")
        assert "has $0.01 left" in card.inner_text()
        assert "have the budget raised" in card.inner_text()


def test_a_session_that_ends_keeps_what_was_written(browser: Browser, empty: RunningGateway) -> None:
    with httpx.Client(base_url=empty.url, headers={"authorization": f"Bearer {empty.admin_key}"}) as client:
        made = client.post("/admin/api/keys", json={"name": "brief", "scopes": ["inference", "read"]}).json()
        with opened(browser, empty, "/playground", key=made["key"], expected=("401",)) as page:
            page.get_by_label("Prompt").fill("a long and careful prompt")
            told(page)
            assert client.delete(f"/admin/api/keys/{made['id']}").status_code < 300
            card = make(page, "failed")
            expect(card.get_by_role("link", name="Sign in again")).to_be_visible()
            sign_in(page, empty.key)
            page.goto("/playground")
            expect(page.get_by_label("Prompt")).to_have_value("a long and careful prompt")


def test_a_hostile_prompt_is_text(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, "/playground?model=sandbox/image&size=512x512", width=360) as page:
        page.get_by_label("Prompt").fill(HOSTILE)
        card = make(page)
        card.get_by_text("Do it by program").click()
        assert page.locator(".made h2").inner_text() == HOSTILE
        assert page.locator(".made img[src=x]").count() == 0
        assert page.title() == "Playground · Penstock"
        assert overflows(page) == 0


def test_an_address_of_nonsense_is_told_and_the_page_works(browser: Browser, empty: RunningGateway) -> None:
    path = "/playground?model=no/such&size=big&seed=-1&reference=../etc&prompt=x"
    with opened(browser, empty, path) as page:
        notes = page.locator(".note.warn").inner_text()
        assert "no/such" in notes
        assert "'big' is no size" in notes
        assert "'-1' is no seed" in notes
        assert "'../etc' names no picture" in notes
        make(page)


def test_without_a_script_the_page_says_that_it_needs_one(browser: Browser, empty: RunningGateway) -> None:
    with looking(browser, empty, key=empty.key, scripts=False) as page:
        page.goto(SIZED + "a+harbour")
        assert "needs JavaScript" in page.locator("noscript").first.inner_text()
        assert page.get_by_role("button", name="Make", exact=True).is_disabled()
        assert page.get_by_label("Prompt").input_value() == "a harbour"
