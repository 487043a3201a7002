"""`/admin/api/routing`: the configuration of routing in force, and what is left alone just now."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from penstock.api.admin_documents import Moment
from penstock.api.answers import encode
from penstock.api.times import moment
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply


class LeftAlone(msgspec.Struct, frozen=True, kw_only=True):
    """An offer that failed too often lately."""

    offer: str
    operation: str
    state: Annotated[Literal["open", "half-open"], Meta(description="`half-open`: the next call shows if it works.")]
    failures: Annotated[int, Meta(description="That opened it, and since.")]
    seconds_left: Annotated[float, Meta(description="Until it is tried again.")]


class RestingKey(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's key that is not used for a while."""

    provider: str
    key: Annotated[str, Meta(description="Its name; empty where the provider has one key.")]
    reason: Literal["no_credit", "refused", "rate_limited"]
    seconds_left: float


class RoutingInForce(msgspec.Struct, frozen=True, kw_only=True):
    """How requests are routed now."""

    object: Literal["routing"] = "routing"
    read_at: Annotated[Moment, Meta(description="When it was read.")]
    refused: Annotated[
        str | None,
        Meta(description="Why the file as it is now cannot be used; what was in force goes on. Null: it can."),
    ]
    settings: Annotated[dict[str, Any], Meta(description="The section `routing`, with what was left out filled in.")]
    left_alone: list[LeftAlone]
    resting_keys: list[RestingKey]


async def show_routing(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /admin/api/routing`."""
    return Reply(pieces=(encode(in_force(gateway)),))


def in_force(gateway: Gateway) -> RoutingInForce:
    """How requests are routed now."""
    routes, now = gateway.routes, gateway.clock.monotonic()
    return RoutingInForce(
        read_at=moment(int(1000 * routes.read_at)),
        refused=routes.refused,
        settings=msgspec.to_builtins(routes.settings),
        left_alone=[
            LeftAlone(
                offer=offer,
                operation=operation,
                state=state.name,
                failures=state.failures,
                seconds_left=round(gateway.breakers.waits((offer, operation), now), 1),
            )
            for (offer, operation), state in gateway.breakers.states(now).items()
            if state.name != "closed"
        ],
        resting_keys=[
            RestingKey(
                provider=rest.provider, key=rest.key_name, reason=rest.reason, seconds_left=round(rest.seconds_left, 1)
            )
            for rest in gateway.rotation.resting(now)
        ],
    )
