"""The OpenAI endpoints under /v1: chat completions, image generations, image edits and embeddings."""

import re
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import msgspec

from penstock.api.addresses import Addresses
from penstock.api.answers import (
    chat_body,
    embeddings_body,
    image_usage,
    images_body,
    picture_chat_body,
)
from penstock.api.errors import openai_failure
from penstock.api.router_metadata import router_metadata
from penstock.api.streams import ChatStream, ImageStream
from penstock.api.wishes import flag_of, take_directions, take_response_format, take_sandbox, text_of
from penstock.core.answer import Answer, ChatAnswer, EmbeddingAnswer, ImageAnswer
from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall
from penstock.core.errors import BadRequest, PenstockError
from penstock.core.picture import Picture
from penstock.pipeline.fields import image_call, value_of
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.ingress import Fields, Form, picture_from, read_form, read_json
from penstock.pipeline.request import Life, Reply, StreamWriter

_MOST_REFERENCES = 16


class OpenAISurface(ABC):
    """What the four endpoints share."""

    dialect: ClassVar[str] = "openai"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def read(self, life: Life, gateway: Gateway) -> Call:
        fields, _ = await read_json(life.incoming, gateway)
        return await self.from_json(life, fields, gateway)

    @abstractmethod
    async def from_json(self, life: Life, fields: Fields, gateway: Gateway) -> Call:
        """The call these fields of a JSON body make. Raises BadRequest."""

    @abstractmethod
    def reply(self, life: Life, answer: Answer) -> Reply:
        """The whole answer."""

    @abstractmethod
    def stream(self, life: Life) -> StreamWriter:
        """The writer of a streamed answer."""

    def failure(self, life: Life | None, error: PenstockError) -> Reply:
        return openai_failure(error, life)

    def extra(self, life: Life) -> dict[str, Any]:
        """Top-level fields beyond OpenAI's."""
        return router_metadata(life)

    def addresses(self, life: Life) -> Addresses:
        return Addresses(life, self._gateway)


class ChatCompletions(OpenAISurface):
    """`POST /v1/chat/completions`."""

    async def from_json(self, life: Life, fields: Fields, gateway: Gateway) -> Call:
        take_directions(life, fields, gateway)
        model = text_of(fields.get("model"), "model")
        if bytes(fields.get("messages", b""))[:1] != b"[":
            raise BadRequest("`messages` must be a list of messages.", param="messages")
        if bytes(fields.get("stream_options", b"null"))[:1] not in (b"{", b"n"):
            raise BadRequest("`stream_options` must be an object.", param="stream_options")
        if sandbox := take_sandbox(life.incoming):
            fields["sandbox"] = msgspec.Raw(msgspec.json.encode(sandbox))
        return ChatCall(
            model=model,
            body=fields,
            stream=flag_of(fields.get("stream"), "stream"),
            modalities=_modalities(fields.get("modalities")),
            pictures=life.incoming.pictures,
        )

    def reply(self, life: Life, answer: Answer) -> Reply:
        if isinstance(answer, ImageAnswer):
            return Reply(pieces=picture_chat_body(life, answer, self.addresses(life), self.extra(life)))
        assert isinstance(answer, ChatAnswer)
        return Reply(pieces=chat_body(life, answer, self.extra(life)))

    def stream(self, life: Life) -> StreamWriter:
        return ChatStream(life, self.addresses(life))


class ImagesSurface(OpenAISurface):
    """What generations and edits share."""

    def reply(self, life: Life, answer: Answer) -> Reply:
        assert isinstance(answer, ImageAnswer)
        usage = image_usage(life, answer.usage)
        return Reply(pieces=images_body(life, answer, self.addresses(life), usage, self.extra(life)))

    def stream(self, life: Life) -> StreamWriter:
        return ImageStream(life, self.addresses(life))

    def call(
        self, life: Life, fields: dict[str, Any], references: tuple[Picture, ...] = (), mask: Picture | None = None
    ) -> ImageCall:
        """The call, with the gateway's own fields taken out."""
        take_directions(life, fields, self._gateway)
        take_response_format(life, fields.pop("response_format", None))
        if sandbox := take_sandbox(life.incoming):
            fields["sandbox"] = sandbox
        return image_call(fields, references, mask)


class ImageGenerations(ImagesSurface):
    """`POST /v1/images/generations`."""

    async def from_json(self, life: Life, fields: Fields, gateway: Gateway) -> Call:
        return self.call(life, decoded(fields))


