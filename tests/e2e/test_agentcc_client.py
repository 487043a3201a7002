"""The agentcc client, unchanged, at the base address its published sample has, which doubles the path's prefix."""

import json
from collections.abc import Iterator
from typing import Any

import agentcc
import httpx
import pytest
from agentcc import AgentCC, check_valid_key, health_check
from agentcc._streaming import SSEParser

from tests.e2e.books import Books
from tests.e2e.pictures import data_url, from_base64, from_data_url, png, seen
from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import OpenAISimulator

PROMPT = "a lighthouse at dusk"
HELLO = [{"role": "user", "content": "good morning"}]
DRAW = [{"role": "user", "content": PROMPT}]


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[AgentCC]:
    with AgentCC(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=60) as made:
        yield made


@pytest.fixture
def books(gateway: RunningGateway, bfl: BflSimulator, openai_upstream: OpenAISimulator) -> Books:
    return Books(gateway, bfl, openai_upstream)


def headers_of(answer: Any) -> httpx.Headers:
    headers: httpx.Headers = answer.agentcc.http_response.headers
    return headers


def cost_of(answer: Any) -> float:
    """The cost of an answer's usage, whichever kind of answer, which the metadata must repeat."""
    usage = answer.usage if isinstance(answer.usage, dict) else answer.usage.model_dump()
    assert usage["cost"] == answer.agentcc.cost
    return float(usage["cost"])


@pytest.mark.parametrize("prefix", ["/v1", ""])
def test_the_client_works_with_and_without_the_prefix_in_its_base_address(gateway: RunningGateway, prefix: str) -> None:
    with AgentCC(base_url=gateway.url + prefix, api_key=gateway.key, max_retries=0) as client:
        answer = client.chat.completions.create(model="sandbox/text", messages=HELLO)
        assert answer.agentcc.http_response.request.url.path == f"{prefix}/v1/chat/completions"
        assert "sandbox/text" in [model.id for model in client.models.list().data]
        assert client.models.retrieve("flux-2-pro").id == "black-forest-labs/flux.2-pro"
    for model in (None, "sandbox/text"):
        assert health_check(model, gateway.key, gateway.url + prefix)["status"] == "ok"
    assert check_valid_key(gateway.key, gateway.url + prefix)
    assert not check_valid_key("pk-wrong", gateway.url + prefix)


@pytest.mark.parametrize(
    ("model", "provider", "dollars"),
    [("sandbox/text", "sandbox", "0.000015"), ("openai/gpt-4o-mini", "openai", "0.0000045")],
)
def test_a_chat_is_answered_with_its_metadata(
    client: AgentCC, books: Books, model: str, provider: str, dollars: str
) -> None:
    answer = client.chat.completions.create(model=model, messages=HELLO)
    assert answer.choices[0].message.content == "You said: good morning"
    row = books.check(
        headers_of(answer), cost_of(answer), model=model, provider=provider, dollars=dollars, billed=False
    )
    told = answer.agentcc
    assert (told.provider, told.model_used, told.cost) == (provider, model, float(dollars))
    assert (told.request_id, told.trace_id) == (row["id"], row["trace_id"])
    assert (told.cache_status, told.routing_strategy, told.fallback_used) == ("skip", row["routing_strategy"], False)
    assert told.latency_ms == row["latency_ms"] and told.timeout_ms == 600_000


def test_what_the_caller_says_of_a_request_is_kept_and_echoed(client: AgentCC, gateway: RunningGateway) -> None:
    answer = client.chat.completions.create(
        model="sandbox/text",
        messages=HELLO,
        session_id="session-1",
        trace_id="trace-1",
        user_id="user-1",
        request_id="mine-1",
        request_metadata={"campaign": "spring", "wave": 2},
        request_timeout=5000,
    )
    told = answer.agentcc
    assert (told.request_id, told.trace_id, told.timeout_ms) == ("mine-1", "trace-1", 5000)
    row = gateway.request(headers_of(answer)["x-request-id"])
    assert (row["session_id"], row["trace_id"], row["user_id"]) == ("session-1", "trace-1", "user-1")
    assert json.loads(row["metadata"]) == {"request_id": "mine-1", "campaign": "spring", "wave": 2}


MODELS = [
    ("sandbox/image", "sandbox"),
    ("openai/gpt-image-1.5", "openai"),
    ("black-forest-labs/flux.2-pro", "bfl"),
]


@pytest.mark.parametrize(("model", "provider"), MODELS)
@pytest.mark.parametrize("n", [1, 2])
def test_pictures_are_made(client: AgentCC, books: Books, model: str, provider: str, n: int) -> None:
    answer = client.images.generate(model=model, prompt=PROMPT, n=n, size="1536x1024")
    assert [seen(from_base64(image.b64_json)).size for image in answer.data] == [(1536, 1024)] * n
    calls = n if provider == "bfl" else 1
    books.check(headers_of(answer), cost_of(answer), model=model, provider=provider, calls=calls)


def test_a_picture_can_be_had_by_address(client: AgentCC) -> None:
    answer = client.images.generate(model="sandbox/image", prompt=PROMPT, size="256x256", response_format="url")
    assert seen(httpx.get(answer.data[0].url).content).size == (256, 256)


