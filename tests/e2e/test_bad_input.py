"""Bad input, at every endpoint: refused in the caller's dialect, before any provider is called, free, and recorded."""

import base64
import io
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import OpenAISimulator

FLUX = "black-forest-labs/flux.2-pro"
FLUX_1 = "black-forest-labs/flux.1.1-pro"
FILL = "black-forest-labs/flux.1-fill-pro"
GPT_IMAGE = "openai/gpt-image-1"
BODY_MEGABYTES = 2
PICTURE_MEGABYTES = 1

Fields = dict[str, Any]


def encoded(width: int, height: int, mode: str = "RGB", form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, form)
    return buffer.getvalue()


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


PICTURE = encoded(64, 64)
MASK = encoded(64, 64, "RGBA")
NOISE = b"\x89PNG\r\n\x1a\n" + bytes(PICTURE_MEGABYTES * 2**20)


@dataclass(frozen=True)
class Door:
    """An endpoint, and a request that it would serve."""

    path: str
    good: Fields
    picture_field: Callable[[str], Fields] | None = None
    """The fields that bring a picture by its address."""
    about: str = ""
    """What errors about that picture name as their parameter."""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def openrouter(self) -> bool:
        return self.path.startswith("/api/")


def by_images(address: str) -> Fields:
    return {"images": [{"image_url": address}]}


def by_references(address: str) -> Fields:
    return {"input_references": [{"type": "image_url", "image_url": {"url": address}}]}


def by_message(address: str) -> Fields:
    content = [{"type": "text", "text": "blue"}, {"type": "image_url", "image_url": {"url": address}}]
    return {"messages": [{"role": "user", "content": content}]}


