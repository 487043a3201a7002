"""Bad fields, at every endpoint: refused in the caller's dialect, before any provider is called, free, and recorded."""

import json
from itertools import product
from typing import Any

import httpx
import pytest

from tests.e2e.doors import (
    CHATS,
    DOORS,
    EMBEDDINGS,
    FLUX,
    GPT_IMAGE,
    IMAGES,
    PICTURE_CHATS,
    Door,
    Fields,
    assert_refused,
    name_of,
)
from tests.e2e.running import RunningGateway

FLUX_1 = "black-forest-labs/flux.1.1-pro"


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
    ({"stream": "yes"}, "`stream` is wrong", "stream"),
    ({"response_format": "xml"}, "`response_format` must be b64_json or url", "response_format"),
    ({"response_format": 5}, "`response_format` must be b64_json or url", "response_format"),
    ({"user": 5}, "`user` is wrong", "user"),
    ({"model": FLUX_1, "size": "1000x1000"}, "multiples of 32; 1000x1000 is none, 992x992 is", "size"),
    ({"model": FLUX_1, "size": "2048x2048"}, "sides of at most 1440 pixels", "size"),
    ({"model": GPT_IMAGE, "seed": 7}, "takes no seed", "seed"),
    ({"model": GPT_IMAGE, "size": "512x512"}, "makes pictures of 1024x1024", "size"),
    ({"model": GPT_IMAGE, "aspect_ratio": "21:9"}, "none of them is 21:9", "aspect_ratio"),
    ({"model": GPT_IMAGE, "background": "transparent", "output_format": "jpeg"}, "jpeg", "background"),
    ({"model": GPT_IMAGE, "quality": "ultra"}, "takes the quality", "quality"),
    ({"model": "openai/gpt-4o-mini"}, "does not do image", None),
]


@pytest.mark.parametrize(("door", "wrong"), [*product(IMAGES, WRONG_IN_IMAGES)], ids=name_of)
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
