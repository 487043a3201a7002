"""What several commands have in common: options, the settings and the books of a data directory, and their output."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

from penstock.core.clock import SystemClock
from penstock.settings import Settings, load

if TYPE_CHECKING:
    from rich.table import Table

    from penstock.store.books import BlockingBooks

T = TypeVar("T")

Data = Annotated[Path | None, typer.Option(help="Data directory.", envvar="PENSTOCK_DATA")]
Config = Annotated[Path | None, typer.Option(help="Configuration file (YAML).", envvar="PENSTOCK_CONFIG")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
For = Annotated[
    str, typer.Option("--for", help="key:NAME, user:NAME, team:NAME, organisation:NAME (or their ids), or gateway.")
]
ForAny = Annotated[str | None, typer.Option("--for", help="Only those of this one: team:NAME and so on, or gateway.")]
Since = Annotated[str, typer.Option(help="From when: 90m, 12h, 7d or 4w ago, or a date.")]
Until = Annotated[str | None, typer.Option(help="Until when, written likewise; now, by default.")]


def settings_of(config: Path | None, data: Path | None) -> Settings:
    """The settings of a configuration file and a data directory. Raises SettingsError."""
    return load(config, data=str(data) if data else None)


@contextmanager
def open_books(settings: Settings) -> Iterator["BlockingBooks"]:
    """The books of a data directory, also while a gateway runs on it."""
    from penstock.store.books import BlockingBooks
    from penstock.store.db import Database

    with Database.open(str(settings.data_path / "penstock.db")) as database:
        yield BlockingBooks(database)


def now_ms() -> int:
    """Unix milliseconds."""
    return int(SystemClock().now() * 1000)


def show_json(value: Any) -> None:
    """Print a value as JSON for programs; a Decimal is a number, digit by digit."""
    typer.echo(msgspec.json.format(msgspec.json.Encoder(decimal_format="number").encode(value)).decode())


def show_rows(rows: T, as_json: bool, table: Callable[[T], "Table"]) -> None:
    """Print rows as JSON for programs, or as a table for people."""
    from penstock.commands.tables import show

    if as_json:
        show_json(rows)
    else:
        show(table(rows))


def show_one(row: dict[str, Any], as_json: bool, sentence: str) -> None:
    """Print what was made or changed as JSON for programs, or a sentence for people."""
    if as_json:
        show_json(row)
    else:
        typer.echo(sentence)