MESSAGES = {"messages": [{"role": "user", "content": "a lighthouse"}]}
PROMPT = {"model": FLUX, "prompt": "a lighthouse"}
EDITS = Door("/v1/images/edits", {**PROMPT, **by_images(data_url(PICTURE))}, by_images, "images")
GENERATIONS = Door("/v1/images/generations", PROMPT)
ROUTER_IMAGES = Door("/api/v1/images", PROMPT, by_references, "input_references")
CHATS = [Door(f"{base}/chat/completions", {"model": "openai/gpt-4o-mini", **MESSAGES}) for base in ("/v1", "/api/v1")]
PICTURE_CHATS = [
    Door(f"{base}/chat/completions", {"model": FLUX, **MESSAGES}, by_message, "messages") for base in ("/v1", "/api/v1")
]
EMBEDDINGS = [
    Door(f"{base}/embeddings", {"model": "openai/text-embedding-3-small", "input": "one"}) for base in ("/v1", "/api/v1")
]
IMAGES = [GENERATIONS, EDITS, ROUTER_IMAGES]
DOORS = [*CHATS, *IMAGES, *EMBEDDINGS]
WITH_PICTURES = [EDITS, ROUTER_IMAGES, *PICTURE_CHATS]


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, bfl: BflSimulator, openai_upstream: OpenAISimulator
) -> Iterator[RunningGateway]:
    """Like the usual one, with small limits."""
    settings = {
        "server": {"max_body_megabytes": BODY_MEGABYTES},
        "assets": {"max_picture_megabytes": PICTURE_MEGABYTES},
        "providers": {
            "bfl": {"base_url": bfl.url, "api_key": "bfl-test-key", "quirks": {"poll_seconds": 0.01}},
            "openai": {"base_url": openai_upstream.base_url, "api_key": "openai-test-key"},
        },
    }
    with RunningGateway(tmp_path_factory.mktemp("gateway"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {gateway.key}"}
    with httpx.Client(base_url=gateway.url, headers=headers, timeout=30) as opened:
        yield opened


@pytest.fixture(autouse=True)
def nothing_goes_upstream(
    fresh_simulators: None, bfl: BflSimulator, openai_upstream: OpenAISimulator
) -> Iterator[None]:
    yield
    assert bfl.calls == []
    assert openai_upstream.calls == []


def name_of(value: object) -> str | None:
    if isinstance(value, Door):
        return f"{value.path}:{value.good['model'].rpartition('/')[2]}"
    if isinstance(value, dict):
        return json.dumps(value)[:60]
    return None


def assert_refused(
    gateway: RunningGateway, response: httpx.Response, status: int, says: str, param: str | None = None
) -> None:
    """The error's shape, headers and row: as every refusal has them."""
    message, told = refusal(response)
    assert response.status_code == status, response.text[:500]
    assert says.lower() in message.lower(), message
    assert message[0].isupper() or message[0] in "`/", message
    assert message.endswith((".", "?")), message
    if param is not None:
        assert told["param"] == param, response.text
    row = recorded(gateway, response)
    assert (row["status"], row["error_code"], row["error_message"]) == (status, told["code"], message[:500])
    assert (row["cost_pico"], row["attempts"], row["images_delivered"]) == (0, 0, 0)
    assert response.headers["x-penstock-cost"] == response.headers["x-agentcc-cost"] == "0"
    assert response.headers["x-penstock-attempts"] == "0"


def recorded(gateway: RunningGateway, response: httpx.Response) -> dict[str, Any]:
    assert response.headers["x-penstock-request-id"] == response.headers["x-agentcc-request-id"]
    for name in ("trace-id", "latency-ms", "timeout-ms", "cache", "fallback-used", "routing-strategy"):
        assert response.headers[f"x-penstock-{name}"] == response.headers[f"x-agentcc-{name}"]
    return gateway.request(response.headers["x-request-id"])


def refusal(response: httpx.Response) -> tuple[str, dict[str, Any]]:
    """The sentence, and `code` and `param`, out of the shape that the path's dialect has."""
    body = response.json()
    error = body["error"]
    if response.request.url.path.startswith("/api/"):
        assert body.keys() == {"error"}
        assert error.keys() == {"code", "message", "metadata"}
        assert error["code"] == response.status_code
        metadata = error["metadata"]
        assert metadata["error_type"]
        return error["message"], {"code": metadata["error_code"], "param": metadata.get("param")}
    assert body.keys() == {"error", "message"}
    assert error.keys() == {"message", "type", "code", "param"}
    assert body["message"] == error["message"]
    assert error["type"]
    return error["message"], {"code": error["code"], "param": error["param"]}


NO_JSON = [
    (b"", "not JSON"),
    (b"model=x&prompt=y", "not JSON"),
    (b'{"model": "x"', "not JSON"),
    (b'{"model": NaN}', "not JSON"),
    (b'\xef\xbb\xbf{"model": "x"}', "not JSON"),
    (b'{"model": "\xff"}', "not JSON"),
    (b'{"model": "x", "user": "\xc3("}', "not JSON"),
    (b'{"model": "a\x00b"}', "not JSON"),
    (b'{"model": "\\ud800"}', "not JSON"),
    (b'{"model": ' + b"[" * 100_000, "not JSON"),
    (b'{"model": ' + b'{"a":' * 100_000, "not JSON"),
    (b"[]", "must be a JSON object"),
    (b"null", "must be a JSON object"),
    (b'"text"', "must be a JSON object"),
    (b"5", "must be a JSON object"),
]


@pytest.mark.parametrize("door", DOORS, ids=name_of)
@pytest.mark.parametrize(("body", "says"), NO_JSON, ids=lambda value: repr(value)[:30])
def test_a_body_that_is_no_json_object_is_refused(
    gateway: RunningGateway, client: httpx.Client, door: Door, body: bytes, says: str
) -> None:
    assert_refused(gateway, client.post(door.path, content=body), 400, says)


WRONG_ANYWHERE: list[tuple[Fields, int, str, str]] = [
    ({"model": None}, 400, "`model`", "model"),
    ({"model": 5}, 400, "`model`", "model"),
    ({"model": ["x"]}, 400, "`model`", "model"),
    ({"model": "no/such-model"}, 404, "no model `no/such-model`", "model"),
    ({"model": "x\r\nset-cookie: a=b"}, 404, "no model", "model"),
    ({"model": "'; drop table requests; --<script>alert(1)</script>"}, 404, "no model `'; drop table", "model"),
    ({"model": "a\x00b"}, 404, "no model", "model"),
    ({"model": "x" * 5000}, 404, "no model `xxxx", "model"),
    ({"provider": "bfl"}, 400, "`provider` must be an object", "provider"),
    ({"provider": {"only": "bfl"}}, 400, "`provider.only` must be a list", "provider"),
    ({"provider": {"order": [1]}}, 400, "`provider.order` must be a list", "provider"),
    ({"provider": {"ignore": {}, "options": []}}, 400, "`provider.", "provider"),
    ({"provider": {"allow_fallbacks": "no"}}, 400, "`provider.allow_fallbacks` must be true or false", "provider"),
    ({"provider": {"options": {"bfl": 5}}}, 400, "`provider.options` must map", "provider"),
    ({"provider": {"only": ["nobody"]}}, 400, "not among the providers asked for", "provider"),
]


@pytest.mark.parametrize("door", DOORS, ids=name_of)
@pytest.mark.parametrize(("wrong", "status", "says", "param"), WRONG_ANYWHERE, ids=name_of)
def test_what_is_wrong_with_a_shared_field_is_told_at_every_endpoint(
    gateway: RunningGateway, client: httpx.Client, door: Door, wrong: Fields, status: int, says: str, param: str
) -> None:
    response = client.post(door.path, json={**door.good, **wrong})
    assert_refused(gateway, response, status, says, param)
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("door", [*DOORS, *PICTURE_CHATS], ids=name_of)
def test_an_unknown_model_is_answered_with_the_nearest_names(
    gateway: RunningGateway, client: httpx.Client, door: Door
) -> None:
    response = client.post(door.path, json={**door.good, "model": "black-forest-labs/flux.2-por"})
    assert_refused(gateway, response, 404, f"Did you mean `{FLUX}`", "model")


WRONG_IN_CHATS: list[tuple[Fields, str, str]] = [
    ({"messages": None}, "`messages` must be a list", "messages"),
    ({"messages": "hello"}, "`messages` must be a list", "messages"),
    ({"messages": {}}, "`messages` must be a list", "messages"),
    ({"stream": "yes"}, "`stream` must be true or false", "stream"),
    ({"stream": 1}, "`stream` must be true or false", "stream"),
    ({"modalities": "image"}, "`modalities` must be a list", "modalities"),
    ({"modalities": ["smell"]}, "`modalities` must be a list", "modalities"),
]
WRONG_IN_TEXT_CHATS: list[tuple[Fields, str, str]] = [
    ({"modalities": ["image", "text"]}, "answers in text only", "modalities"),
    ({"stream": True, "stream_options": 5}, "`stream_options` must be an object", "stream_options"),
]
WRONG_IN_PICTURE_CHATS: list[tuple[Fields, str, str]] = [
    ({"messages": []}, "`messages` is missing or empty", "messages"),
    ({"messages": [5]}, "`messages` must be a list", "messages"),
    ({"messages": [{"role": "assistant", "content": "hello"}]}, "no user message", "messages"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]}, "no text", "messages"),
    ({"messages": [{"role": "user", "content": "  "}]}, "no text", "messages"),
    ({"image_config": "16:9"}, "`image_config` must be an object", "image_config"),
    ({"image_config": {"aspect_ratio": "wide"}}, "`aspect_ratio` must be like 16:9", "aspect_ratio"),
    ({"image_config": {"image_size": "8K"}}, "knows no size class '8K'", "resolution"),
    ({"image_config": {"size": "4096x4096"}}, "at most 4 megapixels", "size"),
    ({"n": 0}, "`n` must be from 1 to 10", "n"),
    ({"seed": "x"}, "`seed` is wrong", "seed"),
]


