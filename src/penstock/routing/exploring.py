"""Measuring again what is new or has not been asked for a while, so that no offer is judged by old figures for ever.

That is the epsilon of epsilon-greedy (Sutton & Barto, Reinforcement Learning, 2.2), spent on stale offers only.
"""

from collections.abc import Iterable, Sequence

from penstock.core.health import Health
from penstock.core.target import Candidate
from penstock.routing.base import Dice

FRESH = 3
"""Results of the last minute from which on an offer's figures are current."""


def explored(known: Sequence[tuple[Candidate, Health]], share: float, dice: Dice) -> Candidate | None:
    """One of the stale offers, as often as `share` says; None otherwise. Throws the dice once."""
    roll = dice()
    if roll >= share:
        return None
    stale = [candidate for candidate, health in known if health.fresh < FRESH]
    # The same throw chooses: below `share` it is as even as it was below 1.
    return stale[min(int(roll / share * len(stale)), len(stale) - 1)] if stale else None


def put_first(chosen: Candidate, order: Iterable[Candidate]) -> tuple[Candidate, ...]:
    return (chosen, *(candidate for candidate in order if candidate is not chosen))
