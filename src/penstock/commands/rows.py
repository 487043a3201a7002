"""Facts of the catalogue as rows: plain values for JSON, from which the tables are drawn."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict

from penstock.api.quote_rows import offer_quote
from penstock.api.workloads import WorkloadRequest, calls_of, portions, refused, stand_in, workload_offer
from penstock.assets.measure import TAIL_BYTES, NotAPicture, measure
from penstock.catalogue.schema import UnitRow
from penstock.catalogue.search import Catalogue
from penstock.core.call import Operation, Size
from penstock.core.errors import BadRequest
from penstock.core.money import plain
from penstock.core.picture import Picture
from penstock.core.price import Meter, Price, Unit
from penstock.core.target import Model
from penstock.pipeline.fields import wrong_type
from penstock.pipeline.resolve import find_model


def model_rows(catalogue: Catalogue, on: Collection[str], everything: bool) -> list[dict[str, Any]]:
    """One row per model and provider: those that are on, or all."""
    return [
        {
            "model": model.slug,
            "provider": offer.provider,
            "on": offer.provider in on,
            "makes": list(model.output_modalities),
            "price": price_text(offer.price, catalogue.units),
            "price_checked": offer.price.checked.isoformat() if offer.price else None,
            "price_source": offer.price.source if offer.price else None,
        }
        for model in catalogue.models.values()
        for offer in catalogue.offers(model.slug)
        if everything or offer.provider in on
    ]


def price_text(price: Price | None, units: Mapping[Unit, UnitRow]) -> str:
    """A price in words: `$0.03 first output megapixel, $0.015 each further; $0.015 per input megapixel`."""
    if price is None:
        return "unpriced"
    doubtful = " (unverified)" if price.unverified else ""
    return "; ".join(_meter_text(meter, units[meter.unit]) for meter in price.meters) + doubtful


def _meter_text(meter: Meter, unit: UnitRow) -> str:
    terms = [", ".join("/".join(values) for values in meter.when.values())] if meter.when else []
    if meter.above is not None:
        terms.append(f"inputs above {meter.above} tokens")
    where = f" ({', '.join(terms)})" if terms else ""
    if "token" in meter.unit:
        return f"${plain(meter.amount * 1_000_000)} per million {unit.plural}{where}"
    if meter.first is not None:
        return f"${plain(meter.first)} first {unit.name}, ${plain(meter.amount)} each further{where}"
    per = f"{unit.name} at {meter.steps} steps" if meter.steps is not None else unit.name
    return f"${plain(meter.amount)} per {per}{where}"


def quote_rows(
    catalogue: Catalogue, on: Collection[str], given: WorkloadRequest, references: Sequence[Picture]
) -> list[dict[str, Any]]:
    """What one such request costs at each offer of its model, or why the offer cannot do it; as `/v1/quote` says it.

    Raises NotFound and BadRequest.
    """
    model, calls = find_model(given.model, catalogue), calls_of(given, references)
    rows = []
    for offer in catalogue.offers(model.slug):
        excluded = refused(calls, offer, model)
        found = None if excluded else portions(given, calls, offer, model)[0].quote
        row = offer_quote(offer, found, excluded, on=offer.provider in on, units=catalogue.units)
        rows.append({"model": model.slug, **asdict(row)})
    return rows


def workload_rows(
    catalogue: Catalogue, on: Collection[str], given: WorkloadRequest, references: Sequence[Picture]
) -> list[dict[str, Any]]:
    """What so many of them come to by the day and the month; as `/v1/quote/workload` says it."""
    model, calls = find_model(given.model, catalogue), calls_of(given, references)
    offers = catalogue.offers(model.slug)
    rows = (workload_offer(given, calls, o, model, on=o.provider in on, units=catalogue.units) for o in offers)
    return [{"model": model.slug, **asdict(row)} for row in rows]


def workload_of(catalogue: Catalogue, fields: Mapping[str, Any], edits: bool) -> WorkloadRequest:
    """The request these options describe; where `operation` is None, what the model does. Raises BadRequest.

    `edits`: there are pictures to start from.
    """
    named = fields["operation"] or _usual(catalogue, find_model(fields["model"], catalogue), edits)
    known = {name: value for name, value in fields.items() if value is not None}
    try:
        return msgspec.convert({**known, "operation": named}, WorkloadRequest)
    except msgspec.ValidationError as error:
        raise wrong_type(error) from error


def picture_of_size(text: str) -> Picture:
    """A reference picture of a size such as 1024x768. Raises BadRequest."""
    size = Size.parse(text)
    if size is None:
        raise BadRequest(f"A size is written like 1024x1024, not {text!r}.", param="size")
    return stand_in(size)


def picture_in(path: Path) -> Picture:
    """A reference picture as it is, measured. Raises BadRequest where the file is none."""
    data = path.read_bytes()
    try:
        facts = measure(data, data[-TAIL_BYTES:], len(data))
    except NotAPicture as error:
        raise BadRequest(f"{path}: {error.message}", code=error.code) from error
    return Picture(sha256(data).hexdigest(), facts.media_type, facts.width, facts.height, len(data))


def _usual(catalogue: Catalogue, model: Model, edits: bool) -> Operation:
    """What is asked of a model where nobody says: pictures where any offer makes them."""
    done = {operation for offer in catalogue.offers(model.slug) for operation in offer.operations}
    order = (Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT, Operation.EMBEDDING, Operation.CHAT)
    first = next((operation for operation in order if operation in done), Operation.IMAGE_GENERATION)
    return Operation.IMAGE_EDIT if edits and first is Operation.IMAGE_GENERATION else first
