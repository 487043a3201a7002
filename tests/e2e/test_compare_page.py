"""The comparison's page: what it shows, what differs, and what it says to names that are none."""

import re
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from penstock.core.principal import Scope
from tests.browser.filled import SETTINGS
from tests.e2e.running import RunningGateway

PAIR = "black-forest-labs/flux.2-pro,openai/gpt-image-2"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("compare"), SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def site(gateway: RunningGateway) -> Iterator[httpx.Client]:
    """A visitor who has not signed in."""
    with httpx.Client(base_url=gateway.url, headers={"accept": "text/html"}, timeout=30) as client:
        yield client


def page(site: httpx.Client, **query: str) -> str:
    response = site.get("/compare", params=query)
    assert response.status_code == 200
    return unescape(response.text)


def rows(html: str) -> dict[str, tuple[bool, list[str]]]:
    """By name: whether the row says that it differs, and its cells as text."""
    found = {}
    html = html.partition('<table class="compare-table">')[2].partition("</table>")[0]
    for marked, row in re.findall(r"<tr( class=\"differs\")?>(.*?)</tr>", html, re.DOTALL):
        name = re.search(r'<th scope="row">([^<]*)(<span class="unseen"> differs</span>)?', row)
        if name:
            assert bool(marked) == bool(name[2])
            cells = re.findall(r"<td>(.*?)</td>", row, re.DOTALL)
            found[name[1]] = (bool(marked), [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells])
    return found


def test_each_question_has_an_answer_for_each_model_and_says_whether_they_differ(site: httpx.Client) -> None:
    found = rows(page(site, models=PAIR))
    assert found["Maker"] == (True, ["Black Forest Labs", "OpenAI"])
    assert found["Makes"] == (False, ["Pictures", "Pictures"])
    assert found["Largest picture"] == (True, ["4 MP", "7.91 MP"])
    assert found["Rating"][1][0].startswith("1,157 at making pictures Arena , 19 Apr 2026")
    assert found["Can be called here"][1] == ["no", "no"]
    assert all(len(cells) == 2 and all(cells) for _, cells in found.values())
    assert not any("None" in cell or "nan" in cell for _, cells in found.values() for cell in cells)


def test_only_what_differs_is_shown_on_demand(site: httpx.Client) -> None:
    every, only = rows(page(site, models=PAIR)), rows(page(site, models=PAIR, only="differences"))
    assert only == {name: row for name, row in every.items() if row[0]}
    assert 0 < len(only) < len(every)


def test_the_workload_costs_what_the_endpoint_says(site: httpx.Client, gateway: RunningGateway) -> None:
    found = rows(page(site, models="flux-2-pro,sandbox/image", day="250", edits="50", size="2K"))
    body = {"operation": "image_generation", "requests_per_day": 250, "size": "2K", "edits_share": 0.5}
    for place, model in enumerate(("flux-2-pro", "sandbox/image")):
        told = httpx.post(
            f"{gateway.url}/v1/quote/workload",
            json={**body, "model": model, "references": {"count": 1}},
            headers={"authorization": f"Bearer {gateway.key}"},
        ).json()
        months = [offer["per_month_usd"] for offer in told["offers"] if offer["per_month_usd"] is not None]
        shown = found["The workload, a month"][1][place]
        assert float(shown.removesuffix(" (an estimate)").replace(",", "").removeprefix("$")) == min(months)


def test_models_of_text_have_questions_of_their_own(site: httpx.Client) -> None:
    found = rows(page(site, models="openai/gpt-4o-mini,sandbox/image", day="10"))
    assert found["Context"][1][1] == "does not apply"
    assert found["Sizes"][1][0] == "does not apply"
    assert found["The workload, a month"][1][0] == "$0.13696875"


def test_a_model_that_takes_no_size_is_calculated_at_its_own_and_says_so(site: httpx.Client) -> None:
    html = page(site, models="recraft/recraft-flash,flux-2-pro", day="1")
    month, _ = rows(html)["The workload, a month"][1]
    assert month.endswith(" (at its own size)")


def test_the_curve_has_gaps_where_a_size_is_not_made(site: httpx.Client) -> None:
    html = page(site, models="openai/gpt-image-1,black-forest-labs/flux.2-pro")
    small = re.search(r'<th scope="row">512x512 · 0\.25 MP</th>(.*?)</tr>', html, re.DOTALL)
    assert small
    assert "not made" in small[1]
    assert "$0.03" in small[1]


def test_a_name_that_is_none_is_told_with_the_nearest(site: httpx.Client) -> None:
    html = page(site, models="flux-2-por,sandbox/image,<script>alert(1)</script>")
    assert "There is no model “flux-2-por”. Did you mean" in html
    assert "models=black-forest-labs/flux.2-pro,sandbox/image," in html
    assert "&lt;script&gt;" in site.get("/compare", params={"models": "<script>alert(1)</script>"}).text
    assert html.count('class="compare-name"') == 1


def test_the_seventh_is_left_out_and_named(site: httpx.Client) -> None:
    seven = ["flux-2-pro", "flux-2-max", "flux-2-flex", "gpt-image-1", "gpt-image-2", "sandbox/image", "sandbox/text"]
    html = page(site, models=",".join([*seven, "flux-2-pro"]))
    assert html.count('class="compare-name"') == 6
    assert "At most 6 models fit side by side; left out: Sandbox Text." in html
    assert page(site, models=",".join(f"x{number}" for number in range(500))).count("There is no model") < 30


def test_an_empty_comparison_proposes_three_pairs_of_different_makers(site: httpx.Client) -> None:
    html = page(site)
    links = re.findall(r'<a class="card" href="(/compare\?models=[^"]+)"', html)
    assert len(links) == 3
    slugs = [slug for link in links for slug in link.partition("=")[2].split(",")]
    assert len(set(slugs)) == 6
    for link in links:
        makers = rows(unescape(site.get(link).text))["Maker"]
        assert makers[0]


def test_models_are_added_from_a_search_and_taken_away_by_a_link(site: httpx.Client) -> None:
    html = page(site, models="flux-2-pro", find="gpt image 2", day="5")
    assert 'href="/compare?models=black-forest-labs/flux.2-pro,openai/gpt-image-2&day=5"' in html
    both = page(site, models=PAIR)
    assert 'href="/compare?models=openai/gpt-image-2"' in both


def test_only_who_may_call_gets_the_form_that_calls(site: httpx.Client, gateway: RunningGateway) -> None:
    query = {"models": "sandbox/image,studio/painter,flux-2-pro"}
    assert 'id="run-form"' not in page(site, **query)
    for scope, gets in ((Scope.READ, False), (Scope.ADMIN, True)):
        headers = {"authorization": f"Bearer {gateway.new_key(scope)}", "accept": "text/html"}
        html = httpx.get(f"{gateway.url}/compare", params=query, headers=headers).text
        assert ('id="run-form"' in html) == gets
        assert html.count("data-operation=") == (2 if gets else 0)


@pytest.mark.parametrize(
    "query", ["models=,,,", "models=%00", "models=sandbox/image&day=x&edits=-1&size=%3Cb%3E&only=1"]
)
def test_nonsense_is_answered_with_a_page(site: httpx.Client, query: str) -> None:
    response = site.get(f"/compare?{query}")
    assert response.status_code == 200
    assert "<b>" not in response.text
