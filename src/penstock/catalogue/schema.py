"""The rows of the catalogue's files, and their conversion: strict, so that a misspelt key is told and not lost.

A row is what a person writes; `load` makes the values of `core.target` of it. docs/reference/catalogue.md describes
the same rows for those who write them.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Literal, TypeVar

import msgspec

from penstock.core.call import Operation
from penstock.core.price import BINARY_MEGAPIXEL, Unit

Table = dict[str, Any]
Quantization = Literal["", "int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32"]
"""OpenRouter's names, whose `unknown` is the empty one here."""
T = TypeVar("T")


class CatalogueError(ValueError):
    """Something wrong with the catalogue's data; the message names the file and says how to put it right."""


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """models/<maker>/<name>.toml; the path is the slug."""

    name: str
    maker: str
    created: date | None = None
    description: str = ""
    input_modalities: tuple[Literal["text", "image", "audio", "file"], ...] = ("text",)
    output_modalities: tuple[Literal["text", "image", "embeddings"], ...] = ("text",)
    aliases: tuple[str, ...] = ()
    context_tokens: int | None = None
    licence: str = ""
    links: dict[str, str] = {}
    successor: str = ""


class MeterRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a price; `amount` and `first` are dollars for `per` units."""

    unit: Unit
    amount: Decimal
    per: int = 1
    first: Decimal | None = None
    when: dict[Literal["quality", "resolution", "size"], tuple[str, ...]] = {}
    above: int | None = None
    rounding: Literal["ceil", "none"] = "ceil"
    pixels: int = BINARY_MEGAPIXEL
    steps: int | None = None


class PriceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A price with where and when it was read."""

    source: str
    checked: date
    meters: tuple[Table, ...]
    unverified: bool = False
    note: str = ""


class OfferRow(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[offer]]` of offers/<provider>.toml, its family's keys already filled in."""

    model: str
    upstream: str
    operations: frozenset[Operation]
    limits: Table = {}
    price: Table | None = None
    parameters: frozenset[str] = frozenset()
    defaults: dict[Literal["quality", "resolution", "size", "steps"], str] = {}
    wire: str = ""
    image_tokens: Table | None = None
    concurrency: int | None = None
    quantization: Quantization = ""
    deprecates: date | None = None
    note: str = ""


class OffersFile(msgspec.Struct, frozen=True, kw_only=True):
    """offers/<provider>.toml."""

    offer: tuple[Table, ...] = ()
    family: dict[str, Table] = {}


class ProviderRow(msgspec.Struct, frozen=True, kw_only=True):
    """One table of providers.toml, named by the provider's slug."""

    name: str
    adapter: str
    base_url: str = ""
    key_variable: str = ""
    quirks: Table = {}
    poll_hosts: tuple[str, ...] = ()
    concurrency: int | None = None
    cost_unit_usd: Decimal | None = None
    charges_moderated: tuple[Literal["input", "output"], ...] = ()
    cancels: tuple[Operation, ...] = ()
    trains_on_prompts: bool | None = None
    zero_retention: bool | None = None
    links: dict[str, str] = {}


class UnitRow(msgspec.Struct, frozen=True, kw_only=True):
    """One table of units.toml: what a unit of price is called where people read it."""

    name: str
    plural: str
    description: str


class BenchmarkRow(msgspec.Struct, frozen=True, kw_only=True):
    """The `[benchmark]` of benchmarks/<name>.toml: who rates, and where that can be read."""

    name: str
    page: str
    measures: str


class RatingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[rating]]` of benchmarks/<name>.toml: how well a model did on a day."""

    model: str
    operation: Literal["image_generation", "image_edit", "chat"]
    score: float
    interval: float | None = None
    votes: int | None = None
    rank: int | None = None
    checked: date
    note: str = ""


class BenchmarkFile(msgspec.Struct, frozen=True, kw_only=True):
    """benchmarks/<name>.toml."""

    benchmark: Table
    rating: tuple[Table, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark with its ratings, of one or of several days."""

    about: BenchmarkRow
    ratings: tuple[RatingRow, ...] = ()


def convert(table: Any, kind: type[T], where: str) -> T:
    """`table` as a row or a core value.

    `where` (`bfl.toml, offer flux-2-pro`) begins the message of the CatalogueError raised where it does not fit.
    """
    if not isinstance(table, Mapping):
        raise CatalogueError(f"{where}: expected a table of keys and values.")
    known = field_names(kind)
    for key in table:
        if key not in known:
            raise CatalogueError(f"{where}: there is no key {key!r}{_nearest(key, known)}")
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        fault, _, path = str(error).partition(" - at `$")
        key = path.strip("`.[]…").replace("[...]", "")
        raise CatalogueError(f"{where}: {f'{key}: ' if key else ''}{fault[:1].lower()}{fault[1:]}.") from error


def field_names(kind: type) -> tuple[str, ...]:
    """The keys of a row or a core dataclass, in order."""
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    return tuple(getattr(kind, "__struct_fields__"))  # noqa: B009  mypy knows it only on Structs


def _nearest(key: str, known: Iterable[str]) -> str:
    close = get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f". Known keys: {', '.join(known)}."
