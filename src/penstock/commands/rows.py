"""Facts of the catalogue as rows: plain values for JSON, from which the tables are drawn."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from penstock.catalogue.capability import fit, refusal
from penstock.catalogue.schema import UnitRow
from penstock.catalogue.search import Catalogue
from penstock.core.call import ImageCall, Operation, Size
from penstock.core.errors import BadRequest, NotFound
from penstock.core.money import plain
from penstock.core.picture import Picture
from penstock.core.price import BINARY_MEGAPIXEL, Line, Meter, Price, Unit
from penstock.core.target import Model, Offer
from penstock.metering.quote import quote

_PICTURES = frozenset((Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT))


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
    catalogue: Catalogue,
    name: str,
    *,
    size: str | None,
    resolution: str | None,
    quality: str | None,
    n: int,
    references: Sequence[str],
) -> list[dict[str, Any]]:
    """What these pictures cost at each offer of a model, or why the offer cannot make them.

    Raises NotFound and BadRequest.
    """
    model = catalogue.find(name)
    if model is None:
        raise NotFound(f"There is no model {name!r}. Near: {', '.join(catalogue.nearest(name)) or 'nothing'}.")
    call = ImageCall(
        model=model.slug,
        prompt="a quote",
        n=n,
        size=_size(size) if size else None,
        resolution=resolution.upper() if resolution else None,
        quality=quality,
        references=tuple(_stand_in(_size(text)) for text in references),
    )
    offers = [offer for offer in catalogue.offers(model.slug) if offer.operations & _PICTURES]
    return [_quote_row(call, model, offer, catalogue.units) for offer in offers]


def _quote_row(call: ImageCall, model: Model, offer: Offer, units: Mapping[Unit, UnitRow]) -> dict[str, Any]:
    row: dict[str, Any] = {"model": model.slug, "provider": offer.provider, "upstream": offer.upstream}
    excluded = refusal(call, offer, model)
    if excluded:
        return {**row, "able": False, "why_not": excluded.reason}
    found = quote(fit(call, offer), offer)
    checked = offer.price.checked.isoformat() if offer.price else None
    return {
        **row,
        "able": True,
        "unpriced": found.unpriced,
        "exact": found.exact,
        "low_usd": found.low,
        "high_usd": found.high,
        "lines": [_line_row(line, units[line.unit]) for line in found.lines],
        "price_checked": checked,
        "price_source": offer.price.source if offer.price else None,
        "unverified": bool(offer.price and offer.price.unverified),
    }


def _line_row(line: Line, unit: UnitRow) -> dict[str, Any]:
    name = unit.name if line.quantity == 1 else unit.plural
    return {"unit": line.unit, "unit_name": name, "quantity": line.quantity, "usd": line.amount}


def _size(text: str) -> Size:
    size = Size.parse(text)
    if size is None:
        raise BadRequest(f"A size is written like 1024x1024, not {text!r}.", param="size")
    return size


def _stand_in(size: Size) -> Picture:
    """A reference picture of this size: only its size is asked about."""
    return Picture("0" * 64, "image/png", size.width, size.height, min(size.pixels, BINARY_MEGAPIXEL))
