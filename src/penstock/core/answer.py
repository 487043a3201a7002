"""What comes back: events while it is made, and the answer at the end.

A driver yields events and ends with exactly one Answer, or raises. A JSON reply is the stream, collected.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from penstock.core.errors import PenstockError
from penstock.core.picture import Picture
from penstock.core.pieces import digest_in
from penstock.core.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The provider accepted a job. Recorded before it is awaited, so that it can be found again."""

    upstream_id: str
    polling_url: str
    stated_cost: Decimal | None = None
    """US dollars, where the provider states it at submission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A job that is not done."""

    progress: float | None = None
    """0 to 1, where the provider says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialPicture:
    """A preview sent while the picture is being made."""

    index: int
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDelta:
    """One chunk of a streamed chat: its `choices` array as the provider sent it."""

    choices: msgspec.Raw
    pictures: Mapping[str, Picture] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One picture made: stored already, still base64 text, or at an address of the provider's still to be fetched.

    Exactly one of the first three is set; the pipeline turns the other two into the first.
    """

    picture: Picture | None = None
    base64: str | None = None
    """A picture too small for its text to have been taken out of the reply while it came in."""
    url: str | None = None
    seed: int | None = None
    revised_prompt: str | None = None


def output_from_base64(text: str, pictures: Mapping[str, Picture], **facts: Any) -> Output:
    """An Output from a base64 field or data URL of a reply: its placeholder's picture, or the text itself."""
    digest = digest_in(text)
    if digest is not None and digest in pictures:
        return Output(picture=pictures[digest], **facts)
    return Output(base64=text.partition(";base64,")[2] if text.startswith("data:") else text, **facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageAnswer:
    """The pictures of one call, and those that failed."""

    outputs: tuple[Output, ...]
    failures: tuple[PenstockError, ...] = ()
    """One for each picture asked for and not delivered."""
    usage: Usage = field(default_factory=Usage)
    """Tokens where the provider counts them; pictures and references are filled in by the pipeline."""
    stated_cost: Decimal | None = None
    """US dollars, where the provider states what it charged."""
    echo: Mapping[str, Any] = field(default_factory=dict)
    """What the provider says it used: `size`, `quality`, `background`, `output_format`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAnswer:
    """A chat completion. After a stream `choices` is None: the deltas have carried it."""

    choices: msgspec.Raw | None
    usage: Usage = field(default_factory=Usage)
    stated_cost: Decimal | None = None
    id: str | None = None
    created: int | None = None
    """Unix seconds."""
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    """Pictures in `choices`, by digest."""
    extra: Mapping[str, msgspec.Raw] = field(default_factory=dict)
    """Top-level fields beyond the known ones, as the provider sent them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingAnswer:
    """Vectors, as the provider sent them: the `data` array."""

    data: msgspec.Raw
    usage: Usage = field(default_factory=Usage)
    stated_cost: Decimal | None = None
    extra: Mapping[str, msgspec.Raw] = field(default_factory=dict)


Answer = ImageAnswer | ChatAnswer | EmbeddingAnswer
Event = Submitted | Pending | PartialPicture | ChatDelta | Answer
