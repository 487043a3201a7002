"""The parts of a running gateway, as the steps of the pipeline use them. `app.build` makes one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.assets.store import AssetStore
from penstock.catalogue.search import Catalogue
from penstock.core.clock import Clock
from penstock.core.target import Account
from penstock.metering.windows import Windows
from penstock.providers.base import AnyAdapter
from penstock.routing.base import Strategy
from penstock.settings import Settings
from penstock.store.books import Books
from penstock.store.ledger import Ledger
from penstock.store.lookup import Keys
from penstock.store.presence import Presence
from penstock.telemetry.metrics import Metrics
from penstock.upstream.client import UpstreamClient
from penstock.upstream.fetch import Fetcher
from penstock.upstream.slots import Slots
from penstock.upstream.speed import Speeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Everything a request needs, made once and passed in."""

    settings: Settings
    catalogue: Catalogue
    accounts: Mapping[str, Account]
    """Providers that are on, by slug."""
    adapters: Mapping[str, AnyAdapter]
    strategy: Strategy
    upstream: UpstreamClient
    fetcher: Fetcher
    slots: Slots
    assets: AssetStore
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
    speeds: Speeds = field(default_factory=Speeds)
    """How fast offers have been lately."""
