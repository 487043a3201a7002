"""The price of this very call at each candidate, known before anything is called."""

from penstock.catalogue.capability import fit
from penstock.core.call import Call, ImageCall
from penstock.core.target import Candidate, Model, Offer
from penstock.metering.quote import Quote, quote
from penstock.pipeline.prefer import too_dear
from penstock.pipeline.request import Life
from penstock.pipeline.resolve import refused


def price_candidates(life: Life, call: Call) -> None:
    """Fill in the quotes, by offer id; candidates dearer than the caller allows are none any more.

    Raises BadRequest where that leaves nobody.
    """
    for candidate in life.candidates:
        life.quotes[candidate.offer.id] = priced(call, candidate.offer, candidate.model)
    if life.preferences.max_price:
        life.candidates = _affordable(life, call)
        if not life.candidates:
            raise refused(life.exclusions, life.principal)


def _affordable(life: Life, call: Call) -> tuple[Candidate, ...]:
    left = []
    for candidate in life.candidates:
        excluded = too_dear(candidate.offer, life.quotes[candidate.offer.id], life.preferences, call)
        if excluded is None:
            left.append(candidate)
        else:
            life.exclusions = (*life.exclusions, excluded)
    return tuple(left)


def priced(call: Call, offer: Offer, model: Model) -> Quote:
    """What the call costs at this offer of the model, as the offer takes it."""
    return quote(fit(call, offer) if isinstance(call, ImageCall) else call, offer, model)
