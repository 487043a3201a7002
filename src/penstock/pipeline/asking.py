"""Whom a request may ask, as its attempts go on: the plan's rounds, minus those that are to be left alone."""

import asyncio
from functools import lru_cache
from math import ceil
from types import TracebackType

from penstock.core.call import Call, ImageCall
from penstock.core.errors import NoCredit, PenstockError, ProviderError, RateLimited, Unavailable
from penstock.core.target import Candidate
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.outcome import counts_against, has_key
from penstock.pipeline.request import NO_DIRECTIONS, Life
from penstock.pipeline.rounds import Patience, Rounds, Step, status_of
from penstock.routing.base import Plan
from penstock.settings import Retry
from penstock.upstream.breakers import Entry, Key

_EARLY_SECONDS = 0.002
"""Event loops may wake that much early, and a key that rests for just so long would still be resting."""


class Asking:
    """The attempts of one request, as far as they depend on each other."""

    def __init__(self, life: Life, call: Call, plan: Plan, gateway: Gateway) -> None:
        self._life = life
        self._call = call
        self._plan = plan
        self._gateway = gateway
        self._patience = _patience(life, gateway)
        self._rounds = Rounds(plan.order, self._patience, gateway.dice)
        self._entries: dict[int, Entry] = {}
        self._asked = False
        self._anyway = False
        self._last: ProviderError | None = None
        self._before: list[Candidate] = []
        """Those that have failed."""

    async def next(self, *, wait: bool = True) -> Step | None:
        """The next candidate, which counts as asked; None where nobody is left, or the time would not last.

        Without `wait` also None where a pause would come first.
        """
        while (step := self._rounds.next(self._now(), wait=wait)) is not None:
            if step.pause:
                if step.pause >= self._left():
                    return None
                await asyncio.sleep(step.pause + _EARLY_SECONDS)
            if self._enter(step.candidate):
                self._asked = True
                return step
            self._put_off(step.candidate)
        if self._asked or self._anyway:
            return None
        # Everybody is to be left alone, so that the least bad is better than nothing.
        self._anyway = True
        self._rounds = Rounds(self._plan.order, self._patience, self._gateway.dice)
        return await self.next(wait=wait)

    def trial(self, candidate: Candidate) -> "_Trial":
        """A block in which the candidate is asked; its breaker is told what came of it."""
        return _Trial(self, candidate)

    def goes_on_after(self, candidate: Candidate, error: ProviderError) -> bool:
        """Whether somebody else may be asked after this failure; where it may, `next` says who."""
        self._last = error
        self._before.append(candidate)
        if not error.fallback or (error.ambiguous and isinstance(self._call, ImageCall)):
            return False
        other_key = bool(candidate.account.keys) and has_key(candidate, self._gateway)
        self._rounds.failed(candidate, error, self._now(), other_key=other_key)
        wanted = self._life.directions.fallback_statuses
        if wanted is not None and status_of(error) not in wanted:
            self._rounds.keep(candidate)
        return True

    def is_fallback(self, candidate: Candidate) -> bool:
        """Whether it is asked because one before it failed."""
        return self._last is not None and candidate is not self._plan.order[0]

    def reason(self, step: Step) -> str:
        """Why it is asked, for the ledger."""
        if step.again or any(step.candidate is each for each in self._before):
            return "retry"
        return "fallback" if self._last is not None else "first"

    def nobody(self) -> PenstockError:
        """The error where nobody is left: the last failure, or that everybody is left alone for a while."""
        if self._last is not None:
            return self._last
        gateway, now = self._gateway, self._now()
        names = {candidate.account.provider.slug: candidate.account.provider.name for candidate in self._plan.order}
        resting = [rest for rest in gateway.rotation.resting(now) if rest.provider in names]
        waits = [gateway.breakers.waits(self._key(candidate), now) for candidate in self._plan.order]
        soonest = max(1, ceil(min([*(rest.seconds_left for rest in resting), *filter(None, waits)], default=1.0)))
        who = " and ".join(dict.fromkeys(names.values()))
        if resting and all(rest.reason == "rate_limited" for rest in resting):
            return RateLimited(
                f"{who} limits the gateway's requests; it is asked again in {soonest} s.", retry_after=soonest
            )
        if resting and all(rest.reason == "no_credit" for rest in resting):
            return NoCredit(
                f"The gateway's account at {who} has no credit left; it is asked again in {soonest} s.",
                headers={"retry-after": str(soonest)},
            )
        if not resting and not any(waits):
            return self._full(who, now)
        return Unavailable(
            f"{who} failed too often lately and is asked again in {soonest} s.", headers={"retry-after": str(soonest)}
        )

    def _full(self, who: str, now: float) -> PenstockError:
        """The error where nobody failed, and every key has been used as much as it may be."""
        rotation = self._gateway.rotation
        waits = [rotation.full_for(candidate.account, now) for candidate in self._plan.order]
        soonest = min((wait for wait in waits if wait is not None), default=None)
        if soonest is None:
            return Unavailable(f"What may be spent in a day with the gateway's keys at {who} is used up.")
        seconds = max(1, ceil(soonest))
        used_up = f"The calls that the gateway's keys at {who} may make in a minute are used up"
        return RateLimited(f"{used_up}; try again in {seconds} s.", retry_after=seconds)

    def _enter(self, candidate: Candidate) -> bool:
        gateway = self._gateway
        if not has_key(candidate, gateway):
            return False
        entry = gateway.breakers.enter(self._key(candidate), self._now(), anyway=self._anyway)
        if entry is None:
            return False
        self._entries[id(candidate)] = entry
        return True

    def _put_off(self, candidate: Candidate) -> None:
        """A key that rests only a moment, for the rate of calls, is waited for; not all who wait come at once."""
        now, patience = self._now(), self._patience
        if has_key(candidate, self._gateway):  # it is its breaker that keeps it shut
            return
        wait = self._gateway.rotation.limited_for(candidate.account, now)
        if wait is not None and wait <= patience.longest:
            self._rounds.put_off(candidate, now + wait + self._gateway.dice() * patience.backoff)

    def leave(self, candidate: Candidate, outcome: bool | None) -> None:
        """The candidate was asked; None says nothing about it."""
        entry = self._entries.pop(id(candidate), None)
        if entry is not None:
            self._gateway.breakers.leave(entry, outcome, self._now())

    def is_late(self) -> bool:
        """The request's own time is over."""
        return self._left() <= 0.01 and not self._life.left

    def _key(self, candidate: Candidate) -> Key:
        return candidate.offer.id, self._call.operation

    def _now(self) -> float:
        return self._gateway.clock.monotonic()

    def _left(self) -> float:
        return self._life.timeout - (self._now() - self._life.incoming.started)


