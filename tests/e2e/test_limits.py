"""Rate limits through the front doors: every operation at every unit, many callers at once, and what clients see."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import httpx
import openai
import pytest
from agentcc import AgentCC
from openai import OpenAI

from penstock.core.principal import Scope
from penstock.core.spending import GATEWAY, Holder, Level, LimitUnit
from penstock.store.keys import NewKey, create_key
from penstock.store.people import create_organisation, create_team
from penstock.store.spending import add_credit, create_limit, end_limit
from tests.e2e.doors import MESSAGES, by_images, data_url, encoded, refusal
from tests.e2e.running import RunningGateway, now_ms

PICTURE = {"model": "sandbox/image", "prompt": "a lighthouse", "size": "64x64"}
GENERATIONS, CHATS, EMBEDDINGS = "/v1/images/generations", "/v1/chat/completions", "/v1/embeddings"
MEGAPIXEL = 1024 * 1024
SLOW = {"x-penstock-sandbox": "slow 1"}


@dataclass(frozen=True)
class Operation:
    """A request, and what each answer of it comes to."""

    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    pictures: int = 0
    pixels: int = 0


REFERENCE = by_images(data_url(encoded(64, 64)))
LARGE = PICTURE | {"size": "1024x512"}
OPERATIONS = {
    "chat": Operation(CHATS, {"model": "sandbox/text", "max_tokens": 30, **MESSAGES}),
    "generation": Operation(GENERATIONS, LARGE | {"n": 2}, 2, MEGAPIXEL),
    "edit": Operation("/v1/images/edits", LARGE | REFERENCE, 1, MEGAPIXEL // 2),
    "embedding": Operation(EMBEDDINGS, {"model": "sandbox/embedding", "input": "a lighthouse at dusk " * 40}),
}


def bounded_key(
    gateway: RunningGateway, amount: str, unit: LimitUnit, *, seconds: int = 60, model: str | None = None
) -> str:
    """A new key with one rate limit; its plaintext."""

    def make(c: Any) -> str:
        key, plaintext = create_key(c, NewKey("bounded", (Scope.INFERENCE,)), now_ms())
        create_limit(c, Holder(Level.KEY, key.id), unit, Decimal(amount), seconds, model, now_ms())
        return plaintext

    return gateway.change(make)


def client(gateway: RunningGateway, key: str) -> httpx.Client:
    return httpx.Client(base_url=gateway.url, headers={"authorization": f"Bearer {key}"}, timeout=60)


def rows_of(gateway: RunningGateway, answer: httpx.Response) -> list[dict[str, Any]]:
    """Everything the ledger has of the key that got this answer."""
    key = gateway.request(answer.headers["x-request-id"])["key_id"]
    return gateway.rows("select * from requests where key_id = ?", key)


def came_to(operation: Operation, unit: LimitUnit, answer: httpx.Response) -> Decimal:
    """What one answer really counts for, by what it says itself."""
    usage = answer.json().get("usage", {})
    return {
        LimitUnit.REQUESTS: Decimal(1),
        LimitUnit.IMAGES: Decimal(operation.pictures),
        LimitUnit.MEGAPIXELS: Decimal(operation.pixels) / MEGAPIXEL,
        LimitUnit.TOKENS: Decimal(usage.get("total_tokens", 0)),
        LimitUnit.DOLLARS: Decimal(answer.headers["x-penstock-cost"]),
    }[unit]


TABLE = [
    ("chat", LimitUnit.REQUESTS, "2"),
    ("chat", LimitUnit.TOKENS, "200"),
    ("chat", LimitUnit.DOLLARS, "0.0002"),
    ("generation", LimitUnit.REQUESTS, "2"),
    ("generation", LimitUnit.IMAGES, "4"),
    ("generation", LimitUnit.MEGAPIXELS, "2"),
    ("generation", LimitUnit.DOLLARS, "0.12"),
    ("edit", LimitUnit.REQUESTS, "2"),
    ("edit", LimitUnit.IMAGES, "2"),
    ("edit", LimitUnit.MEGAPIXELS, "1"),
    ("edit", LimitUnit.DOLLARS, "0.1"),
    ("embedding", LimitUnit.REQUESTS, "2"),
    ("embedding", LimitUnit.TOKENS, "700"),
    ("embedding", LimitUnit.DOLLARS, "0.00007"),
]
ESTIMATED = {("chat", LimitUnit.DOLLARS)}
"""Of a chat's price only the prompt is known beforehand, so that the last one may go over."""


