"""A browser, and a gateway with something on its pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.filled import SETTINGS, Filled, fill
from tests.browser.kit import launch
from tests.e2e.running import RunningGateway


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of one file only: while it is open this thread has a running event loop, and no coroutine of another test."""
    with sync_playwright() as playwright:
        opened = launch(playwright)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway that nobody has used yet."""
    with RunningGateway(tmp_path_factory.mktemp("empty"), SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningGateway, Filled]]:
    """A gateway with pictures, people, budgets and failures, and what they are called."""
    with RunningGateway(tmp_path_factory.mktemp("filled"), SETTINGS) as running:
        yield running, fill(running)


@pytest.fixture(scope="module")
def filled(installation: tuple[RunningGateway, Filled]) -> RunningGateway:
    """The gateway alone."""
    return installation[0]
