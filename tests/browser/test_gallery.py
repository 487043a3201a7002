"""The gallery as a person uses it: looking, finding, and going back in time."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.filled import PROMPTS, SETTINGS, Filled
from tests.browser.gallery_kit import CELLS, digests, drawn
from tests.browser.kit import looking
from tests.browser.many_pictures import store_pictures
from tests.e2e.running import RunningGateway


@pytest.fixture(scope="module")
def gateway(installation: tuple[RunningGateway, Filled]) -> RunningGateway:
    return installation[0]


@pytest.fixture(scope="module")
def filled(installation: tuple[RunningGateway, Filled]) -> Filled:
    return installation[1]


@pytest.fixture
def page(browser: Browser, gateway: RunningGateway) -> Iterator[Page]:
    """An administrator's."""
    with looking(browser, gateway, key=gateway.admin_key) as opened:
        yield opened


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningGateway, list[str]]]:
    """150 pictures, the newest first."""
    with RunningGateway(tmp_path_factory.mktemp("many"), SETTINGS) as running:
        yield running, list(store_pictures(running, 150))


def test_the_newest_pictures_come_first_and_each_says_what_it_is(page: Page, filled: Filled) -> None:
    page.goto("/gallery")
    assert digests(page)[1] == filled.pictures[-1]
    assert digests(page)[-1] == filled.pictures[0]
    cell = page.get_by_role("link", name=PROMPTS[0], exact=True)
    expect(cell).to_have_accessible_description(re.compile(r"Sandbox Image\s+\$0\.03"))
    expect(cell.locator(".about")).to_have_css("opacity", "0")
    cell.focus()
    expect(cell.locator(".about")).to_have_css("opacity", "1")
    assert cell.locator("img").evaluate("image => [image.width > 100, image.complete]") == [True, True]


def test_a_prompt_with_markup_is_words(page: Page) -> None:
    page.goto("/gallery")
    page.get_by_role("link", name=PROMPTS[2], exact=True).click()
    expect(page.locator(".prompt")).to_have_text(PROMPTS[2])
    expect(page).to_have_title(f"{PROMPTS[2]} · Penstock")
    assert page.locator("main script").count() == 0


def test_older_pictures_come_by_themselves_and_nothing_moves(
    browser: Browser, many: tuple[RunningGateway, list[str]]
) -> None:
    gateway, stored = many
    with looking(browser, gateway, key=gateway.admin_key, height=700) as page:
        page.goto("/gallery")
        page.evaluate(
            """() => { window.moved = 0; new PerformanceObserver((list) => {
                 for (const entry of list.getEntries()) window.moved += entry.value;
               }).observe({ type: "layout-shift", buffered: true }); }"""
        )
        expect(page.locator(CELLS)).to_have_count(60)
        for _ in range(80):
            page.mouse.wheel(0, 300)
            page.wait_for_timeout(80)
            if page.locator(".more").count() == 0:
                break
        expect(page.locator(CELLS)).to_have_count(150)
        assert digests(page) == stored
        assert page.evaluate("window.moved") < 0.02
        expect(page.locator(".more")).to_have_count(0)


def test_without_a_script_a_link_leads_to_older_pictures(
    browser: Browser, many: tuple[RunningGateway, list[str]]
) -> None:
    gateway, stored = many
    with looking(browser, gateway, key=gateway.admin_key, scripts=False) as page:
        page.goto("/gallery")
        shown = digests(page)
        while page.get_by_role("link", name="Older pictures").count():
            page.get_by_role("link", name="Older pictures").click()
            shown += digests(page)
        assert shown == stored
        page.get_by_role("link", name="To the newest pictures").click()
        assert digests(page) == stored[:60]


def test_pictures_are_found_by_words_model_way_key_and_day(page: Page, filled: Filled) -> None:
    page.goto("/gallery")
    page.get_by_text("Find pictures").click()
    page.get_by_label("Words in the prompt").fill("LIGHTHOUSE at dusk")
    page.get_by_role("button", name="Show").click()
    assert digests(page) == [filled.pictures[0]]
    page.get_by_role("link", name="Clear").click()
    assert len(digests(page)) > 5
    for query, count in (
        ("operation=image_edit", 1),
        ("key=website&team=Design&provider=sandbox&model=sandbox/image", 8),
        ("provider=studio-b", 1),
        ("since=2020-01-01&until=2020-01-31", 0),
        ("since=1d", 9),
    ):
        page.goto(f"/gallery?{query}")
        assert len(digests(page)) == count, query


def test_a_search_that_finds_nothing_says_so_and_offers_to_clear_it(page: Page) -> None:
    page.goto("/gallery?text=zeppelin")
    expect(page.get_by_role("heading", name="No picture is like that")).to_be_visible()
    page.get_by_role("link", name="Clear the filters").click()
    assert len(digests(page)) == 9


def test_what_an_address_cannot_mean_is_said_and_left_out(page: Page) -> None:
    page.goto("/gallery?operation=painting&key=nobody&since=yesterday&before=here&model=sandbox/image")
    words = page.get_by_role("status").inner_text()
    for part in ("“painting”", "nobody", "“yesterday”", "no such place"):
        assert part in words
    assert len(digests(page)) == 8


def test_a_gallery_with_nothing_in_it_leads_to_the_playground(browser: Browser, empty: RunningGateway) -> None:
    with looking(browser, empty, key=empty.key) as page:
        page.goto("/gallery")
        link = page.get_by_role("link", name="Make the first one")
        expect(link).to_have_attribute("href", "/playground")
        page.goto("/gallery?pick=1")
        expect(page.get_by_role("heading", name="No picture is kept here yet")).to_be_visible()


def test_where_prompts_are_not_kept_that_is_said(browser: Browser, tmp_path: Any) -> None:
    with RunningGateway(tmp_path, {}) as gateway, looking(browser, gateway, key=gateway.key) as page:
        drawn(gateway, gateway.key, "a secret boat")
        page.goto("/gallery?text=boat")
        expect(page.get_by_role("status")).to_contain_text("Prompts are not kept here")
        page.get_by_role("link", name=re.compile(r"Picture made by Sandbox Image on \d+ \w+ \d{4}")).click()
        expect(page.get_by_text("Its prompt is not kept")).to_contain_text("ledger.store_prompts")
        assert "boat" not in page.content()


def test_the_playground_chooses_from_the_same_pictures(page: Page, filled: Filled) -> None:
    page.goto("/gallery?pick=1")
    cell = page.locator(f'[data-digest="{filled.pictures[0]}"]')
    assert [cell.get_attribute(name) for name in ("data-width", "data-height")] == ["1024", "768"]
    expect(cell).to_have_attribute("href", f"/playground?reference={filled.pictures[0]}")
    assert page.locator("form[role=search]").count() == 0
