"""Lives and gateways for tests of single steps: only what the step under test looks at is there."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

from penstock.catalogue.search import Catalogue
from penstock.core.call import Operation
from penstock.core.principal import Principal, Scope
from penstock.core.target import Account, Candidate, Limits, Model, Offer, Provider
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Attempt, Incoming, Life, Surface, Way
from penstock.pipeline.switchboard import Switchboard
from penstock.routing.base import Strategy
from penstock.routing.priority import Priority
from penstock.upstream.credentials import Switch

PICTURES = frozenset({Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT})


async def _nothing() -> dict[str, Any]:
    raise AssertionError("nothing is received here")


def life(**headers: str) -> Life:
    """A request that has just arrived."""
    incoming = Incoming(
        id="req_1",
        trace_id="0" * 32,
        method="POST",
        path="/v1/x",
        query="",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        receive=_nothing,
        started=0.0,
        started_at=1_700_000_000.0,
    )
    principal = Principal("key_1", "test", frozenset({Scope.INFERENCE}))
    return Life(incoming=incoming, surface=cast(Surface, SimpleNamespace(dialect="openai")), principal=principal)


def provider(slug: str, *, adapter: str = "openai_compatible", key_variable: str = "") -> Provider:
    return Provider(slug=slug, name=f"Provider {slug.title()}", adapter=adapter, key_variable=key_variable)


def offer(at: str, upstream: str = "picture", limits: Limits | None = None, model: str = "own/picture") -> Offer:
    return Offer(
        model=model, provider=at, upstream=upstream, operations=PICTURES, limits=limits or Limits(free_size=True)
    )


PICTURE = Model(slug="own/picture", name="Own picture", maker="Own", output_modalities=("image",), aliases=("picture",))


def candidate(at: str = "one") -> Candidate:
    return Candidate(PICTURE, offer(at), Account(provider=provider(at)))


def attempt(**facts: Any) -> Attempt:
    """An attempt that is over, as `facts` say."""
    known = {"id": "att_1", "number": 1, "candidate": candidate(), "started": 0.0, "started_at": 0.0}
    return Attempt(**known | facts)


def gateway(*offers: Offer, providers: tuple[Provider, ...], on: tuple[str, ...]) -> Gateway:
    """A catalogue of one model with these offers, and accounts at the providers that are `on`."""
    catalogue = Catalogue().updated(models=[PICTURE], providers=providers, offers=offers)
    switches = {
        known.slug: Switch(known, Account(provider=known) if known.slug in on else None, "") for known in providers
    }
    return cast(Gateway, SimpleNamespace(catalogue=catalogue, accounts=Switchboard(switches)))


CENT = Decimal("0.01")


def on_its_way(of: Life, strategy: Strategy | None = None, *models: Model) -> Life:
    """A life that is to be answered by these models, by default the one there is."""
    of.way = Way(strategy=strategy or Priority(), models=models or (PICTURE,))
    return of
