"""The settings as an administrator uses them: what is made there counts for the very next request."""

import re
from datetime import date

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from penstock.core.principal import Scope
from penstock.store.benchmark_reviews import Contribution, contribute
from tests.browser.kit import looking, overflows, serious_faults
from tests.e2e.running import RunningGateway, now_ms

LONG = "<b>x</b>" + "verylongname" * 14
REFUSED = ("400", "403")


def picture(gateway: RunningGateway, key: str, model: str = "sandbox/image") -> httpx.Response:
    body = {"model": model, "prompt": "p", "size": "256x256"}
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{gateway.url}/v1/images/generations", json=body, headers=headers, timeout=30)


def models(gateway: RunningGateway, key: str) -> int:
    """The status of a request that every key may make."""
    return httpx.get(f"{gateway.url}/v1/models", headers={"authorization": f"Bearer {key}"}).status_code


def make_key(page: Page, name: str, **fields: str) -> str:
    """By the form; the secret on the page that answers."""
    page.goto("/settings/keys/new")
    page.get_by_label("Name", exact=True).fill(name)
    for label, value in fields.items():
        page.get_by_label(label.replace("_", " ")).fill(value)
    page.get_by_role("button", name="Make the key").click()
    return page.get_by_role("group", name="The key").inner_text().strip()


def test_a_key_is_made_used_changed_and_revoked(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key) as page:
        with page.expect_response(lambda response: response.request.method == "POST") as answer:
            secret = make_key(page, "posters", Models_it_may_call="sandbox/*", Budget_in_US_dollars="1")
        made = answer.value
        assert made.headers["cache-control"] == "no-store"
        assert secret.startswith("psk_") and secret not in page.url
        assert page.get_by_role("button", name="Copy").count() == 2
        assert picture(filled, secret).status_code == 200
        assert picture(filled, secret, "studio/painter").status_code == 403

        page.goto("/settings/keys?q=posters")
        assert secret not in page.content()
        page.get_by_role("link", name="posters").click()
        page.get_by_label("Models it may call").fill("sandbox/text")
        page.get_by_role("button", name="Change it").click()
        expect(page.get_by_role("status")).to_contain_text("The key is changed")
        assert picture(filled, secret).status_code == 403

        page.get_by_role("button", name="Give it another secret").click()
        second = page.get_by_role("group", name="The key").inner_text().strip()
        assert second != secret
        assert [models(filled, key) for key in (second, secret)] == [200, 200]  # for a day both work

        page.goto("/settings/keys/posters")
        page.get_by_role("link", name="Revoke").click()
        page.get_by_role("button", name="Revoke it").click()
        expect(page.get_by_role("status")).to_contain_text("The key is revoked")
        assert [models(filled, key) for key in (second, secret)] == [401, 401]


def test_a_form_with_a_fault_keeps_what_was_typed_and_says_where_it_is(
    browser: Browser, filled: RunningGateway
) -> None:
    with looking(browser, filled, key=filled.admin_key, expected=REFUSED, scripts=False) as page:
        page.goto("/settings/keys/new")
        page.get_by_label("Name", exact=True).fill(LONG)
        page.get_by_label("Addresses it may be used from").fill("10.0.0.0/99")
        page.get_by_label("Everything, these settings too").check()
        page.get_by_role("button", name="Make the key").click()
        expect(page.get_by_role("alert")).to_contain_text("10.0.0.0/99")
        field = page.get_by_label("Addresses it may be used from")
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_value("10.0.0.0/99")
        expect(page.get_by_label("Name", exact=True)).to_have_value(LONG)
        expect(page.get_by_label("Everything, these settings too")).to_be_checked()
        page.goto("/settings/budgets/new?level=team&holder=nobody")
        page.get_by_label("US dollars").fill("lots")
        page.get_by_role("button", name="Make the budget").click()
        expect(page.get_by_role("alert")).to_have_text("“US dollars” must be a number, such as 12.50.")
        page.get_by_label("US dollars").fill("5")
        page.get_by_role("button", name="Make the budget").click()
        expect(page.get_by_role("alert")).to_contain_text("No team has the id or name 'nobody'")


