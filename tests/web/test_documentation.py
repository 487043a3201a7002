"""The page at /docs, and the files that pages name."""

from typing import Any

import pytest

from penstock.api import openapi
from penstock.core.errors import NotFound
from penstock.web.pages.documentation import documentation
from penstock.web.static import static
from tests.api.listed import gateway, request
from tests.web.html import Page


async def page_of(**headers: str) -> tuple[str, Any]:
    reply = await documentation(gateway(), request("/docs", **(headers or {"host": "gate.example:8080"})))
    return b"".join(reply.pieces).decode(), reply


async def test_the_page_shows_every_endpoint_and_every_schema_without_a_script() -> None:
    html, _ = await page_of()
    ids = Page(html).all("id")
    assert len(set(ids)) == len(ids)
    operations = [each for methods in openapi.described()["paths"].values() for each in methods.values()]
    assert {operation["operationId"] for operation in operations} <= set(ids)
    assert {f"schema-{name}" for name in openapi.described()["components"]["schemas"]} <= set(ids)


async def test_links_within_the_page_lead_somewhere_and_inputs_have_labels() -> None:
    html, _ = await page_of()
    page = Page(html)
    ids = set(page.all("id"))
    assert {link[1:] for link in page.all("href") if link.startswith("#")} <= ids
    assert set(page.all("for")) | set(page.all("aria-labelledby")) | set(page.all("aria-describedby")) <= ids
    fields = [attributes["id"] for tag, attributes in page.tags if tag in ("input", "textarea")]
    assert set(fields) == set(page.all("for"))


async def test_the_page_asks_for_nothing_from_elsewhere_and_runs_nothing_of_its_own() -> None:
    html, reply = await page_of()
    page = Page(html)
    for address in (*page.all("src"), *page.all("href")):
        assert address == "/" or address.startswith(("/static/", "#", "/openapi.json")), address
    assert not any(name.startswith("on") or name == "style" for _, attributes in page.tags for name in attributes)
    assert [
        tag for tag, attributes in page.tags if tag == "style" or (tag == "script" and "src" not in attributes)
    ] == []
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


async def test_fields_are_called_required_in_requests_and_perhaps_absent_in_answers() -> None:
    html, _ = await page_of()
    shown = {
        part.partition('"')[0]: part.partition("</article>")[0] for part in html.split('class="schema" id="schema-')[1:]
    }
    assert ">required<" in shown["ImageRequest"] and "may be absent" not in shown["ImageRequest"]
    assert ">required<" not in shown["MadePicture"] and "may be absent" in shown["MadePicture"]


async def test_the_page_shows_requests_that_can_be_pasted() -> None:
    html, _ = await page_of()
    words = "".join(Page(html).words)
    assert (
        'curl http://gate.example:8080/v1/images/generations \\\n  -H "Authorization: Bearer $PENSTOCK_API_KEY"'
        in words
    )
    assert "curl http://gate.example:8080/v1/models/sandbox/image" in words


async def test_a_hostile_host_stays_words() -> None:
    html, _ = await page_of(host='"><script>alert(1)</script>')
    assert "<script>alert" not in html
    Page(html)


@pytest.mark.parametrize("path", ["docs.css", "docs.js", "mark.svg"])
async def test_a_file_of_the_pages_has_its_type_and_is_not_sent_twice(path: str) -> None:
    first = await static(gateway(), request(), path=path)
    assert first.media_type.split(";")[0] in ("text/css", "text/javascript", "image/svg+xml")
    assert first.headers["x-content-type-options"] == "nosniff" and first.pieces
    again = await static(gateway(), request(if_none_match=first.headers["etag"]), path=path)
    assert (again.status, again.pieces, again.headers["etag"]) == (304, (), first.headers["etag"])


@pytest.mark.parametrize(
    "path", ["../templates/docs.html", "..", "", "/etc/passwd", "docs.css/", "./docs.css", "..\\docs.css", "nothing.js"]
)
async def test_no_other_file_can_be_asked_for(path: str) -> None:
    with pytest.raises(NotFound):
        await static(gateway(), request(), path=path)


async def test_every_file_the_page_names_is_there() -> None:
    html, _ = await page_of()
    page = Page(html)
    named = {address for address in (*page.all("src"), *page.all("href")) if "/static/" in address}
    assert len(named) == 4
    for address in named:
        path, _, query = address.removeprefix("/static/").partition("?")
        asked = request()
        asked.query = query
        reply = await static(gateway(), asked, path=path)
        assert "immutable" in reply.headers["cache-control"]


async def test_the_page_itself_is_not_sent_twice() -> None:
    _, reply = await page_of()
    again = await page_of(host="gate.example:8080", if_none_match=reply.headers["etag"])
    assert again[1].status == 304
