"""OpenRouter's account endpoints by its own client: keys with limits, credits, activity, generations."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import httpx
import pytest
from openrouter import OpenRouter, errors

from penstock.core.principal import Scope
from penstock.core.spending import Holder, Level, Period
from penstock.store import keys, people, spending
from penstock.store.books import BlockingBooks
from penstock.store.db import Database
from penstock.store.sums import DAY_MS
from tests.e2e.running import RunningGateway

# The client calls a field deprecated that it cannot do without.
pytestmark = pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning")

PICTURE: dict[str, Any] = {"model": "sandbox/image", "prompt": "a lighthouse", "size": "1024x1024"}
PRICE = 0.03


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("account")) as gateway:
        yield gateway


class Account:
    """Makes clients with keys and closes them."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self._clients: list[httpx.Client] = []

    def client(self, key: str) -> OpenRouter:
        http = httpx.Client(timeout=60)
        self._clients.append(http)
        # Without `retry_config` the client repeats every 5xx for an hour.
        return OpenRouter(api_key=key, server_url=f"{self.gateway.url}/api/v1", client=http, retry_config=None)

    def close(self) -> None:
        for client in self._clients:
            client.close()


@pytest.fixture(scope="module")
def account(running: RunningGateway) -> Iterator[Account]:
    made = Account(running)
    yield made
    made.close()


@pytest.fixture(scope="module")
def manager(running: RunningGateway, account: Account) -> OpenRouter:
    return account.client(running.admin_key)


def change(gateway: RunningGateway, work: Any) -> Any:
    """What an administrator does, as the command line does it."""
    with Database.open(str(gateway.data / "penstock.db")) as database:
        return BlockingBooks(database).change(work)


def now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)


# Keys.


def test_a_key_is_made_with_a_limit_that_holds(manager: OpenRouter, account: Account) -> None:
    made = manager.api_keys.create(name="website", limit=0.05, limit_reset="daily")
    assert made.data.hash == hashlib.sha256(made.key.encode()).hexdigest()
    assert (made.data.name, made.data.limit, made.data.limit_remaining) == ("website", 0.05, 0.05)
    assert (made.data.limit_reset, made.data.disabled, made.data.last_used_at) == ("daily", False, None)
    api = account.client(made.key)
    api.images.generate(**PICTURE)
    with pytest.raises(errors.OpenRouterError) as refused:
        api.images.generate(**PICTURE)
    assert refused.value.status_code == 429
    told = api.api_keys.get_current_key_metadata().data
    assert (told.usage, told.usage_daily, told.usage_weekly, told.usage_monthly) == (PRICE,) * 4
    assert (told.limit, told.limit_remaining, told.limit_reset) == (0.05, pytest.approx(0.02), "daily")
    assert told.label == f"{made.key[:8]}...{made.key[-4:]}"
    assert (told.is_management_key, told.is_free_tier) == (False, False)
    again = manager.api_keys.get(hash=made.data.hash).data
    assert again.usage == PRICE and again.last_used_at is not None


def test_a_key_knows_every_budget_above_it(running: RunningGateway, account: Account) -> None:
    def make(c: Any) -> str:
        people.create_organisation(c, "Lighthouse", now_ms())
        team = people.create_team(c, "Lighthouse", "Design", now_ms())
        key, secret = keys.create_key(c, keys.NewKey("poster", [Scope.READ], team=team.id), now_ms())
        for holder, amount, period in (
            (Holder(Level.KEY, key.id), 5, Period.MONTH),
            (Holder(Level.TEAM, team.id), 2, Period.TOTAL),
        ):
            spending.create_budget(c, holder, Decimal(amount), period, now=now_ms())
        return secret

    told = account.client(change(running, make)).api_keys.get_current_key_metadata().data
    layers = [(budget.scope, budget.limit_usd, budget.reset_interval, budget.spend_usd) for budget in told.budgets]
    assert sorted(layers) == [("key_limit", 5, "monthly", 0), ("workspace", 2, None, 0)]
    assert told.effective_budget is not None and told.effective_budget.limit_usd == 2
    assert (told.limit, told.limit_reset) == (5, "monthly")
    assert told.organization_id == told.workspace_id is not None


def test_the_old_address_tells_the_same(running: RunningGateway) -> None:
    headers = {"authorization": f"Bearer {running.admin_key}"}
    old, new = (httpx.get(f"{running.url}/api/v1{path}", headers=headers).json() for path in ("/auth/key", "/key"))
    assert old == new and new["data"]["is_management_key"] is True
    assert (new["data"]["limit"], new["data"]["limit_remaining"], new["data"]["budgets"]) == (None, None, [])