def test_the_last_administrators_key_cannot_be_revoked_and_ones_own_warns(
    browser: Browser, empty: RunningGateway
) -> None:
    with looking(browser, empty, key=empty.admin_key, expected=REFUSED) as page:
        page.goto("/settings/keys")
        page.get_by_role("row", name="yours").get_by_role("link").click()
        page.get_by_role("link", name="Revoke").click()
        expect(page.get_by_text("It is the last key that may administer")).to_be_visible()
        assert not page.get_by_role("button", name="Revoke it").count()
        other = empty.new_key(Scope.ADMIN)
        page.reload()
        expect(page.get_by_text("You are signed in with this key")).to_be_visible()
        page.get_by_role("button", name="Revoke it").click()
        expect(page).to_have_url(re.compile("/sign-in"))
        empty.admin_key = other


def test_people_are_made_renamed_and_archived(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto("/settings/people")
        page.get_by_role("link", name="Make an organisation").click()
        page.get_by_label("Name").fill("Harbour")
        page.get_by_role("button", name="Make the organisation").click()
        page.get_by_role("link", name="Make a team").click()
        page.get_by_label("Name").fill("Cranes")
        page.get_by_label("Organisation").select_option(label="Harbour")
        page.get_by_role("button", name="Make the team").click()
        page.get_by_role("link", name="Cranes").click()
        page.get_by_label("Name", exact=True).fill("Boats")
        page.get_by_role("button", name="Rename").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Boats")
        page.get_by_role("link", name="Archive").click()
        page.get_by_role("button", name="Archive").click()
        assert not page.get_by_role("link", name="Boats").count()
        page.goto("/settings/people?archived=yes")
        expect(page.get_by_role("link", name="Boats")).to_be_visible()


def test_a_budget_a_credit_an_allowance_and_a_limit_are_made_and_ended(
    browser: Browser, filled: RunningGateway
) -> None:
    with looking(browser, filled, key=filled.admin_key) as page:
        secret = make_key(page, "spender")
        page.goto("/settings/budgets/new")
        page.get_by_label("For", exact=True).select_option("key")
        page.get_by_label("Which one").fill("spender")
        page.get_by_label("US dollars").fill("0.000001")
        page.get_by_role("button", name="Make the budget").click()
        expect(page.get_by_role("status")).to_contain_text("The budget is made")
        assert picture(filled, secret).status_code == 429
        page.get_by_role("link", name="Change the budget of spender").click()
        page.get_by_label("US dollars").fill("$2.50")
        page.get_by_role("button", name="Change it").click()
        assert picture(filled, secret).status_code == 200
        page.goto("/settings/budgets/credit?level=key&holder=spender")
        page.get_by_label("US dollars").fill("20")
        page.get_by_label("What it was for").fill("Invoice <2041>")
        page.get_by_role("button", name="Pay it in").click()
        expect(page.get_by_text("Invoice <2041>")).to_be_visible()
        page.goto("/settings/budgets/allowance?level=key&holder=spender")
        page.get_by_label("Requests a month").fill("20")
        page.get_by_role("button", name="Make the allowance").click()
        page.get_by_role("link", name="End the allowance of spender").click()
        page.get_by_role("button", name="End it").click()
        expect(page.get_by_role("status")).to_contain_text("The allowance has ended")
        page.get_by_role("link", name="Change the budget of spender").click()
        page.get_by_role("link", name="End…").click()
        page.get_by_role("button", name="End it").click()
        assert not page.get_by_role("link", name="Change the budget of spender").count()
        page.goto("/settings/limits/new?level=key&holder=spender")
        page.get_by_label("At most").fill("1")
        page.get_by_label("In any so many seconds").fill("3600")
        page.get_by_role("button", name="Make the limit").click()
        expect(page.get_by_text("1 requests in any hour")).to_be_visible()
        page.get_by_role("link", name="End the limit of spender").click()
        page.get_by_role("button", name="End it").click()
        assert not page.get_by_role("link", name="End the limit of spender").count()


def test_a_paused_provider_is_not_asked_until_it_is_resumed(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key, expected=REFUSED) as page:
        page.goto("/settings/providers")
        page.get_by_role("link", name="Pause Studio B").click()
        page.get_by_role("button", name="Pause it").click()
        page.get_by_label("Why").fill(f"too dear {LONG}"[:200])
        page.get_by_role("button", name="Pause it").click()
        expect(page.get_by_role("status")).to_contain_text("The provider is paused")
        expect(page.get_by_role("row", name="Studio B")).to_contain_text("too dear <b>x</b>")
        assert overflows(page) == 0
        answer = picture(filled, filled.key, "studio/painter")
        assert answer.status_code != 200
        assert [row["provider"] for row in filled.attempts(answer.headers["x-request-id"])] == ["studio-a"]
        page.goto("/settings")
        expect(page.get_by_text("Studio B is paused by the administrator")).to_be_visible()
        page.goto("/settings/providers")
        page.get_by_role("button", name="Resume Studio B").click()
        assert picture(filled, filled.key, "studio/painter").status_code == 200


def test_a_provider_is_tested_without_spending(browser: Browser, filled: RunningGateway) -> None:
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto("/settings/providers")
        page.get_by_role("button", name="Test Studio A").click()
        expect(page.get_by_role("status")).to_contain_text("No good answer")
        page.get_by_role("button", name="Test Sandbox").click()
        expect(page.get_by_role("status")).to_contain_text("part of this gateway")
        expect(page.get_by_role("row", name="Black Forest Labs")).to_contain_text("BFL_API_KEY")


@pytest.mark.parametrize("operation", ["image_generation", "image_edit"])
def test_a_request_is_explained(browser: Browser, filled: RunningGateway, operation: str) -> None:
    with looking(browser, filled, key=filled.admin_key, expected=REFUSED) as page:
        page.goto("/settings/routing")
        page.get_by_role("link", name="Explain a request").click()
        page.get_by_label("Model", exact=True).fill("studio/painter")
        page.get_by_label("What is asked for").select_option(operation)
        page.get_by_label("Prompt").fill("a secret lighthouse")
        page.get_by_role("button", name="Explain it").click()
        order = page.get_by_role("table", name="Asked in this order")
        expect(order.get_by_role("row").nth(1)).to_contain_text("Studio A")
        expect(order.get_by_role("row").nth(2)).to_contain_text("Studio B")
        assert "lighthouse" not in page.url
        page.get_by_label("Size").fill("9000x9000")
        page.get_by_role("button", name="Explain it").click()
        expect(page.get_by_role("table", name="Not asked")).to_contain_text("Studio B")
        page.get_by_label("Model", exact=True).fill("studio/paintre")
        page.get_by_role("button", name="Explain it").click()
        expect(page.get_by_role("alert")).to_contain_text("Did you mean")


def test_an_accepted_result_appears_on_the_models_page_and_a_declined_one_does_not(
    browser: Browser, filled: RunningGateway
) -> None:
    for name in ("Harbour Bench", "Boat Bench"):
        given = Contribution(
            model="sandbox/image",
            operation="image_generation",
            benchmark=name,
            score="71.5",
            source="https://example.com/results",
            measured_on=date(2026, 11, 1),
            note="<script>alert(1)</script>",
        )
        filled.change(lambda c, given=given: contribute(c, given, None, now_ms()))
    with looking(browser, filled, key=filled.admin_key) as page:
        page.goto("/settings/benchmarks")
        assert not serious_faults(page)
        page.get_by_role("button", name="Accept Harbour Bench").click()
        page.get_by_role("button", name="Decline Boat Bench").click()
        expect(page.get_by_role("row", name="Boat Bench")).to_contain_text("declined")
        page.goto("/models/sandbox/image")
        assert "Harbour Bench" in page.content()
        assert "Boat Bench" not in page.content()
        page.goto("/settings/benchmarks")
        page.get_by_role("button", name="Put back Harbour Bench").click()
        expect(page.get_by_role("button", name="Accept Harbour Bench")).to_be_visible()
