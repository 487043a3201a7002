"""The reference pages against the code: each list that is kept in both places is the same in both."""

import inspect
import re
import tomllib
import typing
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
import typer.core

import penstock
from penstock.api.errors import openai_status, openrouter_status
from penstock.catalogue.load import DATA
from penstock.catalogue.load import load as load_catalogue
from penstock.cli import app
from penstock.core.errors import Moderated, PenstockError
from penstock.pipeline.request import _ENTRIES
from penstock.providers import ADAPTERS, bfl, openai_quirks
from penstock.providers.sandbox import Sandbox
from penstock.settings import (
    Asked,
    Days,
    Group,
    Level,
    Pause,
    Policy,
    Port,
    ProviderKey,
    ProviderSettings,
    Routing,
    Seconds,
    Settings,
    Share,
    Stage,
)
from tests.docs.codes import assigned_codes, codes
from tests.docs.pages import PAGES, ROOT, page, tables, words

SOURCE = Path(penstock.__file__).parent


# Settings

_TYPES: dict[Any, str] = {
    str: "text",
    str | None: "text",
    bool: "true or false",
    bool | None: "true or false",
    Port: "whole number, 1 to 65535",
    Level: "`debug`, `info`, `warning` or `error`",
    Seconds: "number above 0",
    Pause: "number, at least 0",
    Share: "number above 0, at most 1",
    Days | None: "number above 0",
    Decimal: "decimal number",
    Decimal | None: "decimal number",
    tuple[str, ...]: "list of texts",
    tuple[Stage, ...] | None: "list of `input` and `output`",
    tuple[Asked, ...] | None: "list of operations",
    tuple[str, ...] | None: "list of texts",
    tuple[dict[str, Any], ...]: "list of mappings",
    tuple[ProviderKey, ...]: "list of mappings",
    str | dict[str, Any]: "text or mapping",
    str | dict[str, Any] | None: "text or mapping",
    dict[str, Any]: "mapping",
    dict[str, str]: "mapping",
    dict[str, ProviderSettings]: "mapping",
    dict[str, Policy]: "mapping",
    dict[str, Group]: "mapping",
}
_INSIDE: dict[str, tuple[type[msgspec.Struct], str]] = {
    "providers": (ProviderSettings, "providers.<name>."),
    "providers.<name>.keys": (ProviderKey, "providers.<name>.keys[]."),
    "routing.models": (Policy, "routing.models.<name>."),
    "routing.groups": (Group, "routing.groups.<name>."),
}
"""Settings that hold further ones by name or in a list; `routing.keys` and `.presets` hold the same as `.models`."""


