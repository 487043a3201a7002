"""A gateway running in this process on a thread of its own, over real sockets, for tests to drive."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from random import random
from types import TracebackType
from typing import Any, TypeVar

import msgspec
import uvicorn
from sqlalchemy import Connection

from penstock.app import Watched, build
from penstock.core.clock import Clock
from penstock.core.principal import Scope
from penstock.routing.base import Dice
from penstock.settings import Settings
from penstock.store.books import BlockingBooks
from penstock.store.db import Database
from penstock.store.keys import NewKey, create_key

T = TypeVar("T")


def now_ms() -> int:
    """Unix milliseconds, as the books have them."""
    return int(time.time() * 1000)


_ENDING = ("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "chatgpt-image-latest")
"""OpenAI's offers that end, or have ended, by the calendar."""


PLAIN = {
    "strategy": "priority",
    "retry": {"rounds": 1},
    "breaker": {"minimum": 1_000_000},
    "rotation": {"no_credit_seconds": 0, "refused_seconds": 0, "rate_limited_seconds": 0},
    "probe_seconds": 0,
}
"""Routing for tests that are about something else: in order, nobody asked twice, and nobody left alone afterwards."""


def _lasting(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with OpenAI's offers callable for ever, so that no test fails from some day on."""
    providers = dict(settings.get("providers", {}))
    if "openai" in providers:
        own = providers["openai"].get("offers", ())
        lasting = [{"upstream": name, "deprecates": None} for name in _ENDING]
        providers["openai"] = {**providers["openai"], "offers": [*lasting, *own]}
    return {**settings, "providers": providers}


class RunningGateway:
    """Start it with `with`; `url` and `key` are what a client needs."""

    def __init__(
        self,
        data: Path,
        settings: Mapping[str, Any] | None = None,
        *,
        clock: Clock | None = None,
        dice: Dice = random,
        watched: Watched | None = None,
    ) -> None:
        raw = {"data": str(data), "routing": PLAIN, **_lasting(settings or {})}
        self.data = data
        self._parts = {"clock": clock, "dice": dice, "watched": watched}
        self.settings = msgspec.convert(raw, Settings, strict=False)
        self.url = ""
        self.key = ""
        self.admin_key = ""

    def __enter__(self) -> "RunningGateway":
        self.application = build(self.settings, {}, **self._parts)
        self.key, self.admin_key = self.new_key(), self.new_key(Scope.ADMIN)
        config = uvicorn.Config(
            self.application,
            host="127.0.0.1",
            port=0,
            http="httptools",
            loop="uvloop",
            ws="none",
            proxy_headers=False,
            log_config=None,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="gateway")
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the gateway did not start")
            time.sleep(0.005)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(30)

    def new_key(self, *scopes: Scope) -> str:
        """A key made on the data directory, as the command line does it while the gateway runs."""
        new = NewKey("test", scopes or (Scope.INFERENCE, Scope.READ))
        return self.change(lambda c: create_key(c, new, now_ms()))[1]

    def change(self, work: Callable[[Connection], T]) -> T:
        """What the command line does to people, keys and budgets while the gateway runs."""
        with Database.open(str(self.data / "penstock.db")) as database:
            return BlockingBooks(database).change(work)

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """What the ledger says, read from its file."""
        connection = sqlite3.connect(self.data / "penstock.db")
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(sql, parameters)]
        finally:
            connection.close()

    def last_request(self) -> dict[str, Any]:
        """The newest row of `requests`."""
        return self.rows("select * from requests order by created_at desc, id desc limit 1")[0]

    def request(self, id: str) -> dict[str, Any]:
        """The row of `requests` with this id, from `x-request-id`."""
        return self.rows("select * from requests where id = ?", id)[0]

    def attempts(self, request_id: str) -> list[dict[str, Any]]:
        """The rows of `attempts` of a request."""
        return self.rows("select * from attempts where request_id = ? order by number", request_id)

    def pictures(self) -> int:
        """Files in the asset store."""
        return sum(len(files) for _, _, files in os.walk(self.data / "assets" / "sha256"))