class _Trial:
    """One candidate being asked."""

    __slots__ = ("_asking", "_candidate")

    def __init__(self, asking: Asking, candidate: Candidate) -> None:
        self._asking = asking
        self._candidate = candidate

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        outcome: bool | None = True
        if isinstance(error, ProviderError):
            outcome = False if counts_against(error) else None
        elif isinstance(error, asyncio.CancelledError | GeneratorExit):
            outcome = False if self._asking.is_late() else None
        elif error is not None and not isinstance(error, PenstockError):
            outcome = None
        self._asking.leave(self._candidate, outcome)


def _patience(life: Life, gateway: Gateway) -> Patience:
    retry, wish = gateway.routes.settings.retry, life.directions
    if wish is NO_DIRECTIONS:
        return _usual(retry)
    return Patience(
        rounds=retry.rounds if wish.rounds is None else wish.rounds,
        backoff=retry.backoff_seconds if wish.backoff_seconds is None else wish.backoff_seconds,
        longest=retry.longest_wait_seconds if wish.longest_wait_seconds is None else wish.longest_wait_seconds,
        heeds_retry_after=wish.heeds_retry_after,
        retried_statuses=wish.retried_statuses,
    )


@lru_cache(8)
def _usual(retry: Retry) -> Patience:
    """Of requests that say nothing of it, which are most."""
    return Patience(rounds=retry.rounds, backoff=retry.backoff_seconds, longest=retry.longest_wait_seconds)
