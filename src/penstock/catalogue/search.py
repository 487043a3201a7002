"""The catalogue in memory: models, providers, offers, and finding them by the names people type.

A Catalogue never changes; `updated` makes another one with rows added or replaced, which is how the folders and the
configuration of an installation are laid over the shipped data.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType

from penstock.catalogue.schema import CatalogueError, UnitRow
from penstock.core.price import Unit
from penstock.core.target import Model, Offer, Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything that is known about what can be called."""

    models: Mapping[str, Model] = field(default_factory=dict)
    """By slug."""
    providers: Mapping[str, Provider] = field(default_factory=dict)
    """By slug."""
    all_offers: tuple[Offer, ...] = ()
    units: Mapping[Unit, UnitRow] = field(default_factory=dict)
    """What each unit of a price is called."""
    _offers: Mapping[str, tuple[Offer, ...]] = field(init=False, repr=False)
    _slugs: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        offers: dict[str, list[Offer]] = {}
        for offer in self.all_offers:
            offers.setdefault(offer.model, []).append(offer)
        slugs = {alias.lower(): slug for slug, model in self.models.items() for alias in model.aliases}
        slugs |= {slug.lower(): slug for slug in self.models}
        for name, value in (
            ("models", MappingProxyType(dict(self.models))),
            ("providers", MappingProxyType(dict(self.providers))),
            ("_offers", {slug: tuple(rows) for slug, rows in offers.items()}),
            ("_slugs", slugs),
        ):
            object.__setattr__(self, name, value)

    def offers(self, slug: str) -> tuple[Offer, ...]:
        """Who sells the model with this slug, in order of priority: as written in the files, first layer first."""
        return self._offers.get(slug, ())

    def find(self, name: str) -> Model | None:
        """The model with this slug or alias, in any case of letters; a slug counts before an alias."""
        slug = self._slugs.get(name.strip().lower())
        return None if slug is None else self.models[slug]

    def nearest(self, name: str, count: int = 3) -> tuple[str, ...]:
        """Slugs of the models whose slug or alias looks most like `name`, best first."""
        close = get_close_matches(name.strip().lower(), self._slugs, n=count * 4, cutoff=0.5)
        return tuple(dict.fromkeys(self._slugs[found] for found in close))[:count]

    def updated(
        self,
        *,
        models: Iterable[Model] = (),
        providers: Iterable[Provider] = (),
        offers: Iterable[Offer] = (),
        units: Mapping[Unit, UnitRow] | None = None,
    ) -> "Catalogue":
        """A catalogue with these rows added; one with the slug (or, for an offer, the id) of an old one replaces it.

        A replaced offer keeps its place, a new one comes after those that are there. An alias goes to the model
        that named it last. Raises CatalogueError where an offer names a model or provider that is not there, or two
        of the new models claim one name.
        """
        new_models = list(models)
        _refuse_shared_names(new_models)
        catalogue = Catalogue(
            models=_replaced(self.models, {model.slug: model for model in new_models}),
            providers={**self.providers, **{provider.slug: provider for provider in providers}},
            all_offers=tuple({offer.id: offer for offer in (*self.all_offers, *offers)}.values()),
            units={**self.units, **(units or {})},
        )
        for offer in catalogue.all_offers:
            catalogue.check(offer)
        return catalogue

    def check(self, offer: Offer) -> None:
        """Raises CatalogueError where the offer's model or provider is not in the catalogue."""
        if offer.provider not in self.providers:
            raise CatalogueError(
                f"Offer {offer.id}: there is no provider {offer.provider!r}. Add it, or name one of: "
                f"{', '.join(self.providers) or 'none yet'}."
            )
        if offer.model not in self.models:
            close = self.nearest(offer.model, 1)
            hint = f"did you mean {close[0]!r}?" if close else "add the model, or name another."
            raise CatalogueError(f"Offer {offer.id}: there is no model with the slug {offer.model!r}; {hint}")


def _replaced(old: Mapping[str, Model], new: Mapping[str, Model]) -> dict[str, Model]:
    """Replaced models go to the end, so that their aliases count last."""
    return {**{slug: model for slug, model in old.items() if slug not in new}, **new}


def _refuse_shared_names(models: Iterable[Model]) -> None:
    owners: dict[str, str] = {}
    for model in models:
        for name in {model.slug.lower(), *(alias.lower() for alias in model.aliases)}:
            other = owners.setdefault(name, model.slug)
            if other != model.slug:
                raise CatalogueError(f"Models {other} and {model.slug} both claim the name {name!r}; take it from one.")