def test_a_limit_is_changed_and_keeps_what_was_spent(manager: OpenRouter, account: Account) -> None:
    made = manager.api_keys.create(name="changing", limit=1, limit_reset="monthly")
    account.client(made.key).images.generate(**PICTURE)
    hash = made.data.hash
    changed = manager.api_keys.update(hash=hash, limit=2, name="changed").data
    assert (changed.name, changed.limit, changed.limit_remaining) == ("changed", 2, pytest.approx(1.97))
    anew = manager.api_keys.update(hash=hash, limit_reset="weekly").data
    assert (anew.limit, anew.limit_reset, anew.limit_remaining) == (2, "weekly", 2)
    ended = manager.api_keys.update(hash=hash, limit=None).data
    assert (ended.limit, ended.limit_remaining, ended.limit_reset) == (None, None, None)
    given = manager.api_keys.update(hash=hash, limit=3).data
    assert (given.limit, given.limit_reset) == (3, None)


def test_a_key_is_disabled_for_good(manager: OpenRouter, account: Account) -> None:
    made = manager.api_keys.create(name="ending")
    assert manager.api_keys.update(hash=made.data.hash, disabled=True).data.disabled
    with pytest.raises(errors.UnauthorizedResponseError):
        account.client(made.key).api_keys.get_current_key_metadata()
    assert made.data.hash not in {key.hash for key in manager.api_keys.list().data}
    assert made.data.hash in {key.hash for key in manager.api_keys.list(include_disabled=True).data}


def test_a_key_is_deleted(manager: OpenRouter, account: Account) -> None:
    made = manager.api_keys.create(name="deleted", expires_at=datetime.now(UTC) + timedelta(days=1))
    assert made.data.expires_at is not None
    assert manager.api_keys.delete(hash=made.data.hash).DELETED is True
    with pytest.raises(errors.UnauthorizedResponseError):
        account.client(made.key).api_keys.get_current_key_metadata()


def test_keys_are_listed_by_workspace_and_in_pages(manager: OpenRouter, running: RunningGateway) -> None:
    change(running, partial(people.create_organisation, name="Harbour", now=now_ms()))
    made = [manager.api_keys.create(name=f"quay {number}", workspace_id="Harbour") for number in range(3)]
    listed = manager.api_keys.list(workspace_id="Harbour").data
    assert [key.name for key in listed] == ["quay 0", "quay 1", "quay 2"]
    assert {key.workspace_id for key in listed} == {made[0].data.workspace_id} != {""}
    assert [key.name for key in manager.api_keys.list(workspace_id="Harbour", offset=2).data] == ["quay 2"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/keys", {"limit": 1}, 400, "missing_required_parameter"),
        ("POST", "/keys", {"name": "x", "limit": -1}, 400, "invalid_request"),
        ("POST", "/keys", {"name": "x", "limit_reset": "daily"}, 400, "invalid_request"),
        ("POST", "/keys", {"name": "x", "limit_reset": "yearly", "limit": 1}, 400, "invalid_request"),
        ("POST", "/keys", {"name": "x", "colour": "red"}, 400, "invalid_request"),
        ("POST", "/keys", {"name": "x", "workspace_id": "Atlantis"}, 404, "holder_not_found"),
        ("GET", f"/keys/{'0' * 64}", None, 404, "key_not_found"),
        ("PATCH", f"/keys/{'0' * 64}", {"limit": 1}, 404, "key_not_found"),
        ("DELETE", f"/keys/{'0' * 64}", None, 404, "key_not_found"),
        ("GET", "/activity?date=2020-01-01", None, 400, "invalid_request"),
        ("GET", "/activity?date=today", None, 400, "invalid_request"),
        ("GET", f"/activity?api_key_hash={'0' * 64}", None, 404, "key_not_found"),
        ("GET", "/generation?id=gen-nothing", None, 404, "request_not_found"),
        ("GET", "/generation", None, 400, "missing_required_parameter"),
    ],
)
def test_what_is_wrong_is_refused_in_openrouters_words(
    running: RunningGateway, method: str, path: str, body: Any, status: int, code: str
) -> None:
    headers = {"authorization": f"Bearer {running.admin_key}"}
    response = httpx.request(method, f"{running.url}/api/v1{path}", json=body, headers=headers)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["metadata"]["error_code"]) == (status, status, code)


