"""What `GET /metrics` tells: counters of the requests this process has answered, in Prometheus' text format.

A request adds to plain numbers in a dictionary, which takes a microsecond or two; samples are made of them when
somebody asks. Labels are slugs of the catalogue, operations and statuses, so there can only be so many.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

from penstock.core.money import TOLERANCE_PERCENT

if TYPE_CHECKING:
    from prometheus_client import Metric

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Upper bounds of the histogram, in seconds: from a cached word to a large picture that was queued for."""

UNKNOWN = "unknown"
"""The label of what is not known of a request."""

_PICO = 1e12
_MEGAPIXEL = 2**20
_BOUNDS_MS = [1000 * bound for bound in BUCKETS]


class Facts(Protocol):
    """What is counted of a request: a row of the ledger has it. Money is in pico-dollars, None is not known."""

    @property
    def operation(self) -> str | None: ...
    @property
    def provider(self) -> str | None: ...
    @property
    def model(self) -> str | None: ...
    @property
    def status(self) -> int: ...
    @property
    def latency_ms(self) -> int: ...
    @property
    def attempts(self) -> int: ...
    @property
    def fallback_used(self) -> bool: ...
    @property
    def images_delivered(self) -> int | None: ...
    @property
    def output_pixels(self) -> int | None: ...
    @property
    def text_tokens_in(self) -> int | None: ...
    @property
    def cached_text_tokens_in(self) -> int | None: ...
    @property
    def image_tokens_in(self) -> int | None: ...
    @property
    def cached_image_tokens_in(self) -> int | None: ...
    @property
    def text_tokens_out(self) -> int | None: ...
    @property
    def image_tokens_out(self) -> int | None: ...
    @property
    def cost_pico(self) -> int | None: ...
    @property
    def cost_source(self) -> str: ...
    @property
    def cost_computed_pico(self) -> int | None: ...
    @property
    def uncertain_pico(self) -> int | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things stand when somebody asks, beside what is counted."""

    reservations: int = 0
    """That are open."""
    breakers: Mapping[tuple[str, str, str], bool] = field(default_factory=dict)
    """By operation, provider and offer: whether it is left alone."""
    resting: Sequence[tuple[str, str, str]] = ()
    """Keys of providers that are not used for a while: provider, name of the key, reason."""


Key = tuple[str | None, str | None, str | None]
"""Operation, provider and model of a request."""


@dataclass(slots=True)
class Sums:
    """Of the requests with the same operation, provider and model."""

    statuses: dict[int, int] = field(default_factory=dict)
    """Requests by the HTTP status of their answer."""
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    """Requests by the first bound of the histogram they kept to; the last kept to none."""
    latency_ms: int = 0
    attempts: int = 0
    fallbacks: int = 0
    images: int = 0
    pixels: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_pico: int = 0
    uncertain_pico: int = 0
    unpriced: int = 0
    mismatches: int = 0
    stated_pico: int = 0
    """Of the requests whose cost is both stated by the provider and known by our price, like the next."""
    computed_pico: int = 0


class Metrics:
    """The counters of one process, from its start on."""

    def __init__(self) -> None:
        self._sums: dict[Key, Sums] = {}

    def observe(self, row: Facts) -> None:
        """Count a request whose row is committed."""
        key = (row.operation, row.provider, row.model)
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = Sums()
        status, latency_ms, cost = row.status, row.latency_ms, row.cost_pico
        sums.statuses[status] = sums.statuses.get(status, 0) + 1
        sums.buckets[bisect_left(_BOUNDS_MS, latency_ms)] += 1
        sums.latency_ms += latency_ms
        sums.attempts += row.attempts
        sums.fallbacks += row.fallback_used
        if images := row.images_delivered:
            sums.images += images
            sums.pixels += row.output_pixels or 0
        sums.tokens_in += (row.text_tokens_in or 0) + (row.cached_text_tokens_in or 0)
        sums.tokens_in += (row.image_tokens_in or 0) + (row.cached_image_tokens_in or 0)
        sums.tokens_out += (row.text_tokens_out or 0) + (row.image_tokens_out or 0)
        sums.uncertain_pico += row.uncertain_pico or 0
        if cost is None:
            sums.unpriced += status < 400
            return
        sums.cost_pico += cost
        computed = row.cost_computed_pico
        if computed is not None and row.cost_source == "stated":
            sums.stated_pico += cost
            sums.computed_pico += computed
            sums.mismatches += abs(cost - computed) > computed * TOLERANCE_PERCENT // 100

    def text(self, now: Standing) -> bytes:
        """Everything counted, and how things stand. It may run beside `observe`, on another thread.

        Each number is right for itself; requests counted meanwhile may be in some of them and not yet in others.
        """
        from prometheus_client import CollectorRegistry, generate_latest  # only those who ask pay for it

        registry = CollectorRegistry()
        registry.register(_Collected(self._sums, now))
        return generate_latest(registry)


@dataclass(frozen=True, slots=True)
class _Counter:
    """A family of counters, with a sample for each operation, provider and model."""

    name: str
    about: str
    values: Callable[[Sums], Iterable[tuple[tuple[str, ...], float]]]
    """The samples of some sums, each with the values of the labels it has beyond the usual three."""
    labels: tuple[str, ...] = ()
    """Those labels."""


def _one(value: Callable[[Sums], float]) -> Callable[[Sums], Iterable[tuple[tuple[str, ...], float]]]:
    return lambda sums: [((), value(sums))]


def _by_status(sums: Sums) -> Iterable[tuple[tuple[str, ...], float]]:
    return [((str(status),), count) for status, count in dict(sums.statuses).items()]


def _by_direction(sums: Sums) -> Iterable[tuple[tuple[str, ...], float]]:
    return [(("in",), sums.tokens_in), (("out",), sums.tokens_out)]


_COUNTERS = (
    _Counter("penstock_requests", "Requests answered, by the HTTP status of the answer.", _by_status, ("status",)),
    _Counter("penstock_attempts", "Calls to providers that were made for requests.", _one(lambda sums: sums.attempts)),
    _Counter(
        "penstock_fallbacks",
        "Requests whose last provider was not the first that was asked.",
        _one(lambda sums: sums.fallbacks),
    ),
    _Counter(
        "penstock_cost_usd",
        "US dollars that requests cost; what is not known is not in it.",
        _one(lambda sums: sums.cost_pico / _PICO),
    ),
    _Counter("penstock_unpriced_requests", "Good answers whose cost is not known.", _one(lambda sums: sums.unpriced)),
    _Counter(
        "penstock_uncertain_usd",
        "US dollars that may have been charged beside the cost, nobody can say.",
        _one(lambda sums: sums.uncertain_pico / _PICO),
    ),
    _Counter("penstock_images", "Pictures delivered.", _one(lambda sums: sums.images)),
    _Counter(
        "penstock_megapixels",
        "Megapixels of 2^20 pixels delivered.",
        _one(lambda sums: sums.pixels / _MEGAPIXEL),
    ),
    _Counter("penstock_tokens", "Tokens `in` and `out`, of text and pictures.", _by_direction, ("direction",)),
    _Counter(
        "penstock_cost_mismatch",
        "Requests whose cost stated by the provider is more than 1% away from what our price comes to.",
        _one(lambda sums: sums.mismatches),
    ),
)
_LABELS = ("operation", "provider", "model")
_OF_A_KEY = ("provider", "key", "reason")


@dataclass(frozen=True, slots=True, eq=False)  # a registry tells its collectors apart by what they are
class _Collected:
    """The sums as Prometheus' families."""

    sums: dict[Key, Sums]
    now: Standing

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        labelled = [([name or UNKNOWN for name in key], sums) for key, sums in list(self.sums.items())]
        for counter in _COUNTERS:
            family = CounterMetricFamily(counter.name, counter.about, labels=(*_LABELS, *counter.labels))
            for labels, sums in labelled:
                for more, value in counter.values(sums):
                    family.add_metric([*labels, *more], value)
            yield family
        yield _seconds(labelled)
        yield _ratio(labelled)
        yield GaugeMetricFamily(
            "penstock_reservations", "Requests under way that money is set aside for, in all.", self.now.reservations
        )
        breakers = GaugeMetricFamily(
            "penstock_breaker_open",
            "1 where an offer failed too often lately and is left alone, else 0.",
            labels=("operation", "provider", "offer"),
        )
        for names, is_open in self.now.breakers.items():
            breakers.add_metric(names, is_open)
        yield breakers
        resting = GaugeMetricFamily(
            "penstock_key_resting", "1 for a provider's key that is not used for a while.", labels=_OF_A_KEY
        )
        for names in self.now.resting:
            resting.add_metric(names, 1)
        yield resting


def _seconds(labelled: list[tuple[list[str], Sums]]) -> "Metric":
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(
        "penstock_request_seconds", "From a request's arrival to its answer.", labels=_LABELS
    )
    for labels, sums in labelled:
        counted = list(accumulate(sums.buckets))
        bounds = [*map(str, BUCKETS), "+Inf"]
        family.add_metric(labels, list(zip(bounds, counted, strict=True)), sums.latency_ms / 1000)
    return family


def _ratio(labelled: list[tuple[list[str], Sums]]) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(
        "penstock_cost_difference_ratio",
        "How much more providers stated than our price comes to, as a part of the latter: 0.05 is 5% more.",
        labels=_LABELS,
    )
    for labels, sums in labelled:
        if computed := sums.computed_pico:
            family.add_metric(labels, (sums.stated_pico - computed) / computed)
    return family
