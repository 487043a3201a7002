"""The logs as an administrator sees them: filters in the address, page after page, and one request with everything."""

import csv
import io
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.kit import looking, overflows
from tests.e2e.running import RunningGateway


def rows(page: Page) -> int:
    return page.locator("#rows tr:not(.more)").count()


def count(gateway: RunningGateway, where: str = "1") -> int:
    return int(gateway.rows(f"select count(*) as n from requests where {where}")[0]["n"])


def fallback(gateway: RunningGateway) -> dict[str, Any]:
    return gateway.rows("select * from requests where fallback_used")[0]


def chat(gateway: RunningGateway, client: httpx.Client | None = None, **headers: str) -> httpx.Response:
    body = {"model": "sandbox/text", "messages": [{"role": "user", "content": "<img src=x onerror=alert(1)>"}]}
    known = {"authorization": f"Bearer {gateway.key}", **headers}
    post = httpx.post if client is None else client.post
    return post(f"{gateway.url}/v1/chat/completions", json=body, headers=known)


def test_every_request_is_listed_the_newest_first(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto("/logs")
        assert rows(page) == count(filled)
        newest = filled.last_request()
        link = page.locator("#rows tr").first.get_by_role("link").first
        assert link.get_attribute("href") == f"/logs/{newest['id']}"
        assert page.locator("#rows img").count() == count(filled, "images_delivered > 0")
        assert page.locator("#rows img").first.evaluate("it => it.decode().then(() => it.naturalWidth)") > 0


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("model=studio/painter", "model = 'studio/painter'"),
        ("provider=studio-b", "provider = 'studio-b'"),
        ("operation=chat", "operation = 'chat'"),
        ("status=failed", "status >= 400"),
        ("status=429", "status = 429"),
        ("fallback=1", "fallback_used"),
        ("app=Poster%20Maker", "app = 'Poster Maker'"),
        ("key=website", "key_id = (select id from keys where name = 'website')"),
        ("team=Design", "team_id is not null"),
        ("copies=only", "mirror_of is not null"),
        ("since=24h&operation=image_edit", "operation = 'image_edit'"),
        ("until=2026-01-01", "0"),
        ("without=user", "member_id is null"),
    ],
)
def test_requests_are_filtered_by_the_address(filled: RunningGateway, query: str, where: str) -> None:
    headers = {"authorization": f"Bearer {filled.admin_key}", "accept": "text/html"}
    html = httpx.get(f"{filled.url}/logs?{query}", headers=headers).text
    assert html.count('<th scope="row"><a href="/logs/req_') == count(filled, where)


