"""The official OpenRouter client, unchanged, against every kind of upstream."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from openrouter import OpenRouter, components, errors

from tests.e2e.books import Books
from tests.e2e.pictures import data_url, from_base64, from_data_url, noise, png, seen
from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import OpenAISimulator

PROMPT = "a lighthouse at dusk"
HELLO: Any = [{"role": "user", "content": "good morning"}]
DRAW: Any = [{"role": "user", "content": PROMPT}]


@dataclass
class Client:
    """The client, and the headers of its last response, which it keeps to itself."""

    api: OpenRouter
    headers: httpx.Headers


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[Client]:
    def keep(response: httpx.Response) -> None:
        made.headers = response.headers

    with httpx.Client(timeout=60, event_hooks={"response": [keep]}) as http:
        # Without `retry_config` the client repeats every 5xx for an hour.
        api = OpenRouter(api_key=gateway.key, server_url=f"{gateway.url}/api/v1", client=http, retry_config=None)
        made = Client(api, httpx.Headers())
        yield made


@pytest.fixture
def books(gateway: RunningGateway, bfl: BflSimulator, openai_upstream: OpenAISimulator) -> Books:
    return Books(gateway, bfl, openai_upstream)


def image_url(data: bytes) -> Any:
    return {"type": "image_url", "image_url": {"url": data_url(data)}}


ONE, TWO = png(512, 512), noise(200, 200)
MODELS = [
    ("sandbox/image", "sandbox", True),
    ("openai/gpt-image-1.5", "openai", True),
    ("black-forest-labs/flux.2-pro", "bfl", False),
]
"""Model, provider, and whether several pictures come from one upstream call."""


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(("model", "provider", "at_once"), MODELS)
def test_the_images_method_makes_pictures(
    client: Client, books: Books, model: str, provider: str, at_once: bool, n: int
) -> None:
    answer = client.api.images.generate(model=model, prompt=PROMPT, n=n, size="1024x1536", output_format="webp")
    made = [seen(from_base64(image.b64_json)) for image in answer.data]
    assert [(one.size, one.format) for one in made] == [((1024, 1536), "webp")] * n
    assert [image.media_type for image in answer.data] == ["image/webp"] * n
    assert answer.usage is not None
    calls = 1 if at_once else n
    books.check(client.headers, cost_of(answer.usage), model=model, provider=provider, calls=calls)


def cost_of(usage: components.ImageGenerationUsage | components.ChatUsage | None) -> float:
    assert usage is not None and isinstance(usage.cost, float | int)
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    return usage.cost


@pytest.mark.parametrize(
    ("model", "asked", "size", "dollars"),
    [
        ("sandbox/image", {"aspect_ratio": "16:9"}, (1344, 768), "0.03"),
        ("sandbox/image", {"resolution": "512"}, (512, 512), "0.03"),
        ("openai/gpt-image-1.5", {"aspect_ratio": "2:3", "quality": "low"}, (1024, 1536), "0.013081"),
        ("openai/gpt-image-2", {"resolution": "2K", "quality": "low"}, (2048, 2048), "0.011935"),
        ("black-forest-labs/flux.2-pro", {"resolution": "2K", "aspect_ratio": "1:1"}, (2048, 2048), "0.075"),
        ("black-forest-labs/flux.2-pro", {"size": "2K", "aspect_ratio": "16:9"}, (2720, 1536), "0.075"),
        ("black-forest-labs/flux.1-kontext-pro", {"aspect_ratio": "9:16"}, (768, 1360), "0.04"),
        ("black-forest-labs/flux.1.1-pro", {"aspect_ratio": "3:2"}, (1248, 832), "0.04"),
    ],
)
def test_ratios_and_size_classes_become_what_the_provider_takes(
    client: Client, books: Books, model: str, asked: dict[str, Any], size: tuple[int, int], dollars: str
) -> None:
    answer = client.api.images.generate(model=model, prompt=PROMPT, **asked)
    assert seen(from_base64(answer.data[0].b64_json)).size == size
    provider = client.headers["x-penstock-provider"]
    books.check(client.headers, cost_of(answer.usage), model=model, provider=provider, dollars=dollars)


@pytest.mark.parametrize(("model", "provider", "_"), MODELS)
def test_input_references_reach_the_provider_in_their_order(
    client: Client,
    books: Books,
    bfl: BflSimulator,
    openai_upstream: OpenAISimulator,
    model: str,
    provider: str,
    _: bool,
) -> None:
    answer = client.api.images.generate(model=model, prompt=PROMPT, input_references=[image_url(ONE), image_url(TWO)])
    row = books.check(client.headers, cost_of(answer.usage), model=model, provider=provider)
    assert (row["operation"], row["reference_count"]) == ("image_edit", 2)
    if provider == "openai":
        assert [upload.data for upload in openai_upstream.calls[0].body["image[]"]] == [ONE, TWO]
    if provider == "bfl":
        sent = bfl.calls[0].body
        assert [b64decode(sent[name]) for name in ("input_image", "input_image_2")] == [ONE, TWO]


@pytest.mark.parametrize(("model", "provider", "_"), MODELS)
def test_a_stream_of_the_images_method_ends_with_the_picture_and_its_cost(
    client: Client, books: Books, model: str, provider: str, _: bool
) -> None:
    with client.api.images.generate(model=model, prompt=PROMPT, output_format="png", stream=True) as stream:
        events = list(stream)
    (completed,) = events
    assert isinstance(completed, components.ImageGenCompletedEvent)
    assert seen(from_base64(completed.b64_json)).format == "png" == (completed.media_type or "").partition("/")[2]
    books.check(client.headers, cost_of(completed.usage), model=model, provider=provider)


@pytest.mark.parametrize(
    ("model", "provider", "dollars"),
    [("sandbox/text", "sandbox", "0.000015"), ("openai/gpt-4o-mini", "openai", "0.0000045")],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_chat_is_answered_and_priced(
    client: Client, books: Books, model: str, provider: str, dollars: str, streamed: bool
) -> None:
    if streamed:
        with client.api.chat.send(model=model, messages=HELLO, stream=True) as stream:
            chunks = list(stream)
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-2])
        assert (chunks[-2].choices[0].finish_reason, chunks[-1].choices) == ("stop", [])
        usage = chunks[-1].usage
    else:
        answer = client.api.chat.send(model=model, messages=HELLO)
        said, usage = answer.choices[0].message.content, answer.usage
    assert said == "You said: good morning"
    books.check(client.headers, cost_of(usage), model=model, provider=provider, dollars=dollars, billed=False)


@pytest.mark.parametrize(("model", "provider", "_"), MODELS)
@pytest.mark.parametrize("modalities", [None, ["image", "text"]])
def test_a_chat_with_an_image_model_answers_with_a_picture(
    client: Client, books: Books, model: str, provider: str, _: bool, modalities: Any
) -> None:
    asked: Any = {} if modalities is None else {"modalities": modalities}
    answer = client.api.chat.send(model=model, messages=DRAW, image_config={"aspect_ratio": "1:1"}, **asked)
    (image,) = answer.choices[0].message.images or []
    assert seen(from_data_url(image.image_url.url)).size == (1024, 1024)
    books.check(client.headers, cost_of(answer.usage), model=model, provider=provider)


def test_a_picture_shown_in_a_chat_is_edited(client: Client, books: Books, bfl: BflSimulator) -> None:
    shown: Any = [{"role": "user", "content": [{"type": "text", "text": PROMPT}, image_url(TWO)]}]
    answer = client.api.chat.send(model="black-forest-labs/flux.2-pro", messages=shown)
    assert b64decode(bfl.calls[0].body["input_image"]) == TWO
    books.check(client.headers, cost_of(answer.usage), model="black-forest-labs/flux.2-pro", provider="bfl")


@pytest.mark.parametrize("name", ["bfl", "black-forest-labs", "Black Forest Labs"])
def test_a_provider_can_be_chosen_by_slug_or_by_the_name_openrouter_knows(client: Client, name: str) -> None:
    chosen: Any = {"only": [name]}
    client.api.images.generate(model="black-forest-labs/flux.2-pro", prompt=PROMPT, provider=chosen)
    assert client.headers["x-penstock-provider"] == "bfl"
    for unwanted in ({"ignore": [name]}, {"only": ["openai"]}):
        asked: Any = unwanted
        with pytest.raises(errors.BadRequestResponseError) as refused:
            client.api.images.generate(model="black-forest-labs/flux.2-pro", prompt=PROMPT, provider=asked)
        assert refused.value.data.error.metadata["param"] == "provider"


def test_only_the_provider_that_is_asked_gets_its_options(client: Client, bfl: BflSimulator) -> None:
    options: Any = {"options": {"black_forest_labs": {"safety_tolerance": 4}, "openai": {"moderation": "low"}}}
    client.api.images.generate(model="black-forest-labs/flux.2-pro", prompt=PROMPT, provider=options)
    assert bfl.calls[0].body["safety_tolerance"] == 4
    assert "moderation" not in bfl.calls[0].body and not bfl.ignored


def test_text_is_embedded(client: Client, books: Books) -> None:
    answer = client.api.embeddings.generate(model="openai/text-embedding-3-small", input=["good morning", "gruesse"])
    assert not isinstance(answer, str) and answer.usage is not None
    assert [len(entry.embedding) for entry in answer.data] == [8, 8]
    books.check(
        client.headers,
        answer.usage.cost,
        model="openai/text-embedding-3-small",
        provider="openai",
        dollars="0.0000001",
    )


def test_models_and_what_they_take_are_listed(client: Client) -> None:
    listed = client.api.models.list(output_modalities="all")
    assert listed is not None
    names = {model.id for model in listed.result.data}
    assert {"sandbox/text", "sandbox/image", "openai/gpt-image-1.5", "black-forest-labs/flux.2-pro"} <= names
    images = {model.id: model for model in client.api.images.list_models().data}
    assert "sandbox/text" not in images
    taken = images["black-forest-labs/flux.2-pro"].supported_parameters
    assert {"aspect_ratio", "resolution", "size", "seed", "n", "input_references"} <= set(taken)
    offers = client.api.images.list_model_endpoints(author="black-forest-labs", slug="flux.2-pro")
    assert [offer.provider_slug for offer in offers.endpoints] == ["bfl"]
    found = client.api.models.get(author="sandbox", slug="text")
    assert found.data.id == "sandbox/text"
    served = client.api.endpoints.list(author="openai", slug="gpt-4o-mini")
    assert served.data.id == "openai/gpt-4o-mini"


@pytest.mark.parametrize(
    ("word", "kind", "code", "error_type"),
    [
        ("moderated-input", errors.ForbiddenResponseError, 403, "content_policy_violation"),
        ("rejected", errors.BadRequestResponseError, 400, "invalid_request"),
        ("429 2", errors.TooManyRequestsResponseError, 429, "rate_limit_exceeded"),
        ("500", errors.BadGatewayResponseError, 502, "provider_unavailable"),
    ],
)
def test_a_failure_is_the_clients_own_exception(
    client: Client, gateway: RunningGateway, word: str, kind: type[Any], code: int, error_type: str
) -> None:
    asked = f"{PROMPT} [sandbox:{word}]"
    for call in (
        lambda: client.api.images.generate(model="sandbox/image", prompt=asked),
        lambda: client.api.chat.send(model="sandbox/text", messages=[{"role": "user", "content": asked}]),
    ):
        with pytest.raises(kind) as failed:
            call()
        assert (failed.value.data.error.code, failed.value.status_code) == (code, code)
        assert failed.value.data.error.metadata["error_type"] == error_type
        row = gateway.request(failed.value.headers["x-request-id"])
        assert (row["status"], row["dialect"], row["attempts"]) == (code, "openrouter", 1)


def test_a_chat_that_breaks_off_says_so_in_its_last_chunk(client: Client, gateway: RunningGateway) -> None:
    asked: Any = [{"role": "user", "content": f"{PROMPT} [sandbox:dies-mid-stream]"}]
    with client.api.chat.send(model="sandbox/text", messages=asked, stream=True) as stream:
        chunks = list(stream)
    last = chunks[-1]
    assert last.error is not None and last.error.code == 502
    assert last.choices[0].finish_reason == "error"
    assert [chunk.error for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert gateway.request(client.headers["x-request-id"])["status"] == 502
