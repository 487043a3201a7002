"""Bad pictures, references and masks, by every way in: refused before any provider is called, free, and recorded."""

import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.e2e.doors import (
    EDITS,
    FLUX,
    PICTURE,
    PICTURE_MEGABYTES,
    PROMPT,
    ROUTER_IMAGES,
    WITH_PICTURES,
    Door,
    Fields,
    assert_refused,
    data_url,
    encoded,
    name_of,
)
from tests.e2e.running import RunningGateway

FILL = "black-forest-labs/flux.1-fill-pro"
MASK = encoded(64, 64, "RGBA")
NOISE = b"\x89PNG\r\n\x1a\n" + bytes(PICTURE_MEGABYTES * 2**20)


BAD_PICTURES = {
    "no picture": (data_url(b"hello, I am a text"), "not a picture of a known format", 400),
    "empty": (data_url(b""), "empty", 400),
    "a page": (data_url(b"<html>"), "This is markup", 400),
    "cut off": (data_url(PICTURE[:-20]), "cut off", 400),
    "cut off in its header": (data_url(PICTURE[:20]), "cut off", 400),
    "of too many pixels": (data_url(encoded(64, 64)[:16] + b"\x00\x01\x00\x00\x00\x01\x00\x00"), "megapixels", 400),
    "a large one without an end": (data_url(PICTURE[:40] + bytes(90_000)), "cut off", 400),
    "larger than the limit": (data_url(NOISE), f"larger than {PICTURE_MEGABYTES} MiB", 413),
    "broken base64": ("data:image/png;base64,@@@@", "base64 is broken", 400),
    "broken long base64": (data_url(PICTURE[:40] + bytes(90_000))[:-4000] + "*" * 4000, "not base64", 400),
    "not base64": ("data:image/png,%89PNG", "must be base64", 400),
    "no address": ("a picture of a cat", "refused", 400),
    "nothing": ("", "data URL or an https address", 400),
    "a number": (5, "data URL or an https address", 400),
    "a private name": ("https://localhost/a.png", "in a private network", 400),
    "another scheme": ("ftp://example.com/a.png", "Only https", 400),
    "a file": ("file:///etc/passwd", "refused", 400),
}


@pytest.mark.parametrize("door", WITH_PICTURES, ids=name_of)
@pytest.mark.parametrize(("address", "says", "status"), BAD_PICTURES.values(), ids=BAD_PICTURES)
def test_what_is_wrong_with_a_picture_is_told(
    gateway: RunningGateway, client: httpx.Client, door: Door, address: Any, says: str, status: int
) -> None:
    assert door.picture_field is not None
    response = client.post(door.path, json={**door.good, **door.picture_field(address)})
    # A long one is taken out of the body before its field is known; the message counts it instead.
    assert_refused(gateway, response, status, says, door.about if len(str(address)) < 60_000 else None)


def as_form(fields: Fields, files: list[tuple[str, bytes]]) -> dict[str, Any]:
    return {"data": fields, "files": [(name, ("a.png", data, "image/png")) for name, data in files]}


def as_json(fields: Fields, files: list[tuple[str, bytes]]) -> dict[str, Any]:
    images = [{"image_url": data_url(data)} for name, data in files if name == "image"]
    masks = [{"image_url": data_url(data)} for name, data in files if name == "mask"]
    return {"json": {**fields, "images": images, "mask": masks[0] if masks else None}}


