"""The OpenAPI document and the reference: each says what the gateway really does."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from penstock.api import documents, openapi
from penstock.api.answers import Addresses, chat_body, embeddings_body, image_usage, images_body, picture_chat_body
from penstock.api.answers import token_usage as token_usage_of
from penstock.api.docs import DOCS
from penstock.api.errors import openai_error, openai_failure, openrouter_error, openrouter_failure
from penstock.api.health import alive
from penstock.api.router_metadata import router_metadata
from penstock.api.routes import ROUTES, Route
from penstock.api.streams import ChatStream, ImageStream
from penstock.core.answer import ChatAnswer, ChatDelta, EmbeddingAnswer, ImageAnswer, Output, PartialPicture
from penstock.core.call import ImageCall, Size
from penstock.core.errors import BadRequest, Moderated, UpstreamFailed
from penstock.core.picture import Picture
from penstock.core.pieces import Pieces
from penstock.core.principal import Principal, Scope
from penstock.core.spending import GATEWAY, Budget, Limit, LimitUnit, Period
from penstock.core.target import Account, Candidate, Exclusion
from penstock.core.usage import Usage
from penstock.metering.settle import Charge
from penstock.metering.windows import Windows
from penstock.pipeline import preferences
from penstock.pipeline.fields import ImageFields
from penstock.pipeline.request import Attempt, Deprecation, Directions, Incoming, Life, Reply
from penstock.pipeline.respond import metadata
from penstock.routing.base import Plan
from penstock.store.reservations import Reserved
from tests.api.listed import MODELS, OFFERS, PROVIDERS, decoded, gateway, request

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "http-api.md"


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in openapi.described()["paths"].items()
        for method, operation in methods.items()
    ]


def operation_of(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = openapi.described()["paths"][openapi.plain_path(route.path)][route.method.lower()]
    return found


def walk(value: Any) -> Any:
    """Every object in a document."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)


async def test_the_document_is_served_as_openapi() -> None:
    reply = await openapi.openapi(gateway(), request())
    assert reply.media_type == "application/vnd.oai.openapi+json"
    assert msgspec.json.decode(b"".join(reply.pieces))["openapi"] == "3.1.0"


def test_the_document_has_every_route_and_no_other() -> None:
    described = sorted((method, path) for method, path, _ in operations())
    assert described == sorted((route.method, openapi.plain_path(route.path)) for route in ROUTES)


def test_what_the_documentation_says_has_a_route_and_every_route_is_documented() -> None:
    assert sorted(DOCS) == sorted(f"{route.method} {route.path}" for route in ROUTES)
    assert {docs.tag for docs in DOCS.values()} == set(openapi.TAGS)


def test_every_reference_in_the_document_resolves() -> None:
    document = openapi.described()
    references = {item["$ref"] for item in walk(document) if isinstance(item.get("$ref"), str)}
    references |= {ref for item in walk(document) for ref in item.get("mapping", {}).values() if isinstance(ref, str)}
    assert len(references) > 40
    for reference in references:
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        assert target


def test_every_schema_is_used() -> None:
    document = openapi.described()
    used = {item["$ref"].rpartition("/")[2] for item in walk(document) if isinstance(item.get("$ref"), str)}
    assert set(document["components"]["schemas"]) <= used


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"(get|post|patch|delete)(_[a-z0-9]+)+", name) for name in names)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_declares_its_scope_and_asks_for_a_key_unless_it_is_public(route: Route) -> None:
    operation = operation_of(route)
    assert operation["x-penstock-scope"] == Scope(route.scope)
    assert operation["security"] == ([] if route.scope is Scope.PUBLIC else [{"key": []}])
    assert ("401" in operation["responses"]) is (route.scope is not Scope.PUBLIC)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_part_of_a_path_is_explained_with_an_example_the_router_takes(route: Route) -> None:
    rows = [row for row in operation_of(route).get("parameters", []) if row["in"] == "path"]
    path = openapi.plain_path(route.path)
    for row in rows:
        assert row["required"] and row["description"]
        path = path.replace(f"{{{row['name']}}}", row["example"])
    assert "{" not in path
    assert next(row for row in ROUTES if row.method == route.method and row.pattern.fullmatch(path)) is route


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_errors_are_in_the_dialect_of_the_endpoint(route: Route) -> None:
    schema = "RouterErrorAnswer" if route.path.startswith("/api/v1/") else "ErrorAnswer"
    failures = {
        status: answer for status, answer in operation_of(route)["responses"].items() if not status.startswith("2")
    }
    assert "default" in failures
    for answer in failures.values():
        assert answer["content"]["application/json"]["schema"]["$ref"].endswith(f"/{schema}")


