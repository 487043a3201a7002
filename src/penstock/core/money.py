"""Dollars, exactly: Decimal in calculation, whole pico-dollars (10^-12) in the ledger, plain decimals in text."""

from decimal import ROUND_HALF_EVEN, Decimal

PICO = 10**12

TOLERANCE_PERCENT = 1
"""Of our own figure: a cost stated by a provider that is further from it is a difference."""


def to_pico(dollars: Decimal) -> int:
    """Whole pico-dollars; exact for every price rule whose amounts have at most twelve decimals."""
    return int((dollars * PICO).to_integral_value(ROUND_HALF_EVEN)) if dollars else 0


def pico_or_none(dollars: Decimal | None) -> int | None:
    """The same of an amount that may not be known."""
    return None if dollars is None else to_pico(dollars)


def from_pico(pico: int) -> Decimal:
    return Decimal(pico) / PICO


def plain(dollars: Decimal) -> str:
    """A decimal number without exponent or trailing zeros: `0.045`, `0`, `0.0000125`."""
    text = f"{dollars:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
