"""Providers that fail, seen from the front door: what the caller is told, what is recorded, and what it costs."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any

import httpx
import pytest

from tests.e2e.doors import FLUX, MESSAGES, PICTURE, client_of, data_url, refusal
from tests.e2e.running import RunningGateway
from tests.simulators.base import Behaviour, CloseConnection, Delay, Garbage, Hang, On, RateLimited, Status, Truncated
from tests.simulators.bfl import BflSimulator, Outcome
from tests.simulators.openai import Blocked, BreaksOff, ErrorEvent, ErrorInside, NoQuota, OpenAISimulator

BFL_KEY, OPENAI_KEY = "bfl-secret-4f1c", "sk-secret-9a77"
SOON = {"x-penstock-request-timeout": "300"}

Fields = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """A request of one operation."""

    path: str
    fields: Fields
    upstream: str
    """Path at the simulator."""

    def __str__(self) -> str:
        return f"{self.path}:{self.fields['model'].rpartition('/')[2]}"


IMAGE = {"images": [{"image_url": data_url(PICTURE)}]}
REFERENCE = {"input_references": [{"type": "image_url", "image_url": {"url": data_url(PICTURE)}}]}
GPT = {"model": "openai/gpt-4o-mini", **MESSAGES}
DRAW = {"model": "openai/gpt-image-1-mini", "prompt": "a lighthouse", "quality": "low"}
FLUX_FIELDS = {"model": FLUX, "prompt": "a lighthouse", "size": "64x64"}
CHAT = Ask("/v1/chat/completions", GPT, "/v1/chat/completions")
ROUTER_CHAT = Ask("/api/v1/chat/completions", GPT, "/v1/chat/completions")
GENERATION = Ask("/v1/images/generations", DRAW, "/v1/images/generations")
EDIT = Ask("/v1/images/edits", {**DRAW, **IMAGE}, "/v1/images/edits")
ROUTER_EDIT = Ask("/api/v1/images", {**DRAW, **REFERENCE}, "/v1/images/edits")
EMBEDDING = Ask("/v1/embeddings", {"model": "openai/text-embedding-3-small", "input": "one"}, "/v1/embeddings")
AT_OPENAI = [CHAT, ROUTER_CHAT, GENERATION, EDIT, ROUTER_EDIT, EMBEDDING]
FLUX_GENERATION = Ask("/v1/images/generations", FLUX_FIELDS, "/v1/flux-2-pro")
FLUX_EDIT = Ask("/v1/images/edits", {**FLUX_FIELDS, **IMAGE}, "/v1/flux-2-pro")
ROUTER_FLUX = Ask("/api/v1/images", FLUX_FIELDS, "/v1/flux-2-pro")
FLUX_CHAT = Ask(
    "/v1/chat/completions", {"model": FLUX, "image_config": {"size": "64x64"}, **MESSAGES}, "/v1/flux-2-pro"
)
AT_BFL = [FLUX_GENERATION, FLUX_EDIT, ROUTER_FLUX, FLUX_CHAT]


@pytest.fixture(scope="module")
def bfl() -> Iterator[BflSimulator]:
    with BflSimulator() as simulator:
        simulator.keys = (BFL_KEY,)
        yield simulator


@pytest.fixture(scope="module")
def openai_upstream() -> Iterator[OpenAISimulator]:
    with OpenAISimulator() as simulator:
        simulator.keys = (OPENAI_KEY,)
        yield simulator


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, bfl: BflSimulator, openai_upstream: OpenAISimulator
) -> Iterator[RunningGateway]:
    settings = {
        "providers": {
            "bfl": {"base_url": bfl.url, "api_key": BFL_KEY, "quirks": {"poll_seconds": 0.01}},
            "openai": {"base_url": openai_upstream.base_url, "api_key": OPENAI_KEY},
        },
        "network": {"allow_private_hosts": ["127.0.0.1"]},
    }
    with RunningGateway(tmp_path_factory.mktemp("gateway"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with client_of(gateway) as opened:
        yield opened


@pytest.fixture(autouse=True)
def no_key_travels_where_results_are(
    fresh_simulators: None, bfl: BflSimulator, openai_upstream: OpenAISimulator
) -> Iterator[None]:
    yield
    assert bfl.violations == openai_upstream.violations == []


UNKNOWN, FREE = None, Decimal(0)


def assert_failed(
    gateway: RunningGateway, response: httpx.Response, status: int, code: str, cost: Decimal | None
) -> dict[str, Any]:
    """What a failure looks like to the caller and in the ledger; its row.

    A cost that is not known is not there; it is never shown as zero.
    """
    message, told = refusal(response)
    assert (response.status_code, told["code"]) == (status, code), response.text
    assert len(message.split()) > 3
    row = gateway.request(response.headers["x-request-id"])
    assert (row["status"], row["error_code"], row["images_delivered"]) == (status, code, 0)
    assert row["cost_pico"] == (None if cost is None else int(cost * 10**12))
    for spelling in ("x-penstock", "x-agentcc"):
        shown = response.headers.get(f"{spelling}-cost")
        assert (None if shown is None else Decimal(shown)) == cost
        assert response.headers[f"{spelling}-fallback-used"] == "false"
        assert response.headers[f"{spelling}-attempts"] == str(row["attempts"])
    return row


MISHAPS: dict[str, tuple[Behaviour, int, str, Decimal | None]] = {
    "refuses the key": (Status(401), 502, "provider_key_refused", FREE),
    "forbids": (Status(403), 502, "provider_key_refused", FREE),
    "wants money": (Status(402), 502, "provider_out_of_credit", FREE),
    "has no quota left": (NoQuota(), 502, "provider_out_of_credit", FREE),
    "limits the rate": (RateLimited(7), 429, "rate_limit_exceeded", FREE),
    "refuses the request": (Status(400), 400, "rejected_by_provider", FREE),
    "does not know the path": (Status(404), 502, "provider_failed", FREE),
    "breaks": (Status(500), 502, "provider_failed", FREE),
    "is overloaded": (Status(503), 502, "provider_failed", FREE),
    "breaks with a page": (Status(502, "<html>Bad Gateway</html>"), 502, "provider_failed", FREE),
    "redirects": (Status(307, "", {"location": "/elsewhere"}), 502, "provider_failed", FREE),
    "tells of an error in a good answer": (ErrorInside(), 502, "provider_failed", FREE),
    "blocks the content": (Blocked(), 400, "content_policy_violation", FREE),
    "stops in its answer": (Truncated(), 502, "provider_connection_lost", UNKNOWN),
    "hangs up": (CloseConnection(), 502, "provider_connection_lost", UNKNOWN),
    "hangs": (Hang(), 504, "deadline_exceeded", UNKNOWN),
}


@pytest.mark.parametrize("ask", AT_OPENAI, ids=str)
@pytest.mark.parametrize(("mishap", "status", "code", "cost"), MISHAPS.values(), ids=MISHAPS)
def test_a_provider_that_answers_at_once(
    gateway: RunningGateway,
    client: httpx.Client,
    openai_upstream: OpenAISimulator,
    ask: Ask,
    mishap: Behaviour,
    status: int,
    code: str,
    cost: Decimal | None,
) -> None:
    openai_upstream.script.append(mishap)
    headers = SOON if isinstance(mishap, Hang) else {}
    response = client.post(ask.path, json=ask.fields, headers=headers)
    moderated_there = isinstance(mishap, Blocked) and ask.path.startswith("/api/")
    row = assert_failed(gateway, response, 403 if moderated_there else status, code, cost)
    (attempt,) = gateway.attempts(row["id"])
    outcome = {Blocked: "moderated", Hang: "cancelled"}.get(type(mishap), "failed")
    assert (attempt["outcome"], attempt["provider"]) == (outcome, "openai")
    assert openai_upstream.count() == 1, "nothing is tried again that may be paid for"
    if isinstance(mishap, RateLimited):
        assert response.headers["retry-after"] == "7"


STREAMED_CHATS = [Ask(ask.path, {**ask.fields, "stream": True}, ask.upstream) for ask in (CHAT, ROUTER_CHAT)]
STREAMED_PICTURES = [
    Ask(ask.path, {**ask.fields, "stream": True, "partial_images": 2}, ask.upstream)
    for ask in (GENERATION, EDIT, ROUTER_EDIT)
]


def events(response: httpx.Response) -> list[Any]:
    """The data of each event; `[DONE]` as it is."""
    lines = [line.removeprefix("data: ") for line in response.text.split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


@pytest.mark.parametrize("ask", [*STREAMED_CHATS, *STREAMED_PICTURES], ids=str)
@pytest.mark.parametrize(
    ("mishap", "code"), [(BreaksOff(2), "provider_connection_lost"), (ErrorEvent(2), "provider_failed")], ids=str
)
def test_a_stream_that_dies_ends_with_an_error_and_its_cost_is_not_known(
    gateway: RunningGateway,
    client: httpx.Client,
    openai_upstream: OpenAISimulator,
    ask: Ask,
    mishap: Behaviour,
    code: str,
) -> None:
    openai_upstream.script.append(mishap)
    response = client.post(ask.path, json=ask.fields)
    assert response.status_code == 200
    *begun, last = events(response)
    assert begun
    assert "error" in last
    assert "[DONE]" not in begun
    if ask.path == "/api/v1/chat/completions":
        assert last["choices"][0]["finish_reason"] == "error"
        assert last["error"]["code"] == 502
    elif ask.path == "/v1/chat/completions":
        assert last["message"] == last["error"]["message"]
    else:
        assert last["type"] == "error"
    row = gateway.request(response.headers["x-request-id"])
    assert (row["status"], row["error_code"], row["cost_pico"], row["stream"]) == (502, code, None, 1)


@pytest.mark.parametrize("ask", [*STREAMED_CHATS, *STREAMED_PICTURES], ids=str)
@pytest.mark.parametrize("mishap", [Status(500), RateLimited(2), Blocked()], ids=str)
def test_a_stream_that_does_not_begin_is_an_error_like_any_other(
    gateway: RunningGateway, client: httpx.Client, openai_upstream: OpenAISimulator, ask: Ask, mishap: Behaviour
) -> None:
    openai_upstream.script.append(mishap)
    response = client.post(ask.path, json=ask.fields)
    assert response.headers["content-type"] == "application/json"
    codes = {Status: "provider_failed", RateLimited: "rate_limit_exceeded", Blocked: "content_policy_violation"}
    assert_failed(gateway, response, response.status_code, codes[type(mishap)], FREE)


NO_PICTURES: dict[str, tuple[object, str]] = {
    "text": ({"data": [{"b64_json": base64.b64encode(b"hello").decode()}]}, "not a picture"),
    "long text": ({"data": [{"b64_json": base64.b64encode(PICTURE[:40] + bytes(90_000)).decode()}]}, "unusable"),
    "broken base64": ({"data": [{"b64_json": "@@@@"}]}, "not a picture"),
    "an address in a private network": ({"data": [{"url": "https://10.0.0.1/a.png"}]}, "not fetched"),
}


@pytest.mark.parametrize("ask", [GENERATION, EDIT, ROUTER_EDIT], ids=str)
@pytest.mark.parametrize(("body", "says"), NO_PICTURES.values(), ids=NO_PICTURES)
def test_a_result_that_is_no_picture_is_a_failure_that_may_have_been_paid_for(
    gateway: RunningGateway, client: httpx.Client, openai_upstream: OpenAISimulator, ask: Ask, body: object, says: str
) -> None:
    openai_upstream.script.append(Status(200, body))
    response = client.post(ask.path, json=ask.fields)
    _, told = refusal(response)
    row = assert_failed(gateway, response, 502, told["code"], UNKNOWN)
    assert says in row["error_message"]


@pytest.mark.parametrize("ask", [GENERATION, EDIT], ids=str)
def test_a_result_at_an_address_that_has_expired(
    gateway: RunningGateway, client: httpx.Client, openai_upstream: OpenAISimulator, ask: Ask
) -> None:
    openai_upstream.results, openai_upstream.result_seconds = "url", -1
    try:
        response = client.post(ask.path, json=ask.fields)
    finally:
        openai_upstream.results, openai_upstream.result_seconds = "b64", 3600
    assert_failed(gateway, response, 502, "result_unavailable", UNKNOWN)


@pytest.mark.parametrize("ask", AT_OPENAI, ids=str)
def test_an_answer_that_nobody_can_read_may_have_been_paid_for(
    gateway: RunningGateway, client: httpx.Client, openai_upstream: OpenAISimulator, ask: Ask
) -> None:
    openai_upstream.script.append(Garbage())
    assert_failed(gateway, client.post(ask.path, json=ask.fields), 502, "provider_failed", UNKNOWN)


@pytest.mark.parametrize("address", ["ftp://example.com/a.png", "x://["])
def test_an_address_that_is_none_is_the_failure_of_the_provider(
    gateway: RunningGateway, client: httpx.Client, openai_upstream: OpenAISimulator, address: str
) -> None:
    openai_upstream.script.append(Status(200, {"data": [{"url": address}]}))
    response = client.post(GENERATION.path, json=GENERATION.fields)
    assert_failed(gateway, response, 502, "provider_failed", UNKNOWN)


# Jobs.

PAID, PAID_EDIT = Decimal("0.03"), Decimal("0.045")
"""What a picture of one megapixel costs, without and with a reference: the provider stated it when it took the job."""
STATED = Decimal(-1)
"""Either of the two."""

JOB_MISHAPS: dict[str, tuple[Behaviour, int, str, Decimal | None]] = {
    "refuses the key": (Status(403), 502, "provider_key_refused", FREE),
    "wants money": (Status(402), 502, "provider_out_of_credit", FREE),
    "limits the rate": (RateLimited(3), 429, "rate_limit_exceeded", FREE),
    "refuses the request": (Status(422), 400, "rejected_by_provider", FREE),
    "breaks": (Status(500), 502, "provider_failed", FREE),
    "is overloaded": (Status(503), 502, "provider_failed", FREE),
    "redirects a submission": (Status(307, "", {"location": "/elsewhere"}), 502, "provider_failed", FREE),
    "answers garbage": (Garbage(), 502, "provider_failed", UNKNOWN),
    "stops in its answer": (Truncated(), 502, "provider_connection_lost", UNKNOWN),
    "hangs up": (CloseConnection(), 502, "provider_connection_lost", UNKNOWN),
    "hangs": (Hang(), 504, "deadline_exceeded", UNKNOWN),
    "refuses the prompt": (
        Outcome(status="Request Moderated", reasons=("violence",)),
        400,
        "content_policy_violation",
        FREE,
    ),
    "refuses the picture": (Outcome(status="Content Moderated"), 400, "content_policy_violation", FREE),
    "ends the job in an error": (Outcome(status="Error"), 502, "provider_job_failed", FREE),
    "ends the job in a way nobody knows": (Outcome(status="Wibble"), 502, "provider_job_failed", FREE),
    "ends the job with 503": (Outcome(status="Error", http_status=503), 502, "provider_job_failed", FREE),
    "forgets the job": (Outcome(unknown_polls=10**6), 502, "task_not_found", UNKNOWN),
    "never ends the job": (Outcome(pending_polls=10**6), 504, "deadline_exceeded", UNKNOWN),
    "polls at a stranger's": (Outcome(polling_url="https://example.com/x"), 502, "provider_failed", UNKNOWN),
    "polls at its private neighbour's": (Outcome(polling_url="http://127.0.0.1:9/x"), 502, "provider_failed", UNKNOWN),
    "delivers what has expired": (Outcome(delivery="forbidden"), 502, "result_unavailable", STATED),
    "delivers what is gone": (Outcome(delivery="gone"), 502, "result_unavailable", STATED),
    "delivers a page": (Outcome(delivery="page"), 502, "provider_failed", STATED),
}


@pytest.mark.parametrize("ask", AT_BFL, ids=str)
@pytest.mark.parametrize(("mishap", "status", "code", "cost"), JOB_MISHAPS.values(), ids=JOB_MISHAPS)
def test_a_provider_of_jobs(
    gateway: RunningGateway,
    client: httpx.Client,
    bfl: BflSimulator,
    ask: Ask,
    mishap: Behaviour,
    status: int,
    code: str,
    cost: Decimal | None,
) -> None:
    bfl.script.append(mishap)
    response = client.post(ask.path, json=ask.fields, headers=SOON if status == 504 else {})
    if status == 400 and "policy" in code and ask is ROUTER_FLUX:
        status = 403
    cost = (PAID_EDIT if ask is FLUX_EDIT else PAID) if cost is STATED else cost
    row = assert_failed(gateway, response, status, code, cost)
    assert bfl.count("/v1/flux", "POST") == 1
    assert bfl.count("/elsewhere") == 0
    (attempt,) = gateway.attempts(row["id"])
    assert attempt["outcome"] in ("failed", "moderated", "cancelled")
    if isinstance(mishap, Outcome):
        assert attempt["upstream_id"] in bfl.jobs
        assert attempt["stated_pico"] == int((PAID_EDIT if ask is FLUX_EDIT else PAID) * 10**12)


def test_a_refusal_says_where_and_why(client: httpx.Client, bfl: BflSimulator) -> None:
    bfl.script.append(Outcome(status="Content Moderated", reasons=("violence", "gore")))
    error = client.post(ROUTER_FLUX.path, json=ROUTER_FLUX.fields).json()["error"]
    assert (error["metadata"]["reasons"], error["metadata"]["stage"]) == (["violence", "gore"], "output")
    assert error["metadata"]["provider_name"] == "Black Forest Labs"
    assert error["metadata"]["model_slug"] == FLUX


POLL = "/v1/get_result"
RECOVERIES: dict[str, list[Behaviour]] = {
    "does not know the job at once": [Outcome(unknown_polls=3)],
    "tells its state under another name": [Outcome(state_field="state")],
    "tells of success with 503": [Outcome(http_status=503)],
    "settles on another price": [Outcome(settled=Decimal(3))],
    "polls slowly": [On(POLL, Delay(0.2)), On(POLL, Delay(0.2))],
    "breaks at polls": [On(POLL, Status(500)), On(POLL, Status(502, "<html>"))],
    "limits polls": [On(POLL, RateLimited(1)), On(POLL, RateLimited())],
    "answers polls with garbage": [On(POLL, Garbage())],
    "stops in its answer to a poll": [On(POLL, Truncated())],
    "hangs up at polls": [On(POLL, CloseConnection()), On(POLL, CloseConnection())],
    "redirects polls": [On(POLL, Status(302, "", {"location": "/elsewhere"}))],
    "breaks at the delivery": [On("/delivery", Status(500))],
    "cuts the delivery off": [On("/delivery", Truncated())],
}


@pytest.mark.parametrize("mishaps", RECOVERIES.values(), ids=RECOVERIES)
def test_what_passes_is_waited_for(
    gateway: RunningGateway, client: httpx.Client, bfl: BflSimulator, mishaps: list[Behaviour]
) -> None:
    bfl.script.extend(mishaps)
    response = client.post(FLUX_GENERATION.path, json=FLUX_GENERATION.fields)
    assert response.status_code == 200, response.text
    assert response.headers["x-penstock-cost"] == "0.03"
    assert response.headers["x-penstock-attempts"] == "1"
    assert len(bfl.billed) == bfl.count("/v1/flux", "POST") == 1
    assert bfl.count("/elsewhere") == 0, "a redirect would carry the key away"


PARTS: dict[str, tuple[Behaviour, str]] = {
    "moderated": (Outcome(status="Content Moderated"), "content_policy_violation"),
    "failed": (Outcome(status="Error"), "provider_job_failed"),
    "refused": (RateLimited(1), "rate_limit_exceeded"),
    "not submitted": (Status(500), "provider_failed"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("ask", AT_BFL, ids=str)
@pytest.mark.parametrize(("mishap", "code"), PARTS.values(), ids=PARTS)
def test_of_three_pictures_two_are_delivered_and_charged_for(
    gateway: RunningGateway,
    client: httpx.Client,
    bfl: BflSimulator,
    ask: Ask,
    mishap: Behaviour,
    code: str,
    stream: bool,
) -> None:
    bfl.script.append(mishap)
    response = client.post(ask.path, json={**ask.fields, "n": 3, "stream": stream})
    assert response.status_code == 200, response.text
    told = [part for part in (events(response)[:-1] if stream else [response.json()]) if "errors" in part]
    (errors,) = [part["errors"] for part in told]
    assert [error["code"] for error in errors] == [code]
    assert response.text.count("iVBORw0KGgo") + response.text.count("/9j/") == 2
    row = gateway.request(response.headers["x-request-id"])
    each = PAID_EDIT if ask is FLUX_EDIT else PAID
    assert (row["images_asked"], row["images_delivered"], row["attempts"]) == (3, 2, 3)
    assert row["cost_pico"] == int(2 * each * 10**12)
    assert sum(bfl.billed) / 100 == 2 * each
    outcomes = sorted(attempt["outcome"] for attempt in gateway.attempts(row["id"]))
    assert outcomes == sorted(["moderated" if "policy" in code else "failed", "succeeded", "succeeded"])


@pytest.mark.parametrize("ask", AT_BFL, ids=str)
def test_where_no_picture_is_delivered_the_request_fails(
    gateway: RunningGateway, client: httpx.Client, bfl: BflSimulator, ask: Ask
) -> None:
    bfl.script.extend([RateLimited(1), Outcome(status="Content Moderated"), Status(500)])
    response = client.post(ask.path, json={**ask.fields, "n": 3})
    status = 403 if ask is ROUTER_FLUX else 400
    assert_failed(gateway, response, status, "content_policy_violation", FREE)


@pytest.mark.parametrize(("ask", "stream"), [*product([GENERATION, EDIT, ROUTER_EDIT], [False, True])], ids=str)
def test_one_answer_that_misses_a_picture(
    gateway: RunningGateway, client: httpx.Client, openai_upstream: OpenAISimulator, ask: Ask, stream: bool
) -> None:
    good = base64.b64encode(PICTURE).decode()
    openai_upstream.script.append(Status(200, {"data": [{"b64_json": good}, {"b64_json": "@@@@"}, {}]}))
    response = client.post(ask.path, json={**ask.fields, "n": 4, "stream": stream})
    assert response.status_code == 200, response.text
    told = [part for part in (events(response)[:-1] if stream else [response.json()]) if "errors" in part]
    assert [len(part["errors"]) for part in told] == [3]
    assert gateway.request(response.headers["x-request-id"])["images_delivered"] == 1


# Keys.


def test_no_key_of_a_provider_is_in_any_answer_row_or_log_line(
    gateway: RunningGateway,
    client: httpx.Client,
    bfl: BflSimulator,
    openai_upstream: OpenAISimulator,
    capfd: pytest.CaptureFixture[str],
) -> None:
    texts: list[str] = []
    for asks, key in ((AT_OPENAI, OPENAI_KEY), (AT_BFL, BFL_KEY)):
        shapes: list[object] = [
            {"error": {"message": f"Incorrect API key provided: {key}", "code": f"x {key}", "param": None}},
            {"detail": f"the key {key} is wrong", "message": key, "error": key},
            {"detail": [{"loc": ["header", "x-key"], "msg": key}]},
            f"<html>{key}</html>",
        ]
        for ask, shape, status in product(asks, shapes, (401, 402, 422, 429, 500, 200)):
            upstream = openai_upstream if key == OPENAI_KEY else bfl
            upstream.script.append(Status(status, shape))
            response = client.post(ask.path, json=ask.fields)
            assert response.status_code >= 400
            texts += [response.text, str(response.headers)]
    bfl.script.append(Outcome(status=f"Failed with {BFL_KEY}"))
    bfl.script.append(Outcome(status="Content Moderated", reasons=(BFL_KEY,)))
    for _ in range(2):
        texts.append(client.post(FLUX_GENERATION.path, json=FLUX_GENERATION.fields).text)
    texts += list(capfd.readouterr())
    for stored in gateway.data.glob("penstock.db*"):
        texts.append(stored.read_bytes().decode("latin-1"))
    assert [text[:300] for text in texts if BFL_KEY in text or OPENAI_KEY in text] == []
