"""`split`: parts of the traffic to targets, in percent; elsewhere it is called a canary.

Who is sent where is a hash of the user, session or key, so that everyone stays put, on every worker and after every
restart. The shares are laid end to end in the order written: while one grows, nobody leaves it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Annotated

import msgspec
from msgspec import Meta

from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy, Subject, Target
from penstock.routing.delegating import directed
from penstock.routing.identity import Trait, identity, point
from penstock.routing.priority import Priority

_ROUNDING = 1e-9
"""Percents are floats, and 33.3 + 66.7 may be a little more than 100."""


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One part of the traffic."""

    to: Target
    """Where it goes first."""
    percent: Annotated[float, Meta(gt=0, le=100)]
    """How much of it."""


class Split(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """So many percent here, so many there."""

    name = "split"
    across_models = True

    shares: Annotated[tuple[Share, ...], Meta(min_length=1)]
    """Together 100 percent at most; the rest goes to the models asked for."""
    by: tuple[Trait, ...] = ("user", "session", "key")
    """Who stays put, of `user`, `session`, `key`, `seed` and `prompt`: the first that a request has. Where it has none
    of them, and with an empty list, each request is sent by chance. One key alone is in one share as a whole."""
    salt: str = ""
    """Another one deals everybody out anew, so that the same users are not the first every time."""
    then: Strategy = Priority()
    """Who orders the offers."""

    def __post_init__(self) -> None:
        if sum(share.percent for share in self.shares) > 100 + _ROUNDING:
            raise ValueError("expected the percents of the `shares` to be 100 or less together")

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        percent, reason = self._placed(facts.subject, dice)
        target = self._target(percent)
        plan = directed(target, self.then, candidates, facts, dice)
        part = "within a share" if target else "outside the shares"
        return replace(plan, strategy=self.name, why=f"{reason} is at {percent:.1f} percent, {part}. {plan.why}")

    def targets(self) -> Iterable[Target]:
        yield from (share.to for share in self.shares)
        yield from self.then.targets()

    def _placed(self, subject: Subject, dice: Dice) -> tuple[float, str]:
        """Where on the line of the shares the request is, from 0 up to 100."""
        found = identity(self.by, subject)
        if found is None:
            return dice() * 100, "The request"
        trait, value = found
        return point(f"{self.salt}\0{value}") * 100, f"Its {trait}"

    def _target(self, percent: float) -> Target | None:
        ends = accumulate(share.percent for share in self.shares)
        return next((share.to for share, end in zip(self.shares, ends, strict=True) if percent < end), None)
