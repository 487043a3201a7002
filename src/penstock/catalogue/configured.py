"""The configuration's own providers, models and offers, laid over the catalogue as its last layer."""

from dataclasses import replace

from penstock.catalogue.load import load, read_model, read_offer
from penstock.catalogue.schema import CatalogueError
from penstock.catalogue.search import Catalogue
from penstock.core.target import Model, Provider
from penstock.settings import ProviderSettings, Settings


def configured(settings: Settings) -> Catalogue:
    """The shipped catalogue, the owner's `catalogue` folder in the data directory, and the configuration.

    Raises CatalogueError.
    """
    folder = settings.data_path / "catalogue"
    catalogue = load([folder] if folder.is_dir() else [])
    models = [_model(table, number) for number, table in enumerate(settings.models, start=1)]
    providers = [_provider(slug, given, catalogue) for slug, given in settings.providers.items()]
    offers = [
        read_offer(slug, table, f"The configuration, providers.{slug}, offer {table.get('upstream', number)}")
        for slug, given in settings.providers.items()
        for number, table in enumerate(given.offers, start=1)
    ]
    return catalogue.updated(models=models, providers=providers, offers=offers)


def _model(table: dict[str, object], number: int) -> Model:
    where = f"The configuration, model {table.get('slug', number)}"
    slug = table.get("slug")
    if not isinstance(slug, str):
        raise CatalogueError(f"{where}: has no `slug`; write one like maker/name.")
    return read_model(slug, {name: value for name, value in table.items() if name != "slug"}, where)


def _provider(slug: str, given: ProviderSettings, catalogue: Catalogue) -> Provider:
    known = catalogue.providers.get(slug)
    if known is None:
        if given.adapter is None or (given.base_url is None and given.adapter != "sandbox"):
            near = ", ".join(catalogue.providers)
            raise CatalogueError(
                f"The configuration, providers.{slug}: is not a provider of the catalogue ({near}), so it needs an "
                "`adapter`, such as openai_compatible, and a `base_url`."
            )
        known = Provider(slug=slug, name=given.name or slug, adapter=given.adapter)
    changes = {
        name: getattr(given, name)
        for name in ("name", "adapter", "base_url", "concurrency", "poll_hosts", "cost_unit_usd")
        if getattr(given, name) is not None
    }
    return replace(known, **changes, quirks={**known.quirks, **given.quirks})
