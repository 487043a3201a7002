"""Finding a model and reading its page, as people do: while typing, with filters, with and without a script."""

import re

from playwright.sync_api import Browser, expect

from tests.browser.kit import looking, overflows, serious_faults
from tests.e2e.running import RunningGateway

HOSTILE = "<script>alert(1)</script>" + "x" * 150


def test_a_model_is_found_while_its_name_is_typed(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto("/models")
        expect(page.locator("#count")).to_have_text(re.compile(r"^All 1,\d{3} models$"))
        page.get_by_label("Find").press_sequentially("flux 2 pro", delay=20)
        expect(page.locator("#cards h3").first).to_have_text("FLUX.2 [pro]")
        expect(page).to_have_url(re.compile(r"/models\?q=flux\+2\+pro$"))
        expect(page.locator("#count")).to_contain_text(re.compile(r"^\d+ models? of 1,\d{3}$"))
        page.get_by_label("Find").fill("")
        page.get_by_label("Takes a mask").check()
        page.locator("select[name=here]").select_option("yes")
        expect(page.locator("#cards > li")).to_have_count(2)
        expect(page).to_have_url(re.compile(r"\?here=yes&can=masks$"))
        page.reload()
        expect(page.locator("#cards > li")).to_have_count(2)
        assert page.get_by_label("Takes a mask").is_checked()
        page.get_by_role("link", name="Sandbox Image").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sandbox Image")


def test_more_models_come_while_the_reader_scrolls(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled) as page:
        page.goto("/models?output_modalities=image")
        page.wait_for_function("document.readyState === 'complete'")
        for _ in range(4):
            page.mouse.wheel(0, 20_000)
            page.wait_for_timeout(150)
        page.wait_for_function("document.querySelectorAll('#cards > li article').length > 100")
        expect(page.locator("#cards > .more")).to_have_count(0)
        names = page.locator("#cards h3 a").evaluate_all("links => links.map((link) => link.href)")
        assert len(names) == len(set(names)) == int((page.locator("#count").inner_text()).split()[0])


def test_everything_works_without_a_script(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, scripts=False) as page:
        page.goto("/models")
        page.get_by_label("Find").fill("sandbox")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("#cards > li")).to_have_count(3)
        page.goto("/models")
        page.get_by_role("link", name="More", exact=True).click()
        expect(page.get_by_role("link", name="From the beginning")).to_be_visible()
        page.goto("/models/sandbox/text")
        page.get_by_text("Python, openai").click()
        expect(page.get_by_role("group", name="Python, openai")).to_be_visible()
        expect(page.get_by_role("group", name="curl")).to_be_hidden()


def test_what_is_not_there_is_said_kindly(browser: Browser, empty: RunningGateway) -> None:
    with looking(browser, empty, key=empty.admin_key, expected=("404",)) as page:
        page.goto("/models?q=" + HOSTILE)
        expect(page.get_by_role("heading", name="No model is all of that")).to_be_visible()
        assert overflows(page) <= 0
        page.get_by_role("link", name="Clear the filters").click()
        expect(page.locator("#cards > li")).not_to_have_count(0)
        page.goto("/models/sandbox/image")
        for words in ("No requests yet.", "No pictures yet", "Nothing measured yet."):
            expect(page.get_by_text(words).first).to_be_visible()
        page.goto("/models/sandbox/imagf")
        page.get_by_role("link", name="Sandbox Image").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sandbox Image")


def test_a_result_is_contributed_and_shown_once_it_is_accepted(browser: Browser, filled: RunningGateway) -> None:
    from penstock.store.benchmark_reviews import decide, waiting

    with looking(browser, filled, key=filled.admin_key, expected=("400",)) as page:
        page.goto("/models/sandbox/image#benchmarks")
        page.get_by_text("Contribute a result").click()
        page.get_by_label("Benchmark", exact=True).fill(HOSTILE[:110])
        page.get_by_label("Score").fill("many")
        page.get_by_label("Day of the result").fill("2026-05-01")
        page.get_by_label("Source").fill("https://arena.example/boards")
        page.get_by_role("button", name="Send it").click()
        expect(page.get_by_role("alert")).to_have_text("'many' is no number.")
        assert page.get_by_label("Score").get_attribute("aria-invalid") == "true"
        page.get_by_label("Score").fill("1,200")
        page.get_by_role("button", name="Send it").click()
        expect(page.get_by_text("An administrator reads it before it is shown.")).to_be_visible()
        (review,) = filled.change(waiting)
        filled.change(lambda c: decide(c, review.id, "accepted", None, review.created_at))
        page.goto("/models/sandbox/image")
        row = page.get_by_role("row", name="contributed here")
        expect(row).to_contain_text(HOSTILE[:110])
        expect(row).to_contain_text("1,200")
        assert serious_faults(page) == []
        page.set_viewport_size({"width": 360, "height": 740})
        assert overflows(page) <= 0


def test_nobody_s_pictures_or_spending_are_shown_to_whoever_is_not_signed_in(
    browser: Browser, filled: RunningGateway
) -> None:
    with looking(browser, filled) as page:
        page.goto("/models/sandbox/image")
        for section in ("Activity", "Apps using it", "Made with it here"):
            expect(page.get_by_role("heading", name=section)).to_have_count(0)
        expect(page.get_by_role("heading", name="Uptime")).to_be_visible()
        assert serious_faults(page) == []
