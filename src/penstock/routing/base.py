"""What a strategy is: candidates in, plan out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from penstock.core.target import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to carry a call out: the candidates one after another, while they fail in a way that allows it."""

    order: tuple[Candidate, ...]


Strategy = Callable[[Sequence[Candidate]], Plan]
