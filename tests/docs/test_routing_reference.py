"""The reference of routing against the code: its strategies with their settings and proofs, and what rules can say."""

import importlib
import re
import types
import typing
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from penstock.api import config_header
from penstock.pipeline import preferences
from penstock.routing import STRATEGIES
from penstock.routing.base import Strategy, Target
from penstock.routing.fields import FIELDS, METADATA
from penstock.routing.operators import LONGEST_PATTERN, LONGEST_TEXT, OPERATORS, REGEX_SECONDS
from penstock.routing.rules import DEEPEST
from tests.docs.pages import page, tables, words
from tests.e2e.routing.kit import Ask

PAGE = page("docs/reference/routing.md")
TABLES = dict(tables(PAGE))
SECTIONS = dict(re.findall(r"^### `([a-z-]+)`\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL))
"""What is said of each strategy."""
PROOF = re.compile(r"`(tests/e2e/routing/\w+)\.py::(test_\w+)`")
CALLS = {"chat", "image_generation", "image_edit"}

_TYPES: dict[Any, str] = {
    str: "text",
    str | None: "text",
    bool: "true or false",
    Decimal | None: "decimal number",
    Strategy: "strategy",
    Strategy | None: "strategy",
    Target: "target",
    Target | None: "target",
    dict[str, float]: "mapping",
    dict[str, Any]: "condition",
}


def test_every_strategy_has_a_section_in_the_order_of_the_code() -> None:
    assert list(SECTIONS) == list(STRATEGIES)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_s_settings_are_listed_with_type_default_and_a_sentence(name: str) -> None:
    rows = TABLES.get(f"`{name}`", [])
    assert [(words(setting)[0], kind, default) for setting, kind, default, _ in rows] == list(settings_of(name))
    assert all(meaning.endswith(".") for *_, meaning in rows)
    assert ("has no settings." in " ".join(SECTIONS[name].split())) is (not rows)


def test_the_settings_of_a_target_are_listed() -> None:
    rows = [(words(setting)[0], kind, default) for setting, kind, default, _ in TABLES["Targets"]]
    assert rows == list(_rows(Target, ""))


def settings_of(name: str) -> Iterator[tuple[str, str, str]]:
    """Name, type and default of each setting of a strategy, those of the parts of a list included."""
    yield from _rows(STRATEGIES[name], "")


def _rows(struct: Any, path: str) -> Iterator[tuple[str, str, str]]:
    hints = typing.get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        kind = hints[field.name]
        part = _part_of_list(kind)
        yield f"{path}{field.name}", _type_text(kind), _default_text(_default_of(field))
        if part is not None:
            yield from _rows(part, f"{path}{field.name}[].")


def _default_of(field: Any) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _default_text(default: Any) -> str:
    if default is msgspec.NODEFAULT:
        return "required"
    if default is None:
        return "not set"
    if default == "":
        return "empty"
    if isinstance(default, Strategy):
        return f"`{default.name}`"
    if isinstance(default, tuple):
        return ", ".join(f"`{item}`" for item in default)
    return f"`{default:g}`"


def _type_text(kind: Any) -> str:
    for known, text in _TYPES.items():
        if kind == known:
            return text
    part = _part_of_list(kind)
    if part is not None:
        return f"list of {part.__name__.lower()}s"
    bare, bounds = _bounded(kind)
    if typing.get_origin(bare) is tuple:
        return "list of texts"
    number = {int: "whole number", float: "number"}[bare]
    if bounds.gt is not None:
        return f"{number} above {bounds.gt}, at most {bounds.le}"
    return f"{number}, {bounds.ge} to {bounds.le}"


def _bounded(kind: Any) -> tuple[Any, Any]:
    """A type without what is said of it and without None, and its bounds."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        kind = next(option for option in typing.get_args(kind) if option is not type(None))
    bounds = getattr(kind, "__metadata__", (msgspec.Meta(),))[0]
    return getattr(kind, "__origin__", kind) if hasattr(kind, "__metadata__") else kind, bounds


def _part_of_list(kind: Any) -> Any:
    """The Struct that a list is of; None for anything else."""
    bare, _ = _bounded(kind)
    parts = typing.get_args(bare) if typing.get_origin(bare) is tuple else ()
    return parts[0] if parts and isinstance(parts[0], type) and issubclass(parts[0], msgspec.Struct) else None


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_has_an_example_that_uses_it(name: str) -> None:
    examples = re.findall(r"^```yaml settings\n(.*?)^```$", SECTIONS[name], re.MULTILINE | re.DOTALL)
    assert len(examples) == 1
    assert re.search(rf"(strategy|name): {name}\b", examples[0])


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_is_proven_through_the_running_gateway_for_chats_pictures_and_edits(name: str) -> None:
    (module, test) = PROOF.search(SECTIONS[name].replace("\n", "")).groups()  # type: ignore[union-attr]
    assert test.startswith(f"test_{name.replace('-', '_')}_")
    found = getattr(importlib.import_module(module.replace("/", ".")), test)
    marks = getattr(found, "pytestmark", [])
    asks = [ask for mark in marks if mark.name == "parametrize" for ask in _asks(mark.args[1])]
    assert {ask.operation for ask in asks} >= CALLS


def _asks(values: Iterable[Any]) -> Iterator[Ask]:
    for value in values:
        if isinstance(value, Ask):
            yield value
        elif isinstance(value, list | tuple):
            yield from _asks(value)


def test_every_field_that_a_condition_can_be_about_is_listed_with_its_kind() -> None:
    listed = {words(name)[0]: kind for name, kind, _ in TABLES["Fields"]}
    assert listed == {**{name: field.kind for name, field in FIELDS.items()}, f"{METADATA}<name>": "any"}
    values = {words(name)[0]: words(meaning) for name, _, meaning in TABLES["Fields"]}
    assert values["operation"] == list(FIELDS["operation"].choices)
    assert values["weekday"] == [FIELDS["weekday"].choices[0], FIELDS["weekday"].choices[-1]]


def test_every_operator_of_conditions_is_listed() -> None:
    of_values, around = [table for heading, table in tables(PAGE) if heading == "Operators"]
    assert [words(name)[0] for name, _ in of_values] == list(OPERATORS)
    assert [words(name)[0] for name, _ in around] == ["$and", "$or", "$not"]
    bounds = next(meaning for name, meaning in of_values if "$regex" in name)
    assert f"{LONGEST_PATTERN} characters" in bounds and f"{LONGEST_TEXT:,} characters" in bounds
    assert f"{1000 * REGEX_SECONDS:g} milliseconds" in bounds
    assert DEEPEST == 8 and "Conditions may be eight deep." in PAGE


def test_every_field_of_the_provider_object_is_listed() -> None:
    fields, prices = [table for heading, table in tables(PAGE) if heading == "The `provider` object"]
    assert [words(name)[0] for name, *_ in fields] == list(preferences._FIELDS)
    assert [words(name)[0] for name, _ in prices] == list(preferences._PRICES)
    numbers = next(meaning for name, _, meaning in fields if "quantizations" in name)
    assert words(numbers) == list(preferences.QUANTIZATIONS)


def test_every_section_of_the_config_header_is_listed() -> None:
    assert {words(name)[0] for name, _ in TABLES["The config header"]} == config_header._SECTIONS
    later = {words(name)[0] for name, meaning in TABLES["The config header"] if meaning == "Not acted on yet."}
    assert later == set(config_header._LATER)
