"""A changed configuration: its routing is in force within a moment, without a request or a memory being lost."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from penstock.pipeline import reload
from penstock.settings import load
from tests.e2e.routing.kit import (
    CALLS,
    CHAT,
    Ask,
    costing,
    each_call,
    good,
    models,
    offers,
    provider,
    quietly,
    send,
    server_of,
)
from tests.e2e.routing.kit import served as servers
from tests.e2e.routing.weather import Changing, always, changing
from tests.e2e.running import RunningGateway
from tests.simulators.base import Status, wait_until

MINIMUM = 4
BREAKER = {"minimum": MINIMUM, "open_seconds": 600}
FIRST_FIRST, SECOND_FIRST = "priority", {"name": "weighted", "weights": {"second": 1}}


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[str, Changing]]:
    with changing("first", "second") as running:
        yield running


class Document:
    """The configuration's file. JSON is YAML too."""

    def __init__(self, file: Path, sections: dict[str, Any]) -> None:
        self.file = file
        self.sections = sections

    def write(self, **routing: Any) -> None:
        """Say this of routing."""
        self.put({**self.sections, "routing": quietly(breaker=BREAKER, **routing)})

    def put(self, sections: Any) -> None:
        """Replace the file at once, as editors do, by bytes, text or sections."""
        text = sections if isinstance(sections, str | bytes) else json.dumps(sections)
        beside = self.file.with_suffix(".new")
        beside.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.replace(beside, self.file)


@pytest.fixture
def document(tmp_path: Path, providers: dict[str, Changing]) -> Document:
    for each in providers.values():
        each.reset()
    sold = {name: provider(each, offers(costing("0.01"))) for name, each in providers.items()}
    made = Document(tmp_path / "penstock.yaml", {"providers": sold, "models": models()})
    made.write(strategy=FIRST_FIRST)
    return made


@pytest.fixture
def gateway(tmp_path: Path, document: Document, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningGateway]:
    monkeypatch.setattr(reload, "LOOK_SECONDS", 0.01)
    read = partial(load, document.file, {})
    routing = quietly(breaker=BREAKER, strategy=FIRST_FIRST)
    settings = {**document.sections, "routing": routing}
    with RunningGateway(tmp_path / "data", settings, watched=(document.file, read)) as running:
        yield running


@pytest.fixture
def logged(gateway: RunningGateway) -> Iterator[list[Any]]:
    with capture_logs() as events:
        yield events


@contextmanager
def changed(gateway: RunningGateway) -> Iterator[None]:
    """Returns when other routes are in force than before."""
    routes = gateway.application.gateway.routes
    before = routes.now
    yield
    wait_until(lambda: routes.now is not before)


def events(logged: list[Any]) -> list[str]:
    return [str(each["event"]) for each in logged]


def test_a_change_counts_for_every_operation_and_requests_under_way_are_finished(
    gateway: RunningGateway, client: httpx.Client, document: Document, first: Changing
) -> None:
    for ask in CALLS.values():
        assert servers(client, ask) == ["first"]
    first.held = True
    with ThreadPoolExecutor(len(CALLS)) as callers:
        under_way = [callers.submit(send, client, ask) for ask in CALLS.values()]
        wait_until(lambda: first.waiting == len(CALLS))
        with changed(gateway):
            document.write(strategy=SECOND_FIRST)
        for ask in CALLS.values():
            assert servers(client, ask, 3) == ["second"] * 3
        first.held = False
        answers = [each.result() for each in under_way]
    assert [(answer.status_code, server_of(answer)) for answer in answers] == [(200, "first")] * len(CALLS)


@each_call
def test_what_is_known_of_providers_outlives_a_change(
    gateway: RunningGateway, client: httpx.Client, document: Document, first: Changing, ask: Ask
) -> None:
    first.forecast = always(Status(500))
    servers(client, ask, MINIMUM)
    before = explained(client, ask)
    assert [each["breaker"] for each in before] == ["closed", "open"]
    with changed(gateway):
        document.write(strategy="round-robin")
    assert client.post("/v1/explain", json=ask.fields).json()["strategy"] == "round-robin"
    assert explained(client, ask) == before
    servers(client, ask, 4)
    assert first.asked == MINIMUM, "it is left alone as before"


