"""Reading the catalogue: the shipped data, then an installation's own folders, each laid over what came before.

    providers.toml                 [<slug>]
    units.toml                     [<unit>]
    models/<maker>/<name>.toml     the path is the slug
    offers/<provider>.toml         [family.<name>] and [[offer]]
    benchmarks/<name>.toml         [benchmark] and [[rating]]
    imported/<name>.json           other people's prices, laid beneath all of it

Any fault is a CatalogueError that names the file and says what to do.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from penstock.catalogue.imported import read_layer
from penstock.catalogue.schema import (
    Benchmark,
    BenchmarkFile,
    BenchmarkRow,
    CatalogueError,
    MeterRow,
    ModelRow,
    OfferRow,
    OffersFile,
    PriceRow,
    ProviderRow,
    RatingRow,
    Table,
    UnitRow,
    convert,
)
from penstock.catalogue.search import Catalogue
from penstock.core.call import Size
from penstock.core.price import Meter, Price, Unit
from penstock.core.target import ImageTokens, Limits, Model, Offer, Provider

DATA = Path(__file__).parent / "data"
_JOINED = ("limits", "defaults", "image_tokens")
"""Tables of an offer whose keys are joined, not replaced as a whole."""
_LAYOUT = "providers.toml, units.toml, models/<maker>/<name>.toml, offers/<provider>.toml and benchmarks/<name>.toml"


def load(folders: Sequence[Path] = (), imported: Sequence[Path] = ()) -> Catalogue:
    """The shipped catalogue with these folders laid over it, in order, and these imported files beneath it.

    Raises CatalogueError.
    """
    catalogue = _layer(Catalogue(), DATA)
    for file in imported:
        catalogue = catalogue.underlaid(read_layer(file))
    for folder in folders:
        catalogue = _layer(catalogue, folder)
    return catalogue


def read_model(slug: str, table: Table, where: str) -> Model:
    """A model from the table of its file; `where` begins the CatalogueError's message."""
    row = convert(table, ModelRow, where)
    if slug != slug.lower() or slug.count("/") != 1 or " " in slug:
        raise CatalogueError(f"{where}: {slug!r} is not a slug; write maker/name in small letters without spaces.")
    return Model(slug=slug, **_fields(row))


def read_offer(provider: str, table: Table, where: str, known: Catalogue | None = None) -> Offer:
    """An offer from one `[[offer]]` table, its family filled in; `where` begins the CatalogueError's message.

    Where `known` has the offer already, what the table does not say stays as it is there.
    """
    before = None if known is None else known.offer(f"{provider}/{table.get('upstream')}")
    if before is None:
        return _offer(provider, table, where)
    necessary = {"model": before.model, "operations": sorted(before.operations)}
    return _over(before, table, _offer(provider, {**necessary, **table}, where))


def _over(before: Offer, table: Table, given: Offer) -> Offer:
    """What is given over what was there; limits, defaults and tokens of pictures join key by key."""
    changes = {name: getattr(given, name) for name in table if name not in _JOINED}
    for name in _JOINED:
        if name in table:
            changes[name] = _joined(getattr(before, name), getattr(given, name), table[name])
    return replace(before, **changes)


def _joined(old: Any, new: Any, keys: Table) -> Any:
    if old is None or new is None:
        return new
    if isinstance(old, Mapping):
        return {**old, **new}
    return replace(old, **{key: getattr(new, key) for key in keys})


def _offer(provider: str, table: Table, where: str) -> Offer:
    row = convert(table, OfferRow, where)
    return Offer(
        model=row.model,
        provider=provider,
        upstream=row.upstream,
        operations=row.operations,
        limits=_limits(row.limits, f"{where}, limits"),
        price=None if row.price is None else _price(row.price, f"{where}, price"),
        parameters=row.parameters,
        defaults={str(name): value for name, value in row.defaults.items()},
        wire=row.wire,
        image_tokens=None if row.image_tokens is None else _image_tokens(row.image_tokens, f"{where}, image_tokens"),
        concurrency=row.concurrency,
        quantization=row.quantization,
        deprecates=row.deprecates,
        note=row.note,
    )


def _layer(catalogue: Catalogue, folder: Path) -> Catalogue:
    if not folder.is_dir():
        raise CatalogueError(f"{folder}: there is no such folder; make it, or take it out of the configuration.")
    tables = {path.relative_to(folder).parts: path for path in sorted(folder.rglob("*.toml"))}
    providers: list[Provider] = []
    units: dict[Unit, UnitRow] = {}
    models: list[Model] = []
    offers: list[tuple[Path, Offer]] = []
    benchmarks: list[tuple[Path, Benchmark]] = []
    for parts, path in tables.items():
        table = _read(path)
        match parts:
            case ("providers.toml",):
                providers = [_provider(slug, row, path) for slug, row in table.items()]
            case ("units.toml",):
                units = dict(_unit(name, row, path) for name, row in table.items())
            case ("models", maker, _):
                models.append(read_model(f"{maker}/{path.stem}", table, str(path)))
            case ("offers", _):
                offers.extend((path, offer) for offer in _offers(path.stem, table, path, catalogue))
            case ("benchmarks", _):
                benchmarks.append((path, _benchmark(table, path)))
            case _:
                raise CatalogueError(f"{path}: the catalogue reads {_LAYOUT}; move this file to one of these places.")
    try:
        catalogue = catalogue.updated(providers=providers, models=models, units=units)
    except CatalogueError as error:
        raise CatalogueError(f"{folder}: {error}") from error
    return _with_benchmarks(_with_offers(catalogue, offers), benchmarks)


