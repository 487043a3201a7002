"""The simulated OpenAI keeps the real one's promises, and breaks them when told to."""

import base64
import io
import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from PIL import Image

from tests.simulators.base import Delay, Garbage, Hang, On, RateLimited, Status, Truncated, draw, encoded
from tests.simulators.openai import (
    Blocked,
    BreaksOff,
    ErrorEvent,
    ErrorInside,
    NoQuota,
    OpenAISimulator,
    SlowEvents,
    WithoutUsage,
)
from tests.simulators.openai_rules import output_tokens
from tests.simulators.openai_talk import sample

pytestmark = pytest.mark.e2e

KEY = {"authorization": "Bearer openai-test-key"}
HELLO = [{"role": "user", "content": "Hello there"}]


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAISimulator]:
    with OpenAISimulator() as simulator:
        yield simulator


@pytest.fixture
def openai(running: OpenAISimulator) -> OpenAISimulator:
    running.reset()
    running.results = "b64"
    return running


@pytest.fixture(scope="module")
def router() -> Iterator[OpenAISimulator]:
    with OpenAISimulator(dialect="openrouter") as simulator:
        yield simulator


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


async def post(
    client: aiohttp.ClientSession, at: OpenAISimulator, path: str, body: Any, key: Any = KEY
) -> tuple[int, Any]:
    sent = {"data": body} if isinstance(body, aiohttp.FormData) else {"json": body}
    async with client.post(at.base_url + path, headers=key, **sent) as reply:
        return reply.status, await reply.json(content_type=None)


async def chat(client: aiohttp.ClientSession, at: OpenAISimulator, **fields: Any) -> tuple[int, Any]:
    return await post(client, at, "/chat/completions", {"model": "gpt-4o-mini", "messages": HELLO, **fields})


async def generate(client: aiohttp.ClientSession, at: OpenAISimulator, **fields: Any) -> tuple[int, Any]:
    return await post(client, at, "/images/generations", {"model": "gpt-image-1", "prompt": "A red house", **fields})


async def events(client: aiohttp.ClientSession, at: OpenAISimulator, path: str, body: Any) -> list[tuple[str, Any]]:
    """A stream's events; the last is `("closed", ...)` where the connection broke."""
    found: list[tuple[str, Any]] = []
    async with client.post(at.base_url + path, headers=KEY, json=body) as reply:
        assert reply.content_type == "text/event-stream"
        name = ""
        try:
            async for line in reply.content:
                head, _, value = line.decode().strip().partition(": ")
                if head == "event":
                    name = value
                elif head == "data":
                    found.append((name, value if value == "[DONE]" else json.loads(value)))
                    name = ""
        except aiohttp.ClientError:
            found.append(("closed", None))
    return found


def picture(text: str) -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(text)))
    image.load()
    return image


def png(width: int, height: int, words: str = "", alpha: int | None = None) -> bytes:
    if alpha is None:
        return draw(width, height, "png", words)
    return encoded(Image.new("RGBA", (width, height), (0, 0, 0, alpha)), "png")


def form(**parts: Any) -> aiohttp.FormData:
    """Bytes become files; a list becomes several under one name."""
    made = aiohttp.FormData(default_to_multipart=True)
    for name, value in ({"model": "gpt-image-1", "prompt": "p"} | parts).items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, bytes):
                made.add_field(name, each, filename="a.png", content_type="image/png")
            else:
                made.add_field(name, str(each))
    return made


def as_json(url: str) -> dict[str, Any]:
    return {"model": "gpt-image-1", "prompt": "p", "images": [{"image_url": url}]}


async def test_a_call_without_the_key_is_refused(client: aiohttp.ClientSession, openai: OpenAISimulator) -> None:
    for key in ({}, {"authorization": "Bearer wrong"}, {"authorization": "openai-test-ke"}):
        status, body = await post(client, openai, "/chat/completions", {}, key)
        assert (status, body["error"]["code"]) == (401, "invalid_api_key")


