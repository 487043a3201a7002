"""The sandbox's chats echo, call tools, fit schemas and count; its vectors are repeatable and of length one."""

import math
import struct
from typing import Any

import msgspec
import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sandbox_bench import answer, chat_call, embedding_call, events, raw

from penstock.core.answer import ChatAnswer, ChatDelta, EmbeddingAnswer
from penstock.core.call import ChatCall
from penstock.core.errors import BadRequest
from penstock.core.usage import Usage
from penstock.providers.sandbox_schema import minimal

TEXT = {"type": "text", "text": "Look at this"}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "note": {"type": "string"}},
            "required": ["city", "days"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock"}}
POINT = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}


def choices(result: Any) -> Any:
    assert isinstance(result, ChatAnswer)
    assert result.choices is not None
    return msgspec.json.decode(result.choices)


async def said(call: ChatCall) -> Any:
    return choices(await answer(call))[0]["message"]["content"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Hello there", "You said: Hello there"),
        ([TEXT], "You said: Look at this"),
        ([TEXT, PICTURE], "You said: Look at this (and 1 picture)"),
        ([TEXT, PICTURE, PICTURE], "You said: Look at this (and 2 pictures)"),
        ([PICTURE, PICTURE], "You sent 2 pictures."),
        ("", "You sent nothing."),
        (None, "You sent nothing."),
        ("x" * 3000, f"You said: {'x' * 2000}…"),
        ("[sandbox:slow 0] Hello", "You said: Hello"),
    ],
)
async def test_a_chat_echoes_what_the_user_said(content: Any, expected: str) -> None:
    assert await said(chat_call(content)) == expected


async def test_a_chat_without_a_user_echoes_whoever_spoke_last() -> None:
    assert await said(chat_call(messages=[{"role": "system", "content": "Be brief"}])) == "You said: Be brief"


async def test_an_answer_has_the_shape_of_openai_and_counts_its_tokens() -> None:
    result = await answer(chat_call([TEXT, PICTURE]))
    assert choices(result) == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "You said: Look at this (and 1 picture)",
                "refusal": None,
            },
            "finish_reason": "stop",
            "logprobs": None,
        }
    ]
    assert result.usage == Usage(text_tokens_in=3, image_tokens_in=256, text_tokens_out=10)
    assert result.stated_cost is None


async def test_several_choices_are_counted_together() -> None:
    result = await answer(chat_call("Hi", n=3))
    assert [choice["index"] for choice in choices(result)] == [0, 1, 2]
    assert result.usage == Usage(text_tokens_in=1, text_tokens_out=9)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(("most", "content", "finish"), [(2, "You said", "length"), (100, "You said: Hello", "stop")])
async def test_a_token_limit_cuts_the_answer_off(name: str, most: int, content: str, finish: str) -> None:
    choice = choices(await answer(chat_call("Hello", **{name: most})))[0]
    assert (choice["message"]["content"], choice["finish_reason"]) == (content, finish)


