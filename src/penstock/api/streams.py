"""Answers as server-sent events: LF line ends, one event after another, `data: [DONE]` at the end of a good stream.

A provider that does not stream is answered as a stream all the same: everything comes in the closing.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from penstock.api.addresses import Addresses
from penstock.api.answers import (
    completion_id,
    encode,
    failures,
    image_entry,
    image_usage,
    model_name,
    picture_message,
    pictures_of,
    token_usage,
)
from penstock.api.errors import openai_error, openrouter_error
from penstock.api.router_metadata import router_metadata
from penstock.core.answer import Answer, ChatAnswer, ChatDelta, Event, ImageAnswer, PartialPicture
from penstock.core.call import ImageCall, Operation
from penstock.core.errors import PenstockError
from penstock.core.picture import Picture
from penstock.core.pieces import Pieces, length, placeholder, split
from penstock.pipeline.request import Life

_DONE = b"data: [DONE]\n\n"
_EVENT_BYTES = 32 * 1024
"""The agentcc Python client does not join events split across reads; larger pictures reach it as an address."""


class ChatStream:
    """Chunks of a chat completion."""

    def __init__(self, life: Life, addresses: Addresses) -> None:
        self._life = life
        self._addresses = addresses
        self._openrouter = life.surface.dialect == "openrouter"
        self._short = life.incoming.headers.get("user-agent", "").startswith("agentcc-python")
        head = {
            "id": completion_id(life),
            "object": "chat.completion.chunk",
            "created": int(life.incoming.started_at),
            "model": model_name(life),
            "system_fingerprint": None,
        }
        if self._openrouter and life.served_by:
            head["provider"] = life.served_by.account.provider.name
        self._head = b"data: " + encode(head)[:-1] + b","

    def opening(self) -> Pieces:
        return ()

    def event(self, event: Event) -> Pieces:
        if not isinstance(event, ChatDelta):
            return ()
        return self._sent(self._head + b'"choices":' + bytes(event.choices) + b"}\n\n", event.pictures)

    def closing(self, answer: Answer) -> Pieces:
        pieces: Pieces = ()
        if isinstance(answer, ImageAnswer):
            pieces = self._pictures(answer)
        elif isinstance(answer, ChatAnswer) and answer.choices is not None:
            pieces = self._whole(answer)
        usage = {"choices": [], "usage": token_usage(self._life, answer.usage), **router_metadata(self._life)}
        if isinstance(answer, ImageAnswer):
            usage |= failures(answer)
        return (*pieces, self._chunk(usage) + _DONE)

    def failure(self, error: PenstockError) -> Pieces:
        if not self._openrouter:
            return (b"data: " + encode(openai_error(error)) + b"\n\n",)
        ended = [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]
        return (self._chunk({"error": openrouter_error(error, self._life), "choices": ended}),)

    def _chunk(self, fields: dict[str, Any]) -> bytes:
        return self._head + encode(fields)[1:] + b"\n\n"

    def _sent(self, chunks: bytes, pictures: Mapping[str, Picture]) -> Pieces:
        """Chunks with their pictures; by address, for a client that could not read so long an event."""
        if not pictures:
            return (chunks,)
        pieces = split(chunks, pictures)
        if not self._short or length(pieces) <= _EVENT_BYTES:
            return pieces
        for picture in pictures.values():
            inline = rb'data:[^"]*' + placeholder(picture.digest).encode()
            chunks = re.sub(inline, self._addresses.of(picture).encode(), chunks)
        return split(chunks, pictures)

    def _pictures(self, answer: ImageAnswer) -> Pieces:
        """The pictures in one delta, then the end."""
        delta = picture_message(self._life, answer, self._addresses)
        del delta["refusal"]
        shown = self._chunk({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        ended = self._chunk({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        return self._sent(shown + ended, pictures_of(answer))

    def _whole(self, answer: ChatAnswer) -> Pieces:
        """A buffered answer as one delta for each choice."""
        assert answer.choices is not None
        choices = msgspec.json.decode(answer.choices, type=list[dict[str, msgspec.Raw]])
        chunks: list[dict[str, Any]] = [
            {
                "index": choice.get("index", 0),
                "delta": choice.get("message", {}),
                "finish_reason": choice.get("finish_reason"),
            }
            for choice in choices
        ]
        return self._sent(self._chunk({"choices": chunks}), answer.pictures)


class ImageStream:
    """Previews and finished pictures of the images endpoints."""

    def __init__(self, life: Life, addresses: Addresses) -> None:
        self._life = life
        self._addresses = addresses
        edit = life.call is not None and life.call.operation is Operation.IMAGE_EDIT
        self._openrouter = life.surface.dialect == "openrouter"
        self._kind = "image_edit" if edit and not self._openrouter else "image_generation"

    def opening(self) -> Pieces:
        return ()

    def event(self, event: Event) -> Pieces:
        if not isinstance(event, PartialPicture):
            return ()
        picture = event.picture
        fields = {
            "partial_image_index": event.index,
            "b64_json": placeholder(picture.digest),
            "created_at": int(self._life.incoming.started_at),
            **self._facts(picture),
        }
        return split(self._event("partial_image", fields), {picture.digest: picture})

    def closing(self, answer: Answer) -> Pieces:
        assert isinstance(answer, ImageAnswer)
        usage = token_usage if self._openrouter else image_usage
        text = b""
        for place, output in enumerate(answer.outputs):
            last = place == len(answer.outputs) - 1
            fields = {
                **image_entry(self._life, output, self._addresses),
                "created_at": int(self._life.incoming.started_at),
                "created": int(self._life.incoming.started_at),
                **(self._facts(output.picture) if output.picture else {}),
                **answer.echo,
                "usage": usage(self._life, answer.usage) if last else None,
                **(failures(answer) | router_metadata(self._life) if last else {}),
            }
            text += self._event("completed", fields)
        return split(text + _DONE, pictures_of(answer))

    def failure(self, error: PenstockError) -> Pieces:
        if self._openrouter:
            body = {"type": "error", "error": {"message": error.message, "code": error.code}}
            return (b"data: " + encode(body) + b"\n\n",)
        return (b"event: error\ndata: " + encode({"type": "error", **openai_error(error)}) + b"\n\n",)

    def _facts(self, picture: Picture) -> dict[str, Any]:
        """The fields OpenAI's events always have; where a provider says nothing, what was asked."""
        call = self._life.call
        assert isinstance(call, ImageCall)
        return {
            "size": f"{picture.width}x{picture.height}",
            "output_format": picture.extension,
            "quality": call.quality or "auto",
            "background": call.background or "auto",
        }

    def _event(self, name: str, fields: dict[str, Any]) -> bytes:
        kind = f"{self._kind}.{name}"
        head = b"" if self._openrouter else f"event: {kind}\n".encode()
        return head + b"data: " + encode({"type": kind, **fields}) + b"\n\n"
