"""`penstock models`: what can be called here, and what it costs."""

import os
from typing import Annotated

import typer

from penstock.cli.options import AsJson, Config, Data, settings_of, show_json


def models(
    data: Data = None,
    config: Config = None,
    everything: Annotated[bool, typer.Option("--all", help="Also models no provider here serves.")] = False,
    as_json: AsJson = False,
) -> None:
    """The models, who serves them here, and what they cost."""
    from penstock.catalogue.configured import configured
    from penstock.commands.rows import model_rows
    from penstock.commands.tables import models_table, show
    from penstock.upstream.credentials import switches

    settings = settings_of(config, data)
    catalogue = configured(settings)
    found = switches(catalogue.providers, settings, os.environ)
    on = {slug for slug, switch in found.items() if switch.account}
    rows = model_rows(catalogue, on, everything)
    if as_json:
        show_json(rows)
    else:
        show(models_table(rows))
