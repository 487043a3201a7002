"""Strategies: pure functions of candidates and facts to a plan, one per file, called what the configuration calls them.

No socket, clock or database here. A strategy returns an order, never a single target, so that each has fallback.
`read.py` makes one of what a configuration or a header says; `base.py` says what one is.
"""

from penstock.routing.adaptive import Adaptive
from penstock.routing.base import Strategy
from penstock.routing.complexity import Complexity
from penstock.routing.conditional import Conditional
from penstock.routing.cost_optimized import CostOptimized
from penstock.routing.hedged import Hedged
from penstock.routing.highest_throughput import HighestThroughput
from penstock.routing.least_busy import LeastBusy
from penstock.routing.least_latency import LeastLatency
from penstock.routing.mirror import Mirror
from penstock.routing.most_reliable import MostReliable
from penstock.routing.price_weighted import PriceWeighted
from penstock.routing.priority import Priority
from penstock.routing.quality_first import QualityFirst
from penstock.routing.race import Race
from penstock.routing.round_robin import RoundRobin
from penstock.routing.split import Split
from penstock.routing.sticky import Sticky
from penstock.routing.weighted import Weighted

STRATEGIES: dict[str, type[Strategy]] = {
    strategy.name: strategy
    for strategy in (
        Priority,
        RoundRobin,
        Weighted,
        LeastLatency,
        CostOptimized,
        PriceWeighted,
        HighestThroughput,
        LeastBusy,
        MostReliable,
        Adaptive,
        Race,
        Hedged,
        Sticky,
        Conditional,
        Complexity,
        QualityFirst,
        Split,
        Mirror,
    )
}