def _with_benchmarks(catalogue: Catalogue, benchmarks: list[tuple[Path, Benchmark]]) -> Catalogue:
    for path, benchmark in benchmarks:
        try:
            catalogue.check_ratings(benchmark)
        except CatalogueError as error:
            raise CatalogueError(f"{path}: {error}") from error
    return catalogue.updated(benchmarks={path.stem: benchmark for path, benchmark in benchmarks})


def _with_offers(catalogue: Catalogue, offers: list[tuple[Path, Offer]]) -> Catalogue:
    """Offers in the order of providers.toml, so that a maker's own service can be put before others."""
    for path, offer in offers:
        try:
            catalogue.check(offer)
        except CatalogueError as error:
            raise CatalogueError(f"{path}: {error}") from error
    rank = {slug: number for number, slug in enumerate(catalogue.providers)}
    return catalogue.updated(offers=[offer for _, offer in sorted(offers, key=lambda row: rank[row[1].provider])])


def _read(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path}: this is not TOML: {error}.") from error
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read: {error.strerror}.") from error


def _provider(slug: str, table: Any, path: Path) -> Provider:
    row = convert(table, ProviderRow, f"{path}, [{slug}]")
    return Provider(slug=slug, **_fields(row))


def _unit(name: str, table: Any, path: Path) -> tuple[Unit, UnitRow]:
    if name not in set(Unit):
        raise CatalogueError(f"{path}: there is no unit {name!r}. Units: {', '.join(Unit)}.")
    return Unit(name), convert(table, UnitRow, f"{path}, [{name}]")


def _benchmark(table: Table, path: Path) -> Benchmark:
    file = convert(table, BenchmarkFile, str(path))
    return Benchmark(
        convert(file.benchmark, BenchmarkRow, f"{path}, [benchmark]"),
        tuple(
            convert(rating, RatingRow, f"{path}, rating {number}") for number, rating in enumerate(file.rating, start=1)
        ),
    )


def _fields(row: ModelRow | ProviderRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _offers(provider: str, table: Table, path: Path, known: Catalogue) -> list[Offer]:
    file = convert(table, OffersFile, str(path))
    found: dict[str, Offer] = {}
    for number, raw in enumerate(file.offer, start=1):
        where = f"{path}, offer {raw.get('upstream', number)}"
        offer = read_offer(provider, _with_family(raw, file.family, where), where, known)
        if offer.id in found:
            raise CatalogueError(f"{where}: is written twice; keep one.")
        found[offer.id] = offer
    return list(found.values())


def _with_family(raw: Table, families: dict[str, Table], where: str) -> Table:
    """The family's keys where the offer has none of its own; those of tables other than the price join key by key."""
    name = raw.get("family")
    if name is None:
        return raw
    if name not in families:
        raise CatalogueError(f"{where}: there is no [family.{name}] in this file. Families: {', '.join(families)}.")
    family = families[name]
    merged = {**family, **{key: value for key, value in raw.items() if key != "family"}}
    for key in _JOINED:
        if key in family and key in raw:
            merged[key] = {**family[key], **raw[key]}
    return merged


def _limits(table: Table, where: str) -> Limits:
    limits = convert(table, Limits, where)
    for size in limits.sizes:
        if Size.parse(size) is None:
            raise CatalogueError(f"{where}: sizes: {size!r} is not a size; write them as 1024x1024.")
    return limits


def _image_tokens(table: Table, where: str) -> ImageTokens:
    tokens = convert(table, ImageTokens, where)
    if not tokens.table and not tokens.area:
        raise CatalogueError(f"{where}: needs a table of tokens, or an area factor for each quality.")
    return tokens


def _price(table: Table, where: str) -> Price:
    row = convert(table, PriceRow, where)
    if not row.meters:
        raise CatalogueError(f"{where}: has no meters. Write at least one, or leave the price out: unpriced.")
    return Price(
        meters=tuple(_meter(meter, f"{where}, meter {number}") for number, meter in enumerate(row.meters, start=1)),
        source=row.source,
        checked=row.checked,
        unverified=row.unverified,
        note=row.note,
    )


def _meter(table: Table, where: str) -> Meter:
    row = convert(table, MeterRow, where)
    if row.per < 1 or row.per != 10 ** (len(str(row.per)) - 1):
        raise CatalogueError(f"{where}: per: write 1, 10, 100 ... 1000000, so that the amount for one is exact.")
    if row.amount < 0 or (row.first is not None and row.first < 0):
        raise CatalogueError(f"{where}: an amount cannot be below zero.")
    if row.pixels < 1:
        raise CatalogueError(f"{where}: pixels: write how many make one megapixel, 1048576 or 1000000.")
    return Meter(
        unit=row.unit,
        amount=row.amount / row.per,
        first=None if row.first is None else row.first / row.per,
        when={name: tuple(value.lower() for value in values) for name, values in row.when.items()},
        above=row.above,
        rounding=row.rounding,
        pixels=row.pixels,
        steps=row.steps,
    )