def test_filters_are_chosen_and_taken_away(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto("/logs")
        page.get_by_text("Filters", exact=True).click()
        page.get_by_label("Kind").select_option("Making pictures")
        page.get_by_label("Ended").select_option("Failed")
        page.get_by_label("Key, by name or id").fill("website")
        page.get_by_role("button", name="Show these").click()
        page.wait_for_load_state()
        assert rows(page) == count(filled, "status >= 400 and operation = 'image_generation'")
        chips = page.get_by_role("list", name="Filters in use")
        assert chips.get_by_role("link").count() == 3
        chips.get_by_role("link", name="Failed").click()
        page.wait_for_load_state()
        assert "status" not in page.url.replace("status=&", "")
        assert rows(page) == count(filled, "operation = 'image_generation'")
        expect(page.get_by_label("Key, by name or id")).to_have_value("website")


def test_nonsense_in_the_address_is_said(browser: Browser, filled: RunningGateway) -> None:
    nonsense = "key=nobody&status=good&since=soon&until=9999-12-31&without=sense&before=1&copies=all&fallback=yes"
    with looking(browser, filled, key=filled.admin_key) as page:
        response = page.goto(f"/logs?{nonsense}")
        assert response is not None and response.status == 200
        said = page.locator(".note p").all_inner_texts()
        assert len(said) == 8 and any("“soon” says nothing about when to begin" in line for line in said)
        assert rows(page) == count(filled)
        page.goto("/logs?model=nobody/nothing")
        expect(page.get_by_role("heading", name="No request is like that")).to_be_visible()


def test_older_requests_follow_with_and_without_a_script(browser: Browser, empty: RunningGateway) -> None:
    with httpx.Client() as client:
        for _ in range(103 - count(empty)):
            chat(empty, client).raise_for_status()
    with looking(browser, empty, key=empty.admin_key) as page:
        page.goto("/logs")
        assert rows(page) == 50
        page.get_by_role("link", name="Older requests").click()
        expect(page.locator("#rows tr:not(.more)")).to_have_count(100)
        expect(page.locator("#rows tr").nth(50).get_by_role("link").first).to_be_focused()
        page.get_by_role("link", name="Older requests").click()
        expect(page.locator("#rows tr")).to_have_count(103)
        links = page.locator("#rows th a")
        assert len({links.nth(n).get_attribute("href") for n in range(103)}) == 103
    with looking(browser, empty, key=empty.admin_key, scripts=False) as page:
        page.goto("/logs?operation=chat")
        page.get_by_role("link", name="Older requests").click()
        page.get_by_role("link", name="Older requests").click()
        assert rows(page) == 3
        page.get_by_role("link", name="Back to the newest").click()
        assert rows(page) == 50 and "operation=chat" in page.url


def test_the_ledger_is_had_as_a_file(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto("/logs?since=2026-01-01&app=Poster%20Maker")
        with page.expect_download() as downloading:
            page.get_by_role("link", name="CSV").click()
        text = downloading.value.path().read_text()
        found = list(csv.DictReader(io.StringIO(text)))
        assert len(found) == count(filled) and {"id", "cost_usd", "app"} <= set(found[0])
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Parquet").click()
        assert downloading.value.path().read_bytes()[:4] == b"PAR1"


def test_a_fallback_is_told_with_both_attempts_and_why(browser: Browser, filled: RunningGateway) -> None:
    row = fallback(filled)
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto("/logs?fallback=1")
        expect(page.locator("#rows")).to_contain_text("Fallback")
        expect(page.locator("#rows")).to_contain_text("2 attempts")
        page.locator("#rows a").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(row["id"])
        attempts = page.get_by_role("region", name="Attempts").locator("tbody tr")
        assert attempts.count() == 2
        expect(attempts.nth(0)).to_contain_text("1. Studio A")
        expect(attempts.nth(0)).to_contain_text("It could not be reached.")
        expect(attempts.nth(0)).to_contain_text("provider_unreachable")
        expect(attempts.nth(1)).to_contain_text("Fell back because of Studio A: it could not be reached.")
        expect(attempts.nth(1)).to_contain_text("Succeeded")
        assert page.locator(".falls svg").count() == 3, "the whole request and both attempts"
        expect(page.get_by_text("cost not known")).to_be_visible()
        expect(page.get_by_role("link", name="<b>Bold</b> & Co")).to_be_visible()
        expect(page.get_by_role("group", name="What was asked, as JSON")).to_contain_text('"prompt": "a harbour"')


def test_an_edit_is_told_with_what_it_was_made_of(browser: Browser, filled: RunningGateway) -> None:
    edit = filled.rows("select * from requests where operation = 'image_edit'")[0]
    links = filled.rows("select role, digest from asset_links where request_id = ?", edit["id"])
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto(f"/logs/{edit['id']}")
        for role, words in (("output", "Made"), ("reference", "References")):
            shown = page.locator("h3", has_text=words).locator("+ ul a")
            wanted = [f"/gallery/{link['digest']}" for link in links if link["role"] == role]
            assert sorted(shown.nth(n).get_attribute("href") or "" for n in range(shown.count())) == sorted(wanted)
        expect(page.get_by_text("our price for what was delivered")).to_be_visible()
        assert f"${edit['cost_pico'] / 1e12}" in page.locator("section", has=page.locator("#cost")).inner_text()


def test_a_requests_id_leads_to_it_and_one_there_is_not_is_said(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key, expected=("404",)) as page:
        page.goto("/logs")
        page.get_by_label("A request's id").fill(f"  {filled.last_request()['id']} ")
        page.get_by_role("button", name="Open").click()
        page.wait_for_url(f"**/logs/{filled.last_request()['id']}")
        response = page.goto("/logs/req_nothing")
        assert response is not None and response.status == 404
        expect(page.locator(".lead")).to_contain_text("The ledger has no request 'req_nothing'")
        response = page.goto("/logs?id=" + quote("../<b>x"))
        assert response is not None and response.status == 404


def test_a_copy_and_its_original_lead_to_each_other(browser: Browser, filled: RunningGateway) -> None:
    original, copy = (chat(filled).headers["x-request-id"] for _ in range(2))
    filled.change(
        lambda c: c.exec_driver_sql("update requests set mirror_of = ? where id = ?", (original, copy)) and None
    )
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto(f"/logs/{original}")
        page.get_by_role("link", name=copy).click()
        expect(page.get_by_role("link", name=original)).to_be_visible()
        page.goto("/logs?copies=hide")
        assert page.locator(f"a[href='/logs/{copy}']").count() == 0
        page.goto("/logs")
        expect(page.locator("tr", has=page.locator(f"a[href='/logs/{copy}']"))).to_contain_text("Copy")


def test_hostile_words_are_words(browser: Browser, filled: RunningGateway) -> None:
    evil = '"><script>alert(1)</script>' + "W" * 70
    answer = chat(filled, **{"x-title": evil, "x-penstock-session-id": "s-1", "x-penstock-sandbox": "500"})
    assert answer.status_code >= 500
    id = answer.headers["x-request-id"]
    with looking(browser, filled, key=filled.admin_key, expected=("404",)) as page:
        page.goto(f"/logs/{id}")
        expect(page.get_by_role("link", name=evil)).to_be_visible()
        expect(page.get_by_role("group", name="What was asked, as JSON")).to_contain_text("<img src=x onerror=")
        assert page.locator("main script").count() == 0 and page.locator("main [onerror]").count() == 0
        page.goto(f"/logs?app={quote(evil)}&model={quote(evil)}")
        assert page.locator("main script").count() == 0
        page.goto(f"/logs?app={quote(evil)}")
        assert rows(page) == 1
    for path in (f"/logs/{id}", f"/logs?app={quote(evil)}"):
        with looking(browser, filled, key=filled.admin_key, width=360) as page:
            page.goto(path)
            assert overflows(page) == 0, path


def test_where_prompts_are_not_kept_the_setting_is_named(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with (
        RunningGateway(tmp_path_factory.mktemp("plain")) as gateway,
        looking(browser, gateway, key=gateway.admin_key) as page,
    ):
        page.goto("/logs")
        expect(page.get_by_role("link", name="Make the first picture")).to_be_visible()
        id = chat(gateway).headers["x-request-id"]
        page.goto(f"/logs/{id}")
        expect(page.get_by_text("Prompts are not kept here. The setting ledger.store_prompts")).to_be_visible()
