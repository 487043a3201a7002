"""LiteLLM's price file, `model_prices_and_context_window.json`, as the lowest layer of the catalogue.

A pure translation, row by row: no row is believed more than it says, and what it cannot say is left out. Which traps
the file holds and what becomes of them is in docs/reference/catalogue.md; `litellm_names` reads names, and
`litellm_prices` prices.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from penstock.catalogue.imported import ImportedMeter, ImportedModel, ImportedOffer, ImportedProvider, Layer, Origin
from penstock.catalogue.litellm_names import Name, dated, maker_name, read_name, slug_of, spelled
from penstock.catalogue.litellm_prices import PICTURES, Found, Row, picture_price, text_price
from penstock.catalogue.schema import CatalogueError
from penstock.core.call import Operation
from penstock.core.price import Unit

ADDRESS = "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json"

_MODES = {
    "chat": Operation.CHAT,
    "completion": Operation.CHAT,
    "responses": Operation.CHAT,
    "embedding": Operation.EMBEDDING,
    "image_generation": Operation.IMAGE_GENERATION,
    "image_edit": Operation.IMAGE_EDIT,
}
_ENDPOINTS = {"responses": "/v1/responses", "completion": "/v1/completions"}
"""What a row of this mode is reached by, where it does not say that chats are taken too."""
_OWN_ADAPTER = "black_forest_labs"
"""Rows made for LiteLLM's own adapter, which prices flat what its provider states the cost of."""
_PICTURES_AS_TOKENS = ("flux", "stable-diffusion", "ssd-1b", "playground", "japanese-stable")
"""Names of Fireworks' picture models, whose price per picture or step is written as one per token."""
_OUTPUTS = {Operation.CHAT: "text", Operation.EMBEDDING: "embeddings"}


@dataclass(frozen=True, slots=True)
class _Read:
    """A row that was understood."""

    name: Name
    row: Row
    operation: Operation
    found: Found


def read_file(data: bytes, release: str, day: date) -> Layer:
    """The layer made of a file's bytes. Raises CatalogueError where they are not such a file."""
    try:
        rows = json.loads(data, parse_float=Decimal)
    except ValueError as error:
        raise CatalogueError(f"This is not JSON: {error}.") from error
    if not isinstance(rows, dict) or "sample_spec" not in rows:
        raise CatalogueError(
            "This is not LiteLLM's price file: it has no `sample_spec`. "
            "It is called model_prices_and_context_window.json, or ..._backup.json inside the Python package."
        )
    return translate(rows, Origin(name="LiteLLM", release=release, date=day, address=ADDRESS))


def translate(rows: Mapping[str, Row], origin: Origin) -> Layer:
    """The layer made of a file's rows."""
    read = sorted(_read(rows), key=lambda one: one.name.key)
    offers: list[ImportedOffer] = []
    models: list[ImportedModel] = []
    for _, group in groupby(read, key=lambda one: one.name.key):
        same = list(group)
        model = _model(same)
        models.append(model)
        offers.extend(_offers(same, model.slug))
    sellers = {one.name.provider: one.name.seller for one in read}
    return Layer(
        origin=origin,
        providers=tuple(ImportedProvider(slug=slug, name=name) for slug, name in sorted(sellers.items())),
        models=_with_bare_aliases(sorted(models, key=lambda model: model.slug)),
        offers=tuple(sorted(offers, key=lambda offer: (offer.model, offer.provider, offer.upstream))),
    )


def _read(rows: Mapping[str, Row]) -> Iterator[_Read]:
    for key, row in rows.items():
        operation = _MODES.get(row.get("mode", ""))
        seller = row.get("litellm_provider", "")
        if key == "sample_spec" or operation is None or not seller or seller == _OWN_ADAPTER:
            continue
        name = read_name(key, seller)
        if name is None or _untrue(key, seller, operation):
            continue
        if operation is Operation.IMAGE_GENERATION and name.upstream.endswith("/edit"):
            operation = Operation.IMAGE_EDIT
        found = picture_price(row, name) if operation in PICTURES else text_price(row, name, operation)
        if found is not None:
            yield _Read(name, row, operation, found)


def _untrue(key: str, seller: str, operation: Operation) -> bool:
    """Rows whose figures are known to be wrong."""
    if seller == "stability" and operation is Operation.IMAGE_EDIT:
        return True  # a tenth of what Stability charges
    as_tokens = any(word in key.lower() for word in _PICTURES_AS_TOKENS)
    return seller.startswith("fireworks_ai") and (operation in PICTURES or as_tokens)


def _model(same: list[_Read]) -> ImportedModel:
    slug = slug_of([one.name for one in same])
    maker, _, _ = slug.partition("/")
    spellings = {f"{maker}/{spelled(one.name.bare)}" for one in same}
    inputs = {modality for one in same for modality in _inputs(one)}
    outputs = {modality for one in same for modality in _outputs(one)}
    return ImportedModel(
        slug=slug,
        name=_display([one.name.bare for one in same], slug),
        maker=maker_name(maker),
        input_modalities=tuple(name for name in ("text", "image", "audio", "file") if name in inputs),
        output_modalities=tuple(name for name in ("text", "image", "embeddings") if name in outputs),
        aliases=tuple(sorted((spellings | _upstream_names(same)) - {slug})),
    )


def _upstream_names(same: Iterable[_Read]) -> set[str]:
    """What providers call the model, where that is a name and no path."""
    names = {one.name.upstream.lower() for one in same}
    return {name for name in names if "/" not in name and " " not in name}


