"""multipart/form-data bodies (RFC 7578) with pictures in them, as pieces: no picture is held in memory.

The boundary is chance, so that no value can contain it; names are escaped as browsers do it (WHATWG HTML,
"multipart/form-data encoding algorithm"), so that no name can end its header.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from penstock.core.picture import Picture
from penstock.core.pieces import Bare, Piece, Pieces

_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True, slots=True)
class File:
    """A picture in a form."""

    field: str
    """The field's name; several files may share one."""
    name: str
    """The file's name without its extension, which follows from the picture."""
    picture: Picture


def new_boundary() -> str:
    """A boundary of 128 bits of chance."""
    return f"form-{secrets.token_hex(16)}"


def content_type(boundary: str) -> str:
    return f"multipart/form-data; boundary={boundary}"


def encode(fields: Iterable[tuple[str, str]], files: Iterable[File], boundary: str) -> Pieces:
    """The form's body: text fields first, then files, in the order given."""
    pieces: list[Piece] = []
    text = b""
    for name, value in fields:
        text += _head(boundary, name) + b"\r\n" + value.encode() + b"\r\n"
    for file in files:
        filename = f"{file.name}.{file.picture.extension}"
        text += _head(boundary, file.field, filename) + f"Content-Type: {file.picture.media_type}\r\n\r\n".encode()
        pieces += [text, Bare(file.picture)]
        text = b"\r\n"
    pieces.append(text + f"--{boundary}--\r\n".encode())
    return tuple(pieces)


def _head(boundary: str, name: str, filename: str | None = None) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name.translate(_ESCAPES)}"'
    if filename is not None:
        head += f'; filename="{filename.translate(_ESCAPES)}"'
    return f"{head}\r\n".encode()
