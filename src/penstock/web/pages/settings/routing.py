"""`/settings/routing`: how requests are routed now, in words, and what would become of one."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from penstock.api.admin_routing import in_force
from penstock.api.explain import Explanation, explained
from penstock.core.call import Operation
from penstock.core.errors import PenstockError
from penstock.core.principal import Principal
from penstock.pipeline.request import Reply
from penstock.pipeline.retention import keep_for_a_while
from penstock.store.keys import get_key, list_keys
from penstock.store.lookup import principal_of
from penstock.web.forms import Choices, Field, Sheet, again, read, sheet
from penstock.web.pages.settings.frame import framed, parameter
from penstock.web.pages.settings.holders import MOST_SUGGESTED
from penstock.web.templating import OPERATIONS
from penstock.web.visit import Form, Visit

PART = "/settings/routing"

_NUMBERS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "How long one attempt may take",
        tuple((f"timeouts.{operation}", OPERATIONS[operation], "seconds") for operation in Operation),
    ),
    (
        "When everybody has failed",
        (
            ("retry.rounds", "Times each provider is asked, at most", ""),
            ("retry.backoff_seconds", "Pause before the second time, at most", "seconds"),
            ("retry.longest_wait_seconds", "Longest pause", "seconds"),
        ),
    ),
    (
        "When an offer is left alone",
        (
            ("breaker.error_rate", "Part of its calls that failed", "share"),
            ("breaker.minimum", "Of so many calls at least", ""),
            ("breaker.window_seconds", "Within", "seconds"),
            ("breaker.open_seconds", "Tried again after", "seconds"),
        ),
    ),
    (
        "When a provider's key rests",
        (
            ("rotation.no_credit_seconds", "Where there is no credit left, for", "seconds"),
            ("rotation.refused_seconds", "Where it is refused, for", "seconds"),
            ("rotation.rate_limited_seconds", "Where its rate is limited, for", "seconds"),
        ),
    ),
    (
        "Beside that",
        (
            ("memory_seconds", "What happened counts half after", "seconds"),
            ("probe_seconds", "Providers that are down are asked something free, every", "seconds"),
            ("mirror_usd_per_day", "Copies for comparison may cost in a day", "dollars"),
        ),
    ),
)
"""Settings that are numbers: what they are about, the setting's name, what it is called, and its unit."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The request that is asked about."""

    model: str
    operation: Operation
    prompt: str = ""
    size: str | None = None
    n: Annotated[int, Meta(ge=1, le=10)] = 1
    references: Annotated[int, Meta(ge=1, le=16)] = 1
    key: str | None = None


async def routing_page(visit: Visit) -> Reply:
    """`GET /settings/routing`."""
    now = in_force(visit.gateway)
    policies = {
        name: [
            (key, _strategy(policy["strategy"]), policy["models"], _plain(policy["provider"])) for key, policy in rows
        ]
        for name, rows in ((name, now.settings[name].items()) for name in ("models", "keys", "presets"))
    }
    numbers = [
        (title, [(words, _at(now.settings, setting), unit, f"routing.{setting}") for setting, words, unit in rows])
        for title, rows in _NUMBERS
    ]
    return framed(
        visit,
        "routing.html",
        title="Routing",
        part=PART,
        now=now,
        read_at=int(visit.gateway.routes.read_at * 1000),
        strategy=_strategy(now.settings["strategy"]),
        policies=policies,
        numbers=numbers,
    )


async def explain_page(visit: Visit) -> Reply:
    """`GET /settings/routing/explain`."""
    stands = {"model": parameter(visit, "model")[:300], "operation": Operation.IMAGE_GENERATION.value}
    operation = parameter(visit, "operation")
    if operation in tuple(Operation):
        stands["operation"] = operation
    return _explain_page(visit, sheet(await _fields(visit), {**stands, "n": "1", "size": "1024x1024"}))


async def explain(visit: Visit, form: Form) -> Reply:
    """`POST /settings/routing/explain`: a prompt has no business in an address."""
    fields = await _fields(visit)
    try:
        asked = read(fields, form, Asked)
        found = await _explained(visit, asked)
    except PenstockError as error:
        return _explain_page(visit, again(fields, form, error))
    stands = {field.name: form.several.get(field.name, []) for field in fields}
    return _explain_page(visit, sheet(fields, stands), found)


