"""`penstock check`: what a configuration switches on, and what is wrong with it."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.options import AsJson, Config, Data, open_books, settings_of, show_json
from penstock.settings import Settings

if TYPE_CHECKING:
    from penstock.store.paused import Pause


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
    offers, paused = catalogue.counts(), _paused(settings)
    if as_json:
        show_json(
            [
                {
                    "provider": slug,
                    "on": switch.account is not None,
                    "paused": paused[slug].reason if switch.account and slug in paused else None,
                    "reason": switch.reason,
                    "offers": offers[slug],
                }
                for slug, switch in found.items()
            ]
        )
    else:
        show(switches_table(found, offers, paused))


def _paused(settings: Settings) -> Mapping[str, "Pause"]:
    """What an administrator has paused; nothing where no gateway has run on the data directory."""
    from penstock.store.paused import pauses

    if not (settings.data_path / "penstock.db").exists():
        return {}
    with open_books(settings) as books:
        return books.read(pauses)
