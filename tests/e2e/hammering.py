"""Sixty-four callers at once on one key with a hard budget of a dollar, at every front door that spends."""

import asyncio
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from penstock.core.spending import Holder, Level, Period
from penstock.store.books import BlockingBooks
from penstock.store.db import Database
from penstock.store.keys import NewKey, create_key
from penstock.store.spending import create_budget
from tests.e2e.doors import FLUX, MESSAGES, PROMPT, by_images, data_url, encoded

CALLERS = 64
DOLLAR = Decimal(1)
PICO = 10**12


@dataclass(frozen=True)
class Spender:
    """A front door, the request that is sent again and again, and how many of them a dollar pays for."""

    path: str
    body: dict[str, Any]
    price: Decimal | None
    """US dollars; None where only the answer tells."""
    budget: Decimal = DOLLAR

    @property
    def paid_for(self) -> int | None:
        """How many of it the budget pays for."""
        return None if self.price is None else int(self.budget / self.price)


LONG_CHAT = {
    "model": "openai/gpt-4.1",
    "max_tokens": 500,
    "messages": [{"role": "user", "content": "a lighthouse at dusk " * 100}],
}
"""Costs about a tenth of a cent, and at most eight times that; the simulator charges what the model costs."""
SIZE = {"size": "1024x1024"}
SPENDERS = {
    "generations": Spender("/v1/images/generations", PROMPT | SIZE, Decimal("0.03")),
    "edits": Spender("/v1/images/edits", PROMPT | SIZE | by_images(data_url(encoded(512, 512))), Decimal("0.045")),
    "pictures by chat": Spender("/v1/chat/completions", {"model": FLUX, **MESSAGES, **SIZE}, Decimal("0.03")),
    "chat": Spender("/v1/chat/completions", LONG_CHAT, None, Decimal("0.03")),
}


def budgeted_key(data: Path, amount: Decimal = DOLLAR) -> tuple[str, str]:
    """A key with a hard total budget, made as the command line makes it; its plaintext and its budget's id."""
    now = int(time.time() * 1000)
    with Database.open(str(data / "penstock.db")) as database:
        books = BlockingBooks(database)
        key, plaintext = books.change(lambda c: create_key(c, NewKey("hammered", ["inference"]), now))
        holder = Holder(Level.KEY, key.id)
        budget = books.change(lambda c: create_budget(c, holder, amount, Period.TOTAL, now=now))
    return plaintext, budget.id


@dataclass
class Outcomes:
    """What sixty-four callers were answered."""

    statuses: Counter[int | str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    costs: list[Decimal] = field(default_factory=list)

    def add(self, answer: httpx.Response) -> None:
        self.statuses[answer.status_code] += 1
        if answer.status_code == 200:
            self.costs.append(Decimal(answer.headers["x-penstock-cost"]))
        else:
            self.codes[answer.json()["error"]["code"]] += 1


async def hammer(url: str, key: str, spender: Spender, seconds: float = 60) -> Outcomes:
    """Sixty-four callers, each asking until it is refused for want of money or the gateway is gone."""
    outcomes = Outcomes()
    ends = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=CALLERS)
    headers = {"authorization": f"Bearer {key}"}

    async def caller(client: httpx.AsyncClient) -> None:
        while time.monotonic() < ends:
            try:
                answer = await client.post(spender.path, json=spender.body)
            except httpx.TransportError:
                outcomes.statuses["gone"] += 1
                return
            outcomes.add(answer)
            if answer.status_code != 200:
                return

    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, limits=limits) as client:
        await asyncio.gather(*(caller(client) for _ in range(CALLERS)))
    return outcomes


@dataclass(frozen=True)
class Account:
    """What the ledger and the budget say, in US dollars."""

    delivered: int
    cost: Decimal
    uncertain: Decimal
    spent: Decimal
    reserved: Decimal
    held_back: Decimal
    open_reservations: int


def account(data: Path, budget_id: str) -> Account:
    """Read from the database's file."""
    connection = sqlite3.connect(data / "penstock.db")
    try:
        ((delivered, cost, uncertain),) = connection.execute(
            "select sum(status = 200), sum(cost_pico), sum(uncertain_pico) from requests "
            "join budgets on holder_id = key_id where budgets.id = ?",
            (budget_id,),
        )
        use = connection.execute(
            "select spent_pico, reserved_pico, uncertain_pico from budget_use where budget_id = ?", (budget_id,)
        ).fetchall()
        ((reservations,),) = connection.execute("select count(*) from reservations")
    finally:
        connection.close()
    dollars = [Decimal(pico or 0) / PICO for pico in (cost, uncertain, *(use[0] if use else (0, 0, 0)))]
    return Account(int(delivered or 0), *dollars, reservations)