def test_money_is_a_number_and_a_file_is_bytes() -> None:
    schemas = openapi.described()["components"]["schemas"]
    assert schemas["PriceLine"]["properties"]["cost_usd"]["type"] == "number"
    assert schemas["ImageEditForm"]["properties"]["image"]["items"]["format"] == "binary"
    assert not any(item.get("format") == "decimal" for item in walk(schemas))


# What is documented is what is read and written


def test_the_fields_of_an_image_request_are_those_that_are_read() -> None:
    read = {*ImageFields.__struct_fields__, "response_format", "provider", "models", "preset"}
    assert set(documents.ImageRequest.__struct_fields__) == read
    assert set(documents.ImageEditRequest.__struct_fields__) == read | {"images", "mask"}
    assert set(documents.ImageEditForm.__struct_fields__) == read | {"image", "mask"}
    assert set(documents.RouterImageRequest.__struct_fields__) == read | {"input_references"}


def test_the_choice_of_providers_has_every_field_that_is_acted_on() -> None:
    schemas = openapi.described()["components"]["schemas"]
    assert set(schemas["ProviderChoice"]["properties"]) == set(preferences._FIELDS)
    assert set(schemas["Sort"]["properties"]) == set(preferences._FIELDS["sort"])
    assert set(schemas["MaxPrice"]["properties"]) == set(preferences._PRICES)
    assert set(schemas["Cutoffs"]["properties"]) == set(preferences.PERCENTILES)
    numbers = schemas["ProviderChoice"]["properties"]["quantizations"]["items"]["enum"]
    assert set(numbers) == set(preferences.QUANTIZATIONS)


@pytest.mark.parametrize(
    "choice",
    [
        {"order": ["bfl"], "sort": "price", "max_price": {"image": "0.05"}, "preferred_min_throughput": 2},
        {"sort": {"by": "latency", "partition": "none"}, "max_price": {"megapixel": 0.02, "prompt": 1}},
        {"preferred_max_latency": {"p90": 3.5}, "quantizations": ["fp8", "unknown"], "data_collection": "deny"},
        {"zdr": True, "require_parameters": True, "options": {"bfl": {"prompt_upsampling": True}}},
    ],
)
def test_a_choice_of_providers_that_is_acted_on_has_the_documented_shape(choice: dict[str, Any]) -> None:
    msgspec.convert(choice, documents.ProviderChoice)
    assert preferences.preferences_of(choice)[1] == ()


@pytest.mark.parametrize("name", [name for name, docs in DOCS.items() if docs.request is not None])
def test_an_example_has_the_shape_of_its_request_and_goes_to_the_sandbox(name: str) -> None:
    docs = DOCS[name]
    assert docs.request is not None
    msgspec.convert(docs.example, docs.request)
    assert set(docs.example) <= set(docs.request.__struct_fields__)
    if "model" in docs.example:
        assert str(docs.example["model"]).startswith("sandbox/")


PICTURE = Picture("ab" * 32, "image/png", 1024, 768, 5000)
USAGE = Usage(outputs=(Size(1024, 768),), text_tokens_in=3, text_tokens_out=4)
IMAGES = ImageAnswer(
    outputs=(Output(picture=PICTURE, seed=7, revised_prompt="A boat."),),
    failures=(UpstreamFailed("It broke."),),
    usage=USAGE,
    echo={"size": "1024x768", "quality": "high"},
)
CHOICES = msgspec.Raw(b'[{"index":0,"message":{"role":"assistant","content":"Hi."},"finish_reason":"stop"}]')