@pytest.mark.parametrize(
    ("door", "wrong"),
    [
        *product(CHATS, WRONG_IN_CHATS + WRONG_IN_TEXT_CHATS),
        *product(PICTURE_CHATS, WRONG_IN_CHATS + WRONG_IN_PICTURE_CHATS),
    ],
    ids=name_of,
)
def test_what_is_wrong_with_a_chat_is_told(
    gateway: RunningGateway, client: httpx.Client, door: Door, wrong: tuple[Fields, str, str]
) -> None:
    fields, says, param = wrong
    assert_refused(gateway, client.post(door.path, json={**door.good, **fields}), 400, says, param)


@pytest.mark.parametrize("door", EMBEDDINGS, ids=name_of)
@pytest.mark.parametrize("given", [None, 5, {"text": "one"}, True])
def test_embeddings_need_an_input(gateway: RunningGateway, client: httpx.Client, door: Door, given: Any) -> None:
    response = client.post(door.path, json={**door.good, "input": given})
    assert_refused(gateway, response, 400, "`input` must be a string or a list", "input")


WRONG_IN_IMAGES: list[tuple[Fields, str, str | None]] = [
    ({"prompt": None}, "`prompt` is missing", "prompt"),
    ({"prompt": ""}, "`prompt` is empty", "prompt"),
    ({"prompt": " \n"}, "`prompt` is empty", "prompt"),
    ({"prompt": ["a"]}, "`prompt` is wrong", "prompt"),
    ({"model": ""}, "no model", "model"),
    ({"n": 0}, "`n` must be from 1 to 10", "n"),
    ({"n": -1}, "`n` must be from 1 to 10", "n"),
    ({"n": 11}, "`n` must be from 1 to 10", "n"),
    ({"n": "3"}, "`n` is wrong", "n"),
    ({"n": 1.5}, "`n` is wrong", "n"),
    ({"n": True}, "`n` is wrong", "n"),
    ({"size": "4096x4096"}, "at most 4 megapixels", "size"),
    ({"size": "99999x99999"}, "at most 4 megapixels", "size"),
    ({"size": "16x16"}, "sides of at least 64 pixels", "size"),
    ({"size": "0x0"}, "`size` must be like", "size"),
    ({"size": "1024"}, "`size` must be like", "size"),
    ({"size": "1024x"}, "`size` must be like", "size"),
    ({"size": "-1024x1024"}, "`size` must be like", "size"),
    ({"size": "1024x1024x3"}, "`size` must be like", "size"),
    ({"size": "big"}, "`size` must be like", "size"),
    ({"size": "1" * 1000}, "`size` is longer than", "size"),
    ({"size": 1024}, "`size` is wrong", "size"),
    ({"size": [1024, 1024]}, "`size` is wrong", "size"),
    ({"aspect_ratio": "wide"}, "`aspect_ratio` must be like 16:9", "aspect_ratio"),
    ({"aspect_ratio": "16:0"}, "`aspect_ratio` must be like 16:9", "aspect_ratio"),
    ({"aspect_ratio": "16:9:4"}, "`aspect_ratio` must be like 16:9", "aspect_ratio"),
    ({"aspect_ratio": 1.5}, "`aspect_ratio` is wrong", "aspect_ratio"),
    ({"resolution": "8K"}, "knows no size class '8K'", "resolution"),
    ({"resolution": 4}, "`resolution` is wrong", "resolution"),
    ({"size": "2K", "resolution": "4K"}, "contradict each other", "size"),
    ({"quality": "q" * 60_000}, "`quality` is longer than", "quality"),
    ({"quality": "high"}, "has no quality setting", "quality"),
    ({"background": "transparent"}, "without transparency", "background"),
    ({"output_format": "bmp"}, "takes the output_format", "output_format"),
    ({"output_format": 5}, "`output_format` is wrong", "output_format"),
    ({"output_compression": 101}, "`output_compression` must be from 0 to 100", "output_compression"),
    ({"output_compression": 50}, "compression", "output_compression"),
    ({"seed": "7"}, "`seed` is wrong", "seed"),
    ({"seed": 2**70}, "`seed`", "seed"),
    ({"partial_images": 4}, "`partial_images` must be from 0 to 3", "partial_images"),
    ({"stream": True, "partial_images": 2}, "no partial pictures", "partial_images"),
    ({"stream": "yes"}, "`stream` is wrong", "stream"),
    ({"response_format": "xml"}, "`response_format` must be b64_json or url", "response_format"),
    ({"response_format": 5}, "`response_format` must be b64_json or url", "response_format"),
    ({"user": 5}, "`user` is wrong", "user"),
    ({"model": FLUX_1, "size": "1000x1000"}, "multiples of 32; 1000x1000 is none, 992x992 is", "size"),
    ({"model": FLUX_1, "size": "2048x2048"}, "sides of at most 1440 pixels", "size"),
    ({"model": GPT_IMAGE, "seed": 7}, "takes no seed", "seed"),
    ({"model": GPT_IMAGE, "size": "512x512"}, "makes pictures of 1024x1024", "size"),
    ({"model": GPT_IMAGE, "aspect_ratio": "21:9"}, "aspect_ratio", "aspect_ratio"),
    ({"model": GPT_IMAGE, "background": "transparent", "output_format": "jpeg"}, "jpeg", "background"),
    ({"model": GPT_IMAGE, "quality": "ultra"}, "takes the quality", "quality"),
    ({"model": "openai/gpt-4o-mini"}, "does not do image", None),
]


