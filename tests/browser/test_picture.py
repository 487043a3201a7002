"""A picture's page: what is known, walking from picture to picture, using it again, deleting it, and who sees it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from penstock.core.principal import Scope
from tests.browser.filled import PROMPTS, Filled
from tests.browser.gallery_kit import CELLS, digest_in, digests, drawn, edited, facts
from tests.browser.kit import looking, overflows, serious_faults
from tests.e2e.pictures import png
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


def test_a_picture_says_what_is_known_of_it(page: Page, gateway: RunningGateway, filled: Filled) -> None:
    digest = filled.pictures[1]
    page.goto(f"/gallery/{digest}")
    known = facts(page)
    row = gateway.rows("select request_id id from asset_links where digest = ? and role = 'output'", digest)[0]
    assert known["Model"] == "Sandbox Image" and known["Provider"] == "Sandbox"
    assert known["Cost"] == "$0.06 for the 2 pictures of its request"
    assert known["Seed"] == "8"
    assert known["Size"].startswith("768 × 1,024") and known["File"].startswith("PNG, ")
    assert (known["Key"], known["Request"], known["Digest"]) == ("website", row["id"], digest)
    expect(page.get_by_role("link", name=row["id"])).to_have_attribute("href", f"/logs/{row['id']}")
    assert page.get_by_role("heading", name="Beside it").is_visible()
    page.get_by_role("link", name="Picture 2").click()
    assert digest_in(page) == filled.pictures[2]


def test_one_walks_from_an_edit_to_its_references_and_back(page: Page, filled: Filled) -> None:
    edit = filled.pictures[-1]
    page.goto(f"/gallery/{edit}")
    expect(page.locator("h1")).to_have_text("Made from pictures")
    page.get_by_role("link", name="Reference 2").click()
    assert digest_in(page) == filled.pictures[1]
    page.get_by_role("link", name="Made from it").click()
    assert digest_in(page) == edit
    page.get_by_role("link", name="Reference 1").click()
    assert digest_in(page) == filled.pictures[0]


def test_arrow_keys_lead_to_newer_and_older_pictures_of_the_same_search(page: Page, filled: Filled) -> None:
    page.goto("/gallery?model=sandbox/image")
    shown = digests(page)
    page.locator(CELLS).nth(2).click()
    page.wait_for_url(f"**/gallery/{shown[2]}?*")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/gallery/{shown[3]}?model=*")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**/gallery/{shown[2]}?model=*")
    page.get_by_role("link", name="Newer").click()
    page.wait_for_url(f"**/gallery/{shown[1]}?model=*")
    page.get_by_role("link", name="To the pictures found").click()
    assert digests(page) == shown
    page.goto(f"/gallery/{shown[-1]}")
    assert page.get_by_role("link", name="Older").count() == 0


def test_a_picture_is_used_again_in_the_playground(page: Page, filled: Filled) -> None:
    page.goto(f"/gallery/{filled.pictures[0]}")
    page.get_by_role("link", name="Use as reference").click()
    page.wait_for_url(f"**/playground?reference={filled.pictures[0]}")
    page.goto(f"/gallery/{filled.pictures[0]}")
    again = page.get_by_role("link", name="Make again")
    for part in ("model=sandbox%2Fimage", "size=1024x768", "seed=7"):
        assert part in (again.get_attribute("href") or "")
    again.click()
    page.wait_for_url("**/playground?model=*")
    expect(page.locator("#prompt")).to_have_value(PROMPTS[0])
    expect(page.locator("#seed")).to_have_value("7")


def test_an_edit_is_made_again_with_its_references(page: Page, filled: Filled) -> None:
    page.goto(f"/gallery/{filled.pictures[-1]}")
    href = page.get_by_role("link", name="Make again").get_attribute("href") or ""
    assert re.findall(r"reference=(\w+)", href) == filled.pictures[:2]


def test_a_picture_is_downloaded_by_a_name_that_says_what_it_is(page: Page, filled: Filled) -> None:
    page.goto(f"/gallery/{filled.pictures[0]}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert re.fullmatch(rf"image-\d{{4}}-\d\d-\d\d-{filled.pictures[0][:8]}\.png", download.value.suggested_filename)


def test_its_address_is_copied(page: Page, gateway: RunningGateway, filled: Filled) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/gallery/{filled.pictures[0]}")
    page.get_by_role("button", name="Copy its address").click()
    expect(page.get_by_role("status").last).to_contain_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{gateway.url}/v1/assets/{filled.pictures[0]}"


def test_the_same_picture_made_twice_is_one_with_two_requests(browser: Browser, gateway: RunningGateway) -> None:
    key = gateway.new_key()
    for _ in range(2):
        drawn(gateway, key, "a tram at night")
    with looking(browser, gateway, key=key) as page:
        page.goto("/gallery")
        first, second = digests(page)
        assert first == second
        page.locator(CELLS).first.click()
        expect(
            page.get_by_role("region", name="Requests that made the same picture").locator("tbody tr")
        ).to_have_count(1)
        assert page.get_by_role("link", name="Newer").count() == 0
        page.get_by_role("link", name="Older").click()
        expect(page.get_by_role("link", name="Newer")).to_be_visible()


def test_a_deleted_picture_is_gone_and_what_was_made_from_it_says_so(browser: Browser, gateway: RunningGateway) -> None:
    key = gateway.new_key()
    boat = drawn(gateway, key, "a boat to be deleted")
    edited(gateway, key, "the boat, at night", boat)
    with looking(browser, gateway, key=key, expected=("404",)) as page:
        page.goto("/gallery?text=to be deleted")
        page.locator(CELLS).click()
        digest = digest_in(page)
        page.get_by_role("link", name="Delete", exact=True).click()
        expect(page.locator("main")).to_contain_text("The picture made from it stays too")
        page.get_by_role("link", name="Keep it").click()
        assert digest_in(page) == digest
        page.get_by_role("link", name="Delete", exact=True).click()
        page.get_by_role("button", name="Delete it").click()
        page.wait_for_url("**/gallery")
        assert len(digests(page)) == 1 and digest not in digests(page)
        page.locator(CELLS).click()
        expect(page.locator(".gone")).to_contain_text(f"Deleted{digest[:16]}")
        assert page.locator(".related img").count() == 0
        assert "reference=" not in (page.get_by_role("link", name="Make again").get_attribute("href") or "")
        answer = page.goto(f"/gallery/{digest}")
        assert answer is not None and answer.status == 404
        assert page.request.get(f"/v1/assets/{digest}").status == 404


def test_a_picture_that_another_key_has_too_is_only_deleted_by_an_administrator(
    browser: Browser, gateway: RunningGateway
) -> None:
    one, other = gateway.new_key(), gateway.new_key()
    assert drawn(gateway, one, "a shared hill") == drawn(gateway, other, "a shared hill")
    with looking(browser, gateway, key=one, expected=("409",)) as page:
        page.goto("/gallery")
        page.locator(CELLS).click()
        digest = digest_in(page)
        page.get_by_role("link", name="Delete", exact=True).click()
        page.get_by_role("button", name="Delete it").click()
        expect(page.get_by_role("alert")).to_contain_text("Only an administrator can delete it")
        page.get_by_role("link", name="Keep it").click()
        assert digest_in(page) == digest
    with looking(browser, gateway, key=gateway.admin_key) as page:
        page.goto(f"/gallery/{digest}/delete")
        page.get_by_role("button", name="Delete it").click()
        page.wait_for_url("**/gallery")
        assert digest not in digests(page)


def test_a_key_sees_nothing_of_what_another_one_made(browser: Browser, gateway: RunningGateway) -> None:
    one, other = gateway.new_key(), gateway.new_key()
    mine, theirs = drawn(gateway, one, "mine alone"), drawn(gateway, other, "theirs alone")
    edited(gateway, other, "of both", mine, theirs)  # the other key was given the picture by hand
    with looking(browser, gateway, key=other) as page:
        page.goto("/gallery")
        assert len(digests(page)) == 2
        foreign = {cell.get_attribute("data-digest") for cell in page.locator(CELLS).all()}
    with looking(browser, gateway, key=one, expected=("404",)) as page:
        page.goto("/gallery?key=website&team=Design")
        expect(page.get_by_role("status")).to_contain_text("Only administrators can look for pictures by key")
        (digest,) = digests(page)
        for text in ("alone", "of both"):
            page.goto(f"/gallery?text={text}")
            assert set(digests(page)) <= {digest}
        page.goto(f"/gallery/{digest}")
        assert page.locator(".related").count() == 0
        assert "Key" not in facts(page) and page.locator("a[href^='/logs']").count() == 0
        for path in foreign:
            for address in (f"/gallery/{path}", f"/gallery/{path}/delete", f"/v1/assets/{path}?width=320"):
                answer = page.request.get(address, headers={"accept": "text/html"})
                assert answer.status == 404, address
        assert page.get_by_role("link", name="Newer").count() == page.get_by_role("link", name="Older").count() == 0


def test_a_key_that_only_reads_is_offered_nothing_that_makes_or_deletes(
    browser: Browser, gateway: RunningGateway, filled: Filled
) -> None:
    with looking(browser, gateway, key=gateway.new_key(Scope.READ), expected=("403", "404")) as page:
        page.goto("/gallery")
        assert page.get_by_role("link", name=re.compile("Make")).count() == 0
        answer = page.goto(f"/gallery/{filled.pictures[0]}/delete")
        assert answer is not None and answer.status == 403


def test_a_picture_that_is_not_here_has_a_page_that_says_so(browser: Browser, gateway: RunningGateway) -> None:
    with looking(browser, gateway, key=gateway.admin_key, expected=("404",)) as page:
        for digest in ("0" * 64, "x", "<b>"):
            answer = page.goto(f"/gallery/{digest}")
            assert answer is not None and answer.status == 404
            expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()


def test_the_pages_are_for_everybody_also_with_long_words(browser: Browser, gateway: RunningGateway) -> None:
    key = gateway.new_key()
    picture = drawn(gateway, key, "<img src=x onerror=alert(1)>" + "endless" * 300, size="1536x512")
    edited(gateway, key, "an edit", picture, png(40, 900))
    with looking(browser, gateway, key=key, width=360) as page:
        page.goto("/gallery")
        edit, long = digests(page)
        for path in ("/gallery?text=endless", f"/gallery/{edit}", f"/gallery/{long}"):
            page.goto(path)
            page.wait_for_load_state("networkidle")
            assert serious_faults(page) == [], path
            assert overflows(page) <= 0, path
