"""`GET /openapi.json`: the OpenAPI 3.1 document of this gateway, made from the table of routes and the documents.

Nothing in it is written down twice: paths, scopes and dialects come from the routes, bodies from msgspec Structs. The
page at /docs is drawn from the same document.
"""

import inspect
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from penstock import __version__
from penstock.api.docs import DOCS
from penstock.api.documented import Docs
from penstock.api.documents import ErrorAnswer, RouterErrorAnswer
from penstock.core.principal import Scope
from penstock.core.spending import LimitUnit
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply

if TYPE_CHECKING:
    from penstock.api.routes import Route

Json = dict[str, Any]

MEDIA_TYPE = "application/vnd.oai.openapi+json"

TAGS = {
    "Images": "Making pictures from words and from pictures, and fetching them.",
    "Chat": "Chat completions, in text and pictures.",
    "Embeddings": "Vectors of text.",
    "Quotes": "What a request would cost, and who would be asked, before it is made.",
    "Models": "What can be called here, what it takes and what it costs.",
    "Account": "What keys have spent and may spend, in OpenRouter's dialect.",
    "Health": "Whether the gateway runs.",
    "Documentation": "This description.",
    "Administration": "Who may call, and what they may spend. What is changed counts for the very next request.",
}

PATH_PARAMETERS = {
    "model": ("Slug or alias of a model; its slash as it is or as `%2F`.", "sandbox/image"),
    "author": ("The maker, the part of a slug before the slash.", "sandbox"),
    "slug": ("The part of a slug after the slash.", "image"),
    "digest": ("SHA-256 of the picture, hexadecimal.", "0" * 64),
    "hash": ("SHA-256 of a key, hexadecimal.", "0" * 64),
    "request": ("Id of a request.", "req_01jd0000000000000000000000"),
    "organisation": ("Id or name of an organisation.", "lighthouse"),
    "team": ("Id or name of a team.", "design"),
    "user": ("Id or name of a user.", "ada"),
    "key": ("Id, name or hint of a key.", "website"),
    "budget": ("Id of a budget or a credit.", "bud_01jd0000000000000000000000"),
    "limit": ("Id of a rate limit.", "lim_01jd0000000000000000000000"),
    "allowance": ("Id of an allowance.", "alw_01jd0000000000000000000000"),
    "provider": ("Slug of a provider.", "bfl"),
}

REQUEST_HEADERS = {
    "request-id": "Your own id of the request, recorded and answered.",
    "trace-id": "Your own trace; `traceparent` is read too.",
    "request-timeout": "Milliseconds the request may take.",
    "provider-lock": "The only provider that may serve the request.",
    "config": "How the request is to be routed, as a JSON object; the reference of routing says what it may hold.",
    "complexity": "`simple`, `medium` or `complex`, where the strategy of that name would find another.",
    "session-id": "Groups requests in the ledger; rules of routing see it.",
    "user-id": "The end user, for the ledger and for rules of routing.",
    "metadata": "A JSON object for the ledger and for rules of routing.",
    "sandbox": "A failure for the sandbox to show, such as `slow 3` or `429 2`.",
}

FACTS = {
    "request-id": "Your own id of the request, else ours.",
    "trace-id": "The trace the request belongs to.",
    "latency-ms": "Milliseconds from arrival to the answer.",
}
"""Response headers of every answer, as `x-penstock-*` and `x-agentcc-*`."""

CALL_FACTS = {
    "provider": "Slug of the provider that served the request.",
    "model-used": "Slug of the model that served the request.",
    "cost": "US dollars, a plain decimal number; absent where unpriced.",
    "cache": "`skip`: nothing was looked up.",
    "routing-strategy": "The strategy that chose the provider, such as `price-weighted`.",
    "provider-locked": "`true` where the request named the only provider; absent otherwise.",
    "config-warning": "What of the config header is not acted on; absent where all of it is.",
    "fallback-used": "`true` where the first provider failed and another one served.",
    "attempts": "Calls made to providers.",
    "timeout-ms": "Milliseconds the request was allowed.",
    "budget-warning": "The soft budgets that are used up; absent where none is.",
    "credits-used": "US dollars that the request took of the credit paid in beforehand; absent without such credit.",
    "credits-remaining": "US dollars left of that credit, after this request.",
    "ignored": "Request fields that were left out because the provider does not take them; absent where none.",
    "deprecation": "The day the model ends here, and what to use then; absent where no end is known.",
}
"""Response headers of answers that took a call to a provider."""