def settings_rows(struct: type[msgspec.Struct] = Settings, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Name, type and default of every setting, as the page writes them."""
    hints = typing.get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        kind, default = hints[field.name], field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        if isinstance(default, msgspec.Struct):
            yield from settings_rows(type(default), f"{path}{field.name}.")
            continue
        name = f"{path}{field.name}"
        yield name, _type_text(kind), _default_text(default)
        if name in _INSIDE:
            yield from settings_rows(*_INSIDE[name])


def _default_text(default: Any) -> str:
    if default is msgspec.NODEFAULT:
        return "required"
    if default is None:
        return "not set"
    if default in ({}, (), ""):
        return "empty"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _type_text(kind: Any) -> str:
    for known, text in _TYPES.items():
        if kind == known:
            return text
    meta = [m for part in (kind, *typing.get_args(kind)) for m in getattr(part, "__metadata__", ())]
    assert meta and meta[0].ge == 1, f"the page has no word for {kind}"
    return "whole number, at least 1"


def test_every_setting_is_on_its_page_with_type_default_and_a_sentence() -> None:
    rows = [row for _, table in tables(page("docs/reference/settings.md")) for row in table]
    assert sorted((words(name)[0], kind, default) for name, kind, default, _ in rows) == sorted(settings_rows())
    assert all(meaning.endswith(".") for *_, meaning in rows)


def test_policies_of_keys_and_presets_take_what_those_of_models_do() -> None:
    hints = typing.get_type_hints(Routing)
    assert {hints[name] for name in ("models", "keys", "presets")} == {dict[str, Policy]}


# Headers


def test_every_request_header_of_ours_is_on_its_page() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py"))
    ours = set(re.findall(r"\.ours\(\"([a-z-]+)\"\)", text))
    ours |= set(re.findall(r"headers\.get\(\"x-agentcc-([a-z-]+)\"\)", text))
    ours |= {f"{name.removeprefix('x-penstock-')}<name>" for name in _ENTRIES if name.startswith("x-penstock-")}
    single = set(re.findall(r"incoming\.headers\.get\(\"(x-[a-z-]+|[a-z-]*referer)\"", text)) | {"traceparent"}
    assert 'headers.get("traceparent"' in text
    spelled_twice, spelled_once = _request_tables()
    assert spelled_twice == ours
    assert spelled_once == single


def _request_tables() -> tuple[set[str], set[str]]:
    twice, once = (
        {words(row[0])[0] for row in table}
        for heading, table in tables(page("docs/reference/headers.md"))
        if heading == "In a request"
    )
    return twice, once


def test_every_response_header_of_ours_is_on_its_page() -> None:
    named = {
        heading: {words(row[0])[0] for row in table} for heading, table in tables(page("docs/reference/headers.md"))
    }
    everywhere = named["In every response"]
    assert everywhere == _keys_set_in("app.py", r'^            "([a-z]+-[a-z]+)": ')
    assert everywhere | named["In responses to chats, pictures and embeddings"] == _facts_of_metadata()


def _keys_set_in(file: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, (SOURCE / file).read_text(encoding="utf-8"), re.MULTILINE))


def _facts_of_metadata() -> set[str]:
    """What `metadata` can put into its facts, literally: as keys of the dictionary and one by one."""
    from penstock.pipeline.respond import metadata

    source = inspect.getsource(metadata)
    return set(re.findall(r'^        "([a-z-]+)":', source, re.MULTILINE)) | set(
        re.findall(r'facts\["([a-z-]+)"\]', source)
    )


# Errors


def _error_tables() -> dict[str, tuple[str, str]]:
    return {
        words(row[0])[0]: (row[1], row[2])
        for heading, table in tables(page("docs/reference/errors.md"))
        for row in table
        if heading != "Elsewhere"
    }


def _elsewhere() -> set[str]:
    found = (t for heading, t in tables(page("docs/reference/errors.md")) if heading == "Elsewhere")
    return {words(row[0])[0] for table in found for row in table}


def test_every_error_code_is_on_its_page() -> None:
    assert set(_error_tables()) | _elsewhere() == set(codes()) | assigned_codes()
    assert not set(_error_tables()) & _elsewhere()


@pytest.mark.parametrize("code", sorted(_error_tables()))
def test_an_error_has_the_status_the_page_says_in_both_dialects(code: str) -> None:
    kinds = codes()[code]
    openai = ", ".join(str(status) for status in sorted({openai_status(_one(kind)) for kind in kinds}))
    openrouter = ", ".join(str(status) for status in sorted({openrouter_status(_one(kind)) for kind in kinds}))
    assert _error_tables()[code] == (openai, openrouter)


def _one(kind: type[PenstockError]) -> PenstockError:
    return kind("A sentence.", stage="input") if issubclass(kind, Moderated) else kind("A sentence.")


# Command line


def commands() -> dict[str, list[typer.core.TyperArgument | typer.core.TyperOption]]:
    """Every command by its full name, with its parameters."""
    group = typer.main.get_command(app)
    found: dict[str, Any] = {}

    def walk(command: Any, name: str) -> None:
        if hasattr(command, "commands"):
            for child, inner in command.commands.items():
                walk(inner, f"{name} {child}")
        else:
            found[name] = [parameter for parameter in command.params if parameter.name != "help"]

    walk(group, "penstock")
    return found


def _command_tables() -> dict[str, list[list[str]]]:
    return {
        " ".join(word for word in words(heading)[0].split() if not word.isupper()): rows
        for heading, rows in tables(page("docs/reference/command-line.md"))
        if heading.startswith("`penstock")
    }


def test_every_command_is_on_its_page() -> None:
    assert set(_command_tables()) == set(commands())


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_is_on_its_page_with_its_variable_and_default(name: str) -> None:
    expected = {}
    for parameter in commands()[name]:
        argument = parameter.param_type_name == "argument"
        names = (parameter.name.upper(),) if argument else tuple(parameter.opts)
        expected[frozenset(names)] = (parameter.envvar, parameter.required, parameter.default)
    rows = {frozenset(words(row[0])): row for row in _command_tables()[name]}
    assert set(rows) == set(expected)
    for names, (variable, required, default) in expected.items():
        _, environment, shown, meaning = rows[names]
        assert words(environment) == ([variable] if variable else []), names
        assert (shown == "required") == required, names
        if default and default is not True:
            assert words(shown) == [str(default)], names
        assert meaning.endswith("."), names


# Providers


def _provider_tables() -> dict[str, list[list[str]]]:
    return dict(tables(page("docs/reference/providers.md")))


def test_every_provider_of_the_catalogue_is_on_its_page() -> None:
    known = tomllib.loads((DATA / "providers.toml").read_text(encoding="utf-8"))
    rows = [[words(slug)[0], name, *map(_word, (adapter, key))] for slug, name, adapter, key in _provider_rows()]
    assert rows == [
        [slug, row["name"], row["adapter"] or "none", row.get("key_variable", "none")] for slug, row in known.items()
    ]


def _provider_rows() -> list[list[str]]:
    return _provider_tables()["Providers"]


def _word(cell: str) -> str:
    return words(cell)[0] if words(cell) else cell


def test_every_adapter_has_a_section() -> None:
    sections = re.findall(r"^## Adapter `(\w+)`$", page("docs/reference/providers.md"), re.MULTILINE)
    assert sections == list(ADAPTERS)


def test_every_quirk_is_on_its_page_with_its_default() -> None:
    quirks = {adapter: dict(_quirk_rows(adapter)) for adapter in ADAPTERS}
    defaults = {
        field.name: field.default if field.default is not msgspec.NODEFAULT else {}
        for field in msgspec.structs.fields(openai_quirks.Quirks)
    }
    assert quirks["openai_compatible"] == {name: _quirk_default(value) for name, value in defaults.items()}
    assert list(quirks["bfl"]) == list(bfl._KNOWN_QUIRKS)
    assert quirks["bfl"]["poll_seconds"] == str(bfl._FIRST_POLL)
    assert list(quirks["sandbox"]) == ["failure"]
    Sandbox().check_quirks({"failure": "500"})


def _quirk_rows(adapter: str) -> Iterator[tuple[str, str]]:
    for row in _provider_tables()[f"Adapter `{adapter}`"]:
        yield words(row[0])[0], _word(row[1])


def _quirk_default(value: object) -> str:
    return "none" if value in ("", (), {}) else str(value).lower() if isinstance(value, bool) else str(value)


def test_the_readme_names_every_provider_that_can_be_switched_on_by_a_variable() -> None:
    on = {p.key_variable for p in load_catalogue().providers.values() if p.adapter and p.key_variable}
    named = {words(row[1])[0] for heading, table in tables(page("README.md")) for row in table}
    assert named == on


# Decisions, dependencies, links


def test_every_dependency_has_a_line_that_says_why() -> None:
    project = tomllib.loads(page("pyproject.toml"))
    wanted = [project["project"]["dependencies"], project["dependency-groups"]["dev"]]
    found = [table for _, table in tables(page("docs/decisions/dependencies.md"))]
    vendored = {file.name for file in (ROOT / "src/penstock/web/static/vendor").iterdir()}
    assert [{words(row[0])[0] for row in table} for table in found] == [
        *({re.split(r"[<>=;~! \[]", line, maxsplit=1)[0] for line in lines} for lines in wanted),
        vendored,
    ]
    assert all(row[1].endswith(".") for table in found for row in table)


def test_every_decision_is_in_the_table_of_contents() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", page("docs/decisions/README.md")))
    assert listed == {file.name for file in (ROOT / "docs/decisions").glob("*.md")} - {"README.md"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    broken = [link for link in links if not re.match(r"https?://", link) and not (path.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_a_heading_lead_to_one(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", path.read_text(encoding="utf-8"))
    broken = [
        f"{name}#{anchor}" for name, anchor in links if anchor not in _anchors(path.parent / name if name else path)
    ]
    assert broken == []


def _anchors(path: Path) -> set[str]:
    """The headings of a page, as GitHub names them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        here = waiting.pop()
        if here in seen or not here.is_file() or here.suffix != ".md":
            continue
        seen.add(here)
        links = re.findall(r"\]\(([^)#]+\.md)(?:#[^)]*)?\)", here.read_text(encoding="utf-8"))
        waiting += [(here.parent / link).resolve() for link in links if "://" not in link]
    assert sorted(path.name for path in (ROOT / "docs").rglob("*.md") if path not in seen) == []
