"""Who is asked next, and after which pause: the plan's order, and again where nothing can have been made or charged.

Everybody is asked once before anybody is asked again. Pauses are full jitter, a random part of a bound that doubles
with each round, as AWS's architecture blog found best, and never shorter than what a provider itself asked for. Pure:
time and chance are handed in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.core.errors import BadCredentials, NoCredit, ProviderError, RateLimited
from penstock.core.target import Candidate
from penstock.routing.base import Dice

_KEY_FAULTS = (NoCredit, BadCredentials, RateLimited)
"""Failures of the key a call was made with: another key of the same provider may be asked at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to go on. Times are seconds."""

    rounds: int
    backoff: float
    longest: float
    heeds_retry_after: bool = True
    retried_statuses: frozenset[int] | None = None


@dataclass(slots=True)
class _Turn:
    """Where one candidate stands."""

    candidate: Candidate
    tries: int = 0
    waits: int = 0
    ready_at: float = 0.0
    over: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Ask this one, after a pause."""

    candidate: Candidate
    pause: float
    again: bool


class Rounds:
    """The candidates of one request."""

    def __init__(self, order: Sequence[Candidate], patience: Patience, dice: Dice) -> None:
        self._turns = [_Turn(candidate) for candidate in order]
        self._patience = patience
        self._dice = dice

    def next(self, now: float, *, wait: bool = True) -> Step | None:
        """The next one to ask, which counts as asked; None where nobody is left, or without `wait` nobody is ready."""
        waiting = [turn for turn in self._turns if not turn.over]
        ready = [turn for turn in waiting if turn.ready_at <= now]
        if not waiting or not (ready or wait):
            return None
        turn = min(ready, key=_tries) if ready else min(waiting, key=_ready_at)
        turn.tries += 1
        turn.over = True  # until it is known that it may be asked again
        return Step(turn.candidate, max(0.0, turn.ready_at - now), turn.tries > 1)

    def failed(self, candidate: Candidate, error: ProviderError, now: float, *, other_key: bool) -> None:
        """It failed. `other_key`: its provider has another key in rotation."""
        turn = self._of(candidate)
        if other_key and isinstance(error, _KEY_FAULTS):
            turn.tries -= 1
            turn.over, turn.ready_at = False, now
            return
        pause = self._pause(turn, error)
        if pause is not None:
            turn.over, turn.ready_at = False, now + pause

    def put_off(self, candidate: Candidate, until: float) -> None:
        """It was not asked after all, and may be from then on; not for ever, lest a request do nothing but wait."""
        turn = self._of(candidate)
        turn.tries -= 1
        turn.waits += 1
        turn.over, turn.ready_at = turn.waits > self._patience.rounds, until

    def keep(self, candidate: Candidate) -> None:
        """Ask nobody else any more."""
        for turn in self._turns:
            turn.over = turn.over or turn.candidate is not candidate

    def _pause(self, turn: _Turn, error: ProviderError) -> float | None:
        """How long until it may be asked again; None where it may not."""
        patience = self._patience
        if not error.certain or turn.tries >= patience.rounds:
            return None
        if patience.retried_statuses is not None and status_of(error) not in patience.retried_statuses:
            return None
        bound: float = min(patience.longest, patience.backoff * 2 ** (turn.tries - 1))
        asked = error.retry_after if isinstance(error, RateLimited) and patience.heeds_retry_after else None
        if asked is not None and asked > patience.longest:
            return None
        return max(asked or 0.0, self._dice() * bound)

    def _of(self, candidate: Candidate) -> _Turn:
        return next(turn for turn in self._turns if turn.candidate is candidate)


def _tries(turn: _Turn) -> int:
    return turn.tries


def _ready_at(turn: _Turn) -> float:
    return turn.ready_at


def status_of(error: ProviderError) -> int:
    """The status a provider answered with, or that of the error it means."""
    return error.upstream_status or error.status
