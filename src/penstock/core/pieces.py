"""Bodies that carry pictures without holding them.

A picture inside a JSON body is a placeholder string from the moment it arrives until the moment it leaves.
`split` turns encoded JSON into pieces: bytes, and pictures to be read from the asset store while sending.
The placeholder carries a secret of this process, so that no caller can name a picture it did not send.
"""

import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from penstock.core.picture import Picture


@dataclass(frozen=True, slots=True)
class Base64:
    """A picture to be sent as base64 text."""

    picture: Picture


@dataclass(frozen=True, slots=True)
class Bare:
    """A picture to be sent as its own bytes (a multipart file)."""

    picture: Picture


Piece = bytes | Base64 | Bare
Pieces = tuple[Piece, ...]


@cache
def _token() -> str:
    return secrets.token_hex(8)


@cache
def _pattern() -> re.Pattern[bytes]:
    return re.compile(rb"penstock-" + _token().encode() + rb"-([0-9a-f]{64})")


@cache
def _text_pattern() -> re.Pattern[str]:
    return re.compile(_pattern().pattern.decode())


def placeholder(digest: str) -> str:
    """The string that stands for the base64 text of the picture with this digest."""
    return f"penstock-{_token()}-{digest}"


def digest_in(text: str) -> str | None:
    """The digest in a placeholder, with or without a `data:...;base64,` head; None where there is none."""
    match = _text_pattern().search(text[-120:])
    return match[1] if match else None


def split(encoded: bytes, pictures: Mapping[str, Picture]) -> Pieces:
    """Encoded JSON as pieces, every placeholder replaced by its picture as base64."""
    pieces: list[Piece] = []
    start = 0
    for match in _pattern().finditer(encoded):
        pieces.append(encoded[start : match.start()])
        pieces.append(Base64(pictures[match[1].decode()]))
        start = match.end()
    pieces.append(encoded[start:])
    return tuple(piece for piece in pieces if piece)


_INLINE = re.compile(rb"(data:[^\"\\;,]{0,100};base64,)(?!sha256:)[A-Za-z0-9+/=\\]+")


def without_pictures(encoded: bytes) -> bytes:
    """Encoded JSON to be kept: placeholders name their picture's digest, and short pictures are left out."""
    named = _pattern().sub(rb"sha256:\1", encoded)
    return _INLINE.sub(rb"\1...", named)


def data_url(picture: Picture) -> str:
    """The picture as a data URL, its base64 a placeholder until it is sent."""
    return f"data:{picture.media_type};base64,{placeholder(picture.digest)}"


class PictureBytes(Protocol):
    """Reads stored pictures in pieces (`assets.store`)."""

    def read(self, digest: str) -> AsyncIterator[bytes]: ...

    def base64(self, digest: str) -> AsyncIterator[bytes]: ...


async def chunks(pieces: Iterable[Piece], pictures: PictureBytes) -> AsyncIterator[bytes]:
    """The bytes to be sent, pictures read while they are sent."""
    for piece in pieces:
        match piece:
            case bytes():
                yield piece
            case Base64(picture):
                async for chunk in pictures.base64(picture.digest):
                    yield chunk
            case Bare(picture):
                async for chunk in pictures.read(picture.digest):
                    yield chunk


def length(pieces: Iterable[Piece]) -> int:
    """Bytes on the wire."""
    total = 0
    for piece in pieces:
        match piece:
            case bytes():
                total += len(piece)
            case Base64(picture):
                total += (picture.bytes + 2) // 3 * 4
            case Bare(picture):
                total += picture.bytes
    return total