async def _explained(visit: Visit, asked: Asked) -> Explanation:
    """Raises what the request itself would be refused with."""
    gateway = visit.gateway
    incoming = replace(visit.incoming, principal=await _principal(visit, asked.key), pictures={}, session="")
    try:
        return await explained(gateway, incoming, _request(asked))
    finally:
        await keep_for_a_while(incoming.pictures.values(), gateway)


async def _principal(visit: Visit, key: str | None) -> Principal | None:
    """Who would send it: the holder of a key, or whoever is looking."""
    if key is None:
        return visit.principal
    found = await visit.gateway.books.read(lambda c: principal_of(c, get_key(c, key)))
    return visit.gateway.routes.now.admitted(found)


def _request(asked: Asked) -> dict[str, msgspec.Raw]:
    """The fields of the request's body."""
    body: dict[str, Any] = {"model": asked.model, "operation": asked.operation}
    prompt = asked.prompt or "a question"
    match asked.operation:
        case Operation.CHAT:
            body["messages"] = [{"role": "user", "content": prompt}]
        case Operation.EMBEDDING:
            body["input"] = prompt
        case _:
            body |= {"prompt": prompt, "n": asked.n}
            if asked.size:
                body["size"] = asked.size
    if asked.operation is Operation.IMAGE_EDIT:
        body["images"] = [{"image_url": _reference()}] * asked.references
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in body.items()}


@cache
def _reference() -> str:
    """A picture to start an edit from; of a question only its size counts."""
    from io import BytesIO

    import pybase64
    from PIL import Image

    buffer = BytesIO()
    Image.new("L", (1024, 1024), 128).save(buffer, "PNG")
    return f"data:image/png;base64,{pybase64.b64encode(buffer.getvalue()).decode()}"


async def _fields(visit: Visit) -> tuple[Field, ...]:
    keys = await visit.gateway.books.read(list_keys)
    offered = [(key.id, f"{key.name} ({key.hint})") for key in keys if key.revoked_at is None][:MOST_SUGGESTED]
    return (
        Field(
            name="model",
            label="Model",
            required=True,
            suggestions=_models(visit),
            hint="Any name that requests may use: a slug, an alias, @preset/name.",
            longest=300,
        ),
        Field(name="operation", label="What is asked for", kind="choice", choices=tuple(OPERATIONS.items())),
        Field(name="prompt", label="Prompt", kind="long", longest=10_000, hint="Some strategies look at it."),
        Field(name="size", label="Size", hint="Such as 1024x1024. Pictures only; empty: the model's own."),
        Field(name="n", label="Pictures", kind="whole"),
        Field(name="references", label="Pictures it starts from", kind="whole", hint="For edits; of 1024x1024 each."),
        Field(
            name="key",
            label="With the key",
            suggestions=offered,
            hint="Name, id or hint. Empty: the one you are signed in with.",
        ),
    )


def _models(visit: Visit) -> Choices:
    sold = visit.gateway.catalogue.sold(visit.gateway.accounts)
    return [(model.slug, model.name) for model, _ in sold][:MOST_SUGGESTED]


def _explain_page(visit: Visit, shown: Sheet, found: Explanation | None = None) -> Reply:
    return framed(
        visit,
        "explain.html",
        title="Explain a request",
        part=PART,
        status=400 if shown.fault else 200,
        sheet=shown,
        found=found,
        names={slug: provider.name for slug, provider in visit.gateway.catalogue.providers.items()},
        crumb=("Routing", PART),
    )


def _strategy(given: str | Mapping[str, Any] | None) -> tuple[str, str] | None:
    """A strategy's name, and its settings as JSON; None where nothing is said."""
    if given is None:
        return None
    if isinstance(given, str):
        return given, ""
    return str(given.get("name", "")), _plain({key: value for key, value in given.items() if key != "name"})


def _plain(value: Mapping[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode() if value else ""


def _at(settings: Mapping[str, Any], path: str) -> Any:
    value: Any = settings
    for name in path.split("."):
        value = value[name]
    return Decimal(value) if path.endswith("_usd_per_day") else value