async def test_chat_echoes_with_exact_usage_and_bills_it(
    client: aiohttp.ClientSession, openai: OpenAISimulator
) -> None:
    status, body = await chat(client, openai)
    assert status == 200
    assert body["choices"][0]["message"]["content"] == "You said: Hello there"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert {name: body["usage"][name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")} == {
        "prompt_tokens": 6,  # 3 for the message, 11 characters
        "completion_tokens": 6,  # 21 characters
        "total_tokens": 12,
    }
    assert openai.billed == [Decimal("0.00006")]


async def test_an_answer_cut_at_its_limit_says_so(client: aiohttp.ClientSession, openai: OpenAISimulator) -> None:
    _, body = await chat(client, openai, max_tokens=2)
    assert body["choices"][0]["message"]["content"] == "You said"
    assert body["choices"][0]["finish_reason"] == "length"


TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"properties": {"city": {"type": "string"}}, "type": "object"}},
}


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
async def test_a_tool_is_called_where_the_choice_says_so(
    client: aiohttp.ClientSession, openai: OpenAISimulator, choice: Any
) -> None:
    _, body = await chat(client, openai, tools=[TOOL], tool_choice=choice)
    (call,) = body["choices"][0]["message"]["tool_calls"]
    assert body["choices"][0]["finish_reason"] == "tool_calls"
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("weather", {"city": "text"})


async def test_a_tools_result_is_told(client: aiohttp.ClientSession, openai: OpenAISimulator) -> None:
    messages = [
        *HELLO,
        {"role": "assistant", "content": None},
        {"role": "tool", "tool_call_id": "c", "content": "sunny"},
    ]
    _, body = await chat(client, openai, messages=messages, tools=[TOOL])
    assert body["choices"][0]["message"]["content"] == "The tool said: sunny"


async def test_an_answer_keeps_to_a_schema(client: aiohttp.ClientSession, openai: OpenAISimulator) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"enum": ["x"]}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    _, body = await chat(client, openai, response_format=wanted)
    assert json.loads(body["choices"][0]["message"]["content"]) == {"a": 1, "b": "x"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"const": 5}, 5),
        ({"type": ["boolean", "null"]}, True),
        ({"type": "array", "items": {"type": "number"}}, [1.5]),
        ({}, "text"),
    ],
)
def test_a_sample_is_allowed_by_its_schema(schema: dict[str, Any], value: Any) -> None:
    assert sample(schema) == value


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"transforms": []}, 400, "Unrecognized request argument supplied: transforms"),
        ({"stream_options": {"include_usage": True}}, 400, "only allowed when"),
        ({"modalities": ["image", "text"]}, 400, "'image'"),
        ({"temperature": 3}, 400, "temperature"),
        ({"messages": []}, 400, "messages"),
        ({"model": "no-such-model"}, 404, "does not exist"),
        ({"model": "gpt-image-1"}, 404, "does not exist"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,penstock-1-2"}}],
                    }
                ]
            },
            400,
            "unsupported image",
        ),
    ],
)
async def test_a_chat_the_real_one_refuses_is_refused(
    client: aiohttp.ClientSession, openai: OpenAISimulator, fields: dict[str, Any], status: int, says: str
) -> None:
    got, body = await chat(client, openai, **fields)
    assert got == status
    assert says in body["error"]["message"]
    assert openai.billed == []


@pytest.mark.parametrize("include", [True, False])
async def test_a_stream_tells_its_usage_only_when_asked(
    client: aiohttp.ClientSession, openai: OpenAISimulator, include: bool
) -> None:
    body = {"model": "gpt-4o-mini", "messages": HELLO, "stream": True, "stream_options": {"include_usage": include}}
    found = [data for _, data in await events(client, openai, "/chat/completions", body)]
    assert found[-1] == "[DONE]"
    text = "".join(choice["delta"].get("content", "") for chunk in found[:-1] for choice in chunk["choices"])
    assert text == "You said: Hello there"
    usages = [chunk["usage"] for chunk in found[:-1] if chunk.get("usage")]
    assert [usage["total_tokens"] for usage in usages] == ([12] if include else [])
    assert openai.billed == [Decimal("0.00006")]


async def test_a_picture_is_of_the_size_and_format_asked_for_and_billed_by_the_table(
    client: aiohttp.ClientSession, openai: OpenAISimulator
) -> None:
    status, body = await generate(
        client, openai, size="1536x1024", quality="high", output_format="webp", n=2, output_compression=50
    )
    assert status == 200
    images = [picture(entry["b64_json"]) for entry in body["data"]]
    assert [(image.size, image.format) for image in images] == [((1536, 1024), "WEBP")] * 2
    assert body["data"][0] != body["data"][1]
    assert (body["size"], body["quality"], body["output_format"]) == ("1536x1024", "high", "webp")
    assert body["usage"]["output_tokens"] == 2 * 6208
    assert body["usage"]["input_tokens_details"] == {"text_tokens": 3, "image_tokens": 0}
    assert openai.billed == [(3 * Decimal(5) + 12416 * Decimal(40)) / 1_000_000]


