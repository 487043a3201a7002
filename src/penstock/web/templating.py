"""The templates' environment, and how values are written for people: money, numbers, times, and what is not known.

Everything a template is given is escaped, and a name it does not know is an error.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from penstock.core.money import from_pico, plain
from penstock.core.price import BINARY_MEGAPIXEL
from penstock.web.static import address

if TYPE_CHECKING:
    from jinja2 import Environment

UNKNOWN = "not known"

OPERATIONS = {
    "chat": "Chat",
    "image_generation": "Making pictures",
    "image_edit": "Editing pictures",
    "embedding": "Embedding text",
}
"""What operations are called on pages."""


@cache
def environment() -> "Environment":
    import jinja2  # only those who look at a page pay for it

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("penstock", "web/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(FILTERS)
    environment.globals.update(static=address, OPERATIONS=OPERATIONS)
    return environment


def unknown(text: str = UNKNOWN) -> Markup:
    """How a page shows that something is not known; never as a zero, a dash alone or nothing."""
    return Markup('<span class="unknown">{}</span>').format(text)


def usd(amount: Decimal | None, otherwise: str = "price not known") -> Markup:
    """An exact amount in US dollars with at least two decimals: `$0.045`, `$1,234.50`."""
    return unknown(otherwise) if amount is None else Markup("{}").format(dollars(amount))


def usd_pico(pico: int | None, otherwise: str = "cost not known") -> Markup:
    """The same of pico-dollars."""
    return usd(None if pico is None else from_pico(pico), otherwise)


def usd_short(amount: Decimal | None, otherwise: str = "not known") -> Markup:
    """An amount to four significant digits, the exact one in its title: for sums in charts and tables."""
    if amount is None:
        return unknown(otherwise)
    return Markup('<span title="{}">{}</span>').format(dollars(amount), dollars(_significant(amount)))


def dollars(amount: Decimal) -> str:
    """`$0.045` as plain text."""
    text = plain(amount)
    sign, text = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, part = text.partition(".")
    return f"{sign}${int(whole):,}.{part.ljust(2, '0')}"


def _significant(amount: Decimal, digits: int = 4) -> Decimal:
    if not amount:
        return amount
    last = min(amount.adjusted() - digits + 1, -2)
    return amount.quantize(Decimal(1).scaleb(last), ROUND_HALF_EVEN)


def number(value: int | float | Decimal | None, decimals: int | None = None) -> Markup:
    """`1,234` or, with decimals given, rounded to so many at most."""
    if value is None:
        return unknown()
    exact = Decimal(str(value))
    if decimals is not None:
        exact = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    whole, _, part = plain(exact).partition(".")
    grouped = f"{int(whole):,}" if whole not in ("-0", "-") else whole
    return Markup("{}").format(f"{grouped}.{part}" if part else grouped)


def megapixels(pixels: int | None) -> Markup:
    """`1.5 MP` of 2^20 pixels."""
    return unknown() if pixels is None else number(Decimal(pixels) / BINARY_MEGAPIXEL, 2) + " MP"


def percent(share: float | Decimal | None, decimals: int = 1) -> Markup:
    """A share from 0 to 1 as `99.5 %`; what is not quite all never shows as all."""
    if share is None:
        return unknown()
    shown = (Decimal(str(share)) * 100).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    if shown == 100 and share < 1:
        shown -= Decimal(1).scaleb(-decimals)
    return number(shown) + " %"


def seconds(value: float | None) -> Markup:
    """A duration: `850 ms`, `3.2 s`, `4 min 10 s`."""
    if value is None:
        return unknown()
    if 0 < value < 0.0005:
        return Markup("under 1 ms")
    if value < 0.9995:
        return number(round(value * 1000)) + " ms"
    if value < 100:
        return number(value, 1) + " s"
    minutes, rest = divmod(round(value), 60)
    return Markup("{} min {} s").format(minutes, rest)


def milliseconds(value: float | None) -> Markup:
    """The same of milliseconds."""
    return seconds(None if value is None else value / 1000)


def file_size(value: int) -> Markup:
    """`1.4 MB` of 2^20 bytes."""
    if value < 1024:
        return Markup("{} bytes").format(value)
    return number(value / 1024, 0) + " KB" if value < 2**20 else number(value / 2**20, 1) + " MB"


def day(value: date | None, otherwise: str = UNKNOWN) -> Markup:
    """`27 Nov 2026`."""
    if value is None:
        return unknown(otherwise)
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), f"{value.day} {value:%b %Y}")


def moment(unix_ms: int | None) -> Markup:
    """`27 Nov 2026, 23:45 UTC` from Unix milliseconds."""
    if unix_ms is None:
        return unknown()
    at = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        at.strftime("%Y-%m-%dT%H:%M:%SZ"), f"{at.day} {at:%b %Y}, {at:%H:%M} UTC"
    )


def plural(count: int, one: str, several: str | None = None) -> Markup:
    """`1 picture`, `2 pictures`."""
    return Markup("{} {}").format(number(count), one if count == 1 else several or f"{one}s")


def prose(text: str) -> Markup:
    """Words with `code` in back quotes."""
    parts = [
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def breakable(name: str) -> Markup:
    """A path or a name that may be broken after each slash and underscore."""
    return Markup("<wbr>").join(re.findall(r"[^/_]*[/_]|[^/_]+", name))


FILTERS: Mapping[str, Any] = {
    "usd": usd,
    "usd_pico": usd_pico,
    "usd_short": usd_short,
    "number": number,
    "megapixels": megapixels,
    "percent": percent,
    "seconds": seconds,
    "milliseconds": milliseconds,
    "file_size": file_size,
    "day": day,
    "moment": moment,
    "plural": plural,
    "prose": prose,
    "breakable": breakable,
}
