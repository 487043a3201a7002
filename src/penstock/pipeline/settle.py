"""What the request really cost: exact after an answer, and what was paid all the same where there is none.

What a provider may have charged without anybody having said so is kept apart (`life.uncertain`): it is never part of
the cost, and budgets hold it back.
"""

from collections.abc import Iterable
from decimal import Decimal
from math import ceil

import msgspec

from penstock.core.call import ChatCall, ImageCall
from penstock.core.errors import Moderated, Unavailable
from penstock.core.money import from_pico, to_pico
from penstock.core.price import Unit, cost
from penstock.core.target import Offer
from penstock.core.usage import Usage
from penstock.metering.prompt import BYTES_PER_TOKEN
from penstock.metering.quote import terms
from penstock.metering.settle import Charge, charge
from penstock.pipeline.request import Attempt, Life
from penstock.store.reservations import AllowanceUse, BudgetUse, settled

_NOTHING = Decimal(0)

_DELIVERED = "A result was made, and could not be delivered."
_MODERATED = "The provider charges for what its moderation refuses."
_DOUBTFUL = "The provider may have charged: its answer never came."
_PRODUCED = "Charged for what was produced until the caller hung up, estimated from its length."


def settle(life: Life) -> None:
    """Fill in the charge of an answered request: its answer, and what else was paid on the way to it."""
    assert life.answer is not None and life.served_by is not None and life.call is not None
    answer, offer = life.answer, life.served_by.offer
    found = charge(offer, answer.usage, terms(life.call, offer), answer.stated_cost)
    beside = _paid(life)
    life.uncertain = _uncertain(life)
    if found.amount is None:
        if offer.price is not None:  # it has a price, and the answer does not say how much was used
            life.uncertain = _most(life, _add(life.uncertain, _share(life, offer)))
        life.charge = found
    else:
        life.charge = Charge(amount=found.amount + beside, source=found.source, computed=found.computed)


def settle_failure(life: Life) -> None:
    """Fill in the charge of a request without an answer: nothing, what was stated or produced, or not known."""
    produced = _produced(life)
    if produced is not None:
        life.charge, life.charge_reason = produced, _PRODUCED
        life.uncertain = _uncertain(life, besides=life.attempts[-1])
        return
    paid = _paid(life)
    life.uncertain = _uncertain(life)
    if any(_may_be_charged(attempt) for attempt in life.attempts):
        life.uncertain = _add(life.uncertain, paid)
        life.charge = Charge(amount=None, source="none", computed=None)
    else:
        life.charge = Charge(amount=paid, source="stated" if paid else "none", computed=None)


def settle_untold(life: Life) -> None:
    """Fill in the charge of a request whose process died after it may have called somebody, and nobody knows whom."""
    life.charge, life.charge_reason = Charge(amount=None, source="none", computed=None), _DOUBTFUL
    life.uncertain = from_pico(life.reserved.amount_pico) if life.reserved else None


def settlement(life: Life) -> list[BudgetUse | AllowanceUse] | None:
    """What the end of the request changes in budgets and allowances; None where nothing was reserved."""
    reserved = life.reserved
    if reserved is None:
        return None
    if reserved.allowance is not None:
        free = life.error is not None and charged_pico(life) == 0
        return [_given_back(reserved.allowance)] if free else []
    # What may have been charged, and nobody can say how much, is held back as far as it was reserved.
    uncertain = reserved.amount_pico if life.uncertain is None else to_pico(life.uncertain)
    return [settled(part, charged_pico(life) or 0, uncertain) for part in reserved.parts]


def charged_pico(life: Life) -> int | None:
    """What counts against budgets and credits: the cost, or nothing within an allowance; None where it is not known."""
    if life.free:
        return 0
    if life.charge is None or life.charge.amount is None:
        return None
    covered = life.reserved is not None and life.reserved.allowance is not None
    return 0 if covered else to_pico(life.charge.amount)


def _given_back(use: AllowanceUse) -> AllowanceUse:
    return AllowanceUse(allowance_id=use.allowance_id, month_start=use.month_start, requests=-use.requests)


def _paid(life: Life) -> Decimal:
    """What providers charge for attempts that brought nothing, as far as that is known."""
    total = _NOTHING
    for attempt in life.attempts:
        if attempt.lost:
            total += _beside(life, attempt) or _NOTHING
            continue
        if attempt.outcome == "succeeded":
            continue
        if attempt.answered and attempt.stated_cost is not None:
            total += attempt.stated_cost
            life.charge_reason = _DELIVERED
        elif _charged_moderation(attempt):
            total += attempt.stated_cost or _share(life, attempt.candidate.offer) or _NOTHING
            life.charge_reason = _MODERATED
    return total


