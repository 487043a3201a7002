"""The playground's references and masks: however they come, what is sent is what was seen."""

import base64
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.kit import looking, overflows, serious_faults
from tests.browser.workbench import DROP, PASTE, cards, fact, make, opened, picture, told
from tests.e2e.running import RunningGateway


def shown(page: Page) -> Locator:
    return page.locator(".references li")


def linked(gateway: RunningGateway, role: str) -> list[str]:
    """Digests of the last request's pictures in a role."""
    rows = gateway.rows(
        "select digest from asset_links where request_id = ? and role = ? order by position",
        gateway.last_request()["id"],
        role,
    )
    return [row["digest"] for row in rows]


def kept(gateway: RunningGateway, digest: str) -> Image.Image:
    headers = {"authorization": f"Bearer {gateway.key}"}
    response = httpx.get(f"{gateway.url}/v1/assets/{digest}", headers=headers)
    response.raise_for_status()
    return Image.open(BytesIO(response.content))


def test_only_what_was_painted_over_changes(browser: Browser, empty: RunningGateway, tmp_path: Path) -> None:
    file = tmp_path / "room.png"
    file.write_bytes(picture(640, 480))
    with opened(browser, empty, "/playground?model=sandbox/image&size=640x480&prompt=a+window") as page:
        page.locator("input[type=file]").set_input_files(file)
        page.get_by_role("button", name="Paint a mask").click()
        box = page.locator("canvas.paint").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.3, steps=6)
        page.mouse.up()
        assert serious_faults(page) == []
        page.get_by_role("button", name="Use it").click()
        expect(page.get_by_text("Masked")).to_be_visible()
        told(page)
        said = page.locator("#total").inner_text()
        card = make(page)
        assert said == f"Costs {fact(card, 'Cost')}"
    mask, before = kept(empty, linked(empty, "mask")[0]), kept(empty, linked(empty, "reference")[0])
    after = kept(empty, linked(empty, "output")[0])
    assert mask.size == before.size == after.size == (640, 480)
    alpha = mask.getchannel("A")
    assert sorted(value for _, value in alpha.getcolors() or []) == [0, 255]
    assert alpha.getpixel((192, 120)) == 0
    assert alpha.getpixel((600, 440)) == 255
    changed = ImageChops.difference(before.convert("RGB"), after.convert("RGB")).convert("L").point(bool)
    outside = ImageChops.multiply(changed.point(lambda value: 255 * value), alpha)
    assert outside.getbbox() is None
    assert changed.getbbox() is not None


def test_a_mask_is_made_of_rectangles_and_each_step_undone(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, "/playground?model=sandbox/image&prompt=x") as page:
        page.evaluate(PASTE, base64.b64encode(picture(200, 100)).decode())
        page.get_by_role("button", name="Paint a mask").click()
        page.get_by_text("A rectangle, without a mouse").click()
        for side, value in (("left", 20), ("top", 10), ("wide", 50), ("high", 40)):
            page.locator(f"#rectangle-{side}").fill(str(value))
        page.get_by_role("button", name="Add it").click()
        page.get_by_role("button", name="Clear").click()
        page.get_by_role("button", name="Use it").click()
        expect(page.get_by_text("Nothing is painted, so nothing would be edited.")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        page.get_by_role("button", name="Invert").click()
        page.get_by_role("button", name="Use it").click()
        make(page)
    alpha = kept(empty, linked(empty, "mask")[0]).getchannel("A")
    assert ImageChops.invert(alpha).crop((20, 10, 70, 50)).getextrema() == (0, 0)
    assert alpha.histogram()[255] == 50 * 40


def test_references_come_by_file_paste_and_drop_and_are_put_in_order(
    browser: Browser, empty: RunningGateway, tmp_path: Path
) -> None:
    file = tmp_path / "first.png"
    file.write_bytes(picture(300, 200))
    with opened(browser, empty, "/playground?model=sandbox/image&size=512x512&prompt=both") as page:
        page.locator("input[type=file]").set_input_files(file)
        expect(shown(page)).to_have_count(1)
        page.locator("#prompt").focus()
        page.evaluate(PASTE, base64.b64encode(picture(250, 210)).decode())
        expect(shown(page)).to_have_count(2)
        page.evaluate(DROP, base64.b64encode(picture(64, 64)).decode())
        expect(shown(page)).to_have_count(3)
        page.get_by_role("button", name="Move reference 3 earlier").press("Enter")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Remove reference 3").click()
        assert shown(page).locator(".stack > .quiet").all_inner_texts() == ["64 × 64", "300 × 200"]
        told(page)
        said = page.locator("#total").inner_text()
        assert said == f"Costs {fact(make(page), 'Cost')}"
    assert [kept(empty, digest).size for digest in linked(empty, "reference")] == [(64, 64), (300, 200)]


def test_a_picture_made_here_is_edited_again_and_its_address_can_be_kept(
    browser: Browser, empty: RunningGateway
) -> None:
    with opened(browser, empty, "/playground?model=sandbox/image&size=320x200&prompt=a+harbour") as page:
        make(page).get_by_role("button", name="Edit this picture").click()
        expect(shown(page)).to_have_count(1)
        made = linked(empty, "output")[0]
        expect(page).to_have_url(
            f"{empty.url}/playground?model=sandbox%2Fimage&prompt=a+harbour&size=320x200&reference={made}"
        )
        page.reload()
        expect(shown(page)).to_have_count(1)
        told(page)
        make(page)
        assert linked(empty, "reference") == [made]
        expect(cards(page, "done")).to_have_count(1)


def test_a_reference_is_taken_from_the_gallery(browser: Browser, empty: RunningGateway) -> None:
    with opened(browser, empty, "/playground?model=sandbox/image&size=320x200&prompt=a+red+barn") as page:
        page.get_by_label("Seed", exact=True).fill("12")
        make(page)
        made = linked(empty, "output")[0]
        page.get_by_role("button", name="From the gallery").click()
        panel = page.get_by_role("dialog", name="From the gallery")
        expect(panel.locator("img").first).to_be_visible()
        assert serious_faults(page) == []
        page.keyboard.press("Enter")
        expect(shown(page)).to_have_count(1)
        assert panel.is_hidden()
        assert f"reference={made}" in page.url
        # A link that brings a reference and nothing else adds it to what was written before.
        page.goto(f"/playground?reference={made}")
        expect(shown(page)).to_have_count(1)
        assert page.get_by_label("Prompt").input_value() == "a red barn"
        assert page.get_by_label("Seed", exact=True).input_value() == "12"


def test_what_is_no_picture_and_what_is_not_here_is_said(browser: Browser, empty: RunningGateway) -> None:
    path = f"/playground?model=sandbox/image&reference={'0' * 64}"
    with looking(browser, empty, key=empty.key, expected=("404",)) as page:
        page.goto(path)
        expect(page.get_by_role("alert").filter(has_text="no such picture")).to_be_visible()
        page.locator("input[type=file]").set_input_files(
            {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"}
        )
        expect(page.get_by_role("alert").filter(has_text="notes.txt is no picture")).to_be_visible()
        assert shown(page).count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_panels_stand_in_nobodys_way(browser: Browser, empty: RunningGateway, theme: str) -> None:
    with opened(browser, empty, "/playground?model=sandbox/image&prompt=x", theme=theme) as page:
        page.set_viewport_size({"width": 360, "height": 740})
        page.evaluate(PASTE, base64.b64encode(picture(3000, 500)).decode())
        page.get_by_role("button", name="Paint a mask").click()
        page.get_by_text("A rectangle, without a mouse").click()
        assert serious_faults(page) == []
        assert overflows(page) == 0
