"""The commands. Each one reads its options, calls one function and prints.

serve.py      `penstock serve`
check.py      `penstock check`
models.py     `penstock models`
catalogue.py  `penstock catalogue ...`
quotes.py     `penstock quote`
pictures.py   `penstock generate`
routes.py     `penstock routes ...`
keys.py       `penstock keys ...`
people.py     `penstock organisations ...`, `penstock teams ...`, `penstock users ...`
budgets.py    `penstock budgets ...`, `penstock credits ...`
limits.py     `penstock limits ...`, `penstock allowances ...`
usage.py      `penstock usage`, `penstock reconcile`, `penstock export`
options.py    what several of them have in common
"""

from typing import NoReturn

import typer

from penstock.cli import budgets, catalogue, check, keys, limits, models, people, pictures, quotes, routes, serve, usage
from penstock.settings import SettingsError

app = typer.Typer(
    help="Penstock, a self-hosted gateway for image models and the text models around them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve.serve)
app.command()(check.check)
app.command()(models.models)
app.command()(quotes.quote)
app.command()(pictures.generate)
app.command()(usage.usage)
app.command()(usage.reconcile)
app.command()(usage.export)
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(routes.app, name="routes")
app.add_typer(keys.app, name="keys")
app.add_typer(people.organisations, name="organisations")
app.add_typer(people.teams, name="teams")
app.add_typer(people.users, name="users")
app.add_typer(budgets.budgets, name="budgets")
app.add_typer(budgets.credits, name="credits")
app.add_typer(limits.limits, name="limits")
app.add_typer(limits.allowances, name="allowances")


def main() -> None:
    """The `penstock` command."""
    from penstock.catalogue.schema import CatalogueError
    from penstock.core.errors import PenstockError

    try:
        app()
    except (SettingsError, CatalogueError) as error:
        fail(str(error))
    except PenstockError as error:
        fail(error.message)
    except OSError as error:
        fail(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.")


def fail(message: str) -> NoReturn:
    """Say why on standard error and leave with 1."""
    typer.echo(f"penstock: {message}", err=True)
    raise SystemExit(1)