@pytest.mark.parametrize(("name", "unit", "amount"), TABLE)
def test_an_operation_is_served_up_to_its_limit_and_then_refused_until_enough_has_left(
    gateway: RunningGateway, name: str, unit: LimitUnit, amount: str
) -> None:
    operation = OPERATIONS[name]
    total, largest = Decimal(0), Decimal(0)
    with client(gateway, bounded_key(gateway, amount, unit)) as caller:
        for _ in range(40):
            answer = caller.post(operation.path, json=operation.body)
            if answer.status_code != 200:
                break
            one = came_to(operation, unit, answer)
            total, largest = total + one, max(largest, one)
    assert (answer.status_code, refusal(answer)[1]["code"]) == (429, "rate_limit_exceeded"), answer.text
    assert total > 0
    if (name, unit) in ESTIMATED:
        assert total - largest < Decimal(amount) <= total + largest
    else:
        assert total <= Decimal(amount)
    if unit in (LimitUnit.REQUESTS, LimitUnit.IMAGES, LimitUnit.MEGAPIXELS):
        assert total == Decimal(amount)
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert Decimal(answer.headers[f"x-ratelimit-limit-{unit}"]) == Decimal(amount)
    left = Decimal(answer.headers[f"x-ratelimit-remaining-{unit}"])
    assert left == max(Decimal(0), Decimal(amount) - total).quantize(Decimal("0.000001"), ROUND_FLOOR)
    row = gateway.request(answer.headers["x-request-id"])
    assert (row["status"], row["error_code"], row["attempts"], row["cost_pico"]) == (429, "rate_limit_exceeded", 0, 0)


@pytest.mark.parametrize("name", ["chat", "embedding"])
@pytest.mark.parametrize("unit", [LimitUnit.IMAGES, LimitUnit.MEGAPIXELS])
def test_what_makes_no_pictures_is_not_held_by_limits_of_pictures(
    gateway: RunningGateway, name: str, unit: LimitUnit
) -> None:
    operation = OPERATIONS[name]
    with client(gateway, bounded_key(gateway, "1", unit)) as caller:
        assert caller.post(GENERATIONS, json=PICTURE | {"size": "1024x1024"}).status_code == 200
        assert caller.post(GENERATIONS, json=PICTURE).status_code == 429
        assert caller.post(operation.path, json=operation.body).status_code == 200


@pytest.mark.parametrize("name", OPERATIONS)
def test_of_slow_requests_two_are_in_flight_and_a_place_is_free_when_one_is_done(
    gateway: RunningGateway, name: str
) -> None:
    operation = OPERATIONS[name]
    key = bounded_key(gateway, "2", LimitUnit.CONCURRENT)
    answers = asyncio.run(hammer(gateway, key, [(operation.path, operation.body, SLOW)] * 6))
    assert Counter(answer.status_code for answer in answers) == {200: 2, 429: 4}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["x-ratelimit-remaining-concurrent"] == "0"
    assert "have 2 requests in flight at once" in refusal(refused)[0]
    with client(gateway, key) as caller:
        for _ in range(3):
            assert caller.post(operation.path, json=operation.body).status_code == 200


