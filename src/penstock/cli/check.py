"""`penstock check`: what a configuration switches on, and what is wrong with it."""

import os
from typing import Annotated

import typer

from penstock.cli.options import AsJson, Config, Data, settings_of, show_json


def check(
    data: Data = None,
    config: Config = None,
    everything: Annotated[bool, typer.Option("--all", help="Also providers that cannot be called yet.")] = False,
    as_json: AsJson = False,
) -> None:
    """Validate a configuration and tell what is on, and why something is off."""
    from penstock.catalogue.configured import configured
    from penstock.commands.tables import show, switches_table
    from penstock.pipeline.callers import Callers
    from penstock.pipeline.routes import compiled
    from penstock.providers import check_quirks
    from penstock.upstream.credentials import switches

    settings = settings_of(config, data)
    Callers(settings.server.trusted_proxies)
    catalogue = configured(settings)
    check_quirks(catalogue.providers.values())
    compiled(settings.routing, catalogue)
    found = {
        slug: switch
        for slug, switch in switches(catalogue.providers, settings, os.environ).items()
        if everything or switch.provider.adapter
    }
    offers = catalogue.counts()
    if as_json:
        show_json(
            [
                {"provider": slug, "on": switch.account is not None, "reason": switch.reason, "offers": offers[slug]}
                for slug, switch in found.items()
            ]
        )
    else:
        show(switches_table(found, offers))
