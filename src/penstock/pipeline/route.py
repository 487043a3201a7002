"""Strategy to plan: what a variant of the model asks for, else the gateway's own."""

from collections.abc import Callable
from decimal import Decimal

from penstock.core.call import ChatCall
from penstock.core.target import Candidate
from penstock.metering.prompt import answer_tokens, prompt_tokens
from penstock.metering.workload import Tokens, text_quote
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Life
from penstock.pipeline.resolve import place
from penstock.routing.base import Plan

_USUAL_ANSWER = 500
"""Tokens of an answer for which no length is asked, when chats are compared by price."""
_LAST = (True, Decimal(0))


def choose(life: Life, gateway: Gateway) -> Plan:
    """How to carry the call out over the life's candidates, whose quotes are known.

    The caller's order of providers counts first; among those it leaves open the variant decides.
    """
    measure = _MEASURES.get(life.strategy)
    if measure is not None:
        ordered = sorted(
            life.candidates,
            key=lambda candidate: (place(candidate, life.preferences), measure(life, candidate, gateway)),
        )
        life.candidates = tuple(ordered if life.preferences.allow_fallbacks else ordered[:1])
    return gateway.strategy(life.candidates)


def _dollars(life: Life, candidate: Candidate, gateway: Gateway) -> tuple[bool, Decimal]:
    """What this call costs there; nobody knows how long a chat's answer will be, so all are given the same length."""
    quote = life.quotes[candidate.offer.id]
    if not quote.unpriced and isinstance(life.call, ChatCall):
        prompt, _ = prompt_tokens(life.call.body, None)
        answer = answer_tokens(life.call.body, None, None) or _USUAL_ANSWER
        quote = text_quote(candidate.offer, Tokens(input=prompt, output=answer))
    return _LAST if quote.low is None else (False, quote.low)


def _seconds(life: Life, candidate: Candidate, gateway: Gateway) -> tuple[bool, Decimal]:
    """How long such calls took there lately."""
    seconds = None if life.call is None else gateway.speeds.median(candidate.offer.id, life.call.operation)
    return _LAST if seconds is None else (False, Decimal(seconds))


_MEASURES: dict[str, Callable[[Life, Candidate, Gateway], tuple[bool, Decimal]]] = {
    "cheapest": _dollars,
    "fastest": _seconds,
}
"""Variants' strategies: less is better, and what is not known comes last, in the catalogue's order."""
