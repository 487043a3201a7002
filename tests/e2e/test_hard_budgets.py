"""A hard budget holds: against sixty-four callers at once, and when the gateway is killed in their middle."""

import asyncio
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.commands.served import Served
from tests.e2e.hammering import CALLERS, DOLLAR, SPENDERS, Account, Outcomes, Spender, account, budgeted_key, hammer
from tests.e2e.running import RunningGateway
from tests.simulators.base import Hang, Status
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import OpenAISimulator

PATIENCE = 40.0


@pytest.mark.parametrize("spender", SPENDERS.values(), ids=SPENDERS)
def test_what_a_budget_has_is_spent_and_no_more(
    gateway: RunningGateway, bfl: BflSimulator, openai_upstream: OpenAISimulator, spender: Spender
) -> None:
    key, budget = budgeted_key(gateway.data, spender.budget)
    outcomes = asyncio.run(hammer(gateway.url, key, spender))
    found = account(gateway.data, budget)
    served = outcomes.statuses[200]
    assert outcomes.codes == {"budget_exceeded": CALLERS}
    assert found.delivered == served > 0
    if spender.price is not None:
        assert served == spender.paid_for
        assert set(outcomes.costs) == {spender.price}
    assert found.cost == found.spent == sum(outcomes.costs) == billed(bfl, openai_upstream) <= spender.budget
    assert (found.reserved, found.held_back, found.open_reservations) == (0, 0, 0)


def billed(bfl: BflSimulator, openai: OpenAISimulator) -> Decimal:
    """What the providers say they delivered and billed, in US dollars."""
    return sum(bfl.billed, Decimal(0)) / 100 + sum(openai.billed, Decimal(0))


@pytest.mark.parametrize("spender", SPENDERS.values(), ids=SPENDERS)
def test_killed_in_their_middle_and_started_again_the_ledger_says_what_was_billed(
    tmp_path: Path, spender: Spender
) -> None:
    data = tmp_path / "data"
    # Pictures take about half a second, so that many are under way whenever the gateway is killed.
    with BflSimulator(pending_polls=4) as bfl, OpenAISimulator() as openai:
        config = configured(tmp_path, bfl, openai)
        with Served(data, config) as first:
            key, budget = budgeted_key(data)
            outcomes = killed_in_the_middle(first, key, spender, lambda: under_way(spender, bfl, openai))
        assert 0 < outcomes.statuses["gone"] <= CALLERS
        openai.default = None
        with Served(data, config) as second:
            after = asyncio.run(hammer(second.url, key, spender, seconds=4 if spender.price is None else 60))
            found = settled_account(data, budget)
        assert after.statuses["gone"] == 0
        bill = billed(bfl, openai)
        assert found.cost == found.spent == bill <= DOLLAR
        assert found.reserved == found.open_reservations == 0
        assert found.uncertain == found.held_back
        if spender.price is not None:
            # What may have been charged is held back; everything else of the dollar was spent.
            assert found.delivered == len(bfl.billed) == int((DOLLAR - found.uncertain) / spender.price)


def under_way(spender: Spender, bfl: BflSimulator, openai: OpenAISimulator) -> bool:
    """Whether some have been delivered, and many more are being made."""
    if spender.price is not None:
        return len(bfl.billed) >= 3 and bfl.active >= 5
    if len(openai.billed) >= 50:
        openai.default = Hang()  # what is answered to nobody is not delivered, and not billed
    return openai.count(method="POST") - len(openai.billed) == CALLERS


def killed_in_the_middle(served: Served, key: str, spender: Spender, now: Callable[[], bool]) -> Outcomes:
    """Hammer the gateway, and kill it when it is time."""
    outcomes: list[Outcomes] = []
    hammering = threading.Thread(target=lambda: outcomes.append(asyncio.run(hammer(served.url, key, spender))))
    hammering.start()
    wait_until(now)
    served.end(signal.SIGKILL)
    hammering.join(PATIENCE)
    return outcomes[0]


def settled_account(data: Path, budget: str) -> Account:
    """The account once nothing is reserved any more."""
    wait_until(lambda: account(data, budget).open_reservations == 0)
    return account(data, budget)


