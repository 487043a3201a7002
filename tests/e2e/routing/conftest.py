"""Three simulated providers for the tests of routing, with nothing left of the test before."""

from collections.abc import Iterator

import pytest

from tests.e2e.routing.kit import started
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
