"""The price of this very call at each candidate, known before anything is called."""

from penstock.catalogue.capability import fit
from penstock.core.call import Call, ImageCall
from penstock.core.target import Model, Offer
from penstock.metering.quote import Quote, quote
from penstock.pipeline.request import Life


def price_candidates(life: Life, call: Call) -> None:
    """Fill in the quotes, by offer id."""
    for candidate in life.candidates:
        life.quotes[candidate.offer.id] = priced(call, candidate.offer, candidate.model)


def priced(call: Call, offer: Offer, model: Model) -> Quote:
    """What the call costs at this offer of the model, as the offer takes it."""
    return quote(fit(call, offer) if isinstance(call, ImageCall) else call, offer, model)