async def hammer(
    gateway: RunningGateway, key: str, requests: list[tuple[str, Mapping[str, Any], Mapping[str, str]]]
) -> list[httpx.Response]:
    """All of these requests at once."""
    limits = httpx.Limits(max_connections=len(requests))
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=60, limits=limits) as caller:
        return await asyncio.gather(
            *(caller.post(path, json=body, headers=dict(more)) for path, body, more in requests)
        )


@pytest.mark.parametrize(
    ("unit", "amount", "more", "served"),
    [
        (LimitUnit.REQUESTS, "10", {}, 10),
        (LimitUnit.IMAGES, "13", {"n": 2}, 6),
        (LimitUnit.MEGAPIXELS, "2", {"size": "512x512"}, 8),
        (LimitUnit.DOLLARS, "0.3", {}, 10),
    ],
)
def test_sixty_four_callers_at_once_never_get_more_than_the_limit(
    gateway: RunningGateway, unit: LimitUnit, amount: str, more: dict[str, Any], served: int
) -> None:
    key = bounded_key(gateway, amount, unit, seconds=3600)
    answers = asyncio.run(hammer(gateway, key, [(GENERATIONS, PICTURE | more, {})] * 64))
    assert Counter(answer.status_code for answer in answers) == {200: served, 429: 64 - served}
    assert sum(row["status"] == 200 for row in rows_of(gateway, answers[0])) == served


def test_a_limit_of_a_team_counts_all_of_its_keys_together(gateway: RunningGateway) -> None:
    def make(c: Any) -> list[str]:
        organisation = create_organisation(c, "lighthouses", now_ms())
        team = create_team(c, organisation.id, "posters", now_ms())
        create_limit(c, Holder(Level.TEAM, team.id), LimitUnit.IMAGES, Decimal(3), 3600, None, now_ms())
        news = [NewKey(name, (Scope.INFERENCE,), team=team.id) for name in ("day", "night")]
        return [create_key(c, new, now_ms())[1] for new in news]

    day, night = gateway.change(make)
    with client(gateway, day) as one, client(gateway, night) as other:
        assert one.post(GENERATIONS, json=PICTURE | {"n": 2}).status_code == 200
        assert other.post(GENERATIONS, json=PICTURE).headers["x-ratelimit-remaining-images"] == "0"
        refused = one.post(GENERATIONS, json=PICTURE)
    assert refused.status_code == 429
    says = "The team of the key `day` may make 3 pictures an hour; try again in "
    assert refusal(refused)[0].startswith(says)


def test_a_limit_of_the_gateway_counts_everybody_until_it_ends(gateway: RunningGateway) -> None:
    bound = gateway.change(
        lambda c: create_limit(c, GATEWAY, LimitUnit.REQUESTS, Decimal(1), 3600, "sandbox/text", now_ms())
    )
    try:
        with client(gateway, gateway.new_key()) as one, client(gateway, gateway.new_key()) as other:
            chat = OPERATIONS["chat"].body
            assert one.post(CHATS, json=chat).status_code == 200
            assert other.post(CHATS, json=chat).status_code == 429
            assert other.post(GENERATIONS, json=PICTURE).status_code == 200
    finally:
        gateway.change(lambda c: end_limit(c, bound.id, now_ms()))
    with client(gateway, gateway.new_key()) as one:
        assert one.post(CHATS, json=OPERATIONS["chat"].body).status_code == 200


def test_the_models_of_a_pattern_share_its_limit_and_others_have_none_of_it(gateway: RunningGateway) -> None:
    key = bounded_key(gateway, "2", LimitUnit.REQUESTS, model="sandbox/*")
    with client(gateway, key) as caller:
        assert caller.post(GENERATIONS, json=PICTURE).status_code == 200
        assert caller.post(CHATS, json=OPERATIONS["chat"].body).status_code == 200
        refused = caller.post(GENERATIONS, json=PICTURE)
        other = caller.post(CHATS, json={"model": "openai/gpt-4o-mini", **MESSAGES})
    assert "2 requests a minute with `sandbox/*`" in refusal(refused)[0]
    assert other.status_code == 200
    assert not [name for name in other.headers if name.startswith("x-ratelimit")]


