"""The dashboard as an administrator sees it: numbers that are the API's, ranges in the address, budgets, and now."""

import re
import threading
import time
from decimal import Decimal
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.kit import looking, overflows, serious_faults
from tests.e2e.running import RunningGateway


def api(gateway: RunningGateway, path: str) -> Any:
    response = httpx.get(f"{gateway.url}{path}", headers={"authorization": f"Bearer {gateway.admin_key}"})
    response.raise_for_status()
    return response.json(parse_float=Decimal)


def stat(page: Page, name: str) -> str:
    found = page.locator(".stat", has=page.locator("dt", has_text=re.compile(f"^{name}$"))).locator("dd")
    return found.first.inner_text()


def test_the_numbers_are_those_of_the_api(browser: Browser, filled: RunningGateway) -> None:
    total = api(filled, "/admin/api/usage?by=&since=7d")["total"]
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto("/dashboard")
        assert stat(page, "Requests") == str(total["requests"])
        assert stat(page, "Pictures") == str(total["images"])
        assert page.locator(".stat dd span").first.get_attribute("title") == f"${total['cost_usd']}"
        assert total["unpriced"] == 1
        expect(page.get_by_text("1 answer has no known cost; it is not in the sum.")).to_be_visible()
        expect(page.get_by_text("No answers came from a cache.")).to_be_visible()


def test_use_is_told_apart_by_whatever_is_chosen_and_each_row_leads_to_its_requests(
    browser: Browser, filled: RunningGateway
) -> None:
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto("/dashboard?range=30d")
        told_apart = page.get_by_role("navigation", name="Told apart by")
        told_apart.get_by_role("link", name="App").click()
        page.wait_for_url("**by=app")
        assert "range=30d" in page.url, "the range stays"
        expect(told_apart.get_by_role("link", name="App")).to_be_focused()
        table = page.get_by_role("region", name="Use by app")
        rows = {row["app"]: row for row in api(filled, "/admin/api/usage?by=app&since=30d")["data"]}
        for name, row in rows.items():
            line = table.get_by_role("row").filter(has_text=name)
            assert str(row["requests"]) in line.inner_text()
        assert page.locator(".chart figcaption").first.inner_text().startswith("Spent, by app")
        table.get_by_role("link", name="<b>Bold</b> & Co").click()
        page.wait_for_url("**/logs?app=*")
        assert page.locator("#rows tr").count() == 1
        expect(page.locator("#rows")).to_contain_text("<b>Bold</b> & Co")


@pytest.mark.parametrize("by", ["model", "provider", "operation", "key", "team", "organisation", "user", "app"])
def test_every_way_to_tell_apart_adds_up_to_the_same(filled: RunningGateway, by: str) -> None:
    headers = {"authorization": f"Bearer {filled.admin_key}", "accept": "text/html"}
    html = httpx.get(f"{filled.url}/dashboard?by={by}&range=24h", headers=headers).text
    table = html[html.index('<table class="groups">') :]
    body, foot = table.split("<tfoot>")
    cells = [re.findall(r'<td class="number">(.*?)</td>', line) for line in body.split("<tr>")[2:]]
    whole = re.findall(r'<td class="number">(.*?)</td>', foot)
    assert sum(int(row[1]) for row in cells) == int(whole[1]), "requests"
    assert sum(int(row[3]) for row in cells) == int(whole[3]), "pictures"