@pytest.mark.parametrize(
    ("model", "quality", "size", "tokens"),
    [
        ("gpt-image-1", "low", (1024, 1536), 408),
        ("gpt-image-1.5", "medium", (1024, 1024), 1056),
        ("gpt-image-2", "high", (1024, 1024), 7024),
        ("gpt-image-2", "high", (1536, 1024), 5488),
    ],
)
def test_output_tokens_are_the_published_ones(model: str, quality: str, size: tuple[int, int], tokens: int) -> None:
    assert output_tokens(model, quality, *size) == tokens


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"response_format": "b64_json"}, "response_format", "unknown_parameter"),
        ({"seed": 1}, "seed", "unknown_parameter"),
        ({"n": 11}, "n", "integer_out_of_range"),
        ({"n": "2"}, "n", "invalid_type"),
        ({"n": True}, "n", "invalid_type"),
        ({"size": "512x512"}, "size", "invalid_value"),
        ({"size": "big"}, "size", "invalid_value"),
        ({"model": "gpt-image-2", "size": "1000x1024"}, "size", "invalid_value"),
        ({"model": "gpt-image-2", "size": "3840x1024"}, "size", "invalid_value"),
        ({"model": "gpt-image-2", "size": "512x512"}, "size", "invalid_value"),
        ({"quality": "hd"}, "quality", "invalid_value"),
        ({"background": "transparent", "output_format": "jpeg"}, "background", "invalid_value"),
        ({"partial_images": 4}, "partial_images", "integer_out_of_range"),
        ({"prompt": ""}, "prompt", "missing_required_parameter"),
        ({"prompt": "x" * 32_001}, "prompt", "string_above_max_length"),
        ({"model": "dall-e-9"}, "model", "model_not_found"),
    ],
)
async def test_a_picture_the_real_one_refuses_is_refused(
    client: aiohttp.ClientSession, openai: OpenAISimulator, fields: dict[str, Any], param: str, code: str
) -> None:
    status, body = await generate(client, openai, **fields)
    assert status == (404 if code == "model_not_found" else 400)
    assert (body["error"]["param"], body["error"]["code"]) == (param, code)
    assert openai.billed == []


async def test_a_picture_streams_its_previews_and_bills_them(
    client: aiohttp.ClientSession, openai: OpenAISimulator
) -> None:
    body = {"model": "gpt-image-1-mini", "prompt": "p", "stream": True, "partial_images": 2, "quality": "low"}
    found = await events(client, openai, "/images/generations", body)
    assert [name for name, _ in found] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert [data["type"] for _, data in found] == [name for name, _ in found]
    assert len({data["b64_json"] for _, data in found}) == 3
    assert found[-1][1]["usage"]["output_tokens"] == 272 + 200
    assert openai.billed == [(1 * Decimal(2) + 472 * Decimal(8)) / 1_000_000]


@pytest.mark.parametrize("parts", [{"image": png(64, 64)}, {"image[]": [png(64, 64, "a"), png(32, 32, "b")], "n": 2}])
async def test_a_form_with_pictures_is_edited(
    client: aiohttp.ClientSession, openai: OpenAISimulator, parts: dict[str, Any]
) -> None:
    status, body = await post(client, openai, "/images/edits", form(**parts))
    assert status == 200
    references = len(parts.get("image[]", ["one"]))
    assert body["usage"]["input_tokens_details"]["image_tokens"] == 258 * references
    assert len(body["data"]) == parts.get("n", 1)


async def test_a_mask_is_painted_where_it_is_transparent(
    client: aiohttp.ClientSession, openai: OpenAISimulator
) -> None:
    first = encoded(Image.new("RGB", (64, 64), (1, 2, 3)), "png")
    half = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    half.paste((0, 0, 0, 0), (0, 0, 32, 64))
    _, body = await post(client, openai, "/images/edits", form(image=first, mask=encoded(half, "png")))
    made = picture(body["data"][0]["b64_json"])
    assert made.getpixel((1000, 500)) == (1, 2, 3)
    assert made.getpixel((20, 500)) != (1, 2, 3)


