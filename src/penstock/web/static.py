"""`GET /static/{path}`: style, script and mark of the pages, as they are in `web/static`, each compressed once.

Pages name a file with a part of its digest (`address`), so that a browser keeps it for ever and never has an old one.
"""

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from penstock.core.errors import NotFound
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_VERSION_CHARACTERS = 12
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class File:
    """A file sent as it is."""

    data: bytes
    gzipped: bytes
    media_type: str
    digest: str


async def static(gateway: Gateway, incoming: Incoming, path: str) -> Reply:
    """One of the files below `web/static`, by its exact name. Raises NotFound."""
    file = _files().get(path)
    if file is None:
        raise NotFound(f"There is no file {path[:100]} here.")
    etag = f'"{file.digest}"'
    named = incoming.query == f"v={file.digest[:_VERSION_CHARACTERS]}"
    headers = {
        "etag": etag,
        "cache-control": _FOR_EVER if named else "no-cache",
        "x-content-type-options": "nosniff",
        "vary": "accept-encoding",
    }
    if etag in incoming.headers.get("if-none-match", ""):
        return Reply(status=304, media_type=file.media_type, headers=headers)
    if takes_gzip(incoming):
        return Reply(
            media_type=file.media_type, headers={**headers, "content-encoding": "gzip"}, pieces=(file.gzipped,)
        )
    return Reply(media_type=file.media_type, headers=headers, pieces=(file.data,))


def address(path: str) -> str:
    """Where a page finds a file. Raises KeyError for one that is not there."""
    return f"/static/{path}?v={_files()[path].digest[:_VERSION_CHARACTERS]}"


def takes_gzip(incoming: Incoming) -> bool:
    return "gzip" in incoming.headers.get("accept-encoding", "")


@cache
def _files() -> Mapping[str, File]:
    """Every file, read once. What is not in this table cannot be asked for."""
    return dict(_below(resources.files("penstock").joinpath("web", "static"), ""))


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, File]]:
    for entry in folder.iterdir():
        kind = entry.name.rpartition(".")[2]
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        elif kind in _TYPES:
            data = entry.read_bytes()
            digest = hashlib.sha256(data).hexdigest()[:32]
            yield f"{prefix}{entry.name}", File(data, gzip.compress(data, mtime=0), _TYPES[kind], digest)