@pytest.mark.parametrize(
    ("tool_choice", "name", "arguments"),
    [
        ("required", "weather", {"city": "", "days": 0}),
        ({"type": "function", "function": {"name": "clock"}}, "clock", {}),
    ],
)
async def test_a_tool_is_called_when_the_caller_insists(tool_choice: Any, name: str, arguments: Any) -> None:
    choice = choices(await answer(chat_call(tools=[WEATHER, CLOCK], tool_choice=tool_choice)))[0]
    (call,) = choice["message"]["tool_calls"]
    assert call["function"]["name"] == name
    assert msgspec.json.decode(call["function"]["arguments"]) == arguments
    assert choice["message"]["content"] is None
    assert choice["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("tool_choice", ["auto", "none", None])
async def test_a_tool_is_not_called_when_the_choice_is_left_open(tool_choice: Any) -> None:
    assert await said(chat_call("Hi", tools=[WEATHER], tool_choice=tool_choice)) == "You said: Hi"


async def test_a_json_object_holds_the_echo() -> None:
    assert msgspec.json.decode(await said(chat_call("Hi", response_format={"type": "json_object"}))) == {"echo": "Hi"}


async def test_a_schema_is_answered_with_its_smallest_value() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "point", "strict": True, "schema": POINT}}
    assert msgspec.json.decode(await said(chat_call(response_format=wanted))) == {"x": 0}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({}, {}),
        ({"type": "string"}, ""),
        ({"type": "string", "minLength": 3}, "xxx"),
        ({"type": "integer"}, 0),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": "number", "exclusiveMaximum": 0}, -0.5),
        ({"type": "boolean"}, False),
        ({"type": "null"}, None),
        ({"type": "array", "items": {"type": "string"}}, []),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, ["", ""]),
        ({"type": ["string", "null"]}, ""),
        ({"enum": ["red", "green"]}, "red"),
        ({"const": 7}, 7),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, ""),
        ({"anyOf": [POINT, {"type": "null"}]}, None),
        ({"allOf": [POINT, {"properties": {"y": {"type": "string"}}, "required": ["y"]}]}, {"x": 0, "y": ""}),
        ({"$ref": "#/$defs/p", "$defs": {"p": POINT}}, {"x": 0}),
        ({"properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"]}, {"next": None}),
    ],
)
def test_the_smallest_value_of_a_schema(schema: dict[str, Any], value: Any) -> None:
    assert minimal(schema, "tools") == value


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"$ref": "#/nowhere"},
        {
            "$ref": "#/$defs/0",
            "$defs": {
                str(k): {"required": ["a", "b"], "properties": {n: {"$ref": f"#/$defs/{k + 1}"} for n in "ab"}}
                for k in range(40)
            },
        },
    ],
    ids=["itself", "holds itself", "points nowhere", "doubles forty times"],
)
def test_a_schema_that_never_ends_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as caught:
        minimal(schema, "response_format")
    assert caught.value.param == "response_format"


def collected(seen: list[Any]) -> tuple[str, list[Any], ChatAnswer]:
    *deltas, last = seen
    assert all(isinstance(event, ChatDelta) for event in deltas)
    chunks = [msgspec.json.decode(event.choices) for event in deltas]
    text = "".join(chunk[0]["delta"].get("content") or "" for chunk in chunks)
    return text, chunks, last


async def test_a_stream_is_the_answer_a_word_at_a_time() -> None:
    call = chat_call("one  two\nthree", stream=True)
    text, chunks, last = collected(await events(call))
    assert text == "You said: one  two\nthree"
    assert chunks[0] == [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None, "logprobs": None}
    ]
    assert chunks[2][0]["delta"] == {"content": "said: "}
    assert chunks[-1][0]["delta"] == {}
    assert [chunk[0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert last.choices is None
    assert last.usage == (await answer(chat_call("one  two\nthree"))).usage


async def test_a_streamed_tool_call_comes_in_pieces() -> None:
    _, chunks, _ = collected(await events(chat_call(stream=True, tools=[WEATHER], tool_choice="required")))
    deltas = [chunk[0]["delta"] for chunk in chunks]
    assert deltas[0]["tool_calls"][0]["function"] == {"name": "weather", "arguments": ""}
    assert deltas[1] == {"tool_calls": [{"index": 0, "function": {"arguments": '{"city":"","days":0}'}}]}
    assert chunks[-1][0]["finish_reason"] == "tool_calls"


async def test_every_choice_of_a_stream_begins_and_ends() -> None:
    _, chunks, _ = collected(await events(chat_call("Hi", stream=True, n=2)))
    assert [chunk[0]["index"] for chunk in chunks if chunk[0]["finish_reason"] == "stop"] == [0, 1]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"content": "no role"}]}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"tools": [{"function": {}}]}, "tools"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "clock"}}}, "tool_choice"),
        ({"tool_choice": 3}, "tool_choice"),
        ({"response_format": "json"}, "response_format"),
    ],
)
async def test_a_chat_of_the_wrong_shape_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        await events(chat_call(**fields))
    assert caught.value.param == param


