"""Strategy to plan."""

from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Life
from penstock.routing.base import Plan


def choose(life: Life, gateway: Gateway) -> Plan:
    """How to carry the call out over the life's candidates."""
    return gateway.strategy(life.candidates)
