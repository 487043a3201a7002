"""`priority`: the catalogue's own order, as given by the caller's `provider.order` or by the offers' files."""

from collections.abc import Sequence

from penstock.core.target import Candidate
from penstock.routing.base import Plan


def plan(candidates: Sequence[Candidate]) -> Plan:
    """The candidates as they come."""
    return Plan(order=tuple(candidates))
