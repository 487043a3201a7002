"""What is counted for Prometheus: read back by its own parser, and told on its own page."""

import threading
import time
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from penstock.store.rows import RequestRow
from penstock.telemetry.metrics import BUCKETS, MEDIA_TYPE, Metrics, Standing
from tests.docs.pages import page, tables, words
from tests.store.samples import full_request, request

FLUX = {"operation": "image_edit", "provider": "bfl", "model": "black-forest-labs/flux.2-pro"}
REFUSED = dict.fromkeys(FLUX, "unknown")
QUIET = Standing()


def samples(metrics: Metrics, now: Standing = QUIET) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by its name and labels."""
    families = text_string_to_metric_families(metrics.text(now).decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(found: dict[Any, float], name: str, labels: dict[str, str], **more: str) -> float:
    return found[name, tuple(sorted({**labels, **more}.items()))]


NOW = Standing(
    reservations=3,
    breakers={("chat", "one", "one/large"): True, ("chat", "two", "two/large"): False},
    resting=[("one", "spare", "no_credit")],
)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_what_is_left_alone_now_is_told(metrics: Metrics) -> None:
    found = samples(metrics, NOW)
    chat = {"operation": "chat"}
    assert value(found, "penstock_breaker_open", chat, provider="one", offer="one/large") == 1
    assert value(found, "penstock_breaker_open", chat, provider="two", offer="two/large") == 0
    assert value(found, "penstock_key_resting", {}, provider="one", key="spare", reason="no_credit") == 1


def test_a_request_adds_to_every_counter_it_belongs_to(metrics: Metrics) -> None:
    metrics.observe(full_request())
    metrics.observe(full_request("req_2"))
    found = samples(metrics, Standing(reservations=3))
    expected = {
        "penstock_cost_usd_total": 0.18,
        "penstock_uncertain_usd_total": 0.06,
        "penstock_unpriced_requests_total": 0,
        "penstock_attempts_total": 4,
        "penstock_fallbacks_total": 2,
        "penstock_images_total": 6,
        "penstock_megapixels_total": 6,
        "penstock_cost_mismatch_total": 2,
        "penstock_request_seconds_count": 2,
        "penstock_request_seconds_sum": 8.642,
        "penstock_cost_difference_ratio": -1 / 91,
    }
    assert {name: value(found, name, FLUX) for name in expected} == pytest.approx(expected)
    assert value(found, "penstock_requests_total", FLUX, status="502") == 2
    assert value(found, "penstock_tokens_total", FLUX, direction="in") == 100
    assert value(found, "penstock_tokens_total", FLUX, direction="out") == 62
    assert found["penstock_reservations", ()] == 3


def test_a_request_refused_before_anything_was_known_is_counted_as_unknown(metrics: Metrics) -> None:
    metrics.observe(request(status=400))
    assert value(samples(metrics), "penstock_requests_total", REFUSED, status="400") == 1


@pytest.mark.parametrize(("status", "unpriced"), [(200, 1), (502, 0)])
def test_an_answer_without_a_known_cost_is_unpriced_and_adds_no_cost(
    metrics: Metrics, status: int, unpriced: int
) -> None:
    metrics.observe(request(status=status, cost_pico=None))
    found = samples(metrics)
    assert value(found, "penstock_unpriced_requests_total", REFUSED) == unpriced
    assert value(found, "penstock_cost_usd_total", REFUSED) == 0
    assert not any(name == "penstock_cost_difference_ratio" for name, _ in found)


@pytest.mark.parametrize(("latency_ms", "first"), [(0, "0.05"), (50, "0.05"), (51, "0.1"), (600_000, "600.0")])
def test_a_request_is_in_every_bucket_from_its_own_on(metrics: Metrics, latency_ms: int, first: str) -> None:
    metrics.observe(request(latency_ms=latency_ms))
    found = samples(metrics)
    counts = {bound: value(found, "penstock_request_seconds_bucket", REFUSED, le=bound) for bound in map(str, BUCKETS)}
    assert next(bound for bound, count in counts.items() if count) == first
    assert sorted(counts.values()) == list(counts.values())
    assert value(found, "penstock_request_seconds_bucket", REFUSED, le="+Inf") == 1


def test_a_request_slower_than_every_bucket_is_in_the_last(metrics: Metrics) -> None:
    metrics.observe(request(latency_ms=600_001))
    found = samples(metrics)
    assert value(found, "penstock_request_seconds_bucket", REFUSED, le="600.0") == 0
    assert value(found, "penstock_request_seconds_bucket", REFUSED, le="+Inf") == 1


def test_labels_are_few_however_many_requests_there_are(metrics: Metrics) -> None:
    metrics.observe(full_request())
    before = len(samples(metrics))
    for number in range(50):
        metrics.observe(full_request(f"req_{number}"))
    assert len(samples(metrics)) == before


def test_counting_takes_less_than_five_microseconds(metrics: Metrics) -> None:
    row, best = full_request(), 1.0
    for _ in range(20):
        started = time.thread_time()
        for _ in range(500):
            metrics.observe(row)
        best = min(best, (time.thread_time() - started) / 500)
    assert best < 5e-6


def test_what_is_counted_can_be_read_while_more_is_counted(metrics: Metrics) -> None:
    rows = [request(model=f"maker/model-{number}", status=200 + number % 300) for number in range(2000)]
    counting = threading.Thread(target=lambda: _observe(metrics, rows))
    counting.start()
    while counting.is_alive():
        metrics.text(QUIET)
    counting.join()
    assert sum(sample for (name, _), sample in samples(metrics).items() if name == "penstock_requests_total") == 2000


def _observe(metrics: Metrics, rows: list[RequestRow]) -> None:
    for row in rows:
        metrics.observe(row)


def test_every_metric_is_on_its_page_with_its_kind_its_labels_and_what_it_means(metrics: Metrics) -> None:
    metrics.observe(full_request())
    told = []
    for family in text_string_to_metric_families(metrics.text(NOW).decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = sorted(set().union(*(sample.labels for sample in family.samples)) - {"le"})
        told.append((name, family.type, labels, family.documentation))
    rows = [
        row for heading, table in tables(page("docs/reference/metrics.md")) for row in table if heading == "Metrics"
    ]
    assert [(words(name)[0], kind, sorted(words(labels)), text) for name, kind, labels, text in rows] == told
    assert MEDIA_TYPE.startswith("text/plain; version=0.0.4")
