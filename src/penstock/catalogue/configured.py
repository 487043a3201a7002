"""An installation's catalogue, its layers in order: imported, shipped, the owner's folder, the configuration."""

from dataclasses import replace
from pathlib import Path

from penstock.catalogue.imported import files
from penstock.catalogue.load import DATA, load, read_model, read_offer
from penstock.catalogue.schema import CatalogueError
from penstock.catalogue.search import Catalogue
from penstock.core.target import Model, Provider
from penstock.settings import ProviderSettings, Settings

_WHERE = "The configuration"
_CHANGES = (
    "name",
    "adapter",
    "base_url",
    "concurrency",
    "poll_hosts",
    "cost_unit_usd",
    "charges_moderated",
    "cancels",
    "trains_on_prompts",
    "zero_retention",
)
"""What the configuration may change of a provider, beside its quirks."""


def configured(settings: Settings) -> Catalogue:
    """The shipped catalogue over the imported prices, the owner's `catalogue` folder, and the configuration.

    Raises CatalogueError.
    """
    folder = owners_folder(settings)
    catalogue = load([folder] if folder.is_dir() else [], files(DATA, folder))
    models = [_model(table, number) for number, table in enumerate(settings.models, start=1)]
    providers = [_provider(slug, given, catalogue) for slug, given in settings.providers.items()]
    offers = [
        read_offer(slug, table, f"{_WHERE}, providers.{slug}, offer {table.get('upstream', number)}", catalogue)
        for slug, given in settings.providers.items()
        for number, table in enumerate(given.offers, start=1)
    ]
    return catalogue.updated(models=models, providers=providers, offers=offers)


def owners_folder(settings: Settings) -> Path:
    """Where an installation keeps catalogue files of its own."""
    return settings.data_path / "catalogue"


def _model(table: dict[str, object], number: int) -> Model:
    where = f"{_WHERE}, model {table.get('slug', number)}"
    slug = table.get("slug")
    if not isinstance(slug, str):
        raise CatalogueError(f"{where}: has no `slug`; write one like maker/name.")
    return read_model(slug, {name: value for name, value in table.items() if name != "slug"}, where)


def _provider(slug: str, given: ProviderSettings, catalogue: Catalogue) -> Provider:
    known = catalogue.providers.get(slug)
    if known is None:
        if given.adapter is None or (given.base_url is None and given.adapter != "sandbox"):
            near = ", ".join(slug for slug, provider in catalogue.providers.items() if provider.adapter)
            raise CatalogueError(
                f"{_WHERE}, providers.{slug}: is not a provider of the catalogue ({near}), so it needs an "
                "`adapter`, such as openai_compatible, and a `base_url`."
            )
        known = Provider(slug=slug, name=given.name or slug, adapter=given.adapter)
    changes = {name: getattr(given, name) for name in _CHANGES if getattr(given, name) is not None}
    return replace(known, **changes, quirks={**known.quirks, **given.quirks})
