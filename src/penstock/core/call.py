"""What a caller asks for: one typed value per operation, the same whichever dialect it arrived in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from penstock.core.picture import Picture


class Operation(StrEnum):
    """What can be asked. Every stage of the pipeline handles every operation."""

    CHAT = "chat"
    IMAGE_GENERATION = "image_generation"
    IMAGE_EDIT = "image_edit"
    EMBEDDING = "embedding"


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """A picture's size in pixels."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> "Size | None":
        """`"1024x768"` as a Size; None for anything else (`"auto"`, a tier such as `"2K"`)."""
        match = re.fullmatch(r"([1-9]\d{0,4})\s*[xX×]\s*([1-9]\d{0,4})", text.strip())
        return cls(int(match[1]), int(match[2])) if match else None

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCall:
    """A request for pictures: a generation, or an edit where it brings reference pictures or a mask.

    A field that is None was not asked for and is never sent upstream.
    """

    model: str
    prompt: str
    n: int = 1
    size: Size | None = None
    aspect_ratio: str | None = None
    """`"16:9"`, or `"auto"`."""
    resolution: str | None = None
    """A size class: `"512"`, `"1K"`, `"2K"`, `"4K"` (upper-case K)."""
    quality: str | None = None
    background: str | None = None
    output_format: str | None = None
    """`png`, `jpeg` or `webp`."""
    output_compression: int | None = None
    """0 to 100, for jpeg and webp."""
    seed: int | None = None
    references: tuple[Picture, ...] = ()
    """In the caller's order: prompts say "image 1"."""
    mask: Picture | None = None
    """As the caller sent it, in OpenAI's polarity: transparent pixels are to be edited."""
    stream: bool = False
    partial_images: int = 0
    user: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Every further field of the request, decoded; an adapter takes those its provider knows."""

    @property
    def operation(self) -> Operation:
        return Operation.IMAGE_EDIT if self.references or self.mask else Operation.IMAGE_GENERATION


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """A chat completion. The body stays as it arrived, field by field, so that nothing unknown is lost."""

    model: str
    body: Mapping[str, msgspec.Raw]
    """Every top-level field as sent; large pictures in it are placeholders (`core.pieces`)."""
    stream: bool = False
    modalities: tuple[str, ...] | None = None
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    """The pictures the placeholders in `body` stand for, by digest."""

    @property
    def operation(self) -> Operation:
        return Operation.CHAT


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingCall:
    """A request for embedding vectors, kept as it arrived."""

    model: str
    body: Mapping[str, msgspec.Raw]
    stream: bool = False

    @property
    def operation(self) -> Operation:
        return Operation.EMBEDDING


Call = ImageCall | ChatCall | EmbeddingCall