class ImageEdits(ImagesSurface):
    """`POST /v1/images/edits`, as a form with files or as JSON with `images`."""

    async def read(self, life: Life, gateway: Gateway) -> Call:
        if life.incoming.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            return self.from_form(life, await read_form(life.incoming, gateway))
        return await super().read(life, gateway)

    def from_form(self, life: Life, form: Form) -> Call:
        """The call a multipart form makes. Raises BadRequest."""
        references = tuple(form.files.pop("image", []))
        masks = form.files.pop("mask", [])
        for name in form.files:
            raise BadRequest(f"`{name}` is not a file this endpoint takes; it takes `image` and `mask`.", param=name)
        fields = {name: _typed(name, value) for name, value in form.fields.items() if value != ""}
        return self._edit(life, fields, references, masks[0] if masks else None)

    async def from_json(self, life: Life, fields: Fields, gateway: Gateway) -> Call:
        given, pictures = decoded(fields), life.incoming.pictures
        sent = given.pop("images", given.pop("image", None))
        entries = sent if isinstance(sent, list) else [sent] if sent else []
        if len(entries) > _MOST_REFERENCES:
            raise BadRequest(f"At most {_MOST_REFERENCES} `images` can be sent.", param="images")
        references = [await picture_from(_address(entry), "images", pictures, gateway) for entry in entries]
        mask_sent = given.pop("mask", None)
        mask = await picture_from(_address(mask_sent), "mask", pictures, gateway) if mask_sent else None
        return self._edit(life, given, tuple(references), mask)

    def _edit(
        self, life: Life, fields: dict[str, Any], references: tuple[Picture, ...], mask: Picture | None
    ) -> ImageCall:
        if not references:
            raise BadRequest("`image` is missing: an edit needs a picture to start from.", param="image")
        if len(references) > _MOST_REFERENCES:
            raise BadRequest(f"At most {_MOST_REFERENCES} pictures can be sent.", param="image")
        return self.call(life, fields, references, mask)


class Embeddings(OpenAISurface):
    """`POST /v1/embeddings`."""

    async def from_json(self, life: Life, fields: Fields, gateway: Gateway) -> Call:
        take_directions(life, fields, gateway)
        model = text_of(fields.get("model"), "model")
        if bytes(fields.get("input", b""))[:1] not in (b'"', b"["):
            raise BadRequest("`input` must be a string or a list.", param="input")
        if sandbox := take_sandbox(life.incoming):
            fields["sandbox"] = msgspec.Raw(msgspec.json.encode(sandbox))
        return EmbeddingCall(model=model, body=fields)

    def reply(self, life: Life, answer: Answer) -> Reply:
        assert isinstance(answer, EmbeddingAnswer)
        return Reply(pieces=embeddings_body(life, answer, self.extra(life)))

    def stream(self, life: Life) -> StreamWriter:
        raise AssertionError("embeddings are not streamed")


def decoded(raw: dict[str, msgspec.Raw]) -> dict[str, Any]:
    """Every field decoded; the pictures in them are placeholders, so this is small."""
    return {name: value_of(value, name) for name, value in raw.items()}


def _modalities(raw: msgspec.Raw | None) -> tuple[str, ...] | None:
    value = value_of(raw, "modalities") if raw is not None else None
    if value is None:
        return None
    if not isinstance(value, list) or not all(item in ("text", "image", "audio") for item in value):
        raise BadRequest("`modalities` must be a list of text, image and audio.", param="modalities")
    return tuple(value)


def _address(entry: Any) -> Any:
    """The address in `"..."`, `{"image_url": "..."}` or `{"image_url": {"url": "..."}}`."""
    if isinstance(entry, dict):
        if "file_id" in entry:
            raise BadRequest(
                "Files by id are not kept here; send `image_url` as a data URL or address.", param="images"
            )
        inner = entry.get("image_url")
        return inner.get("url") if isinstance(inner, dict) else inner
    return entry


_INTEGERS = frozenset(("n", "output_compression", "seed", "partial_images"))


def _typed(name: str, value: str) -> Any:
    """A form's text as the JSON type its field has. Raises BadRequest."""
    if name.startswith("provider["):
        raise BadRequest("In a form `provider` is one field, with a JSON object in it.", param="provider")
    if name.startswith("models["):
        raise BadRequest("In a form `models` is one field, with a JSON list in it.", param="models")
    if name in _INTEGERS:
        if not re.fullmatch(r"-?[0-9]{1,30}", value.strip()):
            raise BadRequest(f"`{name}` must be a whole number, not {value[:40]!r}.", param=name)
        return int(value)
    if name == "stream":
        if value.lower() not in ("true", "false"):
            raise BadRequest("`stream` must be true or false.", param="stream")
        return value.lower() == "true"
    if name in ("provider", "models"):
        return value_of(msgspec.Raw(value.encode()), name)
    return value