def _with_bare_aliases(models: list[ImportedModel]) -> tuple[ImportedModel, ...]:
    """The models with their names alone as aliases; a name that two models would have belongs to neither."""
    slugs = {model.slug for model in models}
    names = [{*model.aliases, *(name.partition("/")[2] for name in (model.slug, *model.aliases))} for model in models]
    claims: dict[str, int] = {}
    for claimed in names:
        for name in claimed:
            claims[name] = claims.get(name, 0) + 1
    return tuple(
        ImportedModel(
            slug=model.slug,
            name=model.name,
            maker=model.maker,
            input_modalities=model.input_modalities,
            output_modalities=model.output_modalities,
            aliases=tuple(sorted(name for name in claimed if name and claims[name] == 1 and name not in slugs)),
        )
        for model, claimed in zip(models, names, strict=True)
    )


def _display(spellings: list[str], slug: str) -> str:
    """The spelling with capitals that most rows have, else the slug's."""
    capital = sorted(name for name in spellings if name != name.lower() and "." in name + slug)
    return max(capital, key=lambda name: (capital.count(name), name)) if capital else slug.partition("/")[2]


def _inputs(one: _Read) -> set[str]:
    row = one.row
    stated = {"text", *(row.get("supported_modalities") or ())} & {"text", "image", "audio"}
    if one.operation is Operation.IMAGE_EDIT or row.get("supports_vision") or row.get("supports_image_input"):
        stated.add("image")
    if row.get("supports_audio_input"):
        stated.add("audio")
    if row.get("supports_pdf_input"):
        stated.add("file")
    return stated


def _outputs(one: _Read) -> set[str]:
    if one.operation in _OUTPUTS:
        return {_OUTPUTS[one.operation]}
    return {"image", *(set(one.row.get("supported_output_modalities") or ()) & {"text"})}


def _offers(same: list[_Read], slug: str) -> list[ImportedOffer]:
    """One offer of a model for each provider, and one for its edits where they have an endpoint of their own."""
    found = []
    for _, group in groupby(sorted(same, key=_preference), key=_seller):
        rows = list(group)
        found.append(_offer(rows[0], [one for one in rows if one.name.upstream == rows[0].name.upstream], slug))
    return found


def _seller(one: _Read) -> tuple[str, bool]:
    return one.name.provider, one.operation is Operation.IMAGE_EDIT


def _preference(one: _Read) -> tuple[Any, ...]:
    """Of a seller's rows those come first that have a price, last longest, hold everywhere and name no single day.

    A price by tokens comes before that of one size, and a flat one, which is only that of the usual size, after it.
    """
    name = one.name
    regional = (bool(name.region), name.region != "global", name.region != "us", name.region)
    flat = one.found.unverified and not name.size
    named = (dated(name.upstream), len(name.upstream), name.upstream)
    lasts = (_deprecates(one.row) or date.max).toordinal()
    return (*_seller(one), not one.found.meters, -lasts, *regional, flat, bool(name.size), *named)


def _offer(first: _Read, rows: list[_Read], slug: str) -> ImportedOffer:
    name, row = first.name, first.row
    priced = [one for one in rows if one.name.size] if name.size else [first]
    meters: list[ImportedMeter] = []
    for meter in (meter for one in priced for meter in one.found.meters):
        if meter not in meters:
            meters.append(meter)
    classes = _terms(meters, "resolution")
    region = f"The price of the region {name.region}; the file has no other." if name.region else ""
    return ImportedOffer(
        model=slug,
        provider=name.provider,
        upstream=name.upstream,
        operations=_operations(rows),
        meters=tuple(meters),
        source=_source(row),
        unverified=any(one.found.unverified for one in priced),
        note=" ".join(part for part in (first.found.note, region) if part),
        context_tokens=_count(row, "max_input_tokens") or _count(row, "max_tokens"),
        max_output_tokens=_count(row, "max_output_tokens"),
        references=int(any(one.operation is Operation.IMAGE_EDIT for one in rows)),
        free_size=any(meter.unit is Unit.OUTPUT_MEGAPIXEL for meter in meters),
        sizes=_terms(meters, "size"),
        qualities=_terms(meters, "quality"),
        resolutions=tuple(text.upper() for text in classes),
        resolution="1K" if "1k" in classes else "",
        deprecates=_deprecates(row),
    )


def _terms(meters: Iterable[ImportedMeter], term: str) -> tuple[str, ...]:
    """Every value of a term that some meter holds for."""
    return tuple(dict.fromkeys(value for meter in meters for value in meter.when.get(term, ())))


def _operations(rows: Iterable[_Read]) -> tuple[Operation, ...]:
    """What the rows are for, less what is reached only by an endpoint of OpenAI's that this gateway does not have."""
    found = {one.operation for one in rows if not _elsewhere(one.row)}
    return tuple(operation for operation in Operation if operation in found)


def _elsewhere(row: Row) -> bool:
    own = _ENDPOINTS.get(row["mode"])
    return own is not None and "/v1/chat/completions" not in row.get("supported_endpoints", (own,))


def _source(row: Row) -> str:
    source = row.get("source")
    return source if isinstance(source, str) and source.startswith("http") else ""


def _count(row: Row, key: str) -> int | None:
    value = row.get(key)
    return int(value) if isinstance(value, int | Decimal) and value > 0 else None


def _deprecates(row: Row) -> date | None:
    """The first day on which the model cannot be called; a date that is none is not guessed at."""
    try:
        return date.fromisoformat(row.get("deprecation_date") or "")
    except ValueError:
        return None