def test_only_an_administrators_key_manages(running: RunningGateway) -> None:
    headers = {"authorization": f"Bearer {running.key}"}
    for path in ("/keys", "/credits", "/activity"):
        assert httpx.get(f"{running.url}/api/v1{path}", headers=headers).status_code == 403


# Credits, activity, generations.


def test_credits_are_those_of_everybody_together(
    manager: OpenRouter, running: RunningGateway, account: Account
) -> None:
    assert (manager.credits.get_credits().data.total_credits, manager.credits.get_credits().data.total_usage) == (0, 0)

    def pay_in(c: Any) -> str:
        key, secret = keys.create_key(c, keys.NewKey("paying", [Scope.INFERENCE]), now_ms())
        spending.add_credit(c, Holder(Level.KEY, key.id), Decimal(7), "", now_ms())
        return secret

    secret = change(running, pay_in)
    account.client(secret).images.generate(**PICTURE)
    told = manager.credits.get_credits().data
    assert (told.total_credits, told.total_usage) == (7, PRICE)


def test_activity_has_completed_days_only(running: RunningGateway, manager: OpenRouter, account: Account) -> None:
    made = manager.api_keys.create(name="yesterday")
    account.client(made.key).images.generate(**PICTURE)
    assert manager.analytics.get_user_activity(request={"api_key_hash": made.data.hash}).data == []
    change(running, partial(_a_day_back, name="yesterday"))
    (row,) = manager.analytics.get_user_activity(request={"api_key_hash": made.data.hash}).data
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")
    assert (row.date_, row.model, row.provider_name, row.requests) == (yesterday, "sandbox/image", "Sandbox", 1)
    assert (row.usage, row.reasoning_tokens, row.workspace_id) == (PRICE, 0, None)
    for query, count in (({"date": yesterday}, 1), ({"group_by": "workspace"}, 1)):
        asked = {**query, "api_key_hash": made.data.hash}
        assert len(manager.analytics.get_user_activity(request=asked).data) == count
    headers = {"authorization": f"Bearer {running.admin_key}"}
    ours = httpx.get(f"{running.url}/api/v1/activity", params={"date": yesterday}, headers=headers).json()["data"]
    assert [(entry["images"], entry["megapixels"]) for entry in ours] == [(1, 1)]


def _a_day_back(c: Any, name: str) -> None:
    """What a key did today becomes what it did yesterday."""
    key = keys.get_key(c, name)
    c.exec_driver_sql(f"update usage_days set day = day - {DAY_MS} where key_id = ?", (key.id,))


def test_a_generation_is_told_to_the_key_that_made_it(
    running: RunningGateway, manager: OpenRouter, account: Account
) -> None:
    headers = {"authorization": f"Bearer {running.key}", "x-session-id": "session 7"}
    made = httpx.post(f"{running.url}/api/v1/images", json=PICTURE, headers=headers)
    id = made.headers["x-request-id"]
    told = account.client(running.key).generations.get_generation(id=id).data
    assert (told.id, told.model, told.provider_name, told.api_type) == (id, "sandbox/image", "Sandbox", "image")
    assert (told.total_cost, told.usage, told.upstream_inference_cost) == (PRICE,) * 3
    assert (told.num_media_completion, told.num_media_prompt, told.streamed, told.cancelled) == (1, 0, False, False)
    assert told.session_id == "session 7" and told.latency is not None
    (attempt,) = told.provider_responses or []
    assert (attempt.status, attempt.provider_name) == (200, "Sandbox")
    assert manager.generations.get_generation(id=id).data.id == id
    stranger = manager.api_keys.create(name="stranger")
    with pytest.raises(errors.NotFoundResponseError):
        account.client(stranger.key).generations.get_generation(id=id)


def test_a_generation_is_found_by_the_id_of_a_chat(running: RunningGateway, account: Account) -> None:
    api = account.client(running.key)
    chat = api.chat.send(model="sandbox/image", messages=[{"role": "user", "content": "a boat"}])
    told = api.generations.get_generation(id=chat.id).data
    assert (told.api_type, told.id) == ("image", f"req_{chat.id.rpartition('-')[2]}")


def test_a_refused_request_is_told_with_what_is_known(running: RunningGateway, account: Account) -> None:
    headers = {"authorization": f"Bearer {running.key}"}
    refused = httpx.post(f"{running.url}/api/v1/images", json=PICTURE | {"model": "nobody/nothing"}, headers=headers)
    told = account.client(running.key).generations.get_generation(id=refused.headers["x-request-id"]).data
    assert (told.model, told.provider_name, told.total_cost) == ("nobody/nothing", None, 0)
