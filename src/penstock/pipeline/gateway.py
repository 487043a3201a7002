"""The parts of a running gateway, as the steps of the pipeline use them. `app.build` makes one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import random

from penstock.assets.store import AssetStore
from penstock.assets.thumbnails import Thumbnails
from penstock.catalogue.search import Catalogue
from penstock.core.clock import Clock
from penstock.metering.windows import Windows
from penstock.pipeline.background import Background, Purse, Turns
from penstock.pipeline.routes import RoutesInForce
from penstock.pipeline.switchboard import Switchboard
from penstock.providers.base import AnyAdapter
from penstock.routing.base import Dice
from penstock.settings import Settings
from penstock.store.books import Books
from penstock.store.ledger import Ledger
from penstock.store.lookup import Keys
from penstock.store.presence import Presence
from penstock.telemetry.metrics import Metrics
from penstock.upstream.breakers import Breakers
from penstock.upstream.client import UpstreamClient
from penstock.upstream.fetch import Fetcher
from penstock.upstream.health import Healths
from penstock.upstream.rotation import Rotation
from penstock.upstream.slots import Slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Everything a request needs, made once and passed in."""

    settings: Settings
    catalogue: Catalogue
    accounts: Switchboard
    """Providers that may be called, by slug; changes while the gateway runs."""
    adapters: Mapping[str, AnyAdapter]
    routes: RoutesInForce
    """How requests are routed; changes while the gateway runs."""
    upstream: UpstreamClient
    fetcher: Fetcher
    slots: Slots
    assets: AssetStore
    thumbnails: Thumbnails
    ledger: Ledger
    keys: Keys
    books: Books
    """People, keys, budgets, limits and allowances, for administration."""
    windows: Windows
    """What rate limits count, in this process."""
    presence: Presence
    """This process, as what it leaves undone is known by."""
    clock: Clock
    link_secret: bytes
    """Signs the addresses of assets."""
    metrics: Metrics = field(default_factory=Metrics)
    """Counts requests, for `/metrics`."""
    healths: Healths
    """How offers have been doing."""
    breakers: Breakers
    """Which offers are left alone for a while."""
    rotation: Rotation
    """Which keys of providers are in use."""
    dice: Dice = random
    """Chance, for strategies and pauses."""
    turns: Turns = field(default_factory=Turns)
    purse: Purse = field(default_factory=Purse)
    background: Background = field(default_factory=Background)
    """Work that goes on after its request was answered."""
