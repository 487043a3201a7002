"""How a strategy leaves the ordering to another one: `then`.

A strategy that chooses between models gets its order as it is, so what the pipeline does for the others, keeping the
models in the order in which they were asked for, is done here for the one it asks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy, Subject, Target, asked_for

_NOBODY = Plan(order=(), why="There is nobody else.")


def delegated(then: Strategy, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
    """Another strategy's plan; where that does not choose between models, they stay as they were asked for."""
    plan = then.plan(candidates, facts, dice)
    if then.across_models or len(facts.subject.models) < 2:
        return plan
    return replace(plan, order=by_model(plan.order, facts.subject))


def directed(target: Target | None, then: Strategy, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
    """Those a target means first, then the others of the models that were asked for, both as `then` orders them.

    The order is empty where only targets of other rules are left.
    """
    # A strategy with targets of its own drops those that were not asked for itself.
    pool = candidates if any(True for _ in then.targets()) else asked_for(candidates, facts.subject)
    if target is None:
        return delegated(then, pool, facts, dice) if pool else _NOBODY
    # A provider alone is meant with the models asked for, not with those that are there for other rules.
    meant = [candidate for candidate in (pool if target.model is None else candidates) if target.fits(candidate)]
    chosen = set(map(id, meant))
    others = [candidate for candidate in pool if id(candidate) not in chosen]
    behind = delegated(then, others, facts, dice) if others else _NOBODY
    if not meant:
        return replace(behind, why=f"{called(target)} cannot be asked. {behind.why}")
    # How many are asked at once, or after how long, is a matter of those that are meant.
    plan = delegated(then, meant, _as_if_asked_for(meant, facts), dice)
    return replace(plan, order=(*plan.order, *behind.order), why=f"First {called(target)}. {plan.why}")


def by_model(order: Iterable[Candidate], subject: Subject) -> tuple[Candidate, ...]:
    """In the order of the models asked for; those of one model stay as they are."""
    places = {slug: place for place, slug in enumerate(subject.models)}
    return tuple(sorted(order, key=lambda candidate: places.get(candidate.model.slug, len(places))))


def called(target: Target) -> str:
    """A target in words."""
    if target.model is None:
        return f"{target.provider}"
    return f"{target.model} at {target.provider}" if target.provider else target.model


def _as_if_asked_for(meant: Sequence[Candidate], facts: Facts) -> Facts:
    """A model chosen by a rule is asked for from here on, so that a strategy within the rule does not drop it."""
    subject = facts.subject
    if not subject.models or all(candidate.model.slug in subject.models for candidate in meant):
        return facts
    models = dict.fromkeys(candidate.model.slug for candidate in by_model(meant, subject))
    return replace(facts, subject=replace(subject, models=tuple(models)))
