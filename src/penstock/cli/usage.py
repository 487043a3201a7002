"""`penstock usage`, `penstock reconcile` and `penstock export`: what the ledger says."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from penstock.cli.options import (
    AsJson,
    Config,
    Data,
    Since,
    Until,
    now_ms,
    open_books,
    settings_of,
    show_one,
    show_rows,
)


def usage(
    by: Annotated[
        str,
        typer.Option(
            help="One or several, with commas: model, provider, operation, key, organisation, team, user, app, day, "
            "hour."
        ),
    ] = "model",
    since: Since = "30d",
    until: Until = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Only these, as model=openai/gpt-image-1 or key=website; may be repeated.")
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Who used how much, and what it cost."""
    from penstock.api.ranges import range_ms
    from penstock.commands import given
    from penstock.commands.admin_tables import usage_table
    from penstock.commands.usage import usage_answer

    start, end = range_ms(since, until, now_ms())
    chosen = given.where(where)
    with open_books(settings_of(config, data)) as books:
        answer = books.read(lambda c: usage_answer(c, given.words(by), start, end, chosen))
    show_rows(answer, as_json, usage_table)


def reconcile(
    since: Since = "30d", until: Until = None, data: Data = None, config: Config = None, as_json: AsJson = False
) -> None:
    """What providers said they charged, beside what our prices come to."""
    from penstock.api.ranges import range_ms
    from penstock.commands.admin_tables import reconcile_table
    from penstock.commands.usage import reconcile_answer

    start, end = range_ms(since, until, now_ms())
    with open_books(settings_of(config, data)) as books:
        answer = books.read(lambda c: reconcile_answer(c, start, end))
    show_rows(answer, as_json, reconcile_table)


def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")],
    format: Annotated[Literal["csv", "parquet"], typer.Option(help="Of the file.")] = "csv",
    since: Since = "30d",
    until: Until = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Write the ledger's requests to a file."""
    from penstock.api.ranges import range_ms
    from penstock.commands.usage import export_ledger

    start, end = range_ms(since, until, now_ms())
    with open_books(settings_of(config, data)) as books:
        count = export_ledger(books, format, out, start, end)
    row = {"file": str(out), "format": format, "requests": count}
    show_one(row, as_json, f"{out}  ({count} request{'' if count == 1 else 's'})")
