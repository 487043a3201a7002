"""The sandbox's chat: an echo that obeys tools, schemas and token limits.

Pure. Reads the OpenAI body of a chat, leniently, and builds the `choices` arrays of its answer or stream. A token is
four characters here, rounded up; a picture is 256 tokens.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from penstock.core.errors import BadRequest
from penstock.core.usage import Usage
from penstock.providers.sandbox_schema import minimal

PICTURE_TOKENS = 256
_ECHOED = 2000
"""Characters of a message that are repeated."""
_MOST_CHOICES = 128

T = TypeVar("T")
Body = Mapping[str, msgspec.Raw]
Json = Any
"""A decoded JSON value; only looked at behind `isinstance`."""


class Part(msgspec.Struct):
    """One part of a message's content."""

    type: str
    text: str | None = None


class Message(msgspec.Struct):
    """One message, as far as the echo reads it."""

    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.text)
        return self.content or ""

    @property
    def pictures(self) -> int:
        parts = self.content if isinstance(self.content, list) else ()
        return sum(part.type in ("image_url", "input_image", "image") for part in parts)


class Function(msgspec.Struct):
    name: str
    parameters: dict[str, Json] | None = None


class Tool(msgspec.Struct):
    function: Function | None = None


class NamedFunction(msgspec.Struct):
    name: str


class NamedTool(msgspec.Struct):
    function: NamedFunction


class JsonSchema(msgspec.Struct):
    schema: dict[str, Json] = {}


class ResponseFormat(msgspec.Struct):
    type: str
    json_schema: JsonSchema | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the sandbox answers to a chat, before it is cut into chunks or put into one message."""

    text: str | None
    finish: str
    function: str | None = None
    arguments: str = ""
    choices: int = 1
    usage: Usage


def field(body: Body, name: str, kind: type[T], default: T) -> T:
    """A field of a body as the type; the default where it is absent or null. Raises BadRequest naming the field."""
    raw = body.get(name)
    if raw is None or bytes(raw).strip() == b"null":
        return default
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"`{name}` cannot be read: {error}.", param=name) from error


def messages_in(body: Body) -> list[Message]:
    """The messages of a chat. Raises BadRequest where there are none."""
    messages: list[Message] = field(body, "messages", list[Message], [])
    if not messages:
        raise BadRequest("`messages` must hold at least one message.", param="messages")
    return messages


def last_said(messages: Sequence[Message]) -> Message:
    """The last message of the user; of anybody, where the user has said nothing."""
    return next((message for message in reversed(messages) if message.role == "user"), messages[-1])


def reply(body: Body, text: str) -> Reply:
    """The answer to a chat whose last message, magic words taken out, is this text."""
    messages = messages_in(body)
    choices = within(field(body, "n", int, 1), "n", _MOST_CHOICES)
    pictures = sum(message.pictures for message in messages)
    said = sum(len(message.text) for message in messages)
    tool = _tool_to_call(body)
    if tool is not None:
        arguments = msgspec.json.encode(minimal(tool.parameters or {}, "tools")).decode()
        answer, finish = None, "tool_calls"
        written = len(tool.name) + len(arguments)
    else:
        arguments = ""
        answer, finish = _shortened(_answer(body, text, last_said(messages).pictures), body)
        written = len(answer)
    usage = Usage(
        text_tokens_in=tokens(said),
        image_tokens_in=pictures * PICTURE_TOKENS or None,
        text_tokens_out=tokens(written) * choices,
    )
    return Reply(
        text=answer,
        finish=finish,
        function=tool.name if tool else None,
        arguments=arguments,
        choices=choices,
        usage=usage,
    )


def tokens(characters: int) -> int:
    """Four characters are a token; what is left over is one more."""
    return -(-characters // 4)


def message_choices(answer: Reply) -> msgspec.Raw:
    """The `choices` array of a chat that is not streamed."""
    message: dict[str, Json] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.function is not None:
        message["tool_calls"] = [_tool_call(answer, answer.arguments)]
    return msgspec.Raw(
        msgspec.json.encode(
            [
                {"index": index, "message": message, "finish_reason": answer.finish, "logprobs": None}
                for index in range(answer.choices)
            ]
        )
    )


def chunk_choices(answer: Reply) -> Iterator[msgspec.Raw]:
    """The `choices` arrays of a streamed chat, a word at a time."""
    for index in range(answer.choices):
        for delta, finish in _deltas(answer):
            chunk = {"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}
            yield msgspec.Raw(msgspec.json.encode([chunk]))


def _deltas(answer: Reply) -> Iterator[tuple[dict[str, Json], str | None]]:
    if answer.function is not None:
        call = {"index": 0, **_tool_call(answer, "")}
        yield {"role": "assistant", "content": None, "tool_calls": [call]}, None
        yield {"tool_calls": [{"index": 0, "function": {"arguments": answer.arguments}}]}, None
    else:
        yield {"role": "assistant", "content": ""}, None
        for word in re.findall(r"\S+\s*|\s+", answer.text or ""):
            yield {"content": word}, None
    yield {}, answer.finish


def _tool_call(answer: Reply, arguments: str) -> dict[str, Json]:
    digest = hashlib.sha256(f"{answer.function}{answer.arguments}".encode()).hexdigest()
    function = {"name": answer.function, "arguments": arguments}
    return {"id": f"call_sandbox_{digest[:16]}", "type": "function", "function": function}


def _answer(body: Body, text: str, pictures: int) -> str:
    wanted = field(body, "response_format", ResponseFormat, ResponseFormat("text"))
    if wanted.type == "json_schema":
        schema = wanted.json_schema.schema if wanted.json_schema else {}
        return msgspec.json.encode(minimal(schema, "response_format")).decode()
    if wanted.type == "json_object":
        return msgspec.json.encode({"echo": _quoted(text)}).decode()
    seen = "" if not pictures else "1 picture" if pictures == 1 else f"{pictures} pictures"
    if not text:
        return f"You sent {seen or 'nothing'}."
    return f"You said: {_quoted(text)}" + (f" (and {seen})" if seen else "")


def _quoted(text: str) -> str:
    return text if len(text) <= _ECHOED else text[:_ECHOED] + "…"


def _shortened(text: str, body: Body) -> tuple[str, str]:
    """The text cut to the tokens allowed, and the reason it ends."""
    name = "max_completion_tokens" if "max_completion_tokens" in body else "max_tokens"
    allowed = field(body, name, int, len(text) + 1)
    if allowed < 1:
        raise BadRequest(f"`{name}` must be at least 1.", param=name)
    return (text, "stop") if tokens(len(text)) <= allowed else (text[: allowed * 4], "length")


def _tool_to_call(body: Body) -> Function | None:
    """The function the caller insists on; None where it leaves the choice to the model, which prefers to talk."""
    functions = [tool.function for tool in field(body, "tools", list[Tool], []) if tool.function]
    choice = field(body, "tool_choice", str | NamedTool, "auto")  # type: ignore[arg-type]  # mypy has no type for a union as a value
    if isinstance(choice, str):
        return functions[0] if choice == "required" and functions else None
    named = [function for function in functions if function.name == choice.function.name]
    if not named:
        raise BadRequest(f"`tool_choice` names {choice.function.name!r}, which is not in `tools`.", param="tool_choice")
    return named[0]


def within(value: int, name: str, most: int) -> int:
    """The value, if it lies between 1 and the most. Raises BadRequest naming the field."""
    if not 1 <= value <= most:
        raise BadRequest(f"`{name}` must be between 1 and {most}.", param=name)
    return value