def test_headers_come_with_answers_streams_and_errors_and_only_to_keys_with_limits(gateway: RunningGateway) -> None:
    key = bounded_key(gateway, "10", LimitUnit.REQUESTS)
    left = []
    chat = dict(OPERATIONS["chat"].body)
    with client(gateway, key) as caller:
        for body in (chat, chat | {"stream": True}, chat | {"model": "no/such"}, {"model": 1}):
            before = int(time.time())
            answer = caller.post(CHATS, json=body)
            assert answer.headers["x-ratelimit-limit-requests"] == "10"
            assert before + 59 <= int(answer.headers["x-ratelimit-reset-requests"]) <= time.time() + 62
            left.append(int(answer.headers["x-ratelimit-remaining-requests"]))
    assert left == [9, 8, 7, 6]
    with client(gateway, gateway.key) as caller:
        answer = caller.post(CHATS, json=chat)
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


def test_the_agentcc_client_reads_the_limit(gateway: RunningGateway) -> None:
    key = bounded_key(gateway, "1", LimitUnit.REQUESTS)
    with AgentCC(api_key=key, base_url=gateway.url, max_retries=0) as agent:
        answer = agent.chat.completions.create(**OPERATIONS["chat"].body)
        told = answer.agentcc.ratelimit
        assert told is not None and (told.limit, told.remaining) == (1, 0)
        assert told.reset is not None and 0 < told.reset - time.time() <= 61


def test_the_openai_client_waits_as_long_as_it_is_told_and_succeeds(gateway: RunningGateway) -> None:
    key = bounded_key(gateway, "1", LimitUnit.REQUESTS, seconds=1)
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=3) as patient:
        started = time.monotonic()
        for _ in range(2):
            patient.chat.completions.create(**OPERATIONS["chat"].body)
        assert time.monotonic() - started >= 1
    codes = [row["status"] for row in gateway.rows("select status from requests order by id desc limit 3")]
    assert sorted(codes) == [200, 200, 429]


def test_the_openai_client_does_not_send_again_what_can_never_fit(gateway: RunningGateway) -> None:
    key = bounded_key(gateway, "3", LimitUnit.IMAGES)
    with (
        OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=3) as patient,
        pytest.raises(openai.RateLimitError) as raised,
    ):
        patient.images.generate(model="sandbox/image", prompt="a lighthouse", size="1024x1024", n=4)
    assert raised.value.code == "request_exceeds_limit"
    assert "this one alone asks for 4 pictures" in raised.value.message
    response = raised.value.response
    assert "retry-after" not in response.headers
    assert len(rows_of(gateway, response)) == 1


def test_the_tokens_of_a_streamed_chat_count_when_it_is_over(gateway: RunningGateway) -> None:
    body = {"model": "sandbox/text", "stream": True, "messages": [{"role": "user", "content": "words " * 60}]}
    key = bounded_key(gateway, "200", LimitUnit.TOKENS)
    with client(gateway, key) as caller:
        first = caller.post(CHATS, json=body)
        events = [line for line in first.text.splitlines() if line.startswith("data: {")]
        used = json.loads(events[-1].removeprefix("data: "))["usage"]["total_tokens"]
        left = int(first.headers["x-ratelimit-remaining-tokens"])
        assert 200 - used < left, "of an answer without `max_tokens` nothing is known beforehand"
        second = caller.post(CHATS, json=body)
    assert second.status_code == 429
    assert int(second.headers["x-ratelimit-remaining-tokens"]) == 200 - used


def test_a_caller_that_hangs_up_during_a_chat_frees_its_place_at_once(gateway: RunningGateway) -> None:
    key = bounded_key(gateway, "1", LimitUnit.CONCURRENT)
    body, slow = OPERATIONS["chat"].body, {"x-penstock-sandbox": "slow 30"}
    with client(gateway, key) as caller:
        with pytest.raises(httpx.ReadTimeout):
            caller.post(CHATS, json=body, headers=slow, timeout=0.5)
        assert caller_gets_in(caller, body, seconds=10)


