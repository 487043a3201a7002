"""The comparison as people use it: a pair to begin with, models added and taken away, one prompt at all of them."""

from playwright.sync_api import Browser, expect

from tests.browser.kit import looking, overflows, serious_faults
from tests.e2e.running import RunningGateway

BOTH = "/compare?models=sandbox/image,studio/painter"
SIX = (
    "/compare?models=black-forest-labs/flux.2-pro,openai/gpt-image-2,google/gemini-3-pro-image,sandbox/image,"
    "openai/gpt-4o-mini,studio/painter"
)


def test_from_a_pair_to_a_third_model_and_back(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled) as page:
        page.goto("/compare")
        page.locator("a.card").first.click()
        expect(page.locator(".compare-name")).to_have_count(2)
        page.get_by_label("Add a model").press_sequentially("sandbox im")
        page.get_by_role("link", name="Sandbox Image sandbox/image").click()
        expect(page.locator(".compare-name")).to_have_count(3)
        page.get_by_label("Requests a day").fill("5")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("row", name="The workload, a month differs")).to_contain_text("$4.565625")
        page.get_by_role("link", name="Only what differs").click()
        expect(page.get_by_role("row", name="Makes", exact=False)).to_have_count(0)
        page.get_by_role("link", name="Remove Sandbox Image").click()
        expect(page.locator(".compare-name")).to_have_count(2)
        assert "day=5" in page.url


def test_one_prompt_is_quoted_and_sent_to_all_of_them(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto(f"{BOTH},sandbox/text,black-forest-labs/flux.2-pro")
        picture, painter, text, other = page.locator(".run").all()
        expect(picture.locator(".run-quote")).to_have_text("$0.03, at sandbox.")
        expect(painter.locator(".run-quote")).to_have_text("What it would cost is not known.")
        expect(other).to_contain_text("It cannot be called from here with a prompt alone.")
        expect(page.locator("#run-total")).to_contain_text("beside 1 whose cost is not known")
        page.get_by_label("Prompt").fill("a <b>harbour</b>")
        page.locator("#run-size").select_option("512")
        page.get_by_role("button", name="Send it to 3 models").click()
        for column in (picture, painter):
            made = column.locator("img.picture")
            expect(made).to_have_attribute("alt", "a <b>harbour</b>")
            assert made.evaluate("(it) => [it.naturalWidth, it.width > 0, it.getAttribute('height')]") == [
                512,
                True,
                "512",
            ]
        expect(picture.locator(".run-answer")).to_contain_text("$0.03,")
        expect(painter.locator(".run-answer")).to_contain_text("Cost not known,")
        expect(text.locator(".text")).to_contain_text("a <b>harbour</b>")


def test_a_failure_is_told_in_its_own_column(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key, expected=("status of 4",)) as page:
        page.goto("/compare?models=sandbox/image,sandbox/text")
        page.get_by_label("Prompt").fill("[sandbox: moderated-input] a harbour")
        page.get_by_role("button", name="Send it to 2 models").click()
        picture, text = page.locator(".run").all()
        expect(picture.locator(".note.bad")).to_be_visible()
        expect(page.get_by_role("button", name="Send it to 2 models")).to_be_enabled()
        expect(text.locator(".run-answer")).not_to_be_empty()


def test_without_a_script_the_prompt_goes_to_the_playground(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key, scripts=False, expected=("404",)) as page:
        page.goto(BOTH)
        page.get_by_role("button", name="Send it to 2 models").click()
        assert "/playground?model=sandbox%2Fimage&model=studio%2Fpainter&prompt=a+lighthouse" in page.url


def test_everybody_can_read_it(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, width=360, key=filled.admin_key) as page:
        page.goto(f"{BOTH},openai/gpt-4o-mini,nobody/nothing&find=flux")
        page.wait_for_load_state("networkidle")
        assert serious_faults(page) == []
        assert overflows(page) == 0


def test_six_models_scroll_in_their_own_frame(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, width=360) as page:
        page.goto(SIX)
        assert overflows(page) == 0
        assert page.locator(".scroll").first.evaluate("(it) => it.scrollWidth > it.clientWidth")