@pytest.mark.parametrize(("model", "provider"), MODELS)
def test_a_chat_with_an_image_model_answers_with_a_picture_though_no_modalities_are_sent(
    client: AgentCC, books: Books, model: str, provider: str
) -> None:
    shown = {"type": "image_url", "image_url": {"url": data_url(png(512, 512))}}
    for content, operation in ((PROMPT, "image_generation"), ([{"type": "text", "text": PROMPT}, shown], "image_edit")):
        answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
        message = answer.choices[0].message
        (image,) = message.images
        assert message.content == "" and seen(from_data_url(image["image_url"]["url"])).size >= (512, 512)
        row = books.check(headers_of(answer), cost_of(answer), model=model, provider=provider)
        assert row["operation"] == operation


@pytest.mark.parametrize(
    ("model", "provider", "dollars"),
    [("sandbox/text", "sandbox", "0.000015"), ("openai/gpt-4o-mini", "openai", "0.0000045")],
)
def test_a_streamed_chat_is_collected_by_the_client(
    client: AgentCC, books: Books, model: str, provider: str, dollars: str
) -> None:
    with client.chat.completions.stream(model=model, messages=HELLO) as stream:
        answer = stream.get_final_completion()
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("You said: good morning", "stop")
    cost = answer.usage.model_dump()["cost"]
    books.check(headers_of(answer), cost, model=model, provider=provider, dollars=dollars, billed=False)


def deltas(client: AgentCC, **asked: Any) -> tuple[list[dict[str, Any]], float, httpx.Headers]:
    """The deltas of a stream as the client's own parser reads them, for its types have no place for pictures."""
    stream = client.chat.completions.create(stream=True, **asked)
    try:
        events = [event.data for event in SSEParser(stream.response.iter_bytes())]
    finally:
        stream.close()
    assert events.pop() == "[DONE]"
    chunks = [json.loads(data or "") for data in events]
    found = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return found, chunks[-1]["usage"]["cost"], stream.response.headers


@pytest.mark.parametrize("n", [1, 2])
def test_a_small_picture_in_a_stream_comes_in_one_read(client: AgentCC, books: Books, n: int) -> None:
    asked = {"size": "64x64", "n": n, "output_format": "jpeg"}
    found, cost, headers = deltas(client, model="sandbox/image", messages=DRAW, extra_body=asked)
    pictures = [from_data_url(image["image_url"]["url"]) for image in found[0]["images"]]
    assert [seen(data).size for data in pictures] == [(64, 64)] * n
    books.check(headers, cost, model="sandbox/image", provider="sandbox")


@pytest.mark.parametrize(
    ("model", "provider", "asked"),
    [
        ("sandbox/image", "sandbox", {"size": "1024x1024"}),
        ("sandbox/image", "sandbox", {"size": "128x128", "n": 10}),
        ("black-forest-labs/flux.2-pro", "bfl", {"size": "2048x2048", "output_format": "png"}),
    ],
    ids=["one", "many", "bfl"],
)
def test_pictures_too_large_for_one_read_come_by_address(
    client: AgentCC, books: Books, model: str, provider: str, asked: dict[str, Any]
) -> None:
    found, cost, headers = deltas(client, model=model, messages=DRAW, extra_body=asked)
    addresses = [image["image_url"]["url"] for image in found[0]["images"]]
    fetched = [httpx.get(address).content for address in addresses]
    assert sum(map(len, fetched)) * 4 / 3 > 32 * 1024
    width, height = map(int, asked["size"].split("x"))
    assert [seen(data).size for data in fetched] == [(width, height)] * asked.get("n", 1)
    books.check(headers, cost, model=model, provider=provider)


def test_text_is_embedded(client: AgentCC, books: Books) -> None:
    answer = client.embeddings.create(model="openai/text-embedding-3-small", input=["good morning", "gruesse"])
    assert [len(entry.embedding) for entry in answer.data] == [8, 8]
    books.check(
        headers_of(answer),
        cost_of(answer),
        model="openai/text-embedding-3-small",
        provider="openai",
        dollars="0.0000001",
    )


@pytest.mark.parametrize(
    ("model", "word", "kind", "code"),
    [
        ("sandbox/textt", "", agentcc.NotFoundError, "model_not_found"),
        ("sandbox/text", "[sandbox:moderated-input]", agentcc.BadRequestError, "content_policy_violation"),
        ("sandbox/text", "[sandbox:429 2]", agentcc.RateLimitError, "rate_limit_exceeded"),
        ("sandbox/text", "[sandbox:500]", agentcc.BadGatewayError, "provider_failed"),
    ],
)
def test_a_failure_is_the_clients_own_exception(
    client: AgentCC, gateway: RunningGateway, model: str, word: str, kind: type[agentcc.APIStatusError], code: str
) -> None:
    messages = [{"role": "user", "content": f"hello {word}"}]
    with pytest.raises(kind) as failed:
        client.chat.completions.create(model=model, messages=messages)
    error = failed.value
    assert (error.code, error.body["message"]) == (code, error.message)
    assert gateway.request(error.request_id)["status"] == error.status_code
    with pytest.raises(kind):
        client.chat.completions.create(model=model, messages=messages, stream=True)


def test_a_stream_that_breaks_off_is_an_error_and_not_a_short_answer(client: AgentCC) -> None:
    messages = [{"role": "user", "content": "hello [sandbox:dies-mid-stream]"}]
    with (
        client.chat.completions.stream(model="sandbox/text", messages=messages) as stream,
        pytest.raises(agentcc.StreamError, match="broke off"),
    ):
        stream.get_final_completion()


def test_a_wrong_key_is_refused(gateway: RunningGateway) -> None:
    with (
        AgentCC(base_url=f"{gateway.url}/v1", api_key="pk-wrong", max_retries=0) as stranger,
        pytest.raises(agentcc.AuthenticationError),
    ):
        stranger.chat.completions.create(model="sandbox/text", messages=HELLO)