@pytest.mark.parametrize(("door", "wrong"), product(IMAGES, WRONG_IN_IMAGES), ids=name_of)
def test_what_is_wrong_with_a_request_for_pictures_is_told(
    gateway: RunningGateway, client: httpx.Client, door: Door, wrong: tuple[Fields, str, str | None]
) -> None:
    fields, says, param = wrong
    status = 404 if fields.get("model") == "" else 400
    assert_refused(gateway, client.post(door.path, json={**door.good, **fields}), status, says, param)


BEYOND = [(b"1e999", "number out of range"), (b"9" * 5000, "out of range")]


@pytest.mark.parametrize("door", [*IMAGES, *PICTURE_CHATS], ids=name_of)
@pytest.mark.parametrize("name", ["n", "seed", "whatever"])
@pytest.mark.parametrize(("number", "says"), BEYOND, ids=["1e999", "9..."])
def test_a_number_beyond_every_range_is_refused(
    gateway: RunningGateway, client: httpx.Client, door: Door, name: str, number: bytes, says: str
) -> None:
    body = json.dumps(door.good).encode()[:-1] + b', "%s": %s}' % (name.encode(), number)
    assert_refused(gateway, client.post(door.path, content=body), 400, says, name)


@pytest.mark.parametrize("door", DOORS, ids=name_of)
@pytest.mark.parametrize("name", ["x-penstock-request-timeout", "x-agentcc-request-timeout"])
@pytest.mark.parametrize("value", ["soon", "-1", "0", "1.5", "9" * 400, "9" * 5000])
def test_a_timeout_that_is_no_number_of_milliseconds_is_refused(
    gateway: RunningGateway, client: httpx.Client, door: Door, name: str, value: str
) -> None:
    response = client.post(door.path, json=door.good, headers={name: value})
    assert_refused(gateway, response, 400, "whole number of milliseconds", "request-timeout")


