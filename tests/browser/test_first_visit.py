"""From the key that the first start prints to the first picture, as a person does it."""

import re

from playwright.sync_api import Browser, expect

from tests.browser.kit import looking, serious_faults
from tests.e2e.running import RunningGateway


def test_a_picture_that_cannot_be_made_is_told_of_in_words(browser: Browser, empty: RunningGateway) -> None:
    with looking(browser, empty, key=empty.admin_key, expected=("400",)) as page:
        page.goto("/")
        page.get_by_label("What should be in it?").fill("a boat [sandbox:moderated-input]")
        page.get_by_role("button", name="Make the picture").click()
        expect(page.get_by_role("status")).to_contain_text("moderation")


def test_from_the_first_visit_to_the_first_picture(browser: Browser, empty: RunningGateway) -> None:
    with looking(browser, empty) as page:
        page.goto("/")
        expect(page).to_have_url(re.compile("/sign-in"))
        assert serious_faults(page) == []
        page.get_by_label("Key", exact=True).fill(empty.admin_key)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Make your first picture")
        assert serious_faults(page) == []
        page.get_by_label("What should be in it?").fill("a lighthouse <b>at night</b>")
        page.get_by_role("button", name="Make the picture").click()
        picture = page.get_by_role("img", name="a lighthouse <b>at night</b>")
        expect(picture).to_be_visible()
        assert picture.evaluate("async (it) => { await it.decode(); return it.naturalWidth; }") == 1024
        expect(page.get_by_role("status")).to_contain_text("for $0.03")
        assert len(empty.rows("select * from requests where images_delivered = 1")) == 1
        page.goto("/")
        expect(page).to_have_url(re.compile("/dashboard"))


def test_a_wrong_key_is_told_of_and_the_form_stays(browser: Browser, empty: RunningGateway) -> None:
    with looking(browser, empty, expected=("401",)) as page:
        page.goto("/sign-in?next=/docs")
        page.get_by_label("Key", exact=True).fill("psk_not-a-key")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("not known here")
        assert serious_faults(page) == []
        page.get_by_label("Key", exact=True).fill(empty.key)
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(re.compile("/docs"))


def test_light_and_dark_are_chosen_at_the_foot_of_every_page(browser: Browser, empty: RunningGateway) -> None:
    with looking(browser, empty) as page:
        page.goto("/sign-in")
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.get_by_text("Dark", exact=True).click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert page.evaluate(ground) != light
        page.get_by_text("Light", exact=True).click()
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        assert page.evaluate(ground) == light


def test_signing_in_works_without_a_script(browser: Browser, empty: RunningGateway) -> None:
    with looking(browser, empty, scripts=False, expected=("404",)) as page:
        page.goto("/sign-in?next=/docs")
        page.get_by_label("Key", exact=True).fill(empty.key)
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(re.compile("/docs"))
        page.goto("/sign-in")
        page.goto("/nothing")
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(re.compile("/sign-in"))
