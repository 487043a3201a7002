"""Requests that are asked about and not sent: the body of any endpoint, read by the endpoint it is for.

So what is told of a request and what becomes of it cannot disagree.
"""

import asyncio
from collections.abc import Awaitable

import msgspec

from penstock.api.answers import encode
from penstock.api.openai import ChatCompletions, Embeddings, ImageEdits, ImageGenerations, OpenAISurface
from penstock.api.openrouter import OpenRouterImages
from penstock.core.call import Call, Operation
from penstock.core.errors import BadRequest, DeadlineExceeded
from penstock.pipeline.fields import value_of
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.ingress import Fields, Form, read_form, read_json
from penstock.pipeline.request import Incoming, Life, Reply
from penstock.pipeline.retention import keep_for_a_while

_SIGNS = {
    "messages": Operation.CHAT,
    "input": Operation.EMBEDDING,
    "images": Operation.IMAGE_EDIT,
    "image": Operation.IMAGE_EDIT,
    "input_references": Operation.IMAGE_EDIT,
    "prompt": Operation.IMAGE_GENERATION,
}
"""Fields by which a body is known; the first that is there decides."""
_PICTURES = ("images", "image", "input_references")
_CONTRARY = (("messages", "input"), ("messages", "prompt"), ("input", "prompt"))


async def told(answer: Awaitable[msgspec.Struct], gateway: Gateway, incoming: Incoming) -> Reply:
    """The answer to a question about a request, in the time that a request has. Raises DeadlineExceeded after it."""
    seconds = gateway.settings.server.request_timeout_seconds
    try:
        async with asyncio.timeout(seconds):
            body = encode(await answer)
    except TimeoutError as error:
        raise DeadlineExceeded(f"The request did not finish within {seconds:g} seconds.") from error
    finally:
        await keep_for_a_while(incoming.pictures.values(), gateway)
    return Reply(pieces=(body,))


async def read_request(gateway: Gateway, incoming: Incoming, fields: Fields | None = None) -> tuple[Life, Call]:
    """The call that the body is, or these fields, read by the endpoint it is for.

    Raises what that endpoint would raise, and BadRequest where it is not plain which one is meant.
    """
    principal = incoming.principal
    assert principal is not None, "no route of this handler is public"
    if fields is None and incoming.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        edits = ImageEdits(gateway)
        life = Life(incoming=incoming, surface=edits, principal=principal)
        return life, edits.from_form(life, _edit(await read_form(incoming, gateway)))
    if fields is None:
        fields, _ = await read_json(incoming, gateway)
    named = _named(fields.pop("operation", None))
    surface = _surface(fields, named or _known_by(fields))(gateway)
    life = Life(incoming=incoming, surface=surface, principal=principal)
    call = await surface.from_json(life, fields, gateway)
    if named is not None and call.operation is not named:
        raise BadRequest(
            f"`operation` says {named}, and the body is one for {call.operation}: say that, or leave it out.",
            param="operation",
        )
    return life, call


def _named(raw: msgspec.Raw | None) -> Operation | None:
    value = None if raw is None else value_of(raw, "operation")
    return None if value is None else _operation(value)


def _operation(value: object) -> Operation:
    if not isinstance(value, str) or value not in set(Operation):
        raise BadRequest(f"`operation` must be one of {', '.join(Operation)}.", param="operation")
    return Operation(value)


def _edit(form: Form) -> Form:
    """The form without `operation`, which can only be an edit's."""
    named = form.fields.pop("operation", "")
    if named and _operation(named) is not Operation.IMAGE_EDIT:
        raise BadRequest(f"A form is a request for image_edit; {named} takes JSON.", param="operation")
    return form


def _known_by(fields: Fields) -> Operation:
    given = [name for name in _SIGNS if name in fields and not (name in _PICTURES and _empty(fields[name]))]
    if not given or any(first in given and second in given for first, second in _CONTRARY):
        raise BadRequest(
            f"It is not plain what the body asks for; say so in `operation`: {', '.join(Operation)}.",
            param="operation",
            code="missing_required_parameter",
        )
    return _SIGNS[given[0]]


def _surface(fields: Fields, operation: Operation) -> type[OpenAISurface]:
    """The endpoint a body is for."""
    if operation is Operation.CHAT:
        return ChatCompletions
    if operation is Operation.EMBEDDING:
        return Embeddings
    if "input_references" in fields:
        return OpenRouterImages
    brings = any(name in fields and not _empty(fields[name]) for name in ("images", "image"))
    return ImageEdits if brings or operation is Operation.IMAGE_EDIT else ImageGenerations


def _empty(value: msgspec.Raw) -> bool:
    return bytes(value) in (b"null", b"[]", b'""')