FLUX_FIELDS: Fields = {"model": FLUX, "prompt": "p"}
FILL_FIELDS: Fields = {"model": FILL, "prompt": "p"}
BAD_EDITS: dict[str, tuple[Fields, list[tuple[str, bytes]], int, str]] = {
    "no picture": (FLUX_FIELDS, [], 400, "`image` is missing"),
    "a mask only": (FLUX_FIELDS, [("mask", MASK)], 400, "`image` is missing"),
    "17 pictures": (FLUX_FIELDS, [("image", PICTURE)] * 17, 400, "At most 16"),
    "9 pictures where 8 are taken": (FLUX_FIELDS, [("image", PICTURE)] * 9, 400, "at most 8 reference pictures"),
    "a mask where none is taken": (FLUX_FIELDS, [("image", PICTURE), ("mask", MASK)], 400, "takes no mask"),
    "a mask of another size": (
        FILL_FIELDS,
        [("image", PICTURE), ("mask", encoded(32, 64, "RGBA"))],
        400,
        "64x64, and the mask is 32x64",
    ),
    "a mask that is a jpeg": (FILL_FIELDS, [("image", PICTURE), ("mask", encoded(64, 64, form="JPEG"))], 400, "a jpeg"),
    "a mask without transparency": (FILL_FIELDS, [("image", PICTURE), ("mask", PICTURE)], 400, "no transparent pixels"),
    "a mask that is no picture": (FILL_FIELDS, [("image", PICTURE), ("mask", b"hello")], 400, "not a picture"),
    "a picture that is none": (FLUX_FIELDS, [("image", b"hello")], 400, "not a picture"),
    "a picture that is cut off": (FLUX_FIELDS, [("image", PICTURE[:-20])], 400, "cut off"),
    "a picture larger than the limit": (FLUX_FIELDS, [("image", NOISE)], 413, f"larger than {PICTURE_MEGABYTES} MiB"),
    "an edit by a model that only makes": (
        {"model": "openai/gpt-4o-mini", "prompt": "p"},
        [("image", PICTURE)],
        400,
        "does not do image editing",
    ),
}


@pytest.mark.parametrize("way", [as_form, as_json])
@pytest.mark.parametrize(("fields", "files", "status", "says"), BAD_EDITS.values(), ids=BAD_EDITS)
def test_what_is_wrong_with_an_edit_is_told_for_forms_and_json(
    gateway: RunningGateway,
    client: httpx.Client,
    way: Callable[..., dict[str, Any]],
    fields: Fields,
    files: list[tuple[str, bytes]],
    status: int,
    says: str,
) -> None:
    if way is as_form and not files:
        response = client.post(EDITS.path, files={name: (None, value) for name, value in fields.items()})
    else:
        response = client.post(EDITS.path, **way(fields, files))
    assert_refused(gateway, response, status, says)


def test_files_by_id_are_not_kept_here(gateway: RunningGateway, client: httpx.Client) -> None:
    response = client.post(EDITS.path, json={**PROMPT, "images": [{"file_id": "file-1"}]})
    assert_refused(gateway, response, 400, "send `image_url`", "images")


@pytest.mark.parametrize("entries", [{"a": 1}, "x", [[]], [{"image_url": 5}], [{"type": "text", "text": "a"}]])
def test_references_that_are_none_are_refused(gateway: RunningGateway, client: httpx.Client, entries: Any) -> None:
    response = client.post(ROUTER_IMAGES.path, json={**PROMPT, "input_references": entries})
    assert_refused(gateway, response, 400, "", "input_references")


def test_openrouter_takes_a_size_or_a_ratio_and_not_both(gateway: RunningGateway, client: httpx.Client) -> None:
    response = client.post(ROUTER_IMAGES.path, json={**PROMPT, "size": "1024x1024", "aspect_ratio": "1:1"})
    assert_refused(gateway, response, 400, "says everything", "size")


def test_pictures_of_refused_requests_are_known_so_that_they_are_forgotten_in_time(
    gateway: RunningGateway, client: httpx.Client
) -> None:
    """A stored picture without a row would stay for ever, whatever the retention."""
    fields = {**PROMPT, "n": 0}
    noise = io.BytesIO()
    Image.effect_noise((400, 400), 80).save(noise, "PNG")  # too large to be decoded as a string
    large = data_url(noise.getvalue())
    for door in WITH_PICTURES:
        assert door.picture_field is not None
        for address in (data_url(encoded(65, 65)), large):
            assert (
                client.post(door.path, json={**door.good, **fields, **door.picture_field(address)}).status_code == 400
            )
    form = as_form({"model": FLUX, "prompt": "p", "n": 0}, [("image", encoded(66, 66)), ("mask", encoded(67, 67))])
    assert client.post(EDITS.path, **form).status_code == 400
    stored = {
        path.parent.name + path.name for path in (gateway.data / "assets" / "sha256").rglob("*") if path.is_file()
    }
    assert len(stored) >= 4
    assert stored == {row["digest"] for row in gateway.rows("select digest from assets")}
    assert list((gateway.data / "assets" / ".incoming").iterdir()) == []
