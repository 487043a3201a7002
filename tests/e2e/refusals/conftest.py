"""A small gateway for requests that are refused: whatever is asked here, nothing may go upstream."""

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.doors import client_of, small_gateway
from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import OpenAISimulator


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, bfl: BflSimulator, openai_upstream: OpenAISimulator
) -> Iterator[RunningGateway]:
    with small_gateway(tmp_path_factory.mktemp("gateway"), bfl, openai_upstream) as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with client_of(gateway) as opened:
        yield opened


@pytest.fixture(autouse=True)
def nothing_goes_upstream(
    fresh_simulators: None, bfl: BflSimulator, openai_upstream: OpenAISimulator
) -> Iterator[None]:
    yield
    assert bfl.calls == []
    assert openai_upstream.calls == []