async def test_a_chat_without_messages_is_refused() -> None:
    with pytest.raises(BadRequest, match="at least one"):
        await events(ChatCall(model="sandbox/text", body=raw({})))


async def vectors(given: Any, **fields: Any) -> list[list[float]]:
    result = await answer(embedding_call(given, **fields))
    assert isinstance(result, EmbeddingAnswer)
    return [entry["embedding"] for entry in msgspec.json.decode(result.data)]


@pytest.mark.parametrize("dimensions", [None, 1, 2, 256, 3072])
async def test_a_vector_has_its_dimensions_and_length_one(dimensions: int | None) -> None:
    (vector,) = await vectors("a lighthouse at dusk", dimensions=dimensions)
    assert len(vector) == (dimensions or 256)
    assert math.isclose(math.hypot(*vector), 1, rel_tol=1e-5)


async def test_the_same_input_has_the_same_vector_and_related_inputs_similar_ones() -> None:
    dusk, again, dawn, other = await vectors(
        ["a lighthouse at dusk", "a lighthouse at dusk", "a lighthouse at dawn", "nine green bottles"]
    )

    def likeness(one: list[float], two: list[float]) -> float:
        return math.fsum(a * b for a, b in zip(one, two, strict=True))

    assert dusk == again
    assert 0.5 < likeness(dusk, dawn) < 0.99
    assert likeness(dusk, other) < 0.35


@pytest.mark.parametrize(
    ("given", "count", "tokens"),
    [("12345", 1, 2), (["1234", "12345"], 2, 3), ([1, 2, 3], 1, 3), ([[1, 2], [3]], 2, 3), (["a"] * 2048, 2048, 2048)],
)
async def test_an_input_is_text_or_tokens_one_or_many(given: Any, count: int, tokens: int) -> None:
    result = await answer(embedding_call(given, dimensions=4))
    data = msgspec.json.decode(result.data)
    assert [entry["index"] for entry in data] == list(range(count))
    assert {entry["object"] for entry in data} == {"embedding"}
    assert result.usage == Usage(text_tokens_in=tokens)


async def test_base64_holds_the_same_numbers_as_little_endian_floats() -> None:
    (plain,) = await vectors("a lighthouse")
    (encoded,) = await vectors("a lighthouse", encoding_format="base64")
    assert isinstance(encoded, str)
    assert list(struct.unpack("<256f", pybase64.b64decode(encoded))) == plain


@pytest.mark.parametrize(
    ("given", "fields", "param"),
    [
        ("", {}, "input"),
        ([], {}, "input"),
        (None, {}, "input"),
        ([""], {}, "input"),
        ([[]], {}, "input"),
        (["a", 1], {}, "input"),
        ([True], {}, "input"),
        ({"text": "a"}, {}, "input"),
        (["a"] * 2049, {}, "input"),
        ("a", {"dimensions": 0}, "dimensions"),
        ("a", {"dimensions": 3073}, "dimensions"),
        ("a", {"dimensions": "many"}, "dimensions"),
        ("a", {"encoding_format": "hex"}, "encoding_format"),
    ],
)
async def test_a_wrong_embedding_request_is_refused_by_name(given: Any, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        await events(embedding_call(given, **fields))
    assert caught.value.param == param


@given(text=some.text(min_size=1), dimensions=some.integers(1, 40))
async def test_any_text_has_a_vector_of_length_one(text: str, dimensions: int) -> None:
    (vector,) = await vectors([text.replace("[", "(")], dimensions=dimensions)
    assert math.isclose(math.hypot(*vector), 1, rel_tol=1e-5)
