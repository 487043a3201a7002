"""The catalogue in memory: models, providers, offers, and finding them by the names people type.

A Catalogue never changes; `updated` makes another one with rows added or replaced, which is how the folders and the
configuration of an installation are laid over the shipped data, and `underlaid` puts an imported layer beneath. Of the
thousands of imported offers each one is made when it is first asked for.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from penstock.catalogue.imported import ImportedModel, ImportedOffer, Layer, by_model, model_of, offer_of, provider_of
from penstock.catalogue.nearness import Names
from penstock.catalogue.schema import Benchmark, CatalogueError, UnitRow
from penstock.core.price import Unit
from penstock.core.target import Model, Offer, Provider

Below = tuple[ImportedOffer, Layer]
"""An imported offer, still a row, and where it is from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything that is known about what can be called."""

    models: Mapping[str, Model] = field(default_factory=dict, repr=False)
    """By slug."""
    providers: Mapping[str, Provider] = field(default_factory=dict)
    """By slug."""
    written: tuple[Offer, ...] = field(default=(), repr=False)
    """The offers of the layers above the imported one."""
    units: Mapping[Unit, UnitRow] = field(default_factory=dict)
    """What each unit of a price is called."""
    benchmarks: Mapping[str, Benchmark] = field(default_factory=dict)
    """By the name of their file; the first one counts first."""
    below: Mapping[str, tuple[Below, ...]] = field(default_factory=dict, repr=False)
    """The imported offers, by model; those of `written` with the same id count instead."""
    _offers: Mapping[str, tuple[Offer, ...]] = field(init=False, repr=False)
    _ids: Mapping[str, Offer] = field(init=False, repr=False)
    _slugs: Mapping[str, str] = field(init=False, repr=False)
    _ratings: Mapping[tuple[str, str], float] = field(init=False, repr=False, compare=False)
    """By slug and operation."""
    _made: dict[str, tuple[Offer, ...]] = field(init=False, repr=False, compare=False, default_factory=dict)
    """Offers of models that were asked for."""
    _names: list[Names] = field(init=False, repr=False, compare=False, default_factory=list)
    """The index of names, once somebody has mistyped one."""

    def __post_init__(self) -> None:
        offers: dict[str, list[Offer]] = {}
        for offer in self.written:
            offers.setdefault(offer.model, []).append(offer)
        slugs = {alias.lower(): slug for slug, model in self.models.items() for alias in model.aliases}
        slugs |= {slug.lower(): slug for slug in self.models}
        for name, value in (
            ("models", MappingProxyType(dict(self.models))),
            ("providers", MappingProxyType(dict(self.providers))),
            ("below", MappingProxyType(dict(self.below))),
            ("_offers", {slug: tuple(rows) for slug, rows in offers.items()}),
            ("_ids", {offer.id: offer for offer in self.written}),
            ("_slugs", slugs),
            ("_ratings", _scores(self.benchmarks.values())),
        ):
            object.__setattr__(self, name, value)

    def offers(self, slug: str) -> tuple[Offer, ...]:
        """Who sells the model with this slug, in order of priority.

        That is as written in the files, first layer first; imported offers come last.
        """
        made = self._made.get(slug)
        if made is None:
            beneath = (offer_of(row, slug, layer.origin) for row, layer in self._beneath(slug))
            made = self._made[slug] = (*self._offers.get(slug, ()), *beneath)
        return made

    def sold(self, providers: Collection[str]) -> Iterator[tuple[Model, tuple[Offer, ...]]]:
        """Every model that one of these providers sells, with those providers' offers of it."""
        for slug, model in self.models.items():
            rows = self.below.get(slug, ())
            # Who cannot be called is most of them, so the offers are made where there is one to show.
            if any(offer.provider in providers for offer in self._offers.get(slug, ())) or any(
                row.provider in providers and not self._is_above(row, slug) for row, _ in rows
            ):
                yield model, tuple(offer for offer in self.offers(slug) if offer.provider in providers)

    @property
    def all_offers(self) -> tuple[Offer, ...]:
        """Every offer there is; makes all that are imported, which takes a moment."""
        imported = (offer for slug in self.below for offer in self.offers(slug) if offer.id not in self._ids)
        return (*self.written, *imported)

    def offer(self, id: str) -> Offer | None:
        """The offer with this id."""
        written = self._ids.get(id)
        if written is not None:
            return written
        provider, _, upstream = id.partition("/")
        for slug, rows in self.below.items():
            if any(row.upstream == upstream and row.provider == provider for row, _ in rows):
                return next(offer for offer in self.offers(slug) if offer.id == id)
        return None

    def is_imported(self, offer: Offer) -> bool:
        """Whether nobody but an imported file knows the offer."""
        return offer.id not in self._ids

    def counts(self) -> dict[str, int]:
        """How many offers each provider has; none of them is made for it."""
        counts = dict.fromkeys(self.providers, 0)
        for provider in [offer.provider for offer in self.written]:
            counts[provider] += 1
        for provider in [row.provider for slug in self.below for row, _ in self._beneath(slug)]:
            counts[provider] += 1
        return counts

    def rating(self, slug: str, operation: str) -> float | None:
        """How well a model does at an operation; None where nobody has rated it.

        That is the score of the first benchmark that rates the model at it, and of several there the one of the
        latest day. Scores of different benchmarks are compared as they are.
        """
        return self._ratings.get((slug, operation))

    def find(self, name: str) -> Model | None:
        """The model with this slug or alias, in any case of letters; a slug counts before an alias."""
        slug = self._slugs.get(name.strip().lower())
        return None if slug is None else self.models[slug]

    def nearest(self, name: str, count: int = 3) -> tuple[str, ...]:
        """Slugs of the models whose slug or alias looks most like `name`, best first."""
        if not self._names:
            self._names.append(Names(self._slugs))
        close = self._names[0].nearest(name.strip().lower(), count * 4)
        return tuple(dict.fromkeys(self._slugs[found] for found in close))[:count]

    def updated(
        self,
        *,
        models: Iterable[Model] = (),
        providers: Iterable[Provider] = (),
        offers: Iterable[Offer] = (),
        units: Mapping[Unit, UnitRow] | None = None,
        benchmarks: Mapping[str, Benchmark] | None = None,
    ) -> "Catalogue":
        """A catalogue with these rows added; one with the slug (or, for an offer, the id) of an old one replaces it.

        A replaced offer keeps its place, a new one comes after those that are there and before imported ones. An alias
        goes to the model that named it last. Raises CatalogueError where an offer or a rating names a model or
        provider that is not there, or two of the new models claim one name.
        """
        new_models, new_offers = list(models), list(offers)
        _refuse_shared_names(new_models)
        catalogue = Catalogue(
            models=_replaced(self.models, {model.slug: model for model in new_models}),
            providers={**self.providers, **{provider.slug: provider for provider in providers}},
            written=tuple({offer.id: offer for offer in (*self.written, *new_offers)}.values()),
            units={**self.units, **(units or {})},
            benchmarks={**self.benchmarks, **(benchmarks or {})},
            below=self.below,
        )
        for offer in new_offers:
            catalogue.check(offer)
        for benchmark in (benchmarks or {}).values():
            catalogue.check_ratings(benchmark)
        return catalogue

    def underlaid(self, layer: Layer) -> "Catalogue":
        """A catalogue with an imported layer beneath all that is here.

        A model of the layer that is known here already, by slug, alias or one of its offers, is that model; what is
        new is added after what is here.
        """
        known = _Known(self)
        sellers = {row.slug: provider_of(row) for row in layer.providers if row.slug not in self.providers}
        providers = {**self.providers, **sellers}
        rank = {slug: place for place, slug in enumerate(providers)}
        models: dict[str, Model] = {}
        below = {slug: list(rows) for slug, rows in self.below.items()}
        sold = by_model(layer.offers)
        for row in layer.models:
            offers = sorted(sold.get(row.slug, []), key=lambda offer: rank[offer.provider])
            slug = known.slug_of(row, offers)
            if slug is None:
                slug, models[row.slug] = row.slug, model_of(row, known.free(row.aliases))
            below.setdefault(slug, []).extend((offer, layer) for offer in offers if offer.id not in known.below)
        return Catalogue(
            models={**self.models, **models},
            providers=providers,
            written=self.written,
            units=self.units,
            benchmarks=self.benchmarks,
            below={slug: tuple(rows) for slug, rows in below.items()},
        )

    def check(self, offer: Offer) -> None:
        """Raises CatalogueError where the offer's model or provider is not in the catalogue."""
        if offer.provider not in self.providers:
            raise CatalogueError(
                f"Offer {offer.id}: there is no provider {offer.provider!r}. Add it, or name one of: "
                f"{', '.join(self.providers) or 'none yet'}."
            )
        if offer.model not in self.models:
            raise self._no_model(f"Offer {offer.id}", offer.model)

    def check_ratings(self, benchmark: Benchmark) -> None:
        """Raises CatalogueError where a rating's model is not in the catalogue."""
        for rating in benchmark.ratings:
            if rating.model not in self.models:
                raise self._no_model(f"A rating of {benchmark.about.name}", rating.model)

    def _no_model(self, where: str, slug: str) -> CatalogueError:
        close = self.nearest(slug, 1)
        hint = f"did you mean {close[0]!r}?" if close else "add the model, or name another."
        return CatalogueError(f"{where}: there is no model with the slug {slug!r}; {hint}")

    def _beneath(self, slug: str) -> list[Below]:
        """The model's imported offers that no layer above has, under the same name or another."""
        return [(row, layer) for row, layer in self.below.get(slug, ()) if not self._is_above(row, slug)]

    def _is_above(self, row: ImportedOffer, slug: str) -> bool:
        if row.id in self._ids:
            return True
        return any(
            offer.provider == row.provider and offer.operations.issuperset(row.operations)
            for offer in self._offers.get(slug, ())
        )


