"""`penstock budgets` and `penstock credits`: what may be spent, and what was paid in beforehand."""

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
from penstock.core.errors import BadRequest
from penstock.core.spending import OnUnpriced, Period

budgets = typer.Typer(help="Dollars that may be spent in a day, a week, a month or in total.", no_args_is_help=True)
credits = typer.Typer(help="Money paid in beforehand.", no_args_is_help=True)

Which = Annotated[str, typer.Argument(help="Id of the budget.")]


@budgets.command("create")
def create_budget(
    whose: For,
    amount: Annotated[str, typer.Option(help="US dollars per period.")],
    period: Annotated[
        Period, typer.Option(help="Days, weeks (from Monday) and months are those of UTC.")
    ] = Period.TOTAL,
    soft: Annotated[bool, typer.Option("--soft", help="Warn; refuse nothing.")] = False,
    on_unpriced: Annotated[OnUnpriced, typer.Option(help="What becomes of calls whose price nobody knows.")] = "refuse",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make a budget. What is spent from now on counts."""
    from penstock.commands import given
    from penstock.commands.spending import budget_sentence, made_budget

    dollars, now = given.amount(amount, "--amount"), now_ms()
    with open_books(settings_of(config, data)) as books:
        row = books.change(lambda c: made_budget(c, whose, dollars, period, not soft, on_unpriced, now))
    show_one(row, as_json, budget_sentence(row))


@budgets.command("list")
def list_budgets(
    whose: ForAny = None,
    data: Data = None,
    config: Config = None,
    everything: Annotated[bool, typer.Option("--all", help="Ended ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """The budgets, with what is spent, reserved, uncertain and left of each in its current period."""
    from penstock.commands.admin_tables import budgets_table
    from penstock.commands.spending import budget_rows

    with open_books(settings_of(config, data)) as books:
        rows = books.read(lambda c: budget_rows(c, whose, everything, now_ms()))
    show_rows(rows, as_json, budgets_table)


@budgets.command("change")
def change_budget(
    which: Which,
    amount: Annotated[str | None, typer.Option(help="US dollars per period.")] = None,
    hard: Annotated[bool | None, typer.Option("--hard/--soft", help="Refuse what does not fit, or warn.")] = None,
    on_unpriced: Annotated[
        OnUnpriced | None, typer.Option(help="What becomes of calls whose price nobody knows.")
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Change what is named. What was spent in the current period stays spent."""
    from penstock.commands import given
    from penstock.commands.spending import budget_row, budget_sentence
    from penstock.store import spending

    if amount is None and hard is None and on_unpriced is None:
        raise BadRequest("Nothing to change: name it, as in `--amount 50` or `--soft`.")
    dollars, now = None if amount is None else given.amount(amount, "--amount"), now_ms()
    with open_books(settings_of(config, data)) as books:
        books.change(lambda c: spending.change_budget(c, which, now, dollars, hard, on_unpriced))
        row = books.read(lambda c: budget_row(c, which, now))
    show_one(row, as_json, budget_sentence(row))


@budgets.command("end")
def end_budget(which: Which, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """It no longer applies; what was spent of it stays readable. Credits end likewise."""
    from penstock.commands.spending import budget_row
    from penstock.store import spending

    now = now_ms()
    with open_books(settings_of(config, data)) as books:
        row = books.change(lambda c: budget_row(c, spending.end_budget(c, which, now).id, now))
    show_one(row, as_json, f"{row['id']} no longer applies.")


@credits.command("add")
def add_credit(
    whose: For,
    amount: Annotated[str, typer.Option(help="US dollars; a negative amount takes some back.")],
    note: Annotated[str, typer.Option(help="What it was for: an invoice, a gift.")] = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Pay in. From the first payment on, what does not fit into the credit is refused."""
    from penstock.commands import given
    from penstock.commands.spending import credit_row, credit_sentence
    from penstock.store import spending

    dollars, now = given.amount(amount, "--amount"), now_ms()
    with open_books(settings_of(config, data)) as books:
        row = books.change(lambda c: credit_row(c, spending.add_credit(c, given.holder(c, whose), dollars, note, now)))
    show_one(row, as_json, credit_sentence(row))


@credits.command("list")
def list_credits(whose: ForAny = None, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """The credits: what was paid in, and what is left. With --for, every payment."""
    from penstock.commands.admin_tables import credits_table, payments_table
    from penstock.commands.spending import credit_rows

    with open_books(settings_of(config, data)) as books:
        rows = books.read(lambda c: credit_rows(c, whose, now_ms()))
    show_rows(rows, as_json, payments_table if whose else credits_table)
