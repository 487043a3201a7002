"""By what a caller is known again, for strategies that keep one where it was."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Literal

from penstock.routing.base import Subject

Trait = Literal["session", "user", "key", "seed", "prompt"]


def identity(traits: Iterable[Trait], subject: Subject) -> tuple[Trait, str] | None:
    """The first of these traits that the request has, and its value."""
    for trait in traits:
        value = _value(trait, subject)
        if value:
            return trait, value
    return None


def point(text: str) -> float:
    """A place from 0 up to, not including, 1 that belongs to this text for ever."""
    digest = blake2b(text.encode(errors="replace"), digest_size=6).digest()
    return int.from_bytes(digest) / 2**48


def _value(trait: Trait, subject: Subject) -> str | None:
    match trait:
        case "session":
            return subject.session
        case "user":
            return subject.user
        case "key":
            return subject.key_id or subject.key
        case "seed":
            return None if subject.seed is None else str(subject.seed)
        case "prompt":
            return subject.prompt()
