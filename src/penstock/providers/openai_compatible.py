"""The adapter for OpenAI and for everyone who speaks its dialect: chat, pictures, edits and embeddings.

What to send and how to read it is in `openai_chat`, `openai_images` and `openai_chat_images`; deviations are quirks
(`openai_quirks`). Facts: OpenAI's API reference as of August 2026, OpenRouter's OpenAPI of August 2026.
"""

from collections.abc import Mapping
from typing import Any

from penstock.core.answer import Answer
from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall
from penstock.core.pieces import Pieces
from penstock.core.target import Account, Offer
from penstock.providers import openai_quirks
from penstock.providers.base import Reader, Shown, UpstreamReply, UpstreamRequest
from penstock.providers.openai_chat import (
    ChatReader,
    chat_body,
    embedding_body,
    read_chat,
    read_embedding,
)
from penstock.providers.openai_chat_images import by_chat, chat_image_body, read_chat_images
from penstock.providers.openai_errors import opened
from penstock.providers.openai_image_stream import ImageReader
from penstock.providers.openai_images import image_request, read_images, streams
from penstock.providers.openai_quirks import Quirks, quirks_of

_JSON = "application/json"


class OpenAICompatible:
    """Answered at once, by one reply or one stream."""

    mask_polarity = "transparent"
    """A mask's transparent pixels are edited, as callers send it."""

    def check_quirks(self, quirks: Mapping[str, Any]) -> None:
        """Raises ValueError for quirks this adapter does not know."""
        openai_quirks.check(quirks)

    def request(self, call: Call, offer: Offer, account: Account) -> UpstreamRequest:
        """The request that carries the call out. Raises BadRequest where this provider cannot be asked for it."""
        quirks = quirks_of(account)
        if isinstance(call, ChatCall):
            body = chat_body(call, offer, quirks)
            return _post(account, quirks, "/chat/completions", body, stream=call.stream)
        if isinstance(call, EmbeddingCall):
            return _post(account, quirks, "/embeddings", embedding_body(call, offer, quirks))
        if by_chat(offer, quirks):
            return _post(account, quirks, "/chat/completions", chat_image_body(call, offer, quirks))
        path, content_type, body = image_request(call, offer, quirks)
        return _post(account, quirks, path, body, content_type, stream=streams(call, offer))

    def read(self, call: Call, offer: Offer, account: Account, reply: UpstreamReply) -> Answer:
        """What a reply means. Raises a ProviderError or Moderated for every failure."""
        quirks = quirks_of(account)
        if isinstance(call, ChatCall):
            return read_chat(account, quirks, reply)
        if isinstance(call, EmbeddingCall):
            return read_embedding(account, quirks, reply)
        if by_chat(offer, quirks):
            return read_chat_images(call, account, quirks, reply)
        return read_images(call, account, quirks, reply)

    def reader(self, call: Call, offer: Offer, account: Account) -> Reader:
        """A reader for a stream of a chat or of pictures."""
        quirks = quirks_of(account)
        return ImageReader(call, account, quirks) if isinstance(call, ImageCall) else ChatReader(account, quirks)

    def probe(self, account: Account) -> UpstreamRequest:
        """A question that needs the key and costs nothing; by default which models there are."""
        quirks = quirks_of(account)
        return UpstreamRequest(
            method="GET",
            url=account.provider.base_url.rstrip("/") + quirks.probe_path,
            headers=_headers(account, quirks),
        )

    def read_probe(self, account: Account, reply: UpstreamReply) -> Shown:
        """The models are listed whether or not there is credit."""
        # Together AI lists them in an array of its own; everybody else in an object.
        if not (200 <= reply.status < 300 and isinstance(reply.json(), list)):
            opened(account, reply)
        return Shown.KEY


def _post(
    account: Account, quirks: Quirks, path: str, body: Pieces, content_type: str = _JSON, *, stream: bool = False
) -> UpstreamRequest:
    expected = "text/event-stream" if stream else _JSON
    return UpstreamRequest(
        method="POST",
        url=account.provider.base_url.rstrip("/") + path,
        headers={"content-type": content_type, **_headers(account, quirks, expected)},
        body=body,
        stream=stream,
    )


def _headers(account: Account, quirks: Quirks, expected: str = _JSON) -> dict[str, str]:
    headers = {"accept": expected}
    if account.key:
        headers[quirks.auth_header.lower()] = f"{quirks.auth_prefix.strip()} {account.key}".lstrip()
    for name, value in quirks.headers.items():
        headers[name.lower()] = value
    return headers