async def test_an_edit_as_json_is_edited(client: aiohttp.ClientSession, openai: OpenAISimulator) -> None:
    url = f"data:image/png;base64,{base64.b64encode(png(64, 64)).decode()}"
    mask = f"data:image/png;base64,{base64.b64encode(png(64, 64, alpha=0)).decode()}"
    body = {"model": "gpt-image-1", "prompt": "p", "images": [{"image_url": url}], "mask": {"image_url": mask}}
    status, answer = await post(client, openai, "/images/edits", body)
    assert status == 200
    assert picture(answer["data"][0]["b64_json"]).size == (1024, 1024)


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        (form(), "image", "Missing"),
        (form(image="text"), "image", "Expected a file"),
        (form(image=b"not a picture"), "image", "Invalid image file"),
        (form(image=[png(64, 64), png(64, 64)]), "image", "Duplicate"),
        (form(image=png(64, 64)[:60]), "image", "Invalid image file"),
        (form(image=png(64, 64), mask=png(64, 64)), "mask", "missing alpha channel"),
        (form(image=png(64, 64), mask=png(32, 32, alpha=0)), "mask", "size does not match"),
        (form(image=png(64, 64), seed=1), "seed", "Unknown parameter"),
        (as_json("penstock-1-2"), "images", "data URL"),
        (as_json("data:image/png;base64,@@"), "images", "base64"),
    ],
)
async def test_an_edit_the_real_one_refuses_is_refused(
    client: aiohttp.ClientSession, openai: OpenAISimulator, body: Any, param: str, says: str
) -> None:
    status, answer = await post(client, openai, "/images/edits", body)
    assert status == 400
    assert answer["error"]["param"] == param
    assert says in answer["error"]["message"]


async def test_results_at_an_address_are_delivered_without_a_key_until_they_expire(
    client: aiohttp.ClientSession, openai: OpenAISimulator
) -> None:
    openai.results = "url"
    _, body = await generate(client, openai)
    url = body["data"][0]["url"]
    async with client.get(url) as reply:
        assert (reply.status, reply.content_type) == (200, "image/png")
    async with client.get(url, headers=KEY) as reply:
        assert reply.status == 400
    assert openai.violations == ["authorization was sent to where results are kept"]
    openai.result_seconds = -1
    _, body = await generate(client, openai)
    openai.result_seconds = 3600
    async with client.get(body["data"][0]["url"]) as reply:
        assert reply.status == 403


async def test_embeddings_are_the_same_for_the_same_text(
    client: aiohttp.ClientSession, openai: OpenAISimulator
) -> None:
    body = {"model": "text-embedding-3-small", "input": ["one", "two", "one"], "dimensions": 40}
    status, answer = await post(client, openai, "/embeddings", body)
    assert status == 200
    one, two, again = (entry["embedding"] for entry in answer["data"])
    assert one == again != two
    assert len(one) == 40
    assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert openai.billed == [Decimal("0.00000006")]
    _, answer = await post(client, openai, "/embeddings", {**body, "encoding_format": "base64"})
    assert len(base64.b64decode(answer["data"][0]["embedding"])) == 160


async def test_the_models_are_listed(client: aiohttp.ClientSession, openai: OpenAISimulator) -> None:
    async with client.get(f"{openai.base_url}/models", headers=KEY) as reply:
        assert "gpt-image-2" in [model["id"] for model in (await reply.json())["data"]]


@pytest.mark.parametrize(
    ("behaviour", "status", "code"),
    [
        (Blocked(), 400, "moderation_blocked"),
        (NoQuota(), 429, "insufficient_quota"),
        (RateLimited(7), 429, "rate_limit_exceeded"),
        (Status(500), 500, None),
        (ErrorInside("boom", 503), 200, 503),
        (On("/v1/images", Delay(0.01, Status(503))), 503, None),
    ],
)
async def test_a_mishap_happens_once(
    client: aiohttp.ClientSession, openai: OpenAISimulator, behaviour: Any, status: int, code: Any
) -> None:
    openai.script.append(behaviour)
    got, body = await generate(client, openai)
    assert (got, body["error"]["code"]) == (status, code)
    assert openai.billed == []
    assert (await generate(client, openai))[0] == 200


