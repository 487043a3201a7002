"""Thirty days of a model: what was not measured stays a gap, and today counts from the moment it happens."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from penstock.catalogue.load import load
from penstock.core.call import Operation
from penstock.store.health_days import HealthDayRow
from penstock.store.sums import DAY_MS
from penstock.store.usage import UsageRow
from penstock.upstream.histogram import bucket
from penstock.upstream.results import Window
from penstock.web.models.history import DAYS, activity, history
from penstock.web.models.index import make_index
from penstock.web.models.view import Offered, offered

NOW = 1_780_000_000_000
TODAY = NOW // DAY_MS * DAY_MS
OFFER = "sandbox/image"


@pytest.fixture(scope="module")
def offers() -> list[Offered]:
    catalogue = load()
    return offered(make_index(catalogue, frozenset({"sandbox"}), date(2026, 5, 28)).entries[OFFER], catalogue)


def day(back: int, **fields: Any) -> HealthDayRow:
    """A day so many days ago, on which three of four calls succeeded after about two seconds."""
    known: dict[str, Any] = {
        "offer": OFFER,
        "operation": Operation.IMAGE_GENERATION,
        "day": TODAY - back * DAY_MS,
        "succeeded": 3,
        "failed": 1,
        "limited": 0,
        "seconds": {str(bucket(2.0)): 3},
        "firsts": {},
        "rates": {str(bucket(0.5)): 3},
    }
    return HealthDayRow(**known | fields)


def test_days_without_calls_are_gaps_and_operations_are_added_up(offers: list[Offered]) -> None:
    rows = [day(3), day(3, operation=Operation.IMAGE_EDIT, succeeded=4, failed=0), day(0)]
    past = history(rows, {}, offers, NOW, pictures=True)
    uptime = past.by_offer[OFFER]
    assert uptime.calls == past.together.calls == 12 and uptime.share == pytest.approx(10 / 12)
    assert uptime.strip.count("fill-none") == DAYS - 2 and uptime.strip.count("<rect") == DAYS
    assert len(past.latency.rows) == DAYS and past.latency.series == ("Sandbox",)
    known = [row for row in past.latency.rows if "not known" not in str(row.values[0])]
    assert [str(row.values[0]) for row in known] == ["2 s", "2 s"]
    assert past.throughput.note.startswith("megapixels")


def test_nothing_measured_is_said_and_not_drawn(offers: list[Offered]) -> None:
    past = history([], {OFFER: Window()}, offers, NOW, pictures=False)
    assert past.together.share is None and past.together.calls == 0 and past.by_offer == {}
    assert past.latency.empty and past.throughput.empty


def test_today_is_what_memory_knows_where_that_is_more(offers: list[Offered]) -> None:
    memory = {OFFER: Window(succeeded=9, failed=0, seconds={bucket(1.0): 9})}
    assert history([day(0)], memory, offers, NOW, pictures=True).together.calls == 9
    assert history([day(0, succeeded=90)], memory, offers, NOW, pictures=True).together.calls == 91


def test_an_offer_that_is_no_longer_sold_is_left_out(offers: list[Offered]) -> None:
    assert history([day(1, offer="gone/one")], {}, offers, NOW, pictures=True).by_offer == {}


def used(**fields: Any) -> UsageRow:
    known: dict[str, Any] = {
        "group": {"day": "2026-05-28"},
        "names": {},
        "requests": 4,
        "failed": 0,
        "unpriced": 1,
        "images": 3,
        "megapixels": Decimal("2.5"),
        "tokens_in": 0,
        "tokens_out": 0,
        "cost": Decimal("0.09"),
        "charged": None,
        "uncertain": Decimal(0),
        "cache_hits": 0,
        "latency_ms": 10.0,
    }
    return UsageRow(**known | fields)


def test_only_what_was_counted_has_a_chart_and_unknown_costs_are_named() -> None:
    charts = {chart.title: chart for chart in activity([used()], NOW, pictures=True)}
    assert list(charts) == ["Requests", "Pictures", "Megapixels", "Spend"]
    assert charts["Spend"].note == "US dollars; the cost of 1 is not known"
    assert "$0.00" not in "".join(str(value) for value in charts["Spend"].scale)
    assert activity([], NOW, pictures=True) == []
    assert [chart.title for chart in activity([used(cost=None)], NOW, pictures=False)] == ["Requests"]