# Pictures.

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
    assert_refused(gateway, response, status, says)


def as_form(fields: Fields, files: list[tuple[str, bytes]]) -> dict[str, Any]:
    return {"data": fields, "files": [(name, ("a.png", data, "image/png")) for name, data in files]}


def as_json(fields: Fields, files: list[tuple[str, bytes]]) -> dict[str, Any]:
    images = [{"image_url": data_url(data)} for name, data in files if name == "image"]
    masks = {"mask": {"image_url": data_url(data)} for name, data in files if name == "mask"}
    return {"json": {**fields, "images": images, **masks}}


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


# Forms.


def part(name: str, value: bytes, further: bytes = b"") -> bytes:
    return b'--B\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (name.encode(), further, value)


GOOD_PARTS = part("model", FLUX.encode()) + part("prompt", b"p") + part("image", PICTURE, b'; filename="a.png"')
END = b"--B--\r\n"
FORM = "multipart/form-data; boundary=B"
BAD_FORMS: dict[str, tuple[str, bytes, int, str]] = {
    "no boundary": ("multipart/form-data", GOOD_PARTS + END, 400, "names no boundary"),
    "an empty boundary": ("multipart/form-data; boundary=", GOOD_PARTS + END, 400, "names no boundary"),
    "a boundary of 300 characters": (f"multipart/form-data; boundary={'B' * 300}", GOOD_PARTS + END, 400, "boundary"),
    "another boundary": ("multipart/form-data; boundary=C", GOOD_PARTS + END, 400, "cannot be read"),
    "nothing": (FORM, b"", 400, "breaks off"),
    "no end": (FORM, GOOD_PARTS, 400, "breaks off"),
    "no end of a file": (FORM, GOOD_PARTS[:-100], 400, "breaks off"),
    "no end of a header": (FORM, b"--B\r\ncontent-dispo", 400, "breaks off"),
    "no form at all": (FORM, b'{"model": "x"}', 400, "cannot be read"),
    "10,000 fields": (FORM, b"".join(part(f"f{i}", b"") for i in range(10_000)) + END, 400, "more than 200 fields"),
    "a huge field": (FORM, part("prompt", b"x" * (2**20 + 1)) + END, 413, "`prompt` is longer than 1 MB"),
    "a huge header": (FORM, b"--B\r\nx: " + b"y" * 100_000 + b"\r\n\r\n\r\n" + END, 400, "cannot be read"),
    "a thousand headers": (FORM, b"--B\r\n" + b"x: y\r\n" * 1000 + b"\r\n\r\n" + END, 400, "cannot be read"),
    "another file": (FORM, part("audio", PICTURE, b'; filename="a"') + END, 400, "`audio` is not a file"),
    "a picture as text": (FORM, part("model", FLUX.encode()) + part("image", b"x") + END, 400, "`image` is missing"),
    "n that is no number": (FORM, GOOD_PARTS + part("n", b"two") + END, 400, "`n` must be a whole number"),
    "n of two signs": (FORM, GOOD_PARTS + part("n", b"--5") + END, 400, "`n` must be a whole number"),
    "n of 5,000 digits": (FORM, GOOD_PARTS + part("n", b"9" * 5000) + END, 400, "`n` must be a whole number"),
    "n of 0": (FORM, GOOD_PARTS + part("n", b"0") + END, 400, "`n` must be from 1 to 10"),
    "a huge seed": (FORM, GOOD_PARTS + part("seed", b"9" * 25) + END, 400, "`seed`"),
    "stream that is no truth": (FORM, GOOD_PARTS + part("stream", b"maybe") + END, 400, "`stream` must be true"),
    "provider that is no JSON": (FORM, GOOD_PARTS + part("provider", b"bfl") + END, 400, "`provider`"),
    "an unknown model": (FORM, part("image", PICTURE, b'; filename="a"') + part("model", b"x/y") + END, 400, "`prompt`"),
}