_COUNTED = {unit: "requests in flight" if unit is LimitUnit.CONCURRENT else str(unit) for unit in LimitUnit}
SUNSET = {"sunset": "The day of `x-penstock-deprecation` as a date of HTTP (RFC 8594)."}

LIMIT_HEADERS = {
    f"x-ratelimit-{name}-{unit}": text.format(counted)
    for unit, counted in _COUNTED.items()
    for name, text in {
        "limit": "The tightest rate limit of {}; absent where none applies.",
        "remaining": "What that limit has left, this request counted.",
        "reset": "Unix seconds at which all of it is there again, if nothing more comes.",
    }.items()
    if (unit, name) != (LimitUnit.CONCURRENT, "reset")
}
"""Response headers of calls that a rate limit counts. When a request in flight will end nobody knows."""

_ERRORS = {
    400: "The request is wrong, or no provider can honour it; the message says which field and why.",
    401: "The key is missing, unknown, expired or revoked.",
    403: "The key lacks the scope this needs.",
    404: "There is no such thing here; the message names what is near.",
    413: "The body is too large.",
    429: "Too many requests; `retry-after` says how long to wait.",
    502: "The provider failed.",
    503: "Nothing can serve this now.",
    504: "The time allowed is over.",
}
_STREAMED = "\n\nWith `stream: true`: server-sent events, each as shown, ended by `data: [DONE]`."
_REF = "#/components/schemas/{name}"


