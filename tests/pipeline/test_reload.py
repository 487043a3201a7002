"""When a changed configuration is read."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from penstock.pipeline import reload
from penstock.pipeline.gateway import Gateway
from penstock.settings import Settings


class Stopped(Exception):
    """Ends the watching."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "penstock.yaml"
    made.write_text("routing: {}")
    return made


def read_while(file: Path, contents: Iterator[str | None], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was read of a file that holds one of `contents` at each look; None: it is gone."""
    read: list[str] = []

    async def step(_: float) -> None:
        content = next(contents, Stopped)
        if content is Stopped:
            raise Stopped
        if content is None:
            file.unlink()
        elif not file.exists() or file.read_text() != content:
            file.write_text(str(content))

    monkeypatch.setattr(reload.asyncio, "sleep", step)
    monkeypatch.setattr(reload, "reload", lambda _read, _gateway: read.append(file.read_text()))
    with pytest.raises(Stopped):
        asyncio.run(reload.watch(file, Settings, cast(Gateway, None)))
    return read


@pytest.mark.parametrize(
    ("contents", "read"),
    [
        (["routing: {}"] * 3, []),
        (["whole", "whole"], ["whole"]),
        (["", "ha", "half", "half of it", "half of it", "half of it"], ["half of it"]),
        (["one", "one", "other", "other"], ["one", "other"]),
        ([None, "again", "again"], ["again"]),
        (["unfinished"], []),
    ],
    ids=["unchanged", "changed", "written in pieces", "changed twice", "gone for a moment", "not yet still"],
)
def test_a_changed_file_is_read_once_it_stands_still(
    file: Path, monkeypatch: pytest.MonkeyPatch, contents: list[str | None], read: list[str]
) -> None:
    assert read_while(file, iter(contents), monkeypatch) == read