@pytest.mark.parametrize(("content_type", "body", "status", "says"), BAD_FORMS.values(), ids=BAD_FORMS)
def test_what_is_wrong_with_a_form_is_told(
    gateway: RunningGateway, client: httpx.Client, content_type: str, body: bytes, status: int, says: str
) -> None:
    response = client.post(EDITS.path, content=body, headers={"content-type": content_type})
    assert_refused(gateway, response, status, says)


@pytest.mark.parametrize("content_type", ["Multipart/Form-Data; boundary=B", "multipart/form-data; charset=x; boundary=B"])
def test_a_form_is_known_by_its_type_however_that_is_written(
    gateway: RunningGateway, client: httpx.Client, content_type: str
) -> None:
    body = GOOD_PARTS + part("n", b"0") + END
    response = client.post(EDITS.path, content=body, headers={"content-type": content_type})
    assert_refused(gateway, response, 400, "`n` must be from 1 to 10", "n")


# Too much.


class RawConnection:
    """A client that sends bytes as it likes, and looks for an answer in between."""

    def __init__(self, gateway: RunningGateway) -> None:
        host, _, port = gateway.url.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=20)
        self._gateway = gateway
        self.sent = 0

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)
        self.sent += len(data)

    def head(self, path: str, *headers: str) -> None:
        lines = (f"POST {path} HTTP/1.1", "host: x", f"authorization: Bearer {self._gateway.key}", *headers)
        self._socket.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1"))

    def answered(self) -> bool:
        self._socket.setblocking(False)
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False
        finally:
            self._socket.settimeout(20)

    def response(self, path: str) -> httpx.Response:
        """The answer, which has a content length."""
        text = b""
        while b"\r\n\r\n" not in text:
            text += self._more()
        head, _, body = text.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        while len(body) < int(headers["content-length"]):
            body += self._more()
        request = httpx.Request("POST", f"http://x{path}")
        return httpx.Response(int(status.split()[1]), headers=headers, content=body, request=request)

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        assert data, "the gateway closed the connection"
        return data


