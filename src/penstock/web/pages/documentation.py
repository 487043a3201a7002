"""`GET /docs`: the OpenAPI document as a page that is complete without a script.

It is the same for everybody, so it is made once for each address it is asked at. The key a visitor types stays in the
page's memory.
"""

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from penstock.api.addresses import own_address
from penstock.api.openapi import described
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.web.static import takes_gzip
from penstock.web.templating import environment
from penstock.web.visit import SAFE

_HTML = "text/html; charset=utf-8"


async def documentation(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /docs`."""
    page = _page(own_address(incoming, gateway))
    headers = {**SAFE, "cache-control": "no-cache", "vary": "accept-encoding", "etag": page.etag}
    if page.etag in incoming.headers.get("if-none-match", ""):
        return Reply(status=304, media_type=_HTML, headers=headers)
    if takes_gzip(incoming):
        return Reply(media_type=_HTML, headers={**headers, "content-encoding": "gzip"}, pieces=(page.gzipped,))
    return Reply(media_type=_HTML, headers=headers, pieces=(page.data,))


@dataclass(frozen=True, slots=True)
class _Page:
    """The page as it is sent."""

    data: bytes
    gzipped: bytes
    etag: str


@lru_cache(maxsize=8)
def _page(base: str) -> _Page:
    """The page for callers who reach the gateway at `base`, which its examples name."""
    html = environment().get_template("docs.html").render(page=_view(described(), base)).encode()
    return _Page(html, gzip.compress(html, mtime=0), f'"{hashlib.sha256(html).hexdigest()[:32]}"')


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
