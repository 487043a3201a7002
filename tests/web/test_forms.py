"""Forms: what was typed as the API's request, and the form again with its fault at the field that it is about."""

from decimal import Decimal
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from penstock.api import admin_documents as documents
from penstock.core.errors import BadRequest
from penstock.web.forms import Field, again, read, sheet
from penstock.web.visit import Form


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """A struct inside another."""

    amount_usd: Decimal
    hard: bool = True


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the form is for."""

    name: str
    scopes: list[str] = []
    models: list[str] = []
    days: Annotated[float, Meta(gt=0)] | None = None
    count: int | None = None
    unit: str | None = None
    yes: bool = False
    terms: Terms | None = None


FIELDS = (
    Field(name="name", label="Its name", required=True),
    Field(name="scopes", label="What it may do", kind="several", choices=(("a", "A"), ("b", "B"))),
    Field(name="models", label="Models", kind="lines"),
    Field(name="days", label="Days", kind="number"),
    Field(name="count", label="How many", kind="whole"),
    Field(name="unit", label="Unit", kind="choice", choices=(("", "None"), ("x", "X"))),
    Field(name="yes", label="Really", kind="yes"),
    Field(name="terms.amount_usd", label="Dollars", kind="number"),
    Field(name="terms.hard", label="Hard", kind="yes"),
)


def form(**fields: str | list[str]) -> Form:
    """A form that was sent; two underscores stand for a dot."""
    several = {name.replace("__", "."): [value] if isinstance(value, str) else value for name, value in fields.items()}
    return Form({name: values[-1] for name, values in several.items()}, several)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"name": "  a  "}, Request(name="a")),
        ({"name": ""}, Request(name="")),
        ({"name": "a", "unit": "", "days": " ", "count": ""}, Request(name="a")),
        ({"name": "a", "scopes": ["a", "b"]}, Request(name="a", scopes=["a", "b"])),
        ({"name": "a", "models": "x/y, z/*\r\n w"}, Request(name="a", models=["x/y", "z/*", "w"])),
        ({"name": "a", "days": "1.5", "count": "3.0", "unit": "x"}, Request(name="a", days=1.5, count=3, unit="x")),
        ({"name": "a", "yes": "yes"}, Request(name="a", yes=True)),
        ({"name": "a", "terms__hard": "yes"}, Request(name="a")),
        (
            {"name": "a", "terms__amount_usd": "$1.50"},
            Request(name="a", terms=Terms(amount_usd=Decimal("1.5"), hard=False)),
        ),
    ],
)
def test_what_was_typed_is_the_request(typed: dict[str, str], expected: Request) -> None:
    assert read(FIELDS, form(**typed), Request) == expected


@pytest.mark.parametrize(
    ("typed", "at", "says"),
    [
        ({"name": "a", "days": "soon"}, "days", "“Days” must be a number, such as 12.50."),
        ({"name": "a", "days": "nan"}, "days", "“Days” must be a number, such as 12.50."),
        ({"name": "a", "days": "1e99999"}, "days", "“Days” must be a number, such as 12.50."),
        ({"name": "a", "days": "-1"}, "days", "“Days” is wrong: expected `float` > 0.0."),
        ({"name": "a", "count": "1.5"}, "count", "“How many” must be a whole number, such as 10."),
        ({"name": "a", "terms__amount_usd": "x"}, "terms.amount_usd", "“Dollars” must be a number, such as 12.50."),
    ],
)
def test_a_fault_is_at_its_field_and_what_was_typed_stays(typed: dict[str, str], at: str, says: str) -> None:
    sent = form(**typed, scopes=["b"])
    with pytest.raises(BadRequest) as caught:
        read(FIELDS, sent, Request)
    shown = again(FIELDS, sent, caught.value)
    assert shown.fault == says
    assert [entry.field.name for entry in shown.entries if entry.fault] == [at]
    assert shown["scopes"].values == ["b"]
    assert shown[at].value == next(value for name, value in typed.items() if name.replace("__", ".") == at)


def test_a_fault_of_the_store_is_told_in_the_names_of_the_form() -> None:
    error = BadRequest("`name` and `models` are wrong.", param="models")
    shown = again(FIELDS, form(name="<b>"), error)
    assert shown.fault == "“Its name” and “Models” are wrong."
    assert (shown["models"].fault, shown["name"].fault) == (shown.fault, "")


def test_a_fault_about_nothing_in_the_form_is_at_its_top_only() -> None:
    shown = again(FIELDS, form(name="a"), BadRequest("Not now.", param="elsewhere"))
    assert shown.fault == "Not now."
    assert not any(entry.fault for entry in shown.entries)


def test_a_form_is_shown_with_what_stands_in_it() -> None:
    shown = sheet(FIELDS, {"name": "a", "scopes": ["a", "b"]})
    assert (shown["name"].value, shown["scopes"].values, shown["days"].value) == ("a", ["a", "b"], "")


def test_a_key_made_by_a_form_is_the_request_of_the_api() -> None:
    fields = (
        Field(name="name", label="Name"),
        Field(name="scopes", label="Scopes", kind="several"),
        Field(name="expires_in_days", label="Days", kind="number"),
        Field(name="budget.amount_usd", label="Dollars", kind="number"),
        Field(name="budget.period", label="Period", kind="choice"),
    )
    sent = form(name="a", scopes=["read"], expires_in_days="90", budget__amount_usd="5", budget__period="week")
    made = read(fields, sent, documents.NewKey)
    assert (made.name, made.scopes, made.expires_in_days) == ("a", ["read"], 90)
    assert made.budget is not None and (made.budget.amount_usd, str(made.budget.period)) == (Decimal(5), "week")
    assert read(fields, form(name="a", budget__period="week"), documents.NewKey).budget is None
