"""The command line as tests drive it: in this process, with a data directory of its own and a clean environment."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from penstock.catalogue.load import load
from penstock.cli import main


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_float=Decimal)

    @property
    def lines(self) -> list[str]:
        """What it printed, with one space where columns are apart."""
        return [" ".join(line.split()) for line in self.out.splitlines()]


Penstock = Callable[..., Ran]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    """No provider's key, no configuration of whoever runs the tests, and no terminal."""
    keys = {provider.key_variable for provider in load().providers.values()}
    for name in list(os.environ):
        if name.startswith("PENSTOCK_") or name in keys or name in ("FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PENSTOCK_DATA", str(data))


@pytest.fixture
def penstock(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Penstock:
    """Runs `penstock ARGUMENTS` as the installed script does."""

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["penstock", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return run
