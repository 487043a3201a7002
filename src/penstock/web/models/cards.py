"""A model in a few lines: what goes in and comes out, its price, whether it can be called here, and how it did."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from penstock.pipeline.gateway import Gateway
from penstock.store.samples import Sample
from penstock.upstream.health import DAY_SECONDS
from penstock.upstream.results import Window
from penstock.web.models.index import Entry, Sold
from penstock.web.models.prices import short
from penstock.web.models.search import INPUTS, OUTPUTS, Measured
from penstock.web.templating import dollars


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a card shows."""

    slug: str
    name: str
    maker: str
    takes: str
    makes: str
    prices: tuple[str, ...]
    """Each with its unit; empty: not known."""
    here: bool
    over: bool
    """Nobody sells it any more."""
    rating: float | None
    seconds: float | None
    uptime: float | None
    sample: Sample | None


def card(entry: Entry, measured: Measured, sample: Sample | None = None) -> Card:
    """The card of one model."""
    model = entry.model
    return Card(
        slug=model.slug,
        name=model.name,
        maker=model.maker,
        takes=in_words(model.input_modalities, INPUTS),
        makes=in_words(model.output_modalities, OUTPUTS),
        prices=prices(entry),
        here=entry.here,
        over=all(sold.over for sold in entry.sold),
        rating=entry.rating,
        seconds=measured.seconds(entry),
        uptime=measured.uptime(entry),
        sample=sample,
    )


def in_words(modalities: Sequence[str], names: dict[str, str]) -> str:
    """`Text and pictures`."""
    words = [names.get(name, name).lower() for name in modalities]
    text = f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
    return text[:1].upper() + text[1:]


def prices(entry: Entry) -> tuple[str, ...]:
    """`From $0.03 per picture`, and of text per million tokens; what is not known is left out."""
    found = [line for line in (_picture(entry), _text(entry.counted)) if line]
    if found:
        return tuple(found)
    meters = [sold.offer.price.meters[0] for sold in entry.counted if sold.offer.price and sold.offer.price.meters]
    return (short(meters[0]),) if meters else ()


def sold_price(sold: Sold) -> str:
    """The price of one offer in a few words; empty where it is not known."""
    if sold.picture is not None:
        start = {"exact": "", "about": "about ", "from": "from "}[sold.picture.sure]
        return f"{start}{_money(sold.picture.usd)} per picture"
    if sold.per_million_in is not None:
        return _text((sold,)) or f"{_money(sold.per_million_in)} in per million tokens"
    price = sold.offer.price
    return short(price.meters[0]) if price and price.meters else ""


def _picture(entry: Entry) -> str:
    price = entry.picture
    if price is None:
        return ""
    amounts = {sold.picture.usd for sold in entry.counted if sold.picture}
    several = len(amounts) > 1 or price.sure == "from"
    start = "From " if several else "About " if price.sure == "about" else ""
    return f"{start}{_money(price.usd)} per picture"


def _text(counted: Sequence[Sold]) -> str:
    """Both amounts are of one provider: the one that costs least for a usual request."""
    sold = min((each for each in counted if each.text is not None), key=lambda each: each.text or 0, default=None)
    if sold is None or sold.per_million_in is None:
        return ""
    start = "From " if len({each.text for each in counted if each.text is not None}) > 1 else ""
    out = f" in, {_money(sold.per_million_out)} out" if sold.per_million_out is not None else ""
    return f"{start}{_money(sold.per_million_in)}{out} per million tokens"


def _money(amount: Decimal) -> str:
    return dollars(amount) if amount else "$0"


def measured_here(gateway: Gateway) -> Measured:
    """Looks at how a model's offers did here within the last day; each is looked at once."""
    now = gateway.clock.monotonic()
    seen: dict[str, Window] = {}

    def of(entry: Entry) -> Window:
        window = seen.get(entry.model.slug)
        if window is None:
            window = seen[entry.model.slug] = Window()
            for sold in entry.sold:
                if sold.here:
                    window.add(gateway.healths.window(sold.offer.id, None, DAY_SECONDS, now))
        return window

    return Measured(lambda entry: of(entry).quantile("seconds", 0.5), lambda entry: of(entry).uptime)