def test_a_picture_keeps_its_place_until_it_is_made_though_its_caller_hung_up(gateway: RunningGateway) -> None:
    key = bounded_key(gateway, "1", LimitUnit.CONCURRENT)
    with client(gateway, key) as caller:
        with pytest.raises(httpx.ReadTimeout):
            caller.post(GENERATIONS, json=PICTURE, headers={"x-penstock-sandbox": "slow 2"}, timeout=0.5)
        assert caller.post(CHATS, json=OPERATIONS["chat"].body).status_code == 429
        assert caller_gets_in(caller, OPERATIONS["chat"].body, seconds=20)


def caller_gets_in(caller: httpx.Client, body: Mapping[str, Any], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if caller.post(CHATS, json=body).status_code == 200:
            return True
        time.sleep(0.05)
    return False


FAILURES = ["500", "moderated-input", "dies-mid-stream", "timeout"]


@pytest.mark.parametrize("word", FAILURES)
def test_a_failure_gives_back_its_place(gateway: RunningGateway, word: str) -> None:
    key = bounded_key(gateway, "1", LimitUnit.CONCURRENT)
    headers = {"x-penstock-sandbox": word, "x-penstock-request-timeout": "1000"}
    with client(gateway, key) as caller:
        for _ in range(2):
            assert caller.post(GENERATIONS, json=PICTURE, headers=headers).status_code not in (200, 429)
        assert caller.post(GENERATIONS, json=PICTURE).status_code == 200


def test_a_refused_body_counts_as_a_request_and_for_nothing_else(gateway: RunningGateway) -> None:
    with client(gateway, bounded_key(gateway, "1", LimitUnit.IMAGES)) as caller:
        assert caller.post(GENERATIONS, json=PICTURE | {"size": "1x1"}).status_code == 400
        assert caller.post(GENERATIONS, json=PICTURE).status_code == 200
    with client(gateway, bounded_key(gateway, "1", LimitUnit.REQUESTS)) as caller:
        assert caller.post(GENERATIONS, json={"model": "no/such", "prompt": "a"}).status_code == 404
        assert caller.post(GENERATIONS, json=PICTURE).status_code == 429


def test_a_reached_limit_is_told_in_openrouters_dialect_too(gateway: RunningGateway) -> None:
    with client(gateway, bounded_key(gateway, "1", LimitUnit.REQUESTS)) as caller:
        body = {"model": "sandbox/image", "prompt": "a lighthouse"}
        assert caller.post("/api/v1/images", json=body).status_code == 200
        refused = caller.post("/api/v1/images", json=body)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (429, 429)
    assert error["metadata"] == {"error_type": "rate_limit_exceeded", "error_code": "rate_limit_exceeded"}
    assert "retry-after" in refused.headers


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/images/generations", 429), ("/api/v1/images", 402)], ids=["openai", "openrouter"]
)
def test_credit_that_is_used_up_has_the_status_its_dialect_gives_it(
    gateway: RunningGateway, path: str, status: int
) -> None:
    def make(c: Any) -> str:
        key, plaintext = create_key(c, NewKey("prepaid", (Scope.INFERENCE,)), now_ms())
        add_credit(c, Holder(Level.KEY, key.id), Decimal("0.01"), "", now_ms())
        return plaintext

    with client(gateway, gateway.change(make)) as caller:
        refused = caller.post(path, json={"model": "sandbox/image", "prompt": "a lighthouse"})
    assert refused.status_code == status
    assert refused.headers["x-should-retry"] == "false"
    assert gateway.request(refused.headers["x-request-id"])["status"] == status
    error = refused.json()["error"]
    if status == 402:
        assert error["metadata"]["error_type"] == "payment_required"
    else:
        assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_credits")
