"""The sandbox: a provider inside the gateway for building and testing without money.

Draws landscapes of exactly the size and format asked for, edits that show their references, echoes for chats and
repeatable vectors, and fails on demand (`sandbox_failures`). It computes off the event loop and calls nobody.
"""

import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from random import SystemRandom
from typing import Any

from penstock.core.answer import (
    ChatAnswer,
    ChatDelta,
    EmbeddingAnswer,
    Event,
    ImageAnswer,
    Output,
    PartialPicture,
)
from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall, Size
from penstock.core.errors import BadRequest, PenstockError, UpstreamTimeout
from penstock.core.target import Account, Offer
from penstock.providers import sandbox_pictures as pictures
from penstock.providers import sandbox_text as text
from penstock.providers import sandbox_vectors as vectors
from penstock.providers.base import Workbench
from penstock.providers.sandbox_failures import Moment, Trouble, asked_for, without_magic

DEFAULT_SIZE = Size(1024, 1024)
MAX_SIDE = 8192
MAX_PIXELS = 4 * 1024 * 1024
MAX_REFERENCES = 16
_FORMATS = ("png", "jpeg", "webp")
_BACKGROUNDS = ("auto", "opaque", "transparent")
_STREAMED_BEFORE_DYING = 2
"""Pieces of a stream that come before it dies on demand."""


def _fresh_seed() -> int:
    return SystemRandom().getrandbits(31)


class Sandbox:
    """An InProcessAdapter for pictures, chats and embeddings.

    A provider's quirk `failure`, written as in a request's `sandbox` field, makes every call to it fail that way: a
    second provider with this adapter and `failure = "500"` is there to try fallback with.
    """

    mask_polarity = "transparent"
    """A mask's transparent pixels are edited, as callers send it."""

    def __init__(self, fresh_seed: Callable[[], int] = _fresh_seed) -> None:
        self._fresh_seed = fresh_seed

    def check_quirks(self, quirks: Mapping[str, Any]) -> None:
        """Raises ValueError for a quirk other than `failure`, or one that the sandbox does not know."""
        unknown = sorted(set(quirks) - {"failure"})
        if unknown:
            raise ValueError(f"The sandbox has no quirk {unknown[0]!r}; it has `failure`.")
        try:
            asked_for("", quirks.get("failure"))
        except BadRequest as error:
            raise ValueError(f"In the quirk `failure`: {error.message}") from error

    async def perform(self, call: Call, offer: Offer, account: Account, workbench: Workbench) -> AsyncIterator[Event]:
        """Carry the call out, or fail as it asks.

        Raises BadRequest for a field it cannot use, an unknown magic word or a picture it cannot read.
        """
        trouble = _trouble(call, account)
        await _before(trouble, account, workbench)
        streamed = 0
        async with aclosing(self._events(call, trouble, workbench)) as events:
            async for event in events:
                if isinstance(event, ImageAnswer | ChatAnswer | EmbeddingAnswer) or streamed == _STREAMED_BEFORE_DYING:
                    trouble.strike(Moment.MIDDLE)
                if isinstance(event, ImageAnswer | ChatAnswer | EmbeddingAnswer):
                    trouble.strike(Moment.END)
                yield event
                streamed += 1

    def _events(self, call: Call, trouble: Trouble, workbench: Workbench) -> AsyncGenerator[Event, None]:
        match call:
            case ImageCall():
                return self._pictures(call, trouble, workbench)
            case ChatCall():
                return _chat(call)
            case EmbeddingCall():
                return _embeddings(call, workbench)

    async def _pictures(self, call: ImageCall, trouble: Trouble, workbench: Workbench) -> AsyncGenerator[Event, None]:
        first = _task(call, self._fresh_seed() if call.seed is None else call.seed)
        references = [await workbench.load(picture) for picture in call.references]
        mask = None if call.mask is None else await workbench.load(call.mask)
        outputs: list[Output] = []
        failures: list[PenstockError] = []
        for index in range(call.n):
            failure = trouble.error(Moment.SOME) if index < trouble.failed_pictures else None
            if failure is not None:
                failures.append(failure)
                continue
            task = replace(first, seed=first.seed + index)
            data = await (
                workbench.run(pictures.edit, task, references, mask)
                if references
                else workbench.run(pictures.draw, task)
            )
            if call.stream and not outputs and call.partial_images:
                previews = await workbench.run(pictures.previews, data, task, call.partial_images)
                for number, preview in enumerate(previews):
                    yield PartialPicture(index=number, picture=await workbench.store(preview))
            outputs.append(Output(picture=await workbench.store(data), seed=task.seed))
        if not outputs:
            raise failures[0]
        yield ImageAnswer(outputs=tuple(outputs), failures=tuple(failures), echo=_echo(call, first))


