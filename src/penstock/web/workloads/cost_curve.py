"""What a picture costs over its size, model beside model: at each size the least of those who would make it."""

from collections.abc import Sequence
from decimal import Decimal

from penstock.catalogue.capability import refusal
from penstock.catalogue.sizes import CLASSES
from penstock.core.call import ImageCall, Size
from penstock.core.target import Model, Offer
from penstock.pipeline.quote import priced
from penstock.web.charts import Chart, Series, lines
from penstock.web.templating import megapixels, usd

SIZES = tuple(
    Size(*sides)
    for sides in (
        (512, 512),
        (1024, 512),
        (1024, 768),
        (1024, 1024),
        (1536, 1024),
        (2048, 1024),
        (2048, 1536),
        (2048, 2048),
        (3072, 2048),
        (4096, 2048),
    )
)
"""Smallest first."""
_CLASSES = {Size(side, side): name for name, side in CLASSES.items()}


def cost_curve(models: Sequence[tuple[Model, Sequence[Offer]]]) -> Chart:
    """The chart of these models, each with the offers that count, up to the largest size that any of them takes."""
    costs = [[picture_cost(size, model, offers) for size in SIZES] for model, offers in models]
    known = [place for place in range(len(SIZES)) if any(row[place] is not None for row in costs)]
    end = max(known, default=-1) + 1
    return lines(
        "Cost of one picture over its size",
        [f"{size} · {megapixels(size.pixels)}" for size in SIZES[:end]],
        [Series(model.name, row[:end]) for (model, _), row in zip(models, costs, strict=True)],
        lambda value: usd(None if value is None else Decimal(str(value)), "not made"),
        note="US dollars, at the cheapest provider. A gap is a size that the model does not make.",
        rows_are="Size",
        empty="No price of a picture is known.",
    )


def picture_cost(size: Size, model: Model, offers: Sequence[Offer]) -> Decimal | None:
    """The least that one picture of a size costs; None where nobody makes it or its price is not known.

    Who takes size classes only is asked for the class of these pixels.
    """
    calls = [ImageCall(model=model.slug, prompt="a picture in a few words", size=size)]
    if size in _CLASSES:
        calls.append(ImageCall(model=model.slug, prompt="a picture in a few words", resolution=_CLASSES[size]))
    known = [
        found.low
        for offer in offers
        for call in calls
        if refusal(call, offer, model) is None and (found := priced(call, offer, model)).low is not None
    ]
    return min((amount for amount in known if amount is not None), default=None)
