"""What many requests come to: per request on average, per day and per month. Arithmetic on quotes and nothing else.

Every step is exact, so that a page that does the same sums comes to the same digits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal, localcontext
from math import floor

from penstock.core.call import ChatCall
from penstock.core.money import plain
from penstock.core.price import Line, Unit, cost, covers
from penstock.core.target import Offer
from penstock.core.usage import Usage
from penstock.metering.quote import UNPRICED, Quote, terms

DAYS_PER_MONTH = Decimal("30.4375")
"""A twelfth of 365.25 days."""

_EXACT = Context(prec=100)
"""Three shares of six decimals, an amount of twelve and a month of four need fewer digits."""
_ONE = Decimal(1)
_ZERO = Decimal(0)

_TEXT = frozenset((Unit.TEXT_TOKEN_IN, Unit.TEXT_TOKEN_OUT))
"""The units of most prices of text."""

Names = Mapping[Unit, tuple[str, str]]
"""What one and several of a unit are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The text of one request."""

    input: int
    cached_share: Decimal = Decimal(0)
    """The part of the input that the provider has cached, 0 to 1; whole tokens, rounded down."""
    output: int = 0


@dataclass(frozen=True, slots=True)
class Portion:
    """Requests of one kind among those that are not answered from the cache."""

    share: Decimal
    """0 to 1; the shares of all portions add up to 1."""
    quote: Quote
    """What one of them costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expense:
    """What a workload costs at one offer, in US dollars; None where it cannot be told."""

    per_request: Decimal | None
    """On average, hits in the cache among them."""
    per_day: Decimal | None
    per_month: Decimal | None
    quote: Quote
    """The average request: how sure its amount is, and its lines, which add up to `per_request`."""
    formula: str
    """The sum in one line; empty where there is none."""


def text_quote(offer: Offer, tokens: Tokens) -> Quote:
    """The price of a request with so many tokens, which is exact because they are given."""
    how = terms(ChatCall(model=offer.model, body={}), offer)
    if offer.price is None or not covers(offer.price, how):
        return UNPRICED
    cached = floor(tokens.input * tokens.cached_share)
    usage = Usage(
        text_tokens_in=tokens.input - cached, cached_text_tokens_in=cached or None, text_tokens_out=tokens.output
    )
    found = cost(offer.price, usage, how)
    return Quote(low=found.amount, high=found.amount, exact=found.amount is not None, lines=found.lines)


def text_cost(offer: Offer, tokens: Tokens) -> Decimal | None:
    """What `text_quote` comes to, US dollars; for comparing many offers, and so without what it is made of."""
    price = offer.price
    if price is None or price.varies or price.units != _TEXT:
        return text_quote(offer, tokens).low
    total = _ZERO
    for meter in price.meters:
        if meter.above is not None:
            return text_quote(offer, tokens).low
        total += meter.amount * (tokens.input if meter.unit is Unit.TEXT_TOKEN_IN else tokens.output)
    return total


def expense(portions: Sequence[Portion], requests_per_day: int, cache_hit_share: Decimal, names: Names) -> Expense:
    """What so many requests a day cost; a hit in the gateway's cache costs nothing."""
    portions = [portion for portion in portions if portion.share]
    with localcontext(_EXACT):
        paid = _ONE - cache_hit_share
        average = _average(portions, paid)
        if average.low is None:
            return Expense(per_request=None, per_day=None, per_month=None, quote=average, formula="")
        per_day = average.low * requests_per_day
        per_month = per_day * DAYS_PER_MONTH
    return Expense(
        per_request=average.low,
        per_day=per_day,
        per_month=per_month,
        quote=average,
        formula=f"{_request(portions, paid, names)} = ${plain(average.low)} a request; "
        f"x {requests_per_day} requests = ${plain(per_day)} a day; "
        f"x {plain(DAYS_PER_MONTH)} days = ${plain(per_month)} a month",
    )


def _average(portions: Sequence[Portion], paid: Decimal) -> Quote:
    """The quote of a request that is a little of each, and free where it is a hit."""
    low, high = Decimal(0), Decimal(0)
    lines: dict[Unit, Line] = {}
    for share, found in ((portion.share * paid, portion.quote) for portion in portions):
        if found.low is None:
            return Quote(low=None, high=None, exact=False, unpriced=any(p.quote.unpriced for p in portions))
        low += share * found.low
        high += share * (found.high or 0)
        for line in found.lines:
            other = lines.get(line.unit, replace(line, quantity=Decimal(0), amount=Decimal(0)))
            quantity, amount = other.quantity + share * line.quantity, other.amount + share * line.amount
            lines[line.unit] = Line(line.unit, quantity, amount)
    bounded = all(portion.quote.high is not None for portion in portions)
    return Quote(
        low=low,
        high=high if bounded else None,
        exact=all(portion.quote.exact for portion in portions),
        lines=tuple(line for line in lines.values() if line.quantity),
    )


def _request(portions: Sequence[Portion], paid: Decimal, names: Names) -> str:
    """`0.75 x (1 output megapixel $0.03) + 0.25 x (1 output megapixel $0.03 + 1 input megapixel $0.015)`."""
    sums = [" + ".join(_line(line, names) for line in portion.quote.lines) or "$0" for portion in portions]
    if len(portions) == 1 and paid == _ONE:
        return sums[0]
    text = " + ".join(
        f"({text})" if portion.share == _ONE else f"{plain(portion.share)} x ({text})"
        for portion, text in zip(portions, sums, strict=True)
    )
    if paid == _ONE:
        return text
    return (
        f"{text} x {plain(paid)} not in the cache"
        if len(portions) == 1
        else f"({text}) x {plain(paid)} not in the cache"
    )


def _line(line: Line, names: Names) -> str:
    one, several = names[line.unit]
    return f"{plain(line.quantity)} {one if line.quantity == 1 else several} ${plain(line.amount)}"
