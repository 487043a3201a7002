"""What one gateway has measured is known to the others on the same data, and to itself after a restart."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from penstock.pipeline.sharing import Sharing
from penstock.store.health_days import read_days
from penstock.upstream.results import window_of
from tests.e2e.doors import client_of
from tests.e2e.routing.kit import (
    CALLS,
    Ask,
    costing,
    each_call,
    good,
    offers,
    provider,
    quietly,
    routed,
    send,
)
from tests.e2e.routing.kit import served as servers
from tests.e2e.routing.weather import Changing, MovedClock, always, changing, on_its_loop, taking_turns
from tests.e2e.running import RunningGateway
from tests.simulators.base import Delay, RateLimited, Status

MINUTE, HOUR = 60, 3600
PRESETS = {
    "quickest": {"strategy": {"name": "least-latency", "explore": 0}},
    "most": {"strategy": {"name": "highest-throughput", "explore": 0}},
    "reliable": {"strategy": "most-reliable"},
}


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[str, Changing]]:
    with changing("first", "second") as running:
        yield running


@pytest.fixture
def first(providers: dict[str, Changing]) -> Changing:
    providers["first"].reset()
    return providers["first"]


@pytest.fixture
def second(providers: dict[str, Changing]) -> Changing:
    providers["second"].reset()
    return providers["second"]


@pytest.fixture(scope="module")
def clock() -> MovedClock:
    return MovedClock()


@contextmanager
def one_more(data: Path, providers: dict[str, Changing], clock: MovedClock) -> Iterator[RunningGateway]:
    """A gateway on this data."""
    sold = {name: provider(each, offers(costing("0.01"))) for name, each in providers.items()}
    with routed(data, sold, quietly(strategy="priority", presets=PRESETS), clock=clock) as running:
        yield running


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def here(data: Path, providers: dict[str, Changing], clock: MovedClock) -> Iterator[RunningGateway]:
    with one_more(data, providers, clock) as running:
        yield running


@pytest.fixture(scope="module")
def there(
    here: RunningGateway, data: Path, providers: dict[str, Changing], clock: MovedClock
) -> Iterator[RunningGateway]:
    """Another process, as far as the gateways know."""
    with one_more(data, providers, clock) as running:
        yield running


@pytest.fixture(autouse=True)
def two_days_later(clock: MovedClock) -> None:
    """What was measured in the test before has been forgotten."""
    clock.move(48 * HOUR)


def share(*gateways: RunningGateway) -> None:
    """Each tells and hears."""
    for each in gateways:
        on_its_loop(each, Sharing(each.application.gateway).once())


def shown(gateway: RunningGateway, ask: Ask) -> dict[str, dict[str, Any]]:
    """The endpoints of the model, by provider."""
    with client_of(gateway) as client:
        answer = client.get(f"/api/v1/models/{ask.model}/endpoints")
    assert answer.status_code == 200, answer.text[:300]
    return {each["tag"]: each for each in answer.json()["data"]["endpoints"]}


def uptimes(endpoint: dict[str, Any]) -> list[float | None]:
    """Percent, of five minutes, half an hour and a day."""
    return [endpoint[f"uptime_last_{window}"] for window in ("5m", "30m", "1d")]


def only(ask: Ask, name: str) -> Ask:
    return ask.given(provider={"only": [name]})


@each_call
def test_what_one_gateway_measured_is_shown_by_the_other(
    here: RunningGateway, there: RunningGateway, first: Changing, ask: Ask
) -> None:
    first.forecast = taking_turns(Delay(0.1), Delay(0.1), Delay(0.1), Status(500))
    with client_of(here) as client:
        for _ in range(8):
            send(client, only(ask if ask.of_pictures else ask.given(stream=True), "first"))
    assert shown(there, ask)["first"]["uptime_last_5m"] is None
    share(here, there)
    told = shown(there, ask)
    assert (
        told["first"]["uptime_last_5m"] == told["first"]["uptime_last_30m"] == told["first"]["uptime_last_1d"] == 75.0
    )
    assert told["second"]["uptime_last_5m"] is None
    assert told["first"] == shown(here, ask)["first"]
    assert 95 <= told["first"]["latency_last_30m"]["p50"] < 400, "milliseconds"
    assert told["first"]["throughput_last_30m"]["p50"] > 0


@each_call
def test_results_of_both_are_added_up_and_none_is_counted_twice(
    here: RunningGateway, there: RunningGateway, first: Changing, ask: Ask
) -> None:
    with client_of(here) as one, client_of(there) as other:
        servers(one, only(ask, "first"), 3)
        share(here, there)
        first.default = Status(500)
        send(other, only(ask, "first"))
        for _ in range(3):
            share(there, here)
    assert shown(here, ask)["first"]["uptime_last_5m"] == shown(there, ask)["first"]["uptime_last_5m"] == 75.0


@each_call
def test_limits_and_callers_own_faults_are_no_part_of_uptime(
    here: RunningGateway, there: RunningGateway, first: Changing, ask: Ask
) -> None:
    first.script.extend([RateLimited(), Status(400), Status(422)])
    with client_of(here) as client:
        for _ in range(3):
            assert send(client, only(ask, "first")).status_code >= 400
        good(client, only(ask, "first"))
    share(here, there)
    assert shown(there, ask)["first"]["uptime_last_5m"] == 100.0


@each_call
@pytest.mark.parametrize("preset", ["quickest", "most"])
def test_a_gateway_chooses_by_what_another_measured(
    here: RunningGateway, there: RunningGateway, first: Changing, second: Changing, ask: Ask, preset: str
) -> None:
    first.forecast = always(Delay(0.15))
    with client_of(here) as client:
        for name in ("first", "second"):
            servers(client, only(ask, name), 3)
    share(here, there)
    with client_of(there) as client:
        assert servers(client, ask.about(f"@preset/{preset}")) == ["second"]


@each_call
def test_a_gateway_avoids_what_failed_for_another(
    here: RunningGateway, there: RunningGateway, first: Changing, ask: Ask
) -> None:
    with client_of(here) as client:
        first.script.append(Status(500))
        servers(client, ask)
        share(here, there)
        first.reset()
    with client_of(there) as client:
        assert servers(client, ask.about("@preset/reliable"), 3) == ["second"] * 3


@each_call
def test_the_day_of_an_offer_has_what_all_gateways_measured(
    here: RunningGateway, there: RunningGateway, first: Changing, clock: MovedClock, ask: Ask
) -> None:
    first.forecast = taking_turns(Delay(0.1), Delay(0.1), Status(500))
    for gateway in (here, there):
        with client_of(gateway) as client:
            for _ in range(3):
                send(client, only(ask, "first"))
    share(here, there)
    first.script.append(RateLimited())
    with client_of(there) as client:
        send(client, only(ask, "first"))
    for _ in range(2):
        share(there, here)
    offer = f"first/{'gpt-image-2' if ask.of_pictures else 'gpt-4o-mini'}"
    since = int(clock.now() * 1000) - HOUR * 1000
    days = here.change(lambda c: read_days(c, [offer], since))  # two where midnight has just been
    windows = [window_of(day) for day in days if day.operation == ask.operation]
    whole = windows[0]
    for window in windows[1:]:
        whole.add(window)
    assert (whole.succeeded, whole.failed, whole.limited) == (4, 2, 1)
    p50 = whole.quantile("seconds", 0.5)
    assert p50 is not None and 0.095 <= p50 < 0.4


@each_call
def test_windows_move_on(
    here: RunningGateway, there: RunningGateway, first: Changing, clock: MovedClock, ask: Ask
) -> None:
    first.script.append(Status(500))
    with client_of(here) as client:
        send(client, only(ask, "first"))
    found = []
    for seconds in (0, 7 * MINUTE, 26 * MINUTE, 26 * HOUR):
        clock.move(seconds)
        share(here, there)
        found.append(uptimes(shown(there, ask)["first"]))
    assert found == [[0.0, 0.0, 0.0], [None, 0.0, 0.0], [None, None, 0.0], [None, None, None]]


def test_a_gateway_that_starts_knows_what_was_before(
    tmp_path: Path, providers: dict[str, Changing], first: Changing, second: Changing, clock: MovedClock
) -> None:
    first.forecast = always(Delay(0.15))
    with one_more(tmp_path, providers, clock) as before:
        with client_of(before) as client:
            for ask in CALLS.values():
                for name in providers:
                    servers(client, only(ask, name), 3)
        share(before)
        known = {ask.operation: shown(before, ask) for ask in CALLS.values()}
    with one_more(tmp_path, providers, clock) as after:
        share(after)
        assert {ask.operation: shown(after, ask) for ask in CALLS.values()} == known
        with client_of(after) as client:
            for ask in CALLS.values():
                assert servers(client, ask.about("@preset/quickest")) == ["second"]
