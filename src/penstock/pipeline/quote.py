"""The price of this very call at each candidate, known before anything is called."""

from penstock.catalogue.capability import fit
from penstock.core.call import Call, ImageCall
from penstock.metering.quote import quote
from penstock.pipeline.request import Life


def price_candidates(life: Life, call: Call) -> None:
    """Fill in the quotes, by offer id."""
    for candidate in life.candidates:
        offer = candidate.offer
        life.quotes[offer.id] = quote(fit(call, offer) if isinstance(call, ImageCall) else call, offer)
