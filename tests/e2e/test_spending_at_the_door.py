"""What budgets, credits and allowances do to requests at the front doors: before anything is called, and after."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from penstock.core.spending import GATEWAY, Budget, Holder, Level, OnUnpriced, Period
from penstock.store.keys import NewKey, create_key
from penstock.store.spending import add_credit, create_allowance, create_budget, end_budget
from tests.e2e.doors import FLUX, MESSAGES, PROMPT, by_images, by_references, data_url, encoded
from tests.e2e.hammering import account
from tests.e2e.running import RunningGateway
from tests.simulators.base import Garbage, Status
from tests.simulators.bfl import BflSimulator, Outcome
from tests.simulators.openai import OpenAISimulator

CENT = Decimal("0.01")
PICO = 10**12
SIZE = {"size": "1024x1024"}
REFERENCE = data_url(encoded(512, 512))

CALLS: dict[str, tuple[str, dict[str, Any], Decimal]] = {
    "generation": ("/v1/images/generations", PROMPT | SIZE, 3 * CENT),
    "edit": ("/v1/images/edits", PROMPT | SIZE | by_images(REFERENCE), Decimal("0.045")),
    "picture by chat": ("/v1/chat/completions", {"model": FLUX, **MESSAGES, **SIZE}, 3 * CENT),
    "OpenRouter picture": ("/api/v1/images", PROMPT | SIZE, 3 * CENT),
    "OpenRouter edit": ("/api/v1/images", PROMPT | SIZE | by_references(REFERENCE), Decimal("0.045")),
}
each_call = pytest.mark.parametrize(("path", "body", "price"), CALLS.values(), ids=CALLS)


class Purse:
    """A key, and what bounds what it may spend."""

    def __init__(self, gateway: RunningGateway) -> None:
        self._gateway = gateway
        self.data, self.change = gateway.data, gateway.change
        key, plaintext = self.change(lambda c: create_key(c, NewKey("purse", ["inference"]), self.now))
        self.holder = Holder(Level.KEY, key.id)
        self.client = httpx.Client(
            base_url=gateway.url, headers={"authorization": f"Bearer {plaintext}"}, timeout=60, trust_env=False
        )

    @property
    def now(self) -> int:
        return int(time.time() * 1000)

    def budget(
        self,
        amount: Decimal,
        period: Period = Period.TOTAL,
        *,
        hard: bool = True,
        on_unpriced: OnUnpriced = "refuse",
        holder: Holder | None = None,
    ) -> Budget:
        return self.change(
            lambda c: create_budget(
                c, holder or self.holder, amount, period, hard=hard, on_unpriced=on_unpriced, now=self.now
            )
        )

    def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        return self.client.post(path, json=body, headers=headers)

    def row(self, answer: httpx.Response) -> dict[str, Any]:
        return self._gateway.request(answer.headers["x-request-id"])


@pytest.fixture
def purse(gateway: RunningGateway) -> Iterator[Purse]:
    made = Purse(gateway)
    yield made
    made.client.close()


@each_call
def test_what_does_not_fit_into_a_hard_budget_is_refused_before_anybody_is_called(
    purse: Purse, bfl: BflSimulator, path: str, body: dict[str, Any], price: Decimal
) -> None:
    budget = purse.budget(price * 2 - price / 1000)
    first, second = purse.post(path, body), purse.post(path, body)
    calls = len(bfl.calls)
    assert (first.status_code, second.status_code) == (200, 429)
    error = second.json()["error"]
    assert "budget_exceeded" in (error["code"], error.get("metadata", {}).get("error_code"))
    assert "left" in error["message"]
    assert second.headers["x-should-retry"] == "false"
    assert second.headers["x-penstock-cost"] == "0"
    assert len(bfl.calls) == calls
    row = purse.row(second)
    assert (row["status"], row["cost_pico"], row["attempts"]) == (429, 0, 0)
    assert account(purse.data, budget.id).spent == Decimal(first.headers["x-penstock-cost"]) == price


TEXTS = {
    "chat": ("/v1/chat/completions", {"model": "sandbox/text", **MESSAGES}, {"max_tokens": 10_000}),
    "OpenRouter chat": ("/api/v1/chat/completions", {"model": "sandbox/text", **MESSAGES}, {"max_tokens": 10_000}),
    "embedding": ("/v1/embeddings", {"model": "sandbox/embedding"}, {"input": "a lighthouse " * 20_000}),
}
SHORT = {"max_tokens": 10, "input": "a lighthouse"}


@pytest.mark.parametrize(("path", "body", "long"), TEXTS.values(), ids=TEXTS)
def test_text_is_refused_where_the_most_it_can_cost_does_not_fit(
    purse: Purse, path: str, body: dict[str, Any], long: dict[str, Any]
) -> None:
    budget = purse.budget(CENT)
    refused = purse.post(path, body | long)
    assert refused.status_code == 429, refused.text
    assert ("max_tokens" in refused.json()["error"]["message"]) == ("max_tokens" in long)
    served = purse.post(path, body | {name: SHORT[name] for name in long})
    assert served.status_code == 200, served.text
    found = account(purse.data, budget.id)
    assert found.spent == found.cost == Decimal(served.headers["x-penstock-cost"]) > 0
    assert found.reserved == 0


@each_call
def test_a_soft_budget_warns_and_serves(purse: Purse, path: str, body: dict[str, Any], price: Decimal) -> None:
    purse.budget(price * Decimal("1.5"), Period.MONTH, hard=False)
    first, second = purse.post(path, body), purse.post(path, body)
    assert (first.status_code, second.status_code) == (200, 200)
    assert "x-penstock-budget-warning" not in first.headers
    assert "a month is used up" in second.headers["x-penstock-budget-warning"]


@each_call
def test_credit_paid_in_beforehand_is_used_up_and_then_402_in_the_openrouter_dialect(
    purse: Purse, path: str, body: dict[str, Any], price: Decimal
) -> None:
    purse.change(lambda c: add_credit(c, purse.holder, price * 2, "paid", purse.now))
    first, second, third = (purse.post(path, body) for _ in range(3))
    assert (first.status_code, second.status_code) == (200, 200)
    assert Decimal(first.headers["x-penstock-credits-used"]) == price
    assert Decimal(first.headers["x-penstock-credits-remaining"]) == price
    assert Decimal(second.headers["x-penstock-credits-remaining"]) == 0
    assert third.status_code == (402 if path.startswith("/api/v1") else 429)
    assert "insufficient_credits" in third.text
    purse.change(lambda c: add_credit(c, purse.holder, price, "again", purse.now))
    assert purse.post(path, body).status_code == 200, "what is paid in counts at once"


@each_call
def test_an_allowance_makes_the_first_requests_of_a_month_free_of_charge(
    purse: Purse, path: str, body: dict[str, Any], price: Decimal
) -> None:
    budget = purse.budget(price)
    purse.change(lambda c: create_allowance(c, purse.holder, 2, purse.now))
    answers = [purse.post(path, body) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    rows = [purse.row(answer) for answer in answers[:3]]
    assert [row["cost_pico"] for row in rows] == [price * PICO] * 3
    assert [row["charged_pico"] for row in rows] == [0, 0, price * PICO]
    assert account(purse.data, budget.id).spent == price


def test_a_request_that_fails_without_a_cost_does_not_use_the_allowance(purse: Purse, bfl: BflSimulator) -> None:
    purse.budget(CENT)
    purse.change(lambda c: create_allowance(c, purse.holder, 1, purse.now))
    bfl.script.append(Status(422, {"detail": "no"}))
    path, body, _ = CALLS["generation"]
    assert [purse.post(path, body).status_code for _ in range(3)] == [400, 200, 429]


@pytest.mark.parametrize("level", [Level.GATEWAY, Level.KEY])
def test_every_budget_above_a_key_counts(purse: Purse, level: Level) -> None:
    path, body, price = CALLS["generation"]
    own = purse.budget(Decimal(1))
    above = purse.budget(price, holder=GATEWAY if level is Level.GATEWAY else None)
    try:
        assert [purse.post(path, body).status_code for _ in range(2)] == [200, 429]
        assert account(purse.data, own.id).spent == price
    finally:
        purse.change(lambda c: end_budget(c, above.id, purse.now))
    assert purse.post(path, body).status_code == 200, "an ended budget no longer counts"


@pytest.mark.parametrize(("on_unpriced", "status"), [("refuse", 403), ("allow", 200)])
def test_a_budget_says_what_becomes_of_calls_without_a_price(
    unpriced: RunningGateway,
    openai_upstream: OpenAISimulator,
    finish: ExitStack,
    on_unpriced: OnUnpriced,
    status: int,
) -> None:
    purse = Purse(unpriced)
    finish.callback(purse.client.close)
    budget = purse.budget(Decimal(1), on_unpriced=on_unpriced)
    for path, body in (
        ("/v1/chat/completions", {"model": "own/talker", **MESSAGES}),
        ("/v1/images/generations", {"model": "own/painter", "prompt": "a lighthouse", **SIZE}),
    ):
        calls = len(openai_upstream.calls)
        answer = purse.post(path, body)
        assert answer.status_code == status, answer.text
        assert (len(openai_upstream.calls) > calls) == (status == 200)
        assert "x-penstock-cost" not in answer.headers or status == 403
    found = account(purse.data, budget.id)
    assert (found.spent, found.reserved, found.held_back) == (0, 0, 0)


@pytest.fixture
def finish() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def unpriced(tmp_path_factory: pytest.TempPathFactory, openai_upstream: OpenAISimulator) -> Any:
    """A gateway with models that nobody has a price for."""
    offers = [
        {"model": "own/talker", "upstream": "gpt-4o-mini", "operations": ["chat"]},
        {
            "model": "own/painter",
            "upstream": "gpt-image-1",
            "operations": ["image_generation"],
            "wire": "gpt-image",
            "limits": {"sizes": ["1024x1024"]},
        },
    ]
    settings = {
        "providers": {
            "own": {
                "adapter": "openai_compatible",
                "base_url": openai_upstream.base_url,
                "api_key": "openai-test-key",
                "offers": offers,
            }
        },
        "models": [
            {"slug": "own/talker", "name": "Talker", "maker": "Own"},
            {"slug": "own/painter", "name": "Painter", "maker": "Own", "output_modalities": ["image"]},
        ],
        "network": {"allow_private_hosts": ["127.0.0.1"]},
    }
    with RunningGateway(tmp_path_factory.mktemp("unpriced"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, bfl: BflSimulator) -> Iterator[RunningGateway]:
    """A gateway whose provider charges for what its moderation refuses after it was made."""
    settings = {
        "providers": {
            "bfl": {
                "base_url": bfl.url,
                "api_key": "bfl-test-key",
                "quirks": {"poll_seconds": 0.01},
                "charges_moderated": ["output"],
            }
        },
        "network": {"allow_private_hosts": ["127.0.0.1"]},
    }
    with RunningGateway(tmp_path_factory.mktemp("strict"), settings) as running:
        yield running


@each_call
@pytest.mark.parametrize(("word", "charged"), [("Request Moderated", False), ("Content Moderated", True)])
def test_what_moderation_refuses_is_charged_at_the_stages_its_provider_charges_for(
    strict: RunningGateway,
    bfl: BflSimulator,
    finish: ExitStack,
    word: str,
    charged: bool,
    path: str,
    body: dict[str, Any],
    price: Decimal,
) -> None:
    purse = Purse(strict)
    finish.callback(purse.client.close)
    budget = purse.budget(Decimal(1))
    bfl.script.append(Outcome(status=word, reasons=("violence",)))
    answer = purse.post(path, body)
    assert answer.status_code in (400, 403), answer.text
    cost = price if charged else Decimal(0)
    assert Decimal(answer.headers["x-penstock-cost"]) == cost
    assert ("moderation" in (purse.row(answer)["charge_reason"] or "")) == charged
    found = account(purse.data, budget.id)
    assert (found.spent, found.reserved, found.held_back) == (cost, 0, 0)


def test_of_four_pictures_three_are_delivered_and_three_are_charged(purse: Purse, bfl: BflSimulator) -> None:
    budget = purse.budget(Decimal(1))
    bfl.script.append(Outcome(status="Error"))
    answer = purse.post("/v1/images/generations", {**PROMPT, **SIZE, "n": 4})
    assert len(answer.json()["data"]) == 3
    found = account(purse.data, budget.id)
    assert found.spent == found.cost == sum(bfl.billed) / 100 == 9 * CENT
    assert (found.reserved, found.held_back) == (0, 0)


def test_what_was_made_and_cannot_be_had_is_charged_with_the_others(purse: Purse, bfl: BflSimulator) -> None:
    budget = purse.budget(Decimal(1))
    bfl.script.append(Outcome(delivery="gone"))
    answer = purse.post("/v1/images/generations", {**PROMPT, **SIZE, "n": 2})
    assert len(answer.json()["data"]) == 1
    assert "could not be delivered" in purse.row(answer)["charge_reason"]
    found = account(purse.data, budget.id)
    assert found.spent == found.cost == sum(bfl.billed) / 100 == 6 * CENT


def test_what_may_have_been_charged_is_held_back_and_not_counted_as_spent(
    purse: Purse, openai_upstream: OpenAISimulator
) -> None:
    """The provider answers garbage: it may have charged."""
    budget = purse.budget(Decimal(1))
    openai_upstream.script.append(Garbage())
    answer = purse.post("/v1/chat/completions", {"model": "openai/gpt-4o-mini", "max_tokens": 1000, **MESSAGES})
    assert answer.status_code == 502
    row, found = purse.row(answer), account(purse.data, budget.id)
    assert row["cost_pico"] is None
    assert "may have charged" in row["charge_reason"]
    assert (found.spent, found.reserved) == (0, 0)
    assert found.held_back == found.uncertain == Decimal(row["quote_high_pico"]) / PICO > 0


@each_call
def test_a_reservation_that_came_to_nothing_is_released(
    purse: Purse, bfl: BflSimulator, openai_upstream: OpenAISimulator, path: str, body: dict[str, Any], price: Decimal
) -> None:
    budget = purse.budget(price)
    bfl.script.append(Status(503, {"detail": "later"}))
    failed = purse.post(path, body)
    assert failed.status_code >= 500
    assert replace(account(purse.data, budget.id), delivered=0).reserved == 0
    assert account(purse.data, budget.id).spent == 0
    assert purse.post(path, body).status_code == 200, "all of the budget is there again"
