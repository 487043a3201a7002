"""A weighted order without replacement: each next place is drawn among those left, in proportion to their weights.

By exponential keys: the smallest of -log(1-u)/weight is first with a probability of its part of all weights, and what
is left is drawn likewise (Efraimidis & Spirakis, Weighted random sampling with a reservoir, 2006).
"""

from math import log

from penstock.routing.base import Dice


def key(weight: float, dice: Dice) -> float:
    """What to sort by, ascending. The weight is above zero."""
    return -log(1.0 - dice()) / weight
