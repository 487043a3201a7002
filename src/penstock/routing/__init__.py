"""Strategies: pure functions of candidates to a plan, one per file, called what the configuration calls them.

No socket, clock or database here. A strategy returns an order, never a single target, so that each has fallback.
"""

from penstock.routing import priority
from penstock.routing.base import Strategy

STRATEGIES: dict[str, Strategy] = {"priority": priority.plan}