def explained(client: httpx.Client, ask: Ask) -> list[dict[str, Any]]:
    answer = client.post("/v1/explain", json=ask.fields)
    assert answer.status_code == 200, answer.text[:300]
    kept = ("provider", "breaker", "measured")
    return [{name: each[name] for name in kept} for each in answer.json()["order"]]


RULE = {"when": {"hight": 1}, "to": {"provider": "second"}}


def nested(depth: int) -> dict[str, Any]:
    """A strategy within a strategy, and so on, with nothing in the last."""
    return {"name": "race", "then": nested(depth - 1)} if depth else {"name": "race", "then": None}


BROKEN = {
    "is not YAML": "routing: [",
    "is not UTF-8": b"\xff\xfe",
    "is no mapping": "- 1",
    "is nested too deep": "routing: " + "[" * 3000,
    "nests a strategy too deep": {"routing": {"strategy": nested(150)}},
    "has a date that there is not": "routing: {strategy: 2026-13-45}",
    "has an amount that is none": "routing: {mirror_usd_per_day: .nan}",
    "has an unknown setting": {"routing": {"stratagem": "race"}},
    "has a value of the wrong kind": {"routing": {"retry": {"rounds": "many"}}},
    "has an unknown strategy": {"routing": {"strategy": "best"}},
    "has a wrong condition": {
        "routing": {
            "strategy": {"name": "conditional", "rules": [{"when": {"hight": 1}, "to": {"provider": "second"}}]}
        }
    },
    "names an unknown model": {"routing": {"aliases": {"mine": "own/nothing"}}},
    "names an unknown provider": {"routing": {"strategy": {"name": "weighted", "weights": {"secnd": 1}}}},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_file_that_cannot_be_used_is_refused_and_the_old_one_goes_on(
    gateway: RunningGateway, client: httpx.Client, document: Document, logged: list[Any], broken: Any
) -> None:
    document.put({**document.sections, **broken} if isinstance(broken, dict) else broken)
    wait_until(lambda: "routing.refused" in events(logged))
    assert gateway.application.gateway.routes.refused
    assert servers(client, CHAT, 2) == ["first"] * 2
    with changed(gateway):
        document.write(strategy=SECOND_FIRST)
    assert gateway.application.gateway.routes.refused is None
    assert servers(client, CHAT, 2) == ["second"] * 2


def test_a_file_that_is_gone_for_a_moment_changes_nothing(
    gateway: RunningGateway, client: httpx.Client, document: Document
) -> None:
    document.file.unlink()
    assert servers(client, CHAT, 3) == ["first"] * 3
    with changed(gateway):
        document.write(strategy=SECOND_FIRST)
    assert servers(client, CHAT) == ["second"]


def test_changes_of_other_sections_are_told_to_need_a_restart(
    gateway: RunningGateway, client: httpx.Client, document: Document, logged: list[Any]
) -> None:
    routing = quietly(breaker=BREAKER, strategy=SECOND_FIRST)
    ledger = {"store_prompts": True}
    document.put({**document.sections, "routing": routing, "ledger": ledger})
    wait_until(lambda: "settings.need_a_restart" in events(logged))
    (told,) = (each for each in logged if each["event"] == "settings.need_a_restart")
    assert told["settings"] == ["ledger"]
    assert servers(client, CHAT) == ["second"], "what it says of routing counts all the same"


def test_settings_of_breakers_and_keys_change_too(
    gateway: RunningGateway, client: httpx.Client, document: Document, first: Changing
) -> None:
    first.forecast = always(Status(500))
    with changed(gateway):
        document.put({**document.sections, "routing": {**quietly(strategy=FIRST_FIRST), "breaker": {"minimum": 2}}})
    servers(client, CHAT, 6)
    assert first.asked == 2


def test_a_preset_that_is_new_can_be_used(gateway: RunningGateway, client: httpx.Client, document: Document) -> None:
    asked = CHAT.about("@preset/other")
    assert send(client, asked).json()["error"]["code"] == "preset_not_found"
    with changed(gateway):
        document.write(strategy=FIRST_FIRST, presets={"other": {"strategy": SECOND_FIRST}})
    assert server_of(good(client, asked)) == "second"
