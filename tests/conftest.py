"""Rules for every test: no sockets without the `e2e` mark, and in strict mode nothing skipped."""

import os

import pytest
from pytest_socket import disable_socket, enable_socket


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("e2e"):
        enable_socket()
    else:
        disable_socket(allow_unix_socket=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In strict mode (PENSTOCK_STRICT=1) a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("PENSTOCK_STRICT") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("Strict mode: skipped tests count as failures.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
