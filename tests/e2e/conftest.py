"""Gateways for end-to-end tests: with the sandbox only, and with simulators behind them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import OpenAISimulator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module")
def bfl() -> Iterator[BflSimulator]:
    with BflSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def openai_upstream() -> Iterator[OpenAISimulator]:
    with OpenAISimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, bfl: BflSimulator, openai_upstream: OpenAISimulator
) -> Iterator[RunningGateway]:
    """A gateway with the sandbox, and with the BFL and OpenAI simulators where those providers would be."""
    settings = {
        "providers": {
            "bfl": {"base_url": bfl.url, "api_key": "bfl-test-key", "quirks": {"poll_seconds": 0.01}},
            "openai": {"base_url": f"{openai_upstream.url}/v1", "api_key": "openai-test-key"},
        },
        "network": {"allow_private_hosts": ["127.0.0.1"]},
    }
    with RunningGateway(tmp_path_factory.mktemp("gateway"), settings) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh_simulators(bfl: BflSimulator, openai_upstream: OpenAISimulator) -> None:
    """No test sees another's calls or scripts."""
    bfl.reset()
    openai_upstream.reset()
