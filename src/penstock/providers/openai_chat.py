"""Chat completions and embeddings in OpenAI's dialect: fields pass as they came, in both directions.

This is the hot path. A body is a table of undecoded fields here; only the few that mean something to the gateway are
read.
"""

from collections.abc import Mapping

import msgspec

from penstock.core.answer import ChatAnswer, ChatDelta, EmbeddingAnswer, Event
from penstock.core.call import ChatCall, EmbeddingCall
from penstock.core.errors import BadRequest, UnusableAnswer
from penstock.core.pieces import Pieces, split
from penstock.core.target import Account, Offer
from penstock.providers.base import StreamEvent, UpstreamReply
from penstock.providers.openai_errors import opened, opened_event, stated_failure
from penstock.providers.openai_quirks import Quirks
from penstock.providers.openai_usage import chat_usage, stated_cost

GATEWAY_FIELDS = frozenset(
    {
        "models",
        "provider",
        "route",
        "transforms",
        "plugins",
        "preset",
        "usage",
        "session_id",
        "trace",
        "debug",
        "sandbox",
    }
)
"""OpenRouter's request fields that tell the gateway what to do. The strict providers refuse them; quirk `pass_fields`
names those a provider takes itself."""

_KNOWN = frozenset({"id", "object", "created", "model", "choices", "usage", "error"})
_KNOWN_EMBEDDING = frozenset({"id", "object", "model", "data", "usage", "error"})
_TRUE = msgspec.Raw(b"true")
_NULL = msgspec.Raw(b"null")

Fields = Mapping[str, msgspec.Raw]


class _Choice(msgspec.Struct):
    finish_reason: str | None = None
    error: msgspec.Raw = _NULL


_CHOICES = msgspec.json.Decoder(list[_Choice])
_OPTIONS = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)
_ENCODER = msgspec.json.Encoder()


def chat_body(call: ChatCall, offer: Offer, quirks: Quirks) -> Pieces:
    """The caller's fields for this model. Raises BadRequest where `stream_options` is not an object."""
    fields = _passed(call.body, offer, quirks)
    if not call.stream:
        fields.pop("stream", None)
        fields.pop("stream_options", None)
    else:
        fields["stream"] = _TRUE
        if quirks.stream_usage:
            fields["stream_options"] = _with_usage(call.body.get("stream_options", _NULL))
    encoded = _ENCODER.encode(fields)
    return split(encoded, call.pictures) if call.pictures else (encoded,)


def embedding_body(call: EmbeddingCall, offer: Offer, quirks: Quirks) -> Pieces:
    """The caller's fields for this model."""
    return (_ENCODER.encode(_passed(call.body, offer, quirks)),)


def read_chat(account: Account, quirks: Quirks, reply: UpstreamReply) -> ChatAnswer:
    """A chat completion. Raises UnusableAnswer where it has no choices."""
    fields = opened(account, reply)
    if not _choices(account, fields):
        raise UnusableAnswer(f"{account.provider.name} answered without choices.")
    return ChatAnswer(
        choices=fields["choices"],
        usage=chat_usage(fields.get("usage")),
        stated_cost=stated_cost(fields, quirks.cost_field, account.provider),
        id=_text(fields.get("id")),
        created=_number(fields.get("created")),
        pictures=reply.pictures,
        extra={name: value for name, value in fields.items() if name not in _KNOWN},
    )


def read_embedding(account: Account, quirks: Quirks, reply: UpstreamReply) -> EmbeddingAnswer:
    """Embedding vectors. Raises UnusableAnswer where there is no `data` array."""
    fields = opened(account, reply)
    data = fields.get("data", _NULL)
    if bytes(memoryview(data)[:1]) != b"[":
        raise UnusableAnswer(f"{account.provider.name} answered without embeddings.")
    return EmbeddingAnswer(
        data=data,
        usage=chat_usage(fields.get("usage")),
        stated_cost=stated_cost(fields, quirks.cost_field, account.provider),
        extra={name: value for name, value in fields.items() if name not in _KNOWN_EMBEDDING},
    )


class ChatReader:
    """Reads one streamed chat completion."""

    def __init__(self, account: Account, quirks: Quirks) -> None:
        self._account = account
        self._quirks = quirks
        self._first: Fields | None = None
        self._usage: Fields = {}
        """The last chunk with usage."""
        self._finished = False
        self._answered = False

    def read(self, event: StreamEvent) -> list[Event]:
        """A ChatDelta for a chunk with choices; the ChatAnswer for `[DONE]`. Raises what an error chunk means."""
        if self._answered:
            return []
        if event.data.strip() == b"[DONE]":
            return self._answer()
        fields = opened_event(self._account, event)
        if self._first is None:
            self._first = fields
        if fields.get("usage", _NULL) != _NULL:
            self._usage = fields
        choices = _choices(self._account, fields)
        if not choices:
            return []
        self._finished = self._finished or any(choice.finish_reason for choice in choices)
        return [ChatDelta(choices=fields["choices"], pictures=event.pictures)]

    def end(self) -> list[Event]:
        """The ChatAnswer where the stream closed after a finish reason; raises UnusableAnswer where it broke off."""
        if self._answered:
            return []
        if not self._finished:
            raise UnusableAnswer(f"{self._account.provider.name} broke the stream off before the answer was complete.")
        return self._answer()

    def _answer(self) -> list[Event]:
        if self._first is None:
            raise UnusableAnswer(f"{self._account.provider.name} ended the stream without an answer.")
        self._answered = True
        answer = ChatAnswer(
            choices=None,
            usage=chat_usage(self._usage.get("usage")),
            stated_cost=stated_cost(self._usage, self._quirks.cost_field, self._account.provider),
            id=_text(self._first.get("id")),
            created=_number(self._first.get("created")),
            extra={name: value for name, value in self._first.items() if name not in _KNOWN},
        )
        return [answer]


def _passed(body: Fields, offer: Offer, quirks: Quirks) -> dict[str, msgspec.Raw | str]:
    dropped = GATEWAY_FIELDS.difference(quirks.pass_fields) if quirks.pass_fields else GATEWAY_FIELDS
    fields: dict[str, msgspec.Raw | str] = {name: value for name, value in body.items() if name not in dropped}
    fields["model"] = offer.upstream
    return fields


def _with_usage(options: msgspec.Raw) -> msgspec.Raw:
    try:
        given = _OPTIONS.decode(options) or {}
    except msgspec.DecodeError as error:
        raise BadRequest("`stream_options` must be an object.", param="stream_options") from error
    return msgspec.Raw(_ENCODER.encode({**given, "include_usage": True}))


def _choices(account: Account, fields: Fields) -> list[_Choice]:
    """The heads of a completion's or chunk's choices; raises what an error in one means."""
    raw = fields.get("choices", _NULL)
    if raw == _NULL:
        return []
    try:
        choices = _CHOICES.decode(raw)
    except msgspec.DecodeError as error:
        raise UnusableAnswer(f"{account.provider.name} answered with choices that are none.") from error
    for choice in choices:
        # OpenRouter reports a failure after generation began in the choice.
        if choice.error != _NULL or choice.finish_reason == "error":
            raise stated_failure(account, choice.error)
    return choices


def _text(raw: msgspec.Raw | None) -> str | None:
    return msgspec.json.decode(raw) if raw and bytes(raw).startswith(b'"') else None


def _number(raw: msgspec.Raw | None) -> int | None:
    return int(bytes(raw)) if raw and bytes(raw).isdigit() else None
