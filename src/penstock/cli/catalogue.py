"""`penstock catalogue`: bringing prices in, and looking for what is wrong or old in them."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.options import AsJson, Config, Data, now_ms, settings_of, show_json

if TYPE_CHECKING:
    from penstock.commands.catalogue import Finding, Report

app = typer.Typer(help="Models, offers and prices.", no_args_is_help=True)
importing = typer.Typer(help="Bring in the prices of somebody else's file, beneath the shipped ones.")
app.add_typer(importing, name="import", no_args_is_help=True)


@importing.command("litellm")
def import_litellm(
    file: Annotated[Path, typer.Argument(help="model_prices_and_context_window.json of LiteLLM.")],
    release: Annotated[str, typer.Option(help="Release of LiteLLM it is from; noted with every price.")],
    date: Annotated[
        datetime.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day it is checked; today, by default."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Catalogue folder to write to; the data directory's, by default.")
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Import LiteLLM's prices of text, vectors and pictures. Shipped and own offers still come first."""
    from penstock.catalogue.configured import owners_folder
    from penstock.commands import catalogue

    folder = out or owners_folder(settings_of(config, data))
    day = date.date() if date else _today()
    facts = catalogue.import_litellm(file, release, day, folder)
    if as_json:
        show_json(facts)
    else:
        typer.echo(
            f"{facts['offers']} offers of {facts['models']} models at {facts['providers']} providers "
            f"({facts['unpriced']} unpriced) are in {facts['file']}. A gateway reads them when it starts."
        )


@app.command("check")
def check(data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Look for faults, for prices that are old, and for offers that end. Leaves with 1 where there is a fault."""
    from penstock.catalogue.configured import configured
    from penstock.catalogue.schema import CatalogueError
    from penstock.commands.catalogue import Finding, Report, check_catalogue

    settings = settings_of(config, data)
    try:
        report = check_catalogue(configured(settings), _today())
    except CatalogueError as error:
        report = Report(models=0, offers=0, imported=0, faults=(Finding("catalogue", str(error)),))
    if as_json:
        show_json(report)
    else:
        _tell(report)
    if report.faults:
        raise typer.Exit(1)


def _tell(report: "Report") -> None:
    typer.echo(f"{report.models} models, {report.offers} offers, of which {report.imported} are imported.")
    _list("Faults", report.faults)
    _list("Prices to check again", report.old)
    _list("Ended", report.ended)
    _list("Ending soon", report.ending)


def _list(title: str, findings: "tuple[Finding, ...]") -> None:
    if findings:
        typer.echo(f"\n{title}:")
    for finding in findings:
        typer.echo(f"  {finding.about}  {finding.message}")


def _today() -> datetime.date:
    return datetime.datetime.fromtimestamp(now_ms() / 1000, datetime.UTC).date()