def _trouble(call: Call, account: Account) -> Trouble:
    always = account.provider.quirks.get("failure")
    match call:
        case ImageCall():
            return asked_for(call.prompt, call.options.get("sandbox"), always)
        case ChatCall():
            said = text.last_said(text.messages_in(call.body)).text
            return asked_for(said, text.field(call.body, "sandbox", object, None), always)
        case EmbeddingCall():
            first = vectors.inputs_in(call.body)[0]
            said = first if isinstance(first, str) else ""
            return asked_for(said, text.field(call.body, "sandbox", object, None), always)


async def _before(trouble: Trouble, account: Account, workbench: Workbench) -> None:
    """What happens before anything is made: waiting, at most for the time one attempt may take, and failing."""
    silence = trouble.error(Moment.DEADLINE)
    if silence is None and trouble.wait > account.timeout:
        silence = UpstreamTimeout(f"The sandbox was slower than the {account.timeout:g} seconds allowed, as asked.")
    if silence is not None:
        await workbench.sleep(account.timeout)
        raise silence
    if trouble.wait:
        await workbench.sleep(trouble.wait)
    trouble.strike(Moment.START)


async def _chat(call: ChatCall) -> AsyncGenerator[Event, None]:
    said = text.last_said(text.messages_in(call.body)).text
    answer = text.reply(call.body, without_magic(said))
    if not call.stream:
        yield ChatAnswer(choices=text.message_choices(answer), usage=answer.usage)
        return
    for choices in text.chunk_choices(answer):
        yield ChatDelta(choices=choices)
    yield ChatAnswer(choices=None, usage=answer.usage)


async def _embeddings(call: EmbeddingCall, workbench: Workbench) -> AsyncGenerator[Event, None]:
    data, usage = await workbench.run(vectors.embed, call.body)
    yield EmbeddingAnswer(data=data, usage=usage)


def _task(call: ImageCall, seed: int) -> pictures.Task:
    """The first picture to make. Raises BadRequest for a field that cannot be had."""
    if call.mask is not None and not call.references:
        raise BadRequest("A mask needs a picture to edit; send one as `image`.", param="image")
    if len(call.references) > MAX_REFERENCES:
        raise BadRequest(f"The sandbox takes at most {MAX_REFERENCES} pictures.", param="image")
    for param, picture in [("image", one) for one in call.references] + [("mask", call.mask)]:
        if picture is not None and picture.pixels > pictures.MAX_REFERENCE_PIXELS:
            raise pictures.too_large(picture.width, picture.height, param)
    output_format, background = _chosen(call.output_format) or "png", call.background or "auto"
    if output_format not in _FORMATS:
        raise BadRequest("`output_format` must be png, jpeg or webp.", param="output_format")
    if background not in _BACKGROUNDS:
        raise BadRequest("`background` must be transparent, opaque or auto.", param="background")
    if background == "transparent" and output_format == "jpeg":
        raise BadRequest("A jpeg cannot be transparent; ask for png or webp.", param="background")
    if call.output_compression is not None and not 0 <= call.output_compression <= 100:
        raise BadRequest("`output_compression` must be between 0 and 100.", param="output_compression")
    return pictures.Task(
        prompt=without_magic(call.prompt),
        seed=seed,
        size=_size(call),
        output_format=output_format,
        compression=call.output_compression,
        background=background,
    )


def _size(call: ImageCall) -> Size:
    """The size asked for, else the first reference's, made to fit, else the default."""
    if call.size is None:
        return _fitting(call.references[0].width, call.references[0].height) if call.references else DEFAULT_SIZE
    if _fitting(call.size.width, call.size.height) != call.size:
        raise BadRequest(
            f"The sandbox draws at most {MAX_PIXELS} pixels and sides of {MAX_SIDE}; {call.size} is larger.",
            param="size",
        )
    return call.size


def _fitting(width: int, height: int) -> Size:
    scale = min(1.0, MAX_SIDE / max(width, height), math.sqrt(MAX_PIXELS / (width * height)))
    return Size(max(1, int(width * scale)), max(1, int(height * scale)))


def _chosen(value: str | None) -> str | None:
    return None if value == "auto" else value


def _echo(call: ImageCall, task: pictures.Task) -> dict[str, str]:
    return {
        "size": str(task.size),
        "output_format": task.output_format,
        "quality": _chosen(call.quality) or "medium",
        "background": _chosen(call.background) or "opaque",
    }