def wait_until(done: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < ends, "it takes too long"
        time.sleep(0.01)


SPARE_OFFER = """
      - {model: black-forest-labs/flux.2-pro, upstream: flux-2-pro, wire: flux2, operations: [image_generation],
         limits: {free_size: true}, price: {source: test, checked: 2026-11-21,
         meters: [{unit: output_megapixel, first: "0.03", amount: "0.015"}]}}"""


def configured(folder: Path, bfl: BflSimulator, openai: OpenAISimulator, spare: BflSimulator | None = None) -> Path:
    """A configuration with the simulators where the providers would be, and another one behind the first."""
    behind = ""
    if spare is not None:
        behind = f"""  spare:
    adapter: bfl
    base_url: "{spare.url}"
    api_key: bfl-test-key
    cost_unit_usd: 0.01
    quirks: {{poll_seconds: 0.05}}
    offers:{SPARE_OFFER}
"""
    file = folder / "penstock.yaml"
    file.write_text(
        f"""
providers:
  bfl: {{base_url: "{bfl.url}", api_key: bfl-test-key, quirks: {{poll_seconds: 0.05}}}}
  openai: {{base_url: "{openai.base_url}", api_key: openai-test-key}}
{behind}network: {{allow_private_hosts: ["127.0.0.1"]}}
"""
    )
    return file


def test_the_pictures_of_one_request_are_all_brought_home_after_a_kill(tmp_path: Path) -> None:
    data, body = tmp_path / "data", {**SPENDERS["generations"].body, "n": 4}
    with BflSimulator(pending_polls=6) as bfl, OpenAISimulator() as openai:
        config = configured(tmp_path, bfl, openai)
        with Served(data, config) as first:
            key, budget = budgeted_key(data)
            with asking(first, key, body):
                wait_until(lambda: count(data, "select count(*) from attempts where upstream_id is not null") == 4)
                first.end(signal.SIGKILL)
        with Served(data, config):
            found = settled_account(data, budget)
        assert found.cost == found.spent == sum(bfl.billed) / 100 == Decimal("0.12")
        assert count(data, "select count(*) from asset_links where role = 'output'") == 4
        assert count(data, "select resumed from requests") == 1
        named = "app = 'Poster maker' and app_url = 'https://posters.example'"
        assert count(data, f"select count(*) from requests where {named}") == 1
        assert bfl.count("/v1/flux-2-pro") == 4, "nothing is submitted again"


def test_a_job_is_asked_for_though_its_request_should_have_ended_while_no_gateway_ran(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with BflSimulator(pending_polls=6) as bfl, OpenAISimulator() as openai:
        config = configured(tmp_path, bfl, openai)
        with Served(data, config) as first:
            key, budget = budgeted_key(data)
            with asking(first, key, SPENDERS["edits"].body, SPENDERS["edits"].path):
                wait_until(lambda: count(data, "select count(*) from attempts where upstream_id is not null") == 1)
                first.end(signal.SIGKILL)
        change(data, "update reservations set deadline = created_at - 3600000")
        with Served(data, config):
            found = settled_account(data, budget)
        assert found.cost == found.spent == sum(bfl.billed) / 100 == Decimal("0.045")
        assert (found.uncertain, found.delivered) == (0, 1)
        assert count(data, "select latency_ms from attempts") > 0


def test_an_attempt_that_came_to_nothing_before_a_kill_is_not_held_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with BflSimulator() as refusing, BflSimulator(pending_polls=6) as bfl, OpenAISimulator() as openai:
        refusing.default = Status(503, {"detail": "later"})
        config = configured(tmp_path, refusing, openai, spare=bfl)
        with Served(data, config) as first:
            key, budget = budgeted_key(data)
            with asking(first, key, SPENDERS["generations"].body):
                wait_until(lambda: count(data, "select count(*) from attempts where upstream_id is not null") == 1)
                first.end(signal.SIGKILL)
        with Served(data, config):
            found = settled_account(data, budget)
        assert found.cost == found.spent == sum(bfl.billed) / 100 == Decimal("0.03")
        assert (found.uncertain, found.held_back) == (0, 0)


def test_what_was_sent_and_never_answered_is_held_back_after_a_kill(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with BflSimulator() as bfl, OpenAISimulator() as openai:
        config = configured(tmp_path, bfl, openai)
        bfl.default = Hang()
        with Served(data, config) as first:
            key, budget = budgeted_key(data)
            with asking(first, key, SPENDERS["generations"].body):
                wait_until(lambda: bfl.count(method="POST") == 1)
                first.end(signal.SIGKILL)
        with Served(data, config):
            found = settled_account(data, budget)
        assert (found.cost, found.spent, found.reserved) == (0, 0, 0)
        assert found.uncertain == found.held_back == Decimal("0.03")
        assert count(data, "select count(*) from requests where error_code = 'gateway_stopped' and cost_pico is null")


def test_a_second_gateway_on_the_same_data_leaves_alone_what_the_first_is_doing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with BflSimulator(pending_polls=6) as bfl, OpenAISimulator() as openai:
        config = configured(tmp_path, bfl, openai)
        with Served(data, config) as first:
            key, budget = budgeted_key(data)
            with asking(first, key, SPENDERS["generations"].body) as answered:
                wait_until(lambda: bfl.active == 1)
                with Served(data, config):
                    answered.wait(PATIENCE)
            found = account(data, budget)
        assert (found.delivered, found.spent, found.open_reservations) == (1, Decimal("0.03"), 0)
        assert count(data, "select resumed from requests") == 0


@contextmanager
def asking(
    served: Served, key: str, body: dict[str, Any], path: str = "/v1/images/generations"
) -> Iterator[threading.Event]:
    """A request under way; the event is set when it is answered, or its connection lost."""
    over = threading.Event()

    def ask() -> None:
        with suppress(httpx.TransportError):
            headers = {
                "authorization": f"Bearer {key}",
                "x-title": "Poster maker",
                "referer": "https://posters.example/",
            }
            httpx.post(f"{served.url}{path}", json=body, headers=headers, timeout=60, trust_env=False)
        over.set()

    thread = threading.Thread(target=ask)
    thread.start()
    yield over
    thread.join(PATIENCE)


def change(data: Path, sql: str) -> None:
    connection = sqlite3.connect(data / "penstock.db", isolation_level=None)
    connection.execute(sql)
    connection.close()


def count(data: Path, sql: str) -> int:
    """The one number that a query answers; 0 without a row."""
    connection = sqlite3.connect(data / "penstock.db")
    try:
        found = connection.execute(sql).fetchone()
    finally:
        connection.close()
    return int(found[0]) if found else 0
