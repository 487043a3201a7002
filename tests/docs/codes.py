"""Every error code in the source and the HTTP statuses it can have, found by reading the classes and the calls."""

import ast
import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import penstock
from penstock.core.errors import ConnectionLost, PenstockError, UpstreamFailed

_SOURCE = Path(penstock.__file__).parent
# Functions that make an error of a type their name does not tell.
_MAKERS = {"_unsure": UpstreamFailed}


@cache
def error_types() -> dict[str, type[PenstockError]]:
    """Every error class by name, wherever it is defined."""
    for module in pkgutil.walk_packages([str(_SOURCE)], "penstock."):
        if "migrations" not in module.name:
            importlib.import_module(module.name)
    found: dict[str, type[PenstockError]] = {}
    waiting: list[type[PenstockError]] = [PenstockError]
    while waiting:
        kind = waiting.pop()
        found[kind.__name__] = kind
        waiting += kind.__subclasses__()
    return {name: kind for name, kind in found.items() if kind.__module__.startswith("penstock.")}


@cache
def codes() -> dict[str, set[type[PenstockError]]]:
    """Code to the error classes that carry it."""
    types = error_types()
    found: defaultdict[str, set[type[PenstockError]]] = defaultdict(set)
    for kind in types.values():
        if "code" in vars(kind):
            found[kind.code].add(kind)
    for file in sorted(_SOURCE.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        constants = dict(_constants(tree))
        for name, code in _given(tree, constants):
            if maker := types.get(name) or _MAKERS.get(name):
                found[code].add(maker)
    assert ConnectionLost in found["provider_connection_lost"]
    return dict(found)


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module) if node.module.startswith("penstock.") else None
            for alias in node.names:
                value = getattr(module, alias.name, None)
                if isinstance(value, str):
                    yield alias.asname or alias.name, value
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value.value


def _given(tree: ast.Module, constants: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Pairs of a called name and the `code` it is given."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        for keyword in node.keywords:
            if keyword.arg != "code":
                continue
            match keyword.value:
                case ast.Constant(value=str(code)):
                    yield node.func.id, code
                case ast.Name(id=name) if name in constants:
                    yield node.func.id, constants[name]


def assigned_codes() -> set[str]:
    """Codes that an error gets after it was made: `error.code = CODE`."""
    found = set()
    for file in sorted(_SOURCE.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        constants = dict(_constants(tree))
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=[ast.Attribute(attr="code")], value=ast.Constant(value=str(code))):
                    found.add(code)
                case ast.Assign(targets=[ast.Attribute(attr="code")], value=ast.Name(id=name)) if name in constants:
                    found.add(constants[name])
    return found