class Surface:
    """The one thing that writers ask of a surface."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect


async def nothing() -> dict[str, Any]:
    raise AssertionError("nothing is read here")


def life(dialect: str = "openai", **headers: str) -> Any:
    incoming = Incoming(
        id="req_1",
        trace_id="t",
        method="POST",
        path="/",
        query="",
        headers={"host": "h", **headers},
        receive=nothing,
        started=0,
        started_at=1_700_000_000,
    )
    credit = Budget(id="bud_1", holder=GATEWAY, period=Period.TOTAL, amount=Decimal(1), kind="credit")
    principal = Principal("key_1", "k", frozenset(), budgets=(credit,))
    lived = Life(incoming=incoming, surface=Surface(dialect), principal=principal)
    lived.call = ImageCall(model="maker/flux", prompt="A boat")
    lived.served_by = Candidate(MODELS[0], OFFERS[0], Account(provider=PROVIDERS[0]))
    lived.charge = Charge(amount=OFFERS[0].price.meters[0].amount, source="delivered", computed=None)
    lived.ignored = ("tools",)
    lived.preferences = preferences.preferences_of(None, lock="home")[0]
    lived.directions = Directions(warnings=("`cache` is not acted on yet by this gateway.",))
    lived.reserved, lived.budget_warning = Reserved(amount_pico=1, left={"bud_1": 0}), "It is used up."
    lived.deprecation = Deprecation(date(2027, 1, 1), "maker/flux-2")
    limits = [Limit(id=f"lim_{unit}", holder=GATEWAY, unit=unit, amount=Decimal(2)) for unit in LimitUnit]
    lived.limits = tuple((limit, Windows().state(limit, 0.0)) for limit in limits)
    return lived


class Anywhere(Addresses):
    """Addresses that need no gateway."""

    def __init__(self) -> None:
        pass

    def of(self, picture: Picture) -> str:
        return f"http://h/v1/assets/{picture.digest}"


def text(pieces: Pieces) -> bytes:
    return b"".join(piece if isinstance(piece, bytes) else b"AAAA" for piece in pieces)


def undocumented(value: Any, kind: type[msgspec.Struct]) -> set[str]:
    """Keys of a written answer, at any depth, that its document does not name."""
    _, schemas = msgspec.json.schema_components([kind], ref_template="{name}")
    return set(_unknown(value, schemas[kind.__name__], schemas))


def _unknown(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    options = [schemas.get(option.get("$ref", ""), option) for option in schema.get("anyOf", [])]
    for option in options:
        if option.get("properties") and isinstance(value, dict):
            schema = option
    if isinstance(value, list) and "items" in schema:
        for item in value:
            yield from _unknown(item, schema["items"], schemas)
    if isinstance(value, dict) and schema.get("properties"):
        for name, item in value.items():
            if name not in schema["properties"]:
                yield name
            else:
                yield from _unknown(item, schema["properties"][name], schemas)


def answers() -> list[Any]:
    here = life()
    there = life("openrouter")
    chat = ChatAnswer(choices=CHOICES, usage=USAGE)
    vectors = EmbeddingAnswer(data=msgspec.Raw(b'[{"object":"embedding","index":0,"embedding":[0.5]}]'), usage=USAGE)
    router_usage = {**token_usage_of(there, USAGE), "is_byok": False}
    return [
        pytest.param(chat_body(here, chat, {}), documents.ChatCompletion, id="chat"),
        pytest.param(chat_body(there, chat, {"provider": "Home"}), documents.RouterChatCompletion, id="router chat"),
        pytest.param(picture_chat_body(here, IMAGES, Anywhere(), {}), documents.ChatCompletion, id="picture in a chat"),
        pytest.param(
            images_body(here, IMAGES, Anywhere(), image_usage(here, USAGE), {}), documents.Images, id="images"
        ),
        pytest.param(
            images_body(there, IMAGES, Anywhere(), router_usage, {}), documents.RouterImages, id="router images"
        ),
        pytest.param(embeddings_body(here, vectors, {}), documents.Embeddings, id="embeddings"),
    ]


@pytest.mark.parametrize(("pieces", "kind"), answers())
def test_an_answer_is_written_as_it_is_documented(pieces: Pieces, kind: type[msgspec.Struct]) -> None:
    msgspec.json.decode(text(pieces), type=kind)
    assert undocumented(msgspec.json.decode(text(pieces)), kind) == set()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (openai_error(BadRequest("No.", param="n")), documents.ErrorAnswer),
        ({"error": openrouter_error(Moderated("No.", stage="input"), life())}, documents.RouterErrorAnswer),
    ],
)
def test_an_error_is_written_as_it_is_documented(error: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    msgspec.convert(error, kind)
    assert undocumented(error, kind) == set()


@pytest.mark.parametrize("dialect", ["openai", "openrouter"])
def test_how_a_request_was_routed_is_told_as_it_is_documented(dialect: str) -> None:
    asked = life(dialect, **{"x-openrouter-metadata": "enabled"})
    asked.plan = Plan(order=(asked.served_by,), why="In the catalogue's order.")
    asked.exclusions = (Exclusion(OFFERS[1], "It is off.", "model"),)
    asked.attempts = [Attempt(id="att_1", number=1, candidate=asked.served_by, started=0, started_at=0)]
    told = router_metadata(asked)
    assert set(told) == {"openrouter_metadata"}
    msgspec.convert(told["openrouter_metadata"], documents.RouterMetadata)
    bodies = (
        (text(images_body(asked, IMAGES, Anywhere(), image_usage(asked, USAGE), told)), documents.Images),
        (openai_failure(BadRequest("No."), asked), documents.ErrorAnswer),
        (openrouter_failure(BadRequest("No."), asked), documents.RouterErrorAnswer),
    )
    for body, kind in bodies:
        written = msgspec.json.decode(text(body.pieces) if isinstance(body, Reply) else body)
        assert "openrouter_metadata" in written
        assert undocumented(written, kind) == set()


async def test_health_is_answered_as_it_is_documented() -> None:
    msgspec.convert(decoded(await alive(gateway(), request())), documents.Health)


@pytest.mark.parametrize("dialect", ["openai", "openrouter"])
def test_events_are_written_as_they_are_documented(dialect: str) -> None:
    chat, image = ChatStream(life(dialect), Anywhere()), ImageStream(life(dialect), Anywhere())
    delta = ChatDelta(choices=msgspec.Raw(b'[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]'))
    chunks = text((*chat.event(delta), *chat.closing(ChatAnswer(choices=None, usage=USAGE)), *chat.closing(IMAGES)))
    preview = PartialPicture(index=0, picture=PICTURE)
    frames = text((*image.event(preview), *image.closing(IMAGES), *image.failure(UpstreamFailed("It broke."))))
    events = documents.ImageEvent if dialect == "openai" else documents.RouterImageEvent
    for sent, kind, count in ((chunks, documents.ChatChunk, 5), (frames, events, 3)):
        data = re.findall(rb"^data: (\{.*\})$", sent, re.MULTILINE)
        assert len(data) == count
        for event in data:
            msgspec.json.decode(event, type=kind)
            assert undocumented(msgspec.json.decode(event), kind) == set()


def test_the_response_headers_are_those_that_are_sent() -> None:
    sent = {name for name in metadata(life()) if not name.startswith("x-agentcc-")}
    assert set(openapi.described()["components"]["headers"]) == sent


def test_a_surface_documents_more_headers_than_a_list() -> None:
    for route in ROUTES:
        headers = next(iter(operation_of(route)["responses"].values()))["headers"]
        assert ("x-penstock-cost" in headers) is (route.surface is not None)
        assert "x-request-id" in headers


# The reference


def test_the_reference_lists_every_route_with_its_scope() -> None:
    row = re.compile(r"^\| (GET|POST|PATCH|DELETE) \| `([^`]+)` \| (\w+) \| (.+) \|$", re.MULTILINE)
    rows = row.findall(REFERENCE.read_text(encoding="utf-8"))
    assert rows == [(route.method, openapi.plain_path(route.path), str(route.scope), route.summary) for route in ROUTES]


def test_the_reference_lists_every_header() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \|", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == [
        *(f"x-penstock-{name}" for name in openapi.REQUEST_HEADERS),
        *openapi.described()["components"]["headers"],
    ]
