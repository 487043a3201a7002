"""How many tokens a request's text is: about so many, and at most so many.

Nobody but the provider can count its tokens. Every tokenizer in use falls back to single bytes, so that a text never
takes more tokens than it has bytes; JSON's own quotation marks and names stand for what a chat template adds, and a
small allowance beside them.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any

import msgspec

from penstock.core.call import ChatCall, EmbeddingCall, ImageCall

Body = Mapping[str, msgspec.Raw]

BYTES_PER_TOKEN = 4
"""Of text, about."""
_PROMPT_FIELDS = ("messages", "tools", "functions", "response_format")
_TEMPLATE = 16
"""Tokens a chat template may add around the whole, and around each message."""
_TOOLS = 1024
"""Tokens of the instructions a provider adds where there are tools: some hundreds, which it charges for."""
_TEXT_PARTS = ("text", "refusal")


def pictures_prompt(call: ImageCall) -> tuple[int, int]:
    """Tokens of the prompt of a request for pictures: about, and at most."""
    length = len(call.prompt.encode())
    return ceil(length / BYTES_PER_TOKEN), length + 2 * _TEMPLATE


def prompt_tokens(body: Body, window: int | None) -> tuple[int, int]:
    """Tokens of a chat's prompt, with its tools and schemas: about, and at most.

    `window` is how many tokens the model can read.
    """
    usual = ceil(sum(_length(body, name) for name in _PROMPT_FIELDS) / BYTES_PER_TOKEN)
    # Fields that are not known here go to the provider too, and may be prompt.
    longest = sum(_length(body, name) for name in body)
    longest += _TEMPLATE * (1 + bytes(body.get("messages", b"")).count(b'"role"'))
    longest += _TOOLS if "tools" in body or "functions" in body else 0
    return (usual, longest) if window is None else (min(usual, window), min(longest, window))


def answer_tokens(body: Body, most: int | None, window: int | None) -> int | None:
    """The most tokens of all answers together: as asked, as the offer writes at most, or as the model can hold."""
    asked = [count for name in ("max_tokens", "max_completion_tokens") if (count := _integer(body, name))]
    # Where both are given, which of the two a provider keeps to is its own.
    bounds = [bound for bound in (max(asked, default=None), most or window) if bound]
    return min(bounds) * (_integer(body, "n") or 1) if bounds else None


def embedding_tokens(call: EmbeddingCall) -> tuple[int, int]:
    """Tokens of texts to be embedded: about, and at most."""
    length = _length(call.body, "input")  # a token given as a number has its digits and a comma
    return ceil(length / BYTES_PER_TOKEN), length + _TEMPLATE


def text_of(call: ImageCall | ChatCall | EmbeddingCall) -> str:
    """What is asked, in words: a prompt, or the text of a chat's messages; what is no text is left out."""
    if isinstance(call, ImageCall):
        return call.prompt
    try:
        given = msgspec.json.decode(call.body["messages" if isinstance(call, ChatCall) else "input"])
    except (KeyError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    entries = given if isinstance(given, list) else [given]
    return "\n".join(text for entry in entries for text in _texts(entry))


def _texts(entry: object) -> list[str]:
    content = entry.get("content") if isinstance(entry, dict) else entry
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


def media(call: ChatCall) -> int | None:
    """How many pictures a chat holds; None where it holds sound, documents or what is not known here."""
    messages = bytes(call.body.get("messages", b""))
    # A plain chat is not decoded for this. A backslash may hide a name.
    if not any(sign in messages for sign in (b'"type"', b"image", b"\\u")):
        return len(call.pictures)
    try:
        decoded = msgspec.json.decode(messages)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    kinds = [kind for message in decoded if isinstance(message, dict) for kind in _kinds(message)]
    if any(kind not in ("image_url", *_TEXT_PARTS) for kind in kinds):
        return None
    return max(len(call.pictures), kinds.count("image_url"))


def _kinds(message: dict[str, Any]) -> list[object]:
    """The types of a message's parts; pictures of an earlier answer stand in `images`."""
    content, images = message.get("content"), message.get("images") or []
    parts = [] if content is None or isinstance(content, str) else content
    if not isinstance(parts, list) or not isinstance(images, list):
        return [None]
    kinds: list[object] = [part.get("type") if isinstance(part, dict) else "text" for part in parts]
    return kinds + ["image_url"] * len(images)


def _length(body: Body, name: str) -> int:
    return memoryview(body[name]).nbytes if name in body else 0


def _integer(body: Body, name: str) -> int | None:
    try:
        value: object = msgspec.json.decode(body[name])
    except (KeyError, msgspec.DecodeError):
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
