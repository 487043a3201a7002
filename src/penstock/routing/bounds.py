"""Bounds that the settings of several strategies share."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

Part = Annotated[float, Meta(ge=0, le=1)]
"""Of a whole: 0 is none of it, 1 all."""


def check_dollars(name: str, amount: Decimal | None) -> None:
    """Raises ValueError where an amount of money cannot be meant."""
    if amount is not None and not (amount.is_finite() and amount >= 0):
        raise ValueError(f"expected `{name}` in US dollars, 0 or more")
