"""The lowest layer: rows brought in from somebody else's price file, and the JSON file they are kept in.

A file has one row on each line, sorted, so that two of them can be compared. It holds thousands of offers of which a
gateway calls a few, so an offer stays a row until it is asked for; `search` makes the `Offer` of it then.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec

from penstock.catalogue.schema import CatalogueError
from penstock.core.call import Operation
from penstock.core.price import BINARY_MEGAPIXEL, Meter, Price, Unit
from penstock.core.target import Limits, Model, Offer, Provider

FOLDER = "imported"
"""Of the catalogue, shipped or an owner's."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a layer comes from."""

    name: str
    """`LiteLLM`."""
    release: str
    date: date
    """The day it was brought in: the checked date of its prices."""
    address: str
    """Of the file; the source of rows that name none."""


class ImportedProvider(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whose prices are known."""

    slug: str
    name: str


class ImportedModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model, as far as a price file knows it."""

    slug: str
    name: str
    maker: str
    input_modalities: tuple[str, ...] = ("text",)
    output_modalities: tuple[str, ...] = ("text",)
    aliases: tuple[str, ...] = ()


class ImportedMeter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a price; `amount` is dollars for one unit."""

    unit: Unit
    amount: Decimal
    above: int | None = None
    when: dict[str, tuple[str, ...]] = {}
    pixels: int = BINARY_MEGAPIXEL
    rounding: str = "ceil"


class ImportedOffer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model at a provider."""

    model: str
    provider: str
    upstream: str
    operations: tuple[Operation, ...] = ()
    """None where it is reached by an endpoint that this gateway does not have."""
    meters: tuple[ImportedMeter, ...] = ()
    """None: unpriced, and `note` says why."""
    source: str = ""
    unverified: bool = False
    note: str = ""
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    references: int = 0
    """Pictures an edit starts from."""
    free_size: bool = False
    sizes: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ()
    resolution: str = ""
    """The class of a picture for which none is asked."""
    deprecates: date | None = None

    @property
    def id(self) -> str:
        """As of the offer."""
        return f"{self.provider}/{self.upstream}"


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One file of imported rows."""

    origin: Origin
    providers: tuple[ImportedProvider, ...]
    models: tuple[ImportedModel, ...]
    offers: tuple[ImportedOffer, ...]


_DECODER = msgspec.json.Decoder(Layer)
_ENCODER = msgspec.json.Encoder(order="deterministic")


def read_layer(path: Path) -> Layer:
    """The rows of a file. Raises CatalogueError."""
    try:
        layer = _DECODER.decode(path.read_bytes())
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read: {error.strerror}.") from error
    except msgspec.DecodeError as error:
        raise CatalogueError(
            f"{path}: is not a file that `penstock catalogue import` wrote ({error}); import it again, or delete it."
        ) from error
    models, sellers = {row.slug for row in layer.models}, {row.slug for row in layer.providers}
    for offer in layer.offers:
        if offer.model not in models or offer.provider not in sellers:
            missing = f"model {offer.model!r}" if offer.model not in models else f"provider {offer.provider!r}"
            raise CatalogueError(
                f"{path}: the offer {offer.id} is of the {missing}, which is not there; import it again."
            )
    return layer


def write_layer(layer: Layer, path: Path) -> None:
    """Write the rows, each on a line of its own; the file is the same whenever the rows are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [
        b'{"origin":' + _ENCODER.encode(layer.origin),
        *(b'"' + name.encode() + b'":[\n' + _lines(getattr(layer, name)) + b"]" for name in _SECTIONS),
    ]
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(b",\n".join(parts) + b"}\n")
    unfinished.replace(path)


_SECTIONS = ("providers", "models", "offers")


def _lines(rows: Iterable[msgspec.Struct]) -> bytes:
    return b",\n".join(_ENCODER.encode(row) for row in rows) + b"\n"


def files(*catalogues: Path) -> list[Path]:
    """The imported files of these catalogue folders, by name; one of a later folder takes the place of its namesake."""
    found: dict[str, Path] = {}
    for folder in catalogues:
        found |= {path.name: path for path in (folder / FOLDER).glob("*.json")}
    return [found[name] for name in sorted(found)]


def model_of(row: ImportedModel, aliases: tuple[str, ...]) -> Model:
    """The model of a row, with those of its aliases that nobody else claims."""
    return Model(
        slug=row.slug,
        name=row.name,
        maker=row.maker,
        input_modalities=row.input_modalities,
        output_modalities=row.output_modalities,
        aliases=aliases,
    )


def provider_of(row: ImportedProvider) -> Provider:
    """Somebody who cannot be called: only the prices are known."""
    return Provider(slug=row.slug, name=row.name, adapter="")


def offer_of(row: ImportedOffer, slug: str, origin: Origin) -> Offer:
    """The offer of a row, for the model with this slug."""
    return Offer(
        model=slug,
        provider=row.provider,
        upstream=row.upstream,
        operations=frozenset(row.operations),
        limits=_limits(row),
        price=_price(row, origin) if row.meters else None,
        defaults={"resolution": row.resolution} if row.resolution else {},
        deprecates=row.deprecates,
        note="" if row.meters else _note(row.note, origin),
    )


def _limits(row: ImportedOffer) -> Limits:
    return Limits(
        sizes=row.sizes,
        free_size=row.free_size,
        qualities=row.qualities,
        resolutions=row.resolutions,
        min_references=min(row.references, 1),
        max_references=row.references,
        context_tokens=row.context_tokens,
        max_output_tokens=row.max_output_tokens,
    )


def _price(row: ImportedOffer, origin: Origin) -> Price:
    return Price(
        meters=tuple([_meter(meter) for meter in row.meters]),
        source=row.source or f"{origin.address} ({origin.name} {origin.release})",
        checked=origin.date,
        unverified=row.unverified,
        note=_note(row.note, origin),
    )


def _meter(row: ImportedMeter) -> Meter:
    return Meter(
        unit=row.unit,
        amount=row.amount,
        above=row.above,
        when=row.when,
        pixels=row.pixels,
        rounding=row.rounding,
    )


def _note(own: str, origin: Origin) -> str:
    imported = f"Imported from {origin.name} {origin.release}."
    return f"{imported} {own}" if own else imported


def by_model(offers: Iterable[ImportedOffer]) -> Mapping[str, list[ImportedOffer]]:
    """Rows by the slug they name."""
    found: dict[str, list[ImportedOffer]] = {}
    for row in offers:
        found.setdefault(row.model, []).append(row)
    return found