def test_the_range_is_in_the_address(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto("/dashboard")
        page.get_by_role("link", name="24 hours").click()
        page.wait_for_url("**range=24h")
        assert page.locator(".chart").first.locator("tbody tr").count() == 24
        page.get_by_label("From").fill("2026-01-05")
        page.get_by_label("Through").fill("2026-01-09")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**since=2026-01-05&until=2026-01-09")
        assert stat(page, "Requests") == "0"
        expect(page.get_by_text("5 Jan 2026 to 9 Jan 2026 in UTC, beside the 5 days before.")).to_be_visible()
        page.goto("/dashboard?range=<script>alert(1)</script>&by=nothing")
        expect(page.get_by_text("There is no range “<script>alert(1)</script>”.")).to_be_visible()
        expect(page.get_by_text("Use cannot be told apart by “nothing”.")).to_be_visible()
        expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")


def test_budgets_are_those_of_the_api(browser: Browser, filled: RunningGateway) -> None:
    budgets = api(filled, "/admin/api/budgets")["data"]
    assert budgets and Decimal(budgets[0]["spent_usd"]) > 0
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto("/dashboard")
        for it in budgets:
            card = page.locator(f"[data-budget={it['id']}]")
            expect(card.get_by_role("heading")).to_have_text("Design")
            facts = dict(zip(card.locator("dt").all_inner_texts(), card.locator("dd").all_inner_texts(), strict=True))
            assert Decimal(facts["Spent"].strip("$")) == Decimal(it["spent_usd"])
            assert Decimal(facts["Held for requests under way"].strip("$")) == Decimal(it["reserved_usd"])
            assert f"of ${Decimal(it['amount_usd']):.2f}" in card.inner_text()
            assert card.locator("strong span").get_attribute("title") == f"${it['left_usd']}"
            assert card.locator(".chart path").count() >= 1


def test_providers_are_shown_as_they_do_at_this_moment(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto("/dashboard")
        failing = page.locator(".provider", has=page.get_by_role("link", name="Studio A"))
        expect(failing).to_contain_text("Failing")
        expect(failing).to_contain_text("no good answer")
        expect(page.locator(".provider", has=page.get_by_role("link", name="Sandbox"))).to_contain_text("Working")
        page.goto("/dashboard/now")
        expect(page.get_by_role("heading", name="Right now")).to_be_visible()
        assert page.locator(".provider").count() == 3


def test_what_is_under_way_appears_and_goes_by_itself(browser: Browser, filled: RunningGateway) -> None:
    body = {"model": "sandbox/image", "prompt": "a slow harbour", "size": "512x512"}
    headers = {"authorization": f"Bearer {filled.key}", "x-penstock-sandbox": "slow 6"}
    asking = threading.Thread(
        target=lambda: httpx.post(f"{filled.url}/v1/images/generations", json=body, headers=headers, timeout=60)
    )
    with looking(browser, filled, key=filled.admin_key) as page:
        asking.start()
        page.goto("/dashboard")
        jobs = page.get_by_role("region", name="Requests under way")
        expect(jobs).to_contain_text("sandbox/image", timeout=7000)
        assert re.search(r"req_\w+", jobs.inner_text())
        expect(page.get_by_text("1 under way")).to_be_visible()
        asking.join()
        expect(page.get_by_text("No request is under way.")).to_be_visible(timeout=9000)
        assert page.locator("#now").count() == 1 and page.locator("main h1").count() == 1


def test_long_names_do_not_break_it(browser: Browser, filled: RunningGateway) -> None:
    chat = {"model": "sandbox/text", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"authorization": f"Bearer {filled.key}", "x-title": "W" * 200}
    httpx.post(f"{filled.url}/v1/chat/completions", json=chat, headers=headers).raise_for_status()
    time.sleep(0.1)
    for width in (360, 1280):
        with looking(browser, filled, key=filled.admin_key, width=width) as page:
            page.goto("/dashboard?by=app&range=24h")
            assert overflows(page) == 0


def test_an_installation_nobody_has_used_leads_to_its_first_picture(browser: Browser, empty: RunningGateway) -> None:
    with looking(browser, empty, key=empty.admin_key) as page:
        page.goto("/dashboard")
        assert serious_faults(page) == []
        page.get_by_role("link", name="Make the first picture").click()
        expect(page.get_by_role("heading", name="Make your first picture")).to_be_visible()


def test_it_is_for_administrators(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.key, expected=("403",)) as page:
        for path in ("/dashboard", "/dashboard/now", "/logs", "/logs/req_1"):
            response = page.goto(path)
            assert response is not None and response.status == 403, path