class _Known:
    """What a catalogue has already, as a layer that goes beneath it asks."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._plain = {
            _plain(name): slug for slug, model in catalogue.models.items() for name in (slug, *model.aliases)
        }
        self.below = {row.id for rows in catalogue.below.values() for row, _ in rows}
        """Ids of the offers that are beneath it."""

    def slug_of(self, row: ImportedModel, offers: Iterable[ImportedOffer]) -> str | None:
        """The model of the catalogue that this one is; None where it has none such."""
        if row.slug in self._catalogue.models:
            return row.slug
        for offer in offers:
            written = self._catalogue._ids.get(offer.id)
            if written is not None:
                return written.model
        for name in (row.slug, *row.aliases):
            slug = self._plain.get(_plain(name))
            if slug is not None and slug.partition("/")[0] == row.slug.partition("/")[0]:
                return slug
        return None

    def free(self, aliases: Iterable[str]) -> tuple[str, ...]:
        """Those that nobody in the catalogue goes by."""
        return tuple(alias for alias in aliases if self._catalogue.find(alias) is None)


def _scores(benchmarks: Iterable[Benchmark]) -> dict[tuple[str, str], float]:
    """The score that counts, by slug and operation; `Catalogue.rating` has the rule."""
    scores: dict[tuple[str, str], float] = {}
    for benchmark in benchmarks:
        oldest_first = sorted(benchmark.ratings, key=lambda rating: rating.checked)
        latest = {(rating.model, str(rating.operation)): rating.score for rating in oldest_first}
        scores = latest | scores
    return scores


def _plain(name: str) -> str:
    """The same for spellings that differ in dots and hyphens."""
    return re.sub(r"[^a-z0-9/+]", "", name.lower())


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