HUNDRED_MEGABYTES = 100 * 2**20
PIECE = b"x" * 2**20


@pytest.mark.parametrize("door", [CHATS[0], GENERATIONS, EDITS, EMBEDDINGS[0], ROUTER_IMAGES], ids=name_of)
def test_a_body_of_100_megabytes_is_refused_before_it_is_sent(gateway: RunningGateway, door: Door) -> None:
    with RawConnection(gateway) as connection:
        connection.head(door.path, "content-type: application/json", f"content-length: {HUNDRED_MEGABYTES}")
        response = connection.response(door.path)
        assert connection.sent == 0
        assert_refused(gateway, response, 413, f"larger than the {BODY_MEGABYTES} MB")


@pytest.mark.parametrize(
    ("door", "content_type"),
    [(CHATS[0], "application/json"), (GENERATIONS, "application/json"), (EDITS, FORM), (ROUTER_IMAGES, "text/json")],
    ids=name_of,
)
def test_a_body_without_a_length_is_refused_while_it_is_sent(
    gateway: RunningGateway, door: Door, content_type: str
) -> None:
    with RawConnection(gateway) as connection:
        connection.head(door.path, f"content-type: {content_type}", "transfer-encoding: chunked")
        opening = part("prompt", b"")[:-2] if content_type == FORM else b'{"prompt": "'
        connection.send(b"%x\r\n%s\r\n" % (len(opening), opening))
        while not connection.answered():
            assert connection.sent < HUNDRED_MEGABYTES, "100 MB were taken without an answer"
            connection.send(b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
        assert_refused(gateway, connection.response(door.path), 413, "")


@pytest.mark.parametrize("door", [CHATS[0], GENERATIONS, EDITS], ids=name_of)
def test_a_body_a_little_too_large_is_read_to_its_end_so_that_its_sender_reads_why(
    gateway: RunningGateway, client: httpx.Client, door: Door
) -> None:
    response = client.post(door.path, content=b" " * (BODY_MEGABYTES * 2**20 + 1))
    assert_refused(gateway, response, 413, f"larger than the {BODY_MEGABYTES} MB")


@pytest.mark.parametrize("door", [CHATS[0], GENERATIONS, EDITS, ROUTER_IMAGES], ids=name_of)
def test_a_body_that_breaks_off_is_recorded(gateway: RunningGateway, door: Door) -> None:
    before = len(gateway.rows("select id from requests"))
    with RawConnection(gateway) as connection:
        connection.head(door.path, "content-type: application/json", "content-length: 1000")
        connection.send(b'{"model": "x')
    rows: list[dict[str, Any]] = []
    while len(rows) <= before:
        rows = gateway.rows("select * from requests order by created_at, id")
    assert (rows[-1]["status"], rows[-1]["error_code"], rows[-1]["cost_pico"]) == (400, "incomplete_body", 0)


# Headers.


@pytest.mark.parametrize("value", [b"a b", b"a\tb", b"a;b", b"<b>", b"a" * 129, b"a" * 20_000, b"{}"])
@pytest.mark.parametrize("name", ["request-id", "trace-id"])
@pytest.mark.parametrize("door", [CHATS[0], ROUTER_IMAGES], ids=name_of)
def test_an_id_of_strange_characters_is_refused_and_not_echoed(
    client: httpx.Client, door: Door, name: str, value: bytes
) -> None:
    response = client.post(door.path, json=door.good, headers={f"x-penstock-{name}": value})
    message, told = refusal(response)
    assert response.status_code == 400
    assert f"The {name} header takes up to 128 letters" in message
    assert told["param"] == name
    assert all(value not in sent for _, sent in response.headers.raw)
    assert response.headers["x-penstock-request-id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b=c", b"a\x00b", b"a\x01b", b"a\nb"])
