"""What the simulated chat models say: they echo, call the tools they are told to, keep to a schema, and draw.

Deterministic, with usage by a rule simple enough to work out by hand: one token for each four characters begun, three
for each message, 258 for each picture sent.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.simulators.base import draw
from tests.simulators.openai_rules import MILLION, REFERENCE_TOKENS, Refused, text_tokens

FIELDS = {
    *("model", "messages", "n", "seed", "stop", "store", "user", "tools", "tool_choice", "parallel_tool_calls"),
    *("functions", "function_call", "audio", "modalities", "prediction", "metadata", "service_tier", "verbosity"),
    *("frequency_penalty", "presence_penalty", "temperature", "top_p", "logit_bias", "logprobs", "top_logprobs"),
    *("max_tokens", "max_completion_tokens", "reasoning_effort", "response_format", "stream", "stream_options"),
    *("prompt_cache_key", "prompt_cache_retention", "safety_identifier", "web_search_options"),
}
"""What OpenAI takes; it refuses every other field, and OpenRouter passes over them."""

TEXT_IN, TEXT_OUT, IMAGE_OUT = Decimal(2), Decimal(8), Decimal(30)
"""US dollars for a million tokens, whichever the model."""

IMAGE_TOKENS = 1290
SIZES = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
}
SCALES = {"1K": 1, "2K": 2, "4K": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A chat answered."""

    model: str
    n: int
    content: str | None
    tool_call: Mapping[str, Any] | None
    images: tuple[str, ...]
    """Data URLs."""
    finish_reason: str
    prompt_tokens: int
    image_mode: bool

    @property
    def completion_tokens(self) -> int:
        said = (self.content or "") + (self.tool_call["function"]["arguments"] if self.tool_call else "")
        return self.n * max(1, text_tokens(said)) + IMAGE_TOKENS * len(self.images)

    @property
    def usage(self) -> dict[str, Any]:
        inside = {"reasoning_tokens": 0} | (
            {"image_tokens": IMAGE_TOKENS * len(self.images)} if self.image_mode else {}
        )
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": inside,
        }

    @property
    def dollars(self) -> Decimal:
        images = IMAGE_TOKENS * len(self.images)
        text = self.completion_tokens - images
        return (self.prompt_tokens * TEXT_IN + text * TEXT_OUT + images * IMAGE_OUT) / MILLION

    @property
    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.content, "refusal": None}
        if self.tool_call:
            message["tool_calls"] = [self.tool_call]
        if self.images:
            message["images"] = self._images
        return message

    @property
    def _images(self) -> list[dict[str, Any]]:
        return [{"type": "image_url", "image_url": {"url": url}, "index": i} for i, url in enumerate(self.images)]

    def deltas(self) -> Iterator[tuple[dict[str, Any], str | None]]:
        """The message in pieces: delta and finish reason. All pictures come in one delta."""
        yield {"role": "assistant", "content": ""}, None
        for word in re.findall(r"\s*\S+|\s+", self.content or ""):
            yield {"content": word}, None
        if self.tool_call:
            yield {"tool_calls": [{"index": 0, **self.tool_call}]}, None
        if self.images:
            yield {"images": self._images}, None
        yield {}, self.finish_reason


def answer(body: Any, *, strict: bool) -> Completion:
    """What a chat request is answered with. Raises Refused as the real one would."""
    if not isinstance(body, Mapping):
        raise Refused("We could not parse the JSON body of your request.", code=None)
    _check(body, strict=strict)
    modalities = body.get("modalities") or ["text"]
    said = _last_words(body["messages"])
    tool_call = _tool_call(body)
    drawing = "image" in modalities
    content: str | None = _content(body, said)
    if tool_call or (drawing and "text" not in modalities):
        content = None if tool_call else ""
    content, finish = _cut(content, body.get("max_completion_tokens") or body.get("max_tokens"))
    return Completion(
        model=body["model"],
        n=body.get("n") or 1,
        content=content,
        tool_call=tool_call,
        images=(_picture(body, said),) if drawing else (),
        finish_reason="tool_calls" if tool_call else finish,
        prompt_tokens=sum(_tokens(message) for message in body["messages"]),
        image_mode=drawing,
    )


