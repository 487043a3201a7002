"""Three simulated providers for the tests of routing, with nothing left of the test before."""

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.doors import client_of
from tests.e2e.routing.kit import started
from tests.e2e.routing.weather import Changing
from tests.e2e.running import RunningGateway
from tests.simulators.openai import OpenAISimulator


@pytest.fixture(scope="module")
def simulators() -> Iterator[dict[str, OpenAISimulator]]:
    """By the name of the provider: `first`, `second` and `third`."""
    with started() as running:
        yield running


@pytest.fixture(autouse=True)
def fresh_providers(simulators: dict[str, OpenAISimulator]) -> None:
    """No test sees another's calls or scripts."""
    for simulator in simulators.values():
        simulator.reset()


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    """Of the module's gateway."""
    with client_of(gateway) as opened:
        yield opened


@pytest.fixture
def first(providers: dict[str, Changing]) -> Changing:
    """Of the module's providers whose weather changes; the others likewise."""
    return providers["first"]


@pytest.fixture
def second(providers: dict[str, Changing]) -> Changing:
    return providers["second"]


@pytest.fixture
def third(providers: dict[str, Changing]) -> Changing:
    return providers["third"]