async def test_garbage_and_half_answers_are_no_json(client: aiohttp.ClientSession, openai: OpenAISimulator) -> None:
    openai.script.append(Garbage())
    with pytest.raises(ValueError, match="decode"):
        await chat(client, openai)
    openai.script.append(Truncated())
    with pytest.raises(aiohttp.ClientPayloadError):
        await chat(client, openai)


async def test_a_hanging_call_hangs(openai: OpenAISimulator) -> None:
    openai.script.append(Hang())
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.2)) as client:
        with pytest.raises(TimeoutError):
            await chat(client, openai)


STREAM = {"model": "gpt-4o-mini", "messages": HELLO, "stream": True}


async def test_a_stream_dies_after_the_events_it_was_told(
    client: aiohttp.ClientSession, openai: OpenAISimulator
) -> None:
    openai.script.append(BreaksOff(2))
    assert (await chat(client, openai))[0] == 200, "an answer at once has no events"
    openai.billed.clear()
    found = await events(client, openai, "/chat/completions", STREAM)
    assert [name for name, _ in found] == ["", "", "closed"]
    assert openai.billed == []


async def test_a_stream_tells_of_an_error_and_ends(client: aiohttp.ClientSession, openai: OpenAISimulator) -> None:
    openai.script += [ErrorEvent(1, "gone"), ErrorEvent(0)]
    found = await events(client, openai, "/chat/completions", STREAM)
    assert found[1] == ("", {"type": "error", "error": found[1][1]["error"]})
    assert found[1][1]["error"]["message"] == "gone"
    body = {"model": "gpt-image-1", "prompt": "p", "stream": True}
    ((name, data),) = await events(client, openai, "/images/generations", body)
    assert (name, data["type"]) == ("error", "error")
    assert openai.billed == []


async def test_slow_events_and_missing_usage_are_what_they_say(
    client: aiohttp.ClientSession, openai: OpenAISimulator
) -> None:
    openai.script += [SlowEvents(0.001), WithoutUsage()]
    assert (await events(client, openai, "/chat/completions", STREAM))[-1] == ("", "[DONE]")
    _, body = await chat(client, openai)
    assert "usage" not in body


async def test_openrouter_draws_by_chat_and_states_the_cost(
    client: aiohttp.ClientSession, router: OpenAISimulator
) -> None:
    router.reset()
    config = {"aspect_ratio": "16:9"}
    fields = {"model": "google/gemini-2.5-flash-image", "modalities": ["image", "text"], "image_config": config}
    status, body = await chat(client, router, **fields, provider={"order": ["x"]})
    assert status == 200
    (image,) = body["choices"][0]["message"]["images"]
    assert picture(image["image_url"]["url"].partition(",")[2]).size == (1344, 768)
    assert body["usage"]["completion_tokens_details"]["image_tokens"] == 1290
    assert [Decimal(str(body["usage"]["cost"]))] == router.billed
    found = await events(client, router, "/chat/completions", {**fields, "messages": HELLO, "stream": True})
    chunks = [data for _, data in found[:-1]]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert [delta["images"][0]["image_url"]["url"] for delta in deltas if "images" in delta] == [
        image["image_url"]["url"]
    ]
    assert chunks[-1]["usage"]["cost"] == body["usage"]["cost"], "usage is always told"


async def test_openrouter_words_its_errors_its_own_way(client: aiohttp.ClientSession, router: OpenAISimulator) -> None:
    router.reset()
    flux = {"model": "black-forest-labs/flux.2-pro"}
    status, body = await chat(client, router, **flux, modalities=["image", "text"])
    assert (status, body["error"]["code"]) == (404, 404)
    assert "image, text" in body["error"]["message"]
    status, body = await chat(client, router, **flux, modalities=["image"])
    assert (status, body["choices"][0]["message"]["content"]) == (200, "")
    router.script += [Blocked(), NoQuota()]
    status, body = await chat(client, router, **flux)
    assert (status, body["error"]["metadata"]["reasons"]) == (403, ["violence"])
    assert (await chat(client, router, **flux))[0] == 402
    assert (await post(client, router, "/images/edits", {}))[0] == 404
