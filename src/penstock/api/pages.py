"""`GET /docs` and the files it needs: the OpenAPI document as a page that is complete without a script.

Template, style and script are the package data of `penstock/web`. Nothing is loaded from elsewhere, and the policy sent
with the page forbids it; the key a visitor types stays in the page's memory.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup, escape

from penstock.api.addresses import own_address
from penstock.api.openapi import described
from penstock.core.errors import NotFound
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply

if TYPE_CHECKING:
    from jinja2 import Environment

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SAFE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-cache"}


@dataclass(frozen=True, slots=True)
class File:
    """A file sent as it is."""

    data: bytes
    media_type: str
    etag: str


async def documentation(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /docs`."""
    return _sent(_page(own_address(incoming, gateway)), incoming, {"content-security-policy": _POLICY})


async def static(gateway: Gateway, incoming: Incoming, path: str) -> Reply:
    """`GET /static/{path}`: one of the files below `web/static`, by its exact name. Raises NotFound."""
    file = _files().get(path)
    if file is None:
        raise NotFound(f"There is no file {path[:100]} here.")
    return _sent(file, incoming, {})


def _sent(file: File, incoming: Incoming, headers: Mapping[str, str]) -> Reply:
    headers = {**_SAFE, "etag": file.etag, **headers}
    if file.etag in incoming.headers.get("if-none-match", ""):
        return Reply(status=304, media_type=file.media_type, headers=headers)
    return Reply(media_type=file.media_type, headers=headers, pieces=(file.data,))


def _file(data: bytes, media_type: str) -> File:
    return File(data, media_type, f'"{hashlib.sha256(data).hexdigest()[:32]}"')


@cache
def _files() -> Mapping[str, File]:
    """Every file below `web/static`, read once. What is not in this table cannot be asked for."""
    found = {}
    for entry in resources.files("penstock").joinpath("web", "static").iterdir():
        kind = entry.name.rpartition(".")[2]
        if kind in _TYPES:
            found[entry.name] = _file(entry.read_bytes(), _TYPES[kind])
    return found


@lru_cache(maxsize=8)
def _page(base: str) -> File:
    """The page for callers who reach the gateway at `base`, which its examples name."""
    html = _environment().get_template("docs.html").render(page=_view(described(), base))
    return _file(html.encode(), "text/html; charset=utf-8")


@cache
def _environment() -> "Environment":
    import jinja2  # only those who look at the page pay for it

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("penstock", "web/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(prose=_prose, breakable=_breakable)
    return environment


def _prose(text: str) -> Markup:
    """Words with `code` in back quotes."""
    parts = [
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def _breakable(name: str) -> Markup:
    """A path or a name that may be broken after each slash and underscore."""
    return Markup("<wbr>").join(re.findall(r"[^/_]*[/_]|[^/_]+", name))


def _view(document: Mapping[str, Any], base: str) -> dict[str, Any]:
    """What the template shows: the document's operations by tag, and its schemas."""
    operations = [
        {"method": method.upper(), "path": path, **operation, "curl": _curl(base, method.upper(), path, operation)}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    groups = [
        {**tag, "id": tag["name"].lower(), "operations": [row for row in operations if tag["name"] in row["tags"]]}
        for tag in document["tags"]
    ]
    return {
        "info": document["info"],
        "base": base,
        "groups": groups,
        "schemas": document["components"]["schemas"],
        "sent": _sent_schemas(document),
        "headers": document["components"]["headers"],
        "key": document["components"]["securitySchemes"]["key"],
    }


def _sent_schemas(document: Mapping[str, Any]) -> set[str]:
    """Names of the schemas that callers fill in: those of request bodies, and what they are made of."""
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    waiting = [operation.get("requestBody") for operation in operations]
    found: set[str] = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                waiting.append(document["components"]["schemas"][name])
            waiting += part.values()
    return found


def _curl(base: str, method: str, path: str, operation: Mapping[str, Any]) -> str:
    """The request as a line of curl that can be pasted into a shell."""
    parameters = operation.get("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
    return " \\\n  ".join(["curl " + base + path, *_options(operation)])


def _options(operation: Mapping[str, Any]) -> Iterator[str]:
    if operation["security"]:
        yield '-H "Authorization: Bearer $PENSTOCK_API_KEY"'
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        example = msgspec.json.format(msgspec.json.encode(content["application/json"]["example"])).decode()
        quoted = example.replace("'", "'\\''")
        yield '-H "Content-Type: application/json"'
        yield f"-d '{quoted}'"
