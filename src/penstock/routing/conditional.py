"""`conditional`: the first rule whose condition holds says where a request goes.

Conditions look at the request: model, user, key, `metadata`, size, references, price, time and others (`rules`). A rule
sends to a target, orders by a strategy of its own, or both; the other offers of the models asked for are its fallbacks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from penstock.core.target import Candidate
from penstock.routing import rules
from penstock.routing.base import Dice, Facts, Plan, Strategy, Target
from penstock.routing.delegating import directed
from penstock.routing.fields import Look
from penstock.routing.priority import Priority


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """What is to happen with some of the requests."""

    when: dict[str, Any]
    """The condition: fields with values, or with operators such as `{$gt: 2}`. All must hold."""
    to: Target | None = None
    """Where those requests go first."""
    then: Strategy | None = None
    """Who orders the offers for them; by default the one for all of them."""

    def __post_init__(self) -> None:
        if self.to is None and self.then is None:
            raise ValueError("a rule says where requests go (`to`), how they are ordered (`then`), or both")
        _ = self.condition

    @cached_property
    def condition(self) -> rules.Condition:
        """`when`, read; what cannot be meant is refused when the rule is made."""
        return rules.condition(self.when)


class Conditional(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """By rules about the request."""

    name = "conditional"
    across_models = True

    rules: Annotated[tuple[Rule, ...], Meta(min_length=1)]
    """The first whose condition holds counts."""
    otherwise: Target | None = None
    """Where requests go first for which none holds; by default to the models asked for."""
    then: Strategy = Priority()
    """Who orders the offers."""

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        target, then, reason = self._decided(Look(candidates, facts))
        plan = directed(target, then, candidates, facts, dice)
        return replace(plan, strategy=self.name, why=f"{reason} {plan.why}")

    def targets(self) -> Iterable[Target]:
        for rule in self.rules:
            if rule.to is not None:
                yield rule.to
            if rule.then is not None:
                yield from rule.then.targets()
        if self.otherwise is not None:
            yield self.otherwise
        yield from self.then.targets()

    def _decided(self, look: Look) -> tuple[Target | None, Strategy, str]:
        for number, rule in enumerate(self.rules, 1):
            if rule.condition(look):
                return rule.to, rule.then or self.then, f"Rule {number} holds ({', '.join(rule.when) or 'always'})."
        return self.otherwise, self.then, "No rule holds."
