"""A chat with a model that only makes pictures is a request for a picture; this says which.

The prompt is the last user message's text. The references are its pictures or, where it has none, those of the last
answer before it, so that "make it blue" edits what was made last.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from penstock.core.call import Call, ChatCall, ImageCall
from penstock.core.errors import BadRequest
from penstock.core.target import Model
from penstock.pipeline.direct import named_model
from penstock.pipeline.fields import image_call, value_of
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.ingress import picture_from
from penstock.pipeline.request import Life

_CHAT_ONLY = frozenset(
    "model messages stream stream_options modalities image_config temperature top_p top_k max_tokens "
    "max_completion_tokens stop presence_penalty frequency_penalty tools tool_choice parallel_tool_calls "
    "response_format logprobs top_logprobs logit_bias reasoning reasoning_effort metadata store service_tier "
    "usage models".split()
)
_QUIET = frozenset("model messages stream stream_options modalities image_config usage metadata store".split())


async def as_asked(life: Life, call: Call, gateway: Gateway) -> tuple[Model, Call]:
    """The model a call names, and the call it is at that model. Raises NotFound and BadRequest."""
    model = named_model(life, call, gateway)
    if isinstance(call, ChatCall) and model.image_only:
        call = await picture_call(life, call, gateway)
    life.call = call
    return model, call


async def picture_call(life: Life, call: ChatCall, gateway: Gateway) -> ImageCall:
    """The request for pictures that this chat is. Raises BadRequest where it has no user message with text."""
    messages = _messages(call)
    prompt, references = _asked(messages)
    sent = life.incoming.pictures
    pictures = [await picture_from(address, "messages", sent, gateway) for address in references]
    config = _object(call, "image_config")
    fields: dict[str, Any] = {
        name: value_of(value, name) for name, value in call.body.items() if name not in _CHAT_ONLY
    }
    fields |= {("resolution" if name == "image_size" else name): value for name, value in config.items()}
    left_out = [name for name in call.body if name in _CHAT_ONLY - _QUIET]
    if any(message.get("role") in ("system", "developer") for message in messages):
        left_out.append("messages.system")
    life.ignored = (*life.ignored, *left_out)
    return image_call({**fields, "model": call.model, "prompt": prompt, "stream": call.stream}, tuple(pictures), None)


def _messages(call: ChatCall) -> list[dict[str, Any]]:
    raw = call.body.get("messages")
    try:
        messages = msgspec.json.decode(raw, type=list[dict[str, Any]]) if raw else []
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest("`messages` must be a list of messages.", param="messages") from error
    if not messages:
        raise BadRequest("`messages` is missing or empty.", param="messages")
    return messages


def _object(call: ChatCall, name: str) -> dict[str, Any]:
    raw = call.body.get(name)
    if raw is None:
        return {}
    value = value_of(raw, name)
    if value is not None and not isinstance(value, dict):
        raise BadRequest(f"`{name}` must be an object.", param=name)
    return value or {}


def _asked(messages: list[dict[str, Any]]) -> tuple[str, list[str]]:
    """The prompt, and the addresses of its reference pictures."""
    place = next((i for i in range(len(messages) - 1, -1, -1) if messages[i].get("role") == "user"), None)
    if place is None:
        raise BadRequest("`messages` has no user message to make a picture from.", param="messages")
    prompt = "\n".join(_texts(messages[place])).strip()
    if not prompt:
        raise BadRequest("The last user message has no text to make a picture from.", param="messages")
    references = list(_pictures(messages[place]))
    for earlier in reversed(messages[:place] if not references else []):
        if earlier.get("role") == "assistant":
            references = list(_pictures(earlier))
            break
    return prompt, references


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content, images = message.get("content"), message.get("images")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    parts = parts if isinstance(parts, list) else []
    return [part for part in [*parts, *(images if isinstance(images, list) else [])] if isinstance(part, dict)]


def _texts(message: dict[str, Any]) -> Iterator[str]:
    for part in _parts(message):
        if part.get("type") == "text" and isinstance(part.get("text"), str):
            yield part["text"]


def _pictures(message: dict[str, Any]) -> Iterator[str]:
    for part in _parts(message):
        if part.get("type") == "image_url":
            image = part.get("image_url")
            address = image.get("url") if isinstance(image, dict) else image
            yield address if isinstance(address, str) else ""
