"""`penstock limits` and `penstock allowances`: how fast, and how much of it for nothing."""

from typing import Annotated

import typer

from penstock.cli.options import (
    AsJson,
    Config,
    Data,
    For,
    ForAny,
    now_ms,
    open_books,
    settings_of,
    show_one,
    show_rows,
)
from penstock.core.spending import LimitUnit

limits = typer.Typer(help="Rate limits: at most so much in any window of time.", no_args_is_help=True)
allowances = typer.Typer(help="Requests of each month that cost budgets and credits nothing.", no_args_is_help=True)


@limits.command("create")
def create_limit(
    whose: For,
    unit: Annotated[LimitUnit, typer.Option(help="What is counted; megapixels are of 1024x1024 pixels.")],
    amount: Annotated[str, typer.Option(help="At most so many.")],
    per: Annotated[str, typer.Option(help="In any window of this length: 60s, 15m, 1h, 1d.")] = "1m",
    model: Annotated[str | None, typer.Option(help="Of this model, or a pattern; all together, by default.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make a rate limit."""
    from penstock.commands import given
    from penstock.commands.spending import limit_sentence, named_limits
    from penstock.store import spending

    most, seconds, now = given.amount(amount, "--amount"), given.seconds(per, "--per"), now_ms()
    with open_books(settings_of(config, data)) as books:
        (row,) = books.change(
            lambda c: named_limits(
                c, [spending.create_limit(c, given.holder(c, whose), unit, most, seconds, model, now)]
            )
        )
    show_one(row, as_json, limit_sentence(row))


@limits.command("list")
def list_limits(whose: ForAny = None, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """The rate limits."""
    from penstock.commands.admin_tables import limits_table
    from penstock.commands.spending import limit_rows

    with open_books(settings_of(config, data)) as books:
        rows = books.read(lambda c: limit_rows(c, whose))
    show_rows(rows, as_json, limits_table)


@limits.command("end")
def end_limit(
    which: Annotated[str, typer.Argument(help="Id of the limit.")],
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """It no longer applies."""
    from penstock.commands.spending import named_limits
    from penstock.store import spending

    with open_books(settings_of(config, data)) as books:
        (row,) = books.change(lambda c: named_limits(c, [spending.end_limit(c, which, now_ms())]))
    show_one(row, as_json, f"{row['id']} no longer applies.")


@allowances.command("create")
def create_allowance(
    whose: For,
    requests: Annotated[int, typer.Option(help="The first so many of each month (UTC).")],
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make an allowance."""
    from penstock.commands.spending import made_allowance
    from penstock.commands.values import who

    with open_books(settings_of(config, data)) as books:
        row = books.change(lambda c: made_allowance(c, whose, requests, now_ms()))
    show_one(row, as_json, f"{row['id']}: {who(row)} pays nothing for its first {requests} requests of each month.")


@allowances.command("list")
def list_allowances(whose: ForAny = None, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """The allowances, with what is used of them this month."""
    from penstock.commands.admin_tables import allowances_table
    from penstock.commands.spending import allowance_rows

    with open_books(settings_of(config, data)) as books:
        rows = books.read(lambda c: allowance_rows(c, whose, now_ms()))
    show_rows(rows, as_json, allowances_table)


@allowances.command("end")
def end_allowance(
    which: Annotated[str, typer.Argument(help="Id of the allowance.")],
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """It no longer applies."""
    from penstock.commands.spending import ended_allowance

    with open_books(settings_of(config, data)) as books:
        row = books.change(lambda c: ended_allowance(c, which, now_ms()))
    show_one(row, as_json, f"{row['id']} no longer applies.")
