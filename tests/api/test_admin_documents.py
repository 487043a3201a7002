"""The schemas of the administration endpoints: strict in what they take, silent about secrets in what they tell."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from penstock.api import admin_documents as documents
from penstock.api import openapi
from penstock.api.admin_docs import ADMIN_DOCS
from penstock.api.admin_routes import ADMIN_ROUTES
from penstock.api.routes import ROUTES
from penstock.core.principal import Scope

SCHEMAS = openapi.described()["components"]["schemas"]
REQUESTS = {docs.request for docs in ADMIN_DOCS.values()} - {None}
ONLY_ONE = ("/admin/api/routing",)
"""What there is one of, so that there is nothing to filter."""
BODILESS = ("/resume", "/test")
"""How paths end that say all there is to say."""
ANSWERS = {docs.response for docs in ADMIN_DOCS.values()} - {None}


def reached(name: str) -> Iterator[str]:
    """The schemas that one is made of, itself included."""
    yield name
    waiting: list[Any] = [SCHEMAS[name]]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            if "$ref" in part:
                yield from reached(part["$ref"].rpartition("/")[2])
            waiting += part.values()


def properties(kinds: set[Any]) -> dict[str, dict[str, Any]]:
    """Every field of these types, at any depth."""
    names = {name for kind in kinds for name in reached(kind.__name__)}
    return {
        f"{name}.{field}": schema for name in names for field, schema in SCHEMAS[name].get("properties", {}).items()
    }


def test_every_route_is_for_administrators() -> None:
    mine = [route for route in ROUTES if route.path.startswith("/admin/api/") and route.handler]
    assert {(method, path) for method, path, _, _ in ADMIN_ROUTES} <= {(route.method, route.path) for route in mine}
    assert {route.scope for route in mine} == {Scope.ADMIN}


@pytest.mark.parametrize(("name", "docs"), ADMIN_DOCS.items())
def test_an_endpoint_documents_what_it_takes_and_tells(name: str, docs: Any) -> None:
    method, _, path = name.partition(" ")
    assert (docs.request is not None) is (method in ("POST", "PATCH") and not path.endswith(BODILESS))
    assert (docs.query is not None) is (method == "GET" and "{" not in path and path not in ONLY_ONE)
    assert docs.response is not None
    assert ("data" in docs.response.__struct_fields__) is (docs.query is not None)
    assert bool(docs.example) is (docs.request is not None)


@pytest.mark.parametrize("kind", sorted(REQUESTS, key=lambda kind: kind.__name__))
def test_requests_take_no_field_they_do_not_name(kind: Any) -> None:
    for name in reached(kind.__name__):
        if SCHEMAS[name].get("type") == "object":
            assert SCHEMAS[name]["additionalProperties"] is False, name


def test_a_secret_is_told_only_to_who_makes_a_key() -> None:
    telling = {kind for kind in ANSWERS if "key" in kind.__struct_fields__}
    assert telling == {documents.MadeKey}
    assert {name for name, docs in ADMIN_DOCS.items() if docs.response is documents.MadeKey} == {
        "POST /admin/api/keys",
        "POST /admin/api/keys/{key}/rotate",
    }
    assert [name for name in properties(ANSWERS) if "hash" in name or "secret" in name] == []


def test_money_says_its_currency_and_times_are_times() -> None:
    fields = properties(REQUESTS | ANSWERS)
    for name, schema in fields.items():
        if name.endswith("_usd"):
            assert "'number'" in str(schema) and "US dollars" in str(schema), name
        if name.endswith(("_at", "_until", "_start")):
            assert "date-time" in str(schema), name
    assert len([name for name in fields if name.endswith("_usd")]) > 10


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (documents.NewKey, {"name": "x", "scopes": ["public"]}),
        (documents.NewKey, {"name": "x", "expires_at": "2030-01-01T00:00:00"}),
        (documents.NewKey, {"name": "x", "expires_in_days": 0}),
        (documents.NewKey, {"name": "x", "budget": {"amount_usd": 1, "period": "year"}}),
        (documents.KeyChange, {"organisation": "other"}),
        (documents.Rotation, {"overlap_seconds": -1}),
        (documents.NewBudget, {"level": "galaxy", "amount_usd": 1}),
        (documents.BudgetChange, {"period": "day"}),
        (documents.NewLimit, {"level": "gateway", "unit": "requests", "amount": 1, "window_seconds": 0}),
        (documents.NewAllowance, {"level": "gateway", "requests": 0}),
        (documents.NewCredit, {"level": "gateway", "amount_usd": 1, "note": "x" * 501}),
    ],
)
def test_what_makes_no_sense_is_not_taken(kind: type[msgspec.Struct], body: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(body), type=kind)


def test_a_new_key_may_call_and_look_unless_it_is_said_otherwise() -> None:
    assert documents.NewKey(name="x").scopes == ["inference", "read"]


def test_fields_that_may_be_left_out_are_described_like_others() -> None:
    schemas = openapi.described()["components"]["schemas"]
    for kind in ("NewKey", "KeyChange", "BudgetChange"):
        fields = schemas[kind]["properties"]
        assert [name for name, field in fields.items() if not field.get("description")] == []