def _check(body: Mapping[str, Any], *, strict: bool) -> None:
    for name in body if strict else ():
        if name not in FIELDS:
            raise Refused(f"Unrecognized request argument supplied: {name}", None, None)
    if not isinstance(body.get("model"), str):
        raise Refused("you must provide a model parameter", None, None)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(each, Mapping) for each in messages):
        raise Refused("Invalid 'messages': expected a list with at least one message.", "messages", "invalid_type")
    if strict and body.get("stream_options") is not None and not body.get("stream"):
        raise Refused(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options", None
        )
    if strict and "image" in (body.get("modalities") or []):
        raise Refused("Invalid value: 'image'. Supported values are: 'text' and 'audio'.", "modalities")
    temperature = body.get("temperature")
    if temperature is not None and not 0 <= temperature <= 2:
        raise Refused("Invalid 'temperature': expected a value between 0 and 2.", "temperature", "decimal_out_of_range")


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else [{"type": "text", "text": content or ""}]


def _text(message: Mapping[str, Any]) -> str:
    return " ".join(part.get("text", "") for part in _parts(message) if part.get("type") == "text")


def _tokens(message: Mapping[str, Any]) -> int:
    pictures = [part for part in _parts(message) if part.get("type") == "image_url"]
    for part in pictures:
        _check_picture(part.get("image_url", {}).get("url", ""))
    return 3 + text_tokens(_text(message)) + REFERENCE_TOKENS * len(pictures)


def _check_picture(url: str) -> None:
    """A data URL must hold base64 all through, so that a placeholder which was never replaced is noticed."""
    head, comma, data = url.partition(",")
    if head.startswith("data:") and not (comma and re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", data)):
        raise Refused("You uploaded an unsupported image.", None, "invalid_image_format")


def _last_words(messages: list[Mapping[str, Any]]) -> str:
    return next((_text(each) for each in reversed(messages) if each.get("role") == "user"), "")


def _content(body: Mapping[str, Any], said: str) -> str:
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return json.dumps(sample(wanted["json_schema"]["schema"]))
    if wanted.get("type") == "json_object":
        return json.dumps({"echo": said})
    if body["messages"][-1].get("role") == "tool":
        return f"The tool said: {_text(body['messages'][-1])}"
    return f"You said: {said}"


def _cut(content: str | None, most: int | None) -> tuple[str | None, str]:
    if content is None or most is None or text_tokens(content) <= most:
        return content, "stop"
    return content[: most * 4], "length"


def _tool_call(body: Mapping[str, Any]) -> dict[str, Any] | None:
    tools, choice = body.get("tools") or [], body.get("tool_choice")
    if not tools or choice in (None, "auto", "none"):
        return None
    functions = {tool["function"]["name"]: tool["function"] for tool in tools}
    name = next(iter(functions)) if choice == "required" else choice["function"]["name"]
    if name not in functions:
        raise Refused(f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice", None)
    arguments = json.dumps(sample(functions[name].get("parameters") or {"type": "object"}))
    return {"id": f"call_{_digest(arguments)}", "type": "function", "function": {"name": name, "arguments": arguments}}


def sample(schema: Mapping[str, Any]) -> Any:
    """A value a JSON schema allows."""
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: sample(inner) for name, inner in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [sample(schema.get("items") or {"type": "string"})]
    return {"integer": 1, "number": 1.5, "boolean": True, "null": None}.get(str(kind), "text")


def _picture(body: Mapping[str, Any], said: str) -> str:
    config = body.get("image_config") or {}
    ratio, scale = config.get("aspect_ratio", "1:1"), config.get("image_size", "1K")
    if ratio not in SIZES or scale not in SCALES:
        raise Refused("Invalid image_config.", "image_config")
    width, height = SIZES[ratio]
    data = draw(width * SCALES[scale], height * SCALES[scale], "png", said)
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