def test_a_header_is_not_injected_by_an_id(gateway: RunningGateway, value: bytes) -> None:
    with RawConnection(gateway) as connection:
        body = json.dumps({"model": "no/such-model", **MESSAGES}).encode()
        headers = f"x-penstock-request-id: {value.decode('latin-1')}"
        connection.head("/v1/chat/completions", headers, f"content-length: {len(body)}")
        connection.send(body)
        response = connection.response("/v1/chat/completions")
    assert response.status_code in (400, 404)
    assert "set-cookie" not in response.headers


ODD_METADATA = ["[" * 4000, "{" * 4000, '{"a": 1e999}', '{"a": "\\ud800"}', "\xff\xfe", "x" * 5000, "null", "5", '["a"]']


@pytest.mark.parametrize("value", ODD_METADATA, ids=lambda value: repr(value)[:20])
def test_metadata_that_is_no_json_object_changes_nothing(
    gateway: RunningGateway, client: httpx.Client, value: str
) -> None:
    headers = {"x-penstock-metadata": value.encode("latin-1")}
    response = client.post("/v1/chat/completions", json={"model": "no/such-model", **MESSAGES}, headers=headers)
    assert_refused(gateway, response, 404, "no model")
    assert gateway.request(response.headers["x-request-id"])["metadata"] is None


def test_thousands_of_unknown_fields_make_no_long_header(gateway: RunningGateway, client: httpx.Client) -> None:
    unknown = {f"field-{number}": 1 for number in range(5000)} | {"x" * 5000: 1, "a\r\nset-cookie: b=c": 1, "ü": 1}
    fields = {"model": "sandbox/image", "prompt": "a", "size": "64x64", **unknown}
    response = client.post("/v1/images/generations", json=fields)
    assert response.status_code == 200
    assert response.headers["x-penstock-ignored"].startswith("field-0, field-1, ")
    assert all(len(value) < 2000 for _, value in response.headers.raw)
    assert "set-cookie" not in response.headers
    assert len(gateway.request(response.headers["x-request-id"])["ignored"]) < 10_000


# After all of it.


def test_pictures_of_refused_requests_are_known_so_that_they_are_forgotten_in_time(
    gateway: RunningGateway, client: httpx.Client
) -> None:
    """A stored picture without a row would stay for ever, whatever the retention."""
    fields = {**PROMPT, "n": 0}
    large = data_url(encoded(500, 500, "RGB", "BMP")[:0] + noise_picture())
    for door in WITH_PICTURES:
        assert door.picture_field is not None
        for address in (data_url(encoded(65, 65)), large):
            assert client.post(door.path, json={**door.good, **fields, **door.picture_field(address)}).status_code == 400
    form = as_form({"model": FLUX, "prompt": "p", "n": 0}, [("image", encoded(66, 66)), ("mask", encoded(67, 67))])
    assert client.post(EDITS.path, **form).status_code == 400
    stored = {path.parent.name + path.name for path in (gateway.data / "assets" / "sha256").rglob("*") if path.is_file()}
    assert len(stored) >= 4
    assert stored == {row["digest"] for row in gateway.rows("select digest from assets")}
    assert list((gateway.data / "assets" / ".incoming").iterdir()) == []


def noise_picture() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((400, 400), 80).save(buffer, "PNG")
    return buffer.getvalue()
