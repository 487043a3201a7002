"""How each provider of a model is doing here: the last day from memory, thirty days from what was kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.core.call import Operation
from penstock.pipeline.gateway import Gateway
from penstock.upstream.health import DAY_SECONDS
from penstock.upstream.results import Window
from penstock.web.models.history import History, Uptime
from penstock.web.models.view import Offered


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One row of the table of providers. What was not measured is None."""

    offered: Offered
    p50: float | None
    """Seconds to a result within the last day."""
    p90: float | None
    rate: float | None
    """Megapixels or tokens a second, median of the last day."""
    rate_unit: str
    success: float | None
    """The part of the last day's calls that succeeded."""
    month: Uptime | None


def today(gateway: Gateway, offers: Sequence[Offered]) -> dict[str, Window]:
    """What came of the calls of this day of UTC so far, as this process remembers them, by the offer's id."""
    since_midnight = gateway.clock.now() % DAY_SECONDS
    now = gateway.clock.monotonic()
    return {each.offer.id: gateway.healths.window(each.offer.id, None, since_midnight, now) for each in offers}


def standings(gateway: Gateway, offers: Sequence[Offered], past: History) -> list[Standing]:
    """In the order of the offers."""
    now = gateway.clock.monotonic()
    return [_standing(gateway, each, past.by_offer.get(each.offer.id), now) for each in offers]


def _standing(gateway: Gateway, each: Offered, month: Uptime | None, now: float) -> Standing:
    window = gateway.healths.window(each.offer.id, None, DAY_SECONDS, now)
    chats = bool(each.offer.operations & {Operation.CHAT, Operation.EMBEDDING})
    return Standing(
        offered=each,
        p50=window.quantile("seconds", 0.5),
        p90=window.quantile("seconds", 0.9),
        rate=window.quantile("rate", 0.5),
        rate_unit="tokens/s" if chats else "MP/s",
        success=window.uptime,
        month=month,
    )