def _beside(life: Life, attempt: Attempt) -> Decimal | None:
    """What an attempt cost that ran beside the one that won; None where that is not known (yet)."""
    assert life.call is not None
    offer = attempt.candidate.offer
    if attempt.answer is not None:
        return charge(offer, attempt.answer.usage, terms(life.call, offer), attempt.answer.stated_cost).amount
    if attempt.spared:  # ended before it had said anything: what it had read is charged
        quote = life.quotes.get(offer.id)
        return quote.low if quote and isinstance(life.call, ChatCall) else _NOTHING
    return None if _may_be_charged(attempt) else attempt.stated_cost if attempt.answered else _NOTHING


def _charged_moderation(attempt: Attempt) -> bool:
    stages = attempt.candidate.account.provider.charges_moderated
    return isinstance(attempt.error, Moderated) and attempt.error.stage in stages


def _uncertain(life: Life, besides: Attempt | None = None) -> Decimal | None:
    """The most that doubtful attempts may have cost together; None where nothing bounds it."""
    doubtful = [a for a in life.attempts if a is not besides and _is_doubtful(life, a)]
    if not doubtful:
        return _NOTHING
    life.charge_reason = life.charge_reason or _DOUBTFUL
    return _most(life, _sum(attempt.stated_cost or _share(life, attempt.candidate.offer) for attempt in doubtful))


def _is_doubtful(life: Life, attempt: Attempt) -> bool:
    if attempt.lost:
        return _beside(life, attempt) is None and attempt.candidate.offer.price is not None
    return attempt.outcome != "succeeded" and _may_be_charged(attempt)


def _most(life: Life, uncertain: Decimal | None) -> Decimal | None:
    """What cannot be bounded is at most what was reserved for it."""
    if uncertain is None and life.reserved is not None:
        return from_pico(life.reserved.amount_pico)
    return uncertain


def _share(life: Life, offer: Offer) -> Decimal | None:
    """The most that one upstream call at this offer can cost; None where nothing bounds it."""
    quote = life.quotes.get(offer.id)
    if quote is None or quote.high is None:
        return None
    calls = ceil(life.call.n / max(1, offer.limits.images_per_call)) if isinstance(life.call, ImageCall) else 1
    return quote.high / calls


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total: Decimal | None = _NOTHING
    for amount in amounts:
        total = _add(total, amount)
    return total


def _add(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one + other


def _may_be_charged(attempt: Attempt) -> bool:
    """A job that was left behind, or a request whose answer never came: the provider may charge for either."""
    if attempt.answered:
        return attempt.stated_cost is None
    if attempt.outcome in ("cancelled", "pending"):
        return True
    # Storage that failed while a result came in says nothing about what the provider charges for it.
    return isinstance(attempt.error, Unavailable) or bool(getattr(attempt.error, "ambiguous", False))


class _Message(msgspec.Struct):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: msgspec.Raw = msgspec.Raw(b"")


class _Choice(msgspec.Struct):
    delta: _Message = msgspec.field(default_factory=_Message)


_choices = msgspec.json.Decoder(list[_Choice])


def _produced(life: Life) -> Charge | None:
    """The charge of a streamed chat that its caller left, for as much of the answer as had been produced."""
    attempt = life.attempts[-1] if life.attempts else None
    if not life.left or not isinstance(life.call, ChatCall) or attempt is None or not attempt.deltas:
        return None
    offer, quote = attempt.candidate.offer, life.quotes.get(attempt.candidate.offer.id)
    if quote is None or quote.unpriced:
        return None
    asked = sum((line.quantity for line in quote.lines if line.unit is Unit.TEXT_TOKEN_IN), _NOTHING)
    usage = Usage(text_tokens_in=int(asked), text_tokens_out=ceil(_length(attempt.deltas) / BYTES_PER_TOKEN))
    amount = cost(offer.price, usage, terms(life.call, offer)).amount
    return None if amount is None else Charge(amount=amount, source="estimated", computed=amount)


def _length(deltas: Iterable[msgspec.Raw]) -> int:
    """Bytes of text, reasoning and tool calls in the chunks of a stream."""
    length = 0
    for delta in deltas:
        try:
            messages = [choice.delta for choice in _choices.decode(delta)]
        except msgspec.DecodeError:  # a chunk in a shape of its provider's own
            continue
        for message in messages:
            texts = (message.content, message.reasoning or message.reasoning_content)
            length += sum(len(text.encode()) for text in texts if text) + len(bytes(message.tool_calls))
    return length
