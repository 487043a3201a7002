"""`complexity`: simple requests to one model, demanding ones to another.

Texts are scored, pictures are looked at by what is asked for (`tiers`). The caller can name the tier in a header. A
tier without a target of its own uses the next higher one that has one, else the next lower.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec

from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy, Subject, Target
from penstock.routing.bounds import Part
from penstock.routing.delegating import directed
from penstock.routing.priority import Priority
from penstock.routing.tiers import TIERS, is_picture, picture_tier, text_score


class Complexity(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """By how demanding a request is."""

    name = "complexity"
    across_models = True

    simple: Target | None = None
    """Where simple requests go first."""
    medium: Target | None = None
    """Where those in between go first."""
    complex: Target | None = None
    """Where demanding ones go first."""
    medium_from: Part = 0.3
    """The score from which on a text is of the medium tier, 0 to 1."""
    complex_from: Part = 0.6
    """The score from which on it is of the complex tier."""
    then: Strategy = Priority()
    """Who orders the offers."""

    def __post_init__(self) -> None:
        if not any(self._tiers()):
            raise ValueError("expected a target in at least one of `simple`, `medium` and `complex`")
        if self.medium_from > self.complex_from:
            raise ValueError("expected `medium_from` to be `complex_from` or less")

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        place, reason = self._place(facts.subject)
        tiers = self._tiers()
        target = next(tier for tier in (*tiers[place:], *reversed(tiers[:place])) if tier is not None)
        plan = directed(target, self.then, candidates, facts, dice)
        return replace(plan, strategy=self.name, why=f"It is {TIERS[place]} ({reason}). {plan.why}")

    def targets(self) -> Iterable[Target]:
        yield from (tier for tier in self._tiers() if tier is not None)
        yield from self.then.targets()

    def _tiers(self) -> tuple[Target | None, ...]:
        return (self.simple, self.medium, self.complex)

    def _place(self, subject: Subject) -> tuple[int, str]:
        """Which tier, as a place in `TIERS`, and why."""
        named = (subject.tier or "").strip().lower()
        if named in TIERS:
            return TIERS.index(named), "as the request says"
        if is_picture(subject.operation):
            return picture_tier(subject)
        score = text_score(subject)
        return (score >= self.medium_from) + (score >= self.complex_from), f"score {score:.2f}"
