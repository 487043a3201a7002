"""The price of this very call at each candidate, known before anything is called."""

from penstock.core.call import Call
from penstock.metering.quote import quote
from penstock.pipeline.request import Life


def price_candidates(life: Life, call: Call) -> None:
    """Fill in the quotes, by offer id."""
    life.quotes = {candidate.offer.id: quote(call, candidate.offer) for candidate in life.candidates}
