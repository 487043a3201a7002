"""`penstock check`: what a configuration switches on, and what is wrong with it."""

import os

from penstock.cli.options import AsJson, Config, Data, settings_of, show_json


def check(data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Validate a configuration and tell what is on, and why something is off."""
    from penstock.catalogue.configured import configured
    from penstock.commands.tables import show, switches_table
    from penstock.providers import check_quirks
    from penstock.upstream.credentials import switches

    settings = settings_of(config, data)
    catalogue = configured(settings)
    check_quirks(catalogue.providers.values())
    found = switches(catalogue.providers, settings, os.environ)
    offers = {slug: sum(offer.provider == slug for offer in catalogue.all_offers) for slug in found}
    if as_json:
        show_json(
            [
                {"provider": slug, "on": switch.account is not None, "reason": switch.reason, "offers": offers[slug]}
                for slug, switch in found.items()
            ]
        )
    else:
        show(switches_table(found, offers))
