"""`priority`: in the catalogue's order, which is the order of the offers in its files and of `providers.toml`."""

from collections.abc import Sequence

import msgspec

from penstock.core.target import Candidate
from penstock.routing.base import Dice, Facts, Plan, Strategy


class Priority(Strategy, msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The candidates as they come."""

    name = "priority"

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        return Plan(order=tuple(candidates), strategy=self.name, why="In the catalogue's order.")
