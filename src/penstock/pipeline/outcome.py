"""What is learnt from an attempt, about its offer and about the key it was made with; and which key it is made with."""

from dataclasses import replace

from penstock.core.answer import ChatAnswer, EmbeddingAnswer, ImageAnswer
from penstock.core.call import Call
from penstock.core.errors import BadCredentials, NoCredit, PenstockError, ProviderError, RateLimited, Rejected
from penstock.core.price import BINARY_MEGAPIXEL
from penstock.core.target import Candidate
from penstock.metering.quote import terms
from penstock.metering.settle import charge
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Attempt, Life
from penstock.upstream.results import Result
from penstock.upstream.rotation import with_key as chosen

_DAY_SECONDS = 86_400


def has_key(candidate: Candidate, gateway: Gateway) -> bool:
    """Whether a key of the candidate's provider may be used now."""
    account, rotation = candidate.account, gateway.rotation
    if not account.keys and rotation.is_calm:
        return True
    return rotation.available(account, gateway.clock.monotonic(), day_of(gateway))


def day_of(gateway: Gateway) -> int:
    """The number of today, in UTC."""
    return int(gateway.clock.now() // _DAY_SECONDS)


def with_key(candidate: Candidate, gateway: Gateway) -> Candidate:
    """The candidate with the key it is called with now. Raises RateLimited where none is in rotation any more."""
    account = candidate.account
    if not account.keys and gateway.rotation.is_calm:
        return candidate
    key = gateway.rotation.choose(account, gateway.clock.monotonic(), day_of(gateway), gateway.dice)
    if key is None:
        raise RateLimited(f"No key of {account.provider.name} may be used for another call now.")
    return replace(candidate, account=chosen(account, key)) if account.keys else candidate


def attempt_seconds(life: Life, call: Call, candidate: Candidate, gateway: Gateway) -> float:
    """The time that one attempt may take; of a streamed chat, each part of it."""
    usual: float = getattr(gateway.routes.settings.timeouts, call.operation)
    return min(life.directions.attempt_seconds or usual, candidate.account.timeout)


def counts_against(error: PenstockError) -> bool:
    """Whether a failure says that the offer is down: not a limit, not the caller's fault, not a key's."""
    if isinstance(error, RateLimited | Rejected | NoCredit | BadCredentials):
        return False
    return isinstance(error, ProviderError)


def note_outcome(life: Life, attempt: Attempt, call: Call, gateway: Gateway) -> None:
    """Tell the windows and the rotation of keys what came of an attempt."""
    offer, account, error = attempt.candidate.offer, attempt.candidate.account, attempt.error
    good = attempt.outcome == "succeeded"
    now = gateway.clock.monotonic()
    result = Result(
        good=good,
        counts=good or _counts(life, attempt, gateway),
        limited=isinstance(error, RateLimited),
        seconds=attempt.latency or 0.0,
        first_seconds=attempt.first_seconds if good and call.stream else None,
        rate=_rate(attempt) if good else None,
    )
    gateway.healths.note(offer.id, call.operation, life.size_class, result, now)
    if good:
        if not gateway.rotation.is_calm:
            gateway.rotation.works(account, account.key_name)
        if account.keys:
            _spend(life, attempt, gateway)
    elif isinstance(error, NoCredit):
        gateway.rotation.rest(account, account.key_name, "no_credit", now, None)
    elif isinstance(error, BadCredentials):
        gateway.rotation.rest(account, account.key_name, "refused", now, None)
    elif isinstance(error, RateLimited):
        gateway.rotation.rest(account, account.key_name, "rate_limited", now, error.retry_after)


def _counts(life: Life, attempt: Attempt, gateway: Gateway) -> bool:
    """As OpenRouter counts uptime: every failure of the provider's, those of our key there too, but no rate limits.

    One that was given up because the request's time was over counts; one that was not waited for does not.
    """
    error = attempt.error
    if error is None:
        late = gateway.clock.monotonic() - life.incoming.started >= life.timeout - 0.01
        return attempt.outcome == "cancelled" and late and not life.left and not attempt.lost
    return isinstance(error, ProviderError) and not isinstance(error, RateLimited | Rejected)


def _rate(attempt: Attempt) -> float | None:
    """Megapixels, or tokens of text, a second."""
    seconds, answer = attempt.latency, attempt.answer
    if not seconds or answer is None or isinstance(answer, EmbeddingAnswer):
        return None
    if isinstance(answer, ImageAnswer):
        return sum(size.pixels for size in answer.usage.outputs) / BINARY_MEGAPIXEL / seconds or None
    assert isinstance(answer, ChatAnswer)
    return (answer.usage.text_tokens_out or 0) / seconds or None


def _spend(life: Life, attempt: Attempt, gateway: Gateway) -> None:
    answer, offer = attempt.answer, attempt.candidate.offer
    if answer is None or life.call is None:
        return
    found = charge(offer, answer.usage, terms(life.call, offer), answer.stated_cost).amount
    if found is not None:
        account = attempt.candidate.account
        gateway.rotation.spent(account, account.key_name, found, day_of(gateway))