async def openapi(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /openapi.json`."""
    return Reply(media_type=MEDIA_TYPE, headers={"cache-control": "no-cache"}, pieces=(_encoded(),))


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(described())


@cache
def described() -> Json:
    """The document of the gateway's own routes. It is shared: read it, and change nothing in it."""
    from penstock.api.routes import ROUTES  # the table names this module's handler

    return document(ROUTES)


def document(routes: Sequence["Route"]) -> Json:
    """The OpenAPI document of these routes."""
    paths: Json = {}
    for route in routes:
        paths.setdefault(plain_path(route.path), {})[route.method.lower()] = _operation(route)
    tags = [name for name in TAGS if any(docs_of(route).tag == name for route in routes)]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Penstock",
            "version": __version__,
            "description": "A gateway for image models and the text models around them. `/v1` speaks OpenAI's dialect, "
            "`/api/v1` OpenRouter's; `/v1/v1` is the same as `/v1`.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": TAGS[name]} for name in tags],
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "headers": {name: _header(text) for name, text in _response_headers(True).items()},
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "psk_...",
                    "description": "A key of this gateway, as `penstock keys create` makes it.",
                }
            },
        },
    }


def docs_of(route: "Route") -> Docs:
    """What the documentation says of a route."""
    return DOCS[f"{route.method} {route.path}"]


def plain_path(path: str) -> str:
    """A route's path with its parameters as OpenAPI writes them."""
    return path.replace("...}", "}")


def operation_id(route: "Route") -> str:
    """Method and path in one word: `get_v1_models_model`."""
    return "_".join([route.method.lower(), *re.findall(r"[a-z0-9]+", route.path.replace(".json", "_json"))])


def _operation(route: "Route") -> Json:
    docs = docs_of(route)
    operation: Json = {
        "operationId": operation_id(route),
        "tags": [docs.tag],
        "summary": route.summary,
        "description": docs.description,
        "parameters": list(_parameters(route, docs)),
        "responses": {"204" if docs.empty else "200": _answer(route, docs), **_failures(route)},
        "security": [] if route.scope is Scope.PUBLIC else [{"key": []}],
        "x-penstock-scope": str(route.scope),
    }
    if docs.request is not None:
        operation["requestBody"] = _body(docs)
    return {name: value for name, value in operation.items() if value not in ("", None) or name == "security"}


def _body(docs: Docs) -> Json:
    content: Json = {"application/json": {"schema": _ref(docs.request), "example": dict(docs.example)}}
    if docs.form is not None:
        content["multipart/form-data"] = {"schema": _ref(docs.form)}
    return {"required": True, "content": content}


def _answer(route: "Route", docs: Docs) -> Json:
    content: Json = {docs.media_type: {"schema": _ref(docs.response)} if docs.response else {}}
    content = {} if docs.empty else content
    description = _summary(docs.response) if docs.response else route.summary
    if docs.events is not None:
        content["text/event-stream"] = {"schema": _ref(docs.events)}
        description += _STREAMED
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _response_headers(route.surface is not None)}
    return {"description": description, "headers": headers, "content": content}


def _summary(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]


def _failures(route: "Route") -> Json:
    """The errors an endpoint is known to answer with, in its dialect; `default` is any other."""
    schema = _ref(RouterErrorAnswer if route.dialect == "openrouter" else ErrorAnswer)
    content = {"application/json": {"schema": schema}}
    texts = {status: text for status, text in _ERRORS.items() if status in _statuses(route)}
    found: Json = {str(status): {"description": text, "content": content} for status, text in texts.items()}
    return {**found, "default": {"description": "Another error.", "content": content}}


def _statuses(route: "Route") -> frozenset[int]:
    if route.surface is not None:
        return frozenset(_ERRORS)
    keyed = frozenset() if route.scope is Scope.PUBLIC else frozenset((401, 403))
    docs = docs_of(route)
    queried = frozenset((400,)) if docs.query is not None else frozenset()
    sent = frozenset((400, 413)) if docs.request is not None else frozenset()
    return keyed | queried | sent | (frozenset((404,)) if "{" in route.path else frozenset())


def _parameters(route: "Route", docs: Docs) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)(?:\.\.\.)?}", route.path):
        text, example = PATH_PARAMETERS[name]
        where = {"name": name, "in": "path", "required": True}
        yield {**where, "description": text, "schema": {"type": "string"}, "example": example}
    if docs.query is not None:
        for name, schema in _schema(docs.query)["properties"].items():
            text = schema.pop("description", "")
            yield {"name": name, "in": "query", "description": text, "schema": _without_null(schema)}
    if route.surface is not None:
        for name, text in REQUEST_HEADERS.items():
            schema = {"type": "integer"} if name == "request-timeout" else {"type": "string"}
            yield {"name": f"x-penstock-{name}", "in": "header", "description": text, "schema": schema}


def _without_null(schema: Json) -> Json:
    """The schema of a parameter that may be left out; `null` cannot be sent."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    kept = {name: value for name, value in schema.items() if name != "anyOf" and (name, value) != ("default", None)}
    return {**kept, **kinds[0]} if len(kinds) == 1 else schema


def _response_headers(call: bool) -> dict[str, str]:
    facts, limits = ({**FACTS, **CALL_FACTS}, {**SUNSET, **LIMIT_HEADERS}) if call else (FACTS, {})
    ours = {f"x-penstock-{name}": text for name, text in facts.items()}
    return {"x-request-id": "The id to quote.", **ours, **limits}


def _header(text: str) -> Json:
    number = {"type": "integer"} if text.startswith(("Milliseconds", "Calls", "Unix seconds")) else {"type": "string"}
    return {"description": f"{text}", "schema": number}


def _ref(kind: type | None) -> Json:
    assert kind is not None
    return {"$ref": _REF.format(name=kind.__name__)}


def _schemas(routes: Sequence["Route"]) -> Json:
    kinds: list[type] = [ErrorAnswer, RouterErrorAnswer]
    for docs in (docs_of(route) for route in routes):
        kinds += [kind for kind in (docs.request, docs.form, docs.response, docs.events) if kind is not None]
    _, schemas = msgspec.json.schema_components(dict.fromkeys(kinds), ref_template=_REF)
    return {name: _tidied(schema) for name, schema in sorted(schemas.items())}


def _schema(kind: type) -> Json:
    """The schema of one type that holds no other."""
    _, schemas = msgspec.json.schema_components([kind], ref_template=_REF)
    tidied: Json = _tidied(schemas[kind.__name__])
    return tidied


def _tidied(schema: Any) -> Any:
    """As we write it: decimals are numbers on our wire, bytes are files of a form, docstrings are not indented."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "decimal":
        return {**{name: value for name, value in schema.items() if name != "format"}, "type": "number"}
    if schema.get("contentEncoding") == "base64":
        kept = {name: value for name, value in schema.items() if name != "contentEncoding"}
        return {**kept, "format": "binary", "contentMediaType": "application/octet-stream"}
    tidied = {name: _tidied(value) for name, value in schema.items()}
    described_kinds = [kind for kind in tidied.get("anyOf", ()) if "description" in kind]
    if len(described_kinds) == 1:  # said of one kind, and meant of the field
        tidied.setdefault("description", described_kinds[0].pop("description"))
    if isinstance(tidied.get("description"), str):
        tidied["description"] = inspect.cleandoc(tidied["description"])
    return tidied
