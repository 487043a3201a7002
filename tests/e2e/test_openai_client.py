"""The official OpenAI client, unchanged, against every kind of upstream: what is asked is delivered, and paid once."""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.images_response import ImagesResponse

from penstock.assets.links import sign
from penstock.store.db import Database
from penstock.store.kept import kept_secret
from tests.e2e.books import Books
from tests.e2e.pictures import data_url, from_base64, from_data_url, left_half_mask, noise, png, seen
from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import OpenAISimulator

PROMPT = "a lighthouse at dusk"
TEAL = (0, 128, 128)
MAGENTA = (255, 0, 255)
ONE, TWO = png(512, 512), png(300, 200, "maroon")

T = TypeVar("T", bound=openai.BaseModel)


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=60) as made:
        yield made


@pytest.fixture
def books(gateway: RunningGateway, bfl: BflSimulator, openai_upstream: OpenAISimulator) -> Books:
    return Books(gateway, bfl, openai_upstream)


def whole(answer: T) -> T:
    """An answer that has every field its type declares; the client itself does not look."""
    type(answer).model_validate(answer.to_dict())
    return answer


def extra(answer: openai.BaseModel | None, name: str) -> Any:
    """A field beyond those the client knows."""
    assert answer is not None
    return (answer.model_extra or {})[name]


def pictures(answer: ImagesResponse) -> list[bytes]:
    return [from_base64(image.b64_json) for image in answer.data or []]


@dataclass(frozen=True)
class Maker:
    """A model that makes pictures, and what it is asked for."""

    model: str
    provider: str
    size: tuple[int, int]
    one: str
    """Dollars for one picture of PROMPT, and for three."""
    three: str
    at_once: bool = False
    """Several pictures come from one upstream call."""
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def request(self) -> dict[str, Any]:
        size = {} if self.asked else {"size": f"{self.size[0]}x{self.size[1]}"}
        return {"model": self.model, "prompt": PROMPT, **size, **self.asked}


SANDBOX = Maker("sandbox/image", "sandbox", (768, 512), "0.03", "0.09", at_once=True)
GPT_IMAGE = Maker("openai/gpt-image-1.5", "openai", (1536, 1024), "0.050201", "0.150553", at_once=True)
GPT_IMAGE_2 = Maker("openai/gpt-image-2", "openai", (1280, 720), "0.028435", "0.085255", at_once=True)
FLUX_2 = Maker("black-forest-labs/flux.2-pro", "bfl", (1920, 1080), "0.045", "0.135")
FLUX_1_1 = Maker("black-forest-labs/flux.1.1-pro", "bfl", (1024, 768), "0.04", "0.12")
KONTEXT = Maker(
    "black-forest-labs/flux.1-kontext-pro",
    "bfl",
    (1360, 768),
    "0.04",
    "0.12",
    asked={"extra_body": {"aspect_ratio": "16:9"}},
)
MAKERS = [SANDBOX, GPT_IMAGE, GPT_IMAGE_2, FLUX_2, FLUX_1_1, KONTEXT]
UPSTREAMS = [SANDBOX, GPT_IMAGE, FLUX_2]


def name_of(value: object) -> str | None:
    return value.model.partition("/")[2] if isinstance(value, Maker) else None


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("maker", MAKERS, ids=name_of)
def test_pictures_come_in_the_number_size_and_format_asked_for(
    client: OpenAI, books: Books, maker: Maker, n: int
) -> None:
    raw = client.images.with_raw_response.generate(**maker.request, n=n, output_format="png")
    answer = whole(raw.parse())
    made = pictures(answer)
    assert [(one.size, one.format) for one in map(seen, made)] == [(maker.size, "png")] * n
    assert len(set(made)) == n, "each picture is another"
    dollars, calls = (maker.one, 1) if n == 1 else (maker.three, 1 if maker.at_once else n)
    row = books.check(
        raw.headers,
        extra(answer.usage, "cost"),
        model=maker.model,
        provider=maker.provider,
        calls=calls,
        dollars=dollars,
    )
    assert (row["images_asked"], row["images_delivered"]) == (n, n)
    assert row["output_pixels"] == n * maker.size[0] * maker.size[1]


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
@pytest.mark.parametrize("maker", UPSTREAMS, ids=name_of)
def test_a_picture_is_encoded_as_asked(client: OpenAI, maker: Maker, output_format: Any) -> None:
    answer = client.images.generate(**maker.request, output_format=output_format)
    (made,) = pictures(answer)
    assert (seen(made).format, extra(answer.data[0], "media_type")) == (output_format, f"image/{output_format}")


def test_the_same_seed_makes_the_same_picture(client: OpenAI) -> None:
    first, second, other = (
        pictures(client.images.generate(**SANDBOX.request, extra_body={"seed": seed}))[0] for seed in (7, 7, 8)
    )
    assert first == second != other


@pytest.mark.parametrize("maker", [SANDBOX, FLUX_2], ids=name_of)
def test_of_several_pictures_each_has_the_next_seed_and_says_it(
    client: OpenAI, bfl: BflSimulator, maker: Maker
) -> None:
    answer = client.images.generate(**maker.request, n=3, extra_body={"seed": 7})
    assert [extra(image, "seed") for image in answer.data or []] == [7, 8, 9]
    if maker.provider == "bfl":
        assert sorted(call.body["seed"] for call in bfl.calls if call.method == "POST") == [7, 8, 9]


def test_an_edit_takes_a_seed_in_its_form(client: OpenAI) -> None:
    answer = client.images.edit(
        model="sandbox/image", prompt=PROMPT, image=("one.png", ONE), n=2, extra_body={"seed": 7}
    )
    assert [extra(image, "seed") for image in answer.data or []] == [7, 8]


def test_providers_chosen_in_a_form_are_never_passed_over(client: OpenAI) -> None:
    edit: dict[str, Any] = {"model": "sandbox/image", "prompt": PROMPT, "image": ("one.png", ONE)}
    client.images.edit(**edit, extra_body={"provider": json.dumps({"only": ["sandbox"]})})
    for wish in (
        json.dumps({"only": ["openai"]}),
        {"only": ["sandbox"]},
    ):  # the client writes a dict as `provider[only][]`
        with pytest.raises(openai.BadRequestError) as refused:
            client.images.edit(**edit, extra_body={"provider": wish})
        assert refused.value.param == "provider"


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({**GPT_IMAGE.request, "extra_body": {"seed": 7}}, "seed"),
        ({**GPT_IMAGE.request, "size": "640x480"}, "size"),
        ({**FLUX_2.request, "size": "4096x4096"}, "size"),
        ({**KONTEXT.request, "size": "1024x1024"}, "size"),
        ({**FLUX_2.request, "quality": "high"}, "quality"),
        ({**SANDBOX.request, "n": 11}, "n"),
        ({**SANDBOX.request, "response_format": "tiff"}, "response_format"),
    ],
)
def test_what_cannot_be_had_is_refused_before_anybody_is_paid(
    client: OpenAI, books: Books, request_: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(**request_)
    assert refused.value.param == param
    books.check_refused(refused.value.response.headers, 400, refused.value.code or "")


@pytest.mark.parametrize("maker", UPSTREAMS, ids=name_of)
def test_a_picture_by_address_can_be_fetched_without_a_key(client: OpenAI, books: Books, maker: Maker) -> None:
    raw = client.images.with_raw_response.generate(**maker.request, n=2, response_format="url", output_format="png")
    answer = raw.parse()
    books.check(
        raw.headers,
        extra(answer.usage, "cost"),
        model=maker.model,
        provider=maker.provider,
        calls=1 if maker.at_once else 2,
    )
    for image in answer.data or []:
        assert image.url is not None and image.b64_json is None
        fetched = httpx.get(image.url)
        assert (fetched.status_code, fetched.headers["content-type"]) == (200, "image/png")
        assert (seen(fetched.content).size, seen(fetched.content).format) == (maker.size, "png")


def test_an_address_gives_parts_and_says_when_nothing_has_changed(client: OpenAI) -> None:
    (image,) = client.images.generate(**SANDBOX.request, response_format="url").data or []
    assert image.url is not None
    fetched = httpx.get(image.url)
    tag, length = fetched.headers["etag"], len(fetched.content)
    unchanged = httpx.get(image.url, headers={"if-none-match": tag})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    part = httpx.get(image.url, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, fetched.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{length}"
    assert httpx.get(image.url, headers={"range": "bytes=-5"}).content == fetched.content[-5:]
    assert httpx.get(image.url, headers={"range": f"bytes={length}-"}).status_code == 416


def test_an_address_that_was_changed_or_has_expired_is_refused(client: OpenAI, gateway: RunningGateway) -> None:
    first, second = (
        client.images.generate(**SANDBOX.request, response_format="url", extra_body={"seed": seed}).data[0].url or ""
        for seed in (1, 2)
    )
    path, _, query = first.partition("?")
    digest = path.rpartition("/")[2]
    with Database.open(str(gateway.data / "penstock.db")) as database:
        secret = kept_secret(database, "asset-links")
    for address in (
        f"{first[:-1]}{'0' if first[-1] != '0' else '1'}",
        f"{path}?{query.replace('expires=', 'expires=9')}",
        f"{second.partition('?')[0]}?{query}",
        f"{path}?{sign(secret, digest, 1_700_000_000)}",
    ):
        refused = httpx.get(address)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "invalid_signature"), address
    assert httpx.get(path).status_code == 401
    assert httpx.get(path, headers={"authorization": f"Bearer {gateway.key}"}).status_code == 200
    stranger = httpx.get(path, headers={"authorization": f"Bearer {gateway.new_key()}"})
    assert (stranger.status_code, stranger.json()["error"]["code"]) == (404, "asset_not_found")


EDITS = [
    ("sandbox/image", "sandbox", [ONE], (512, 512), "0.045"),
    ("sandbox/image", "sandbox", [ONE, TWO], (512, 512), "0.06"),
    ("openai/gpt-image-1.5", "openai", [ONE], (1024, 1024), "0.035881"),
    ("openai/gpt-image-1.5", "openai", [ONE, TWO], (1024, 1024), "0.037945"),
    ("black-forest-labs/flux.2-pro", "bfl", [ONE], (512, 512), "0.045"),
    ("black-forest-labs/flux.2-pro", "bfl", [ONE, TWO], (512, 512), "0.06"),
    ("black-forest-labs/flux.1-kontext-pro", "bfl", [ONE], (1024, 1024), "0.04"),
    ("black-forest-labs/flux.1-kontext-pro", "bfl", [ONE, TWO], (1024, 1024), "0.04"),
    ("black-forest-labs/flux.1.1-pro", "bfl", [ONE], (1024, 768), "0.04"),
]


@pytest.mark.parametrize(("model", "provider", "files", "size", "dollars"), EDITS)
def test_an_edit_sends_the_very_files_in_their_order(
    client: OpenAI,
    books: Books,
    bfl: BflSimulator,
    openai_upstream: OpenAISimulator,
    model: str,
    provider: str,
    files: list[bytes],
    size: tuple[int, int],
    dollars: str,
) -> None:
    named = [(f"{place}.png", data, "image/png") for place, data in enumerate(files)]
    raw = client.images.with_raw_response.edit(
        model=model, prompt=PROMPT, image=named if len(named) > 1 else named[0], output_format="png"
    )
    answer = whole(raw.parse())
    assert [(one.size, one.format) for one in map(seen, pictures(answer))] == [(size, "png")]
    row = books.check(raw.headers, extra(answer.usage, "cost"), model=model, provider=provider, dollars=dollars)
    assert (row["operation"], row["reference_count"]) == ("image_edit", len(files))
    if provider == "openai":
        (call,) = openai_upstream.calls
        assert [upload.data for upload in call.body["image" if len(files) == 1 else "image[]"]] == files
    if provider == "bfl":
        sent = bfl.calls[0].body
        assert [b64decode(sent[name]) for name in sorted(sent) if name.startswith(("input_image", "image_pr"))] == files


def test_three_edits_by_three_calls_pay_for_the_reference_three_times(client: OpenAI, books: Books) -> None:
    raw = client.images.with_raw_response.edit(model=FLUX_2.model, prompt=PROMPT, image=("one.png", ONE), n=3)
    answer = raw.parse()
    assert len(answer.data or []) == 3
    books.check(raw.headers, extra(answer.usage, "cost"), model=FLUX_2.model, provider="bfl", calls=3, dollars="0.135")


@pytest.mark.parametrize(
    ("model", "provider", "dollars"),
    [
        ("sandbox/image", "sandbox", "0.045"),
        ("openai/gpt-image-1.5", "openai", "0.035881"),
        ("black-forest-labs/flux.1-fill-pro", "bfl", "0.05"),
    ],
)
def test_a_mask_opens_its_transparent_half_and_keeps_the_other(
    client: OpenAI, books: Books, model: str, provider: str, dollars: str
) -> None:
    raw = client.images.with_raw_response.edit(
        model=model,
        prompt=PROMPT,
        image=("one.png", ONE, "image/png"),
        mask=("mask.png", left_half_mask(512, 512), "image/png"),
        output_format="png",
    )
    answer = raw.parse()
    made = seen(pictures(answer)[0])
    assert made.left != TEAL and made.right == TEAL
    if provider == "bfl":
        assert made.left == MAGENTA
    row = books.check(raw.headers, extra(answer.usage, "cost"), model=model, provider=provider, dollars=dollars)
    kept = books.gateway.rows("select role from asset_links where request_id = ? order by role", row["id"])
    masks = ["mask", "mask"] if provider == "bfl" else ["mask"]  # as it was sent, and as this provider takes it
    assert [link["role"] for link in kept] == [*masks, "output", "reference"]


@pytest.mark.parametrize(
    ("model", "files", "mask", "param"),
    [
        ("black-forest-labs/flux.2-pro", [ONE], left_half_mask(512, 512), "mask"),
        ("black-forest-labs/flux.1-fill-pro", [ONE], left_half_mask(256, 512), "mask"),
        ("black-forest-labs/flux.1-fill-pro", [ONE, TWO], None, "image"),
        ("black-forest-labs/flux.1.1-pro", [ONE, TWO], None, "image"),
        ("sandbox/image", [b"not a picture"], None, "image"),
    ],
)
def test_an_edit_nobody_can_make_is_refused_before_anybody_is_paid(
    client: OpenAI, books: Books, model: str, files: list[bytes], mask: bytes | None, param: str
) -> None:
    masked = {"mask": ("mask.png", mask, "image/png")} if mask else {}
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.edit(model=model, prompt=PROMPT, image=[("a.png", data) for data in files], **masked)
    assert refused.value.param == param
    books.check_refused(refused.value.response.headers, 400, refused.value.code or "")


@pytest.mark.parametrize("edit", [False, True])
@pytest.mark.parametrize(
    ("model", "provider", "previews"),
    [
        ("sandbox/image", "sandbox", 2),
        ("openai/gpt-image-1.5", "openai", 2),
        ("black-forest-labs/flux.2-pro", "bfl", 0),
    ],
)
def test_a_stream_shows_previews_where_the_provider_has_them_and_ends_with_the_picture(
    client: OpenAI, books: Books, model: str, provider: str, previews: int, edit: bool
) -> None:
    asked: dict[str, Any] = {"model": model, "prompt": PROMPT, "stream": True, "output_format": "png"}
    asked |= {"partial_images": previews} if previews else {}
    call = client.images.edit if edit else client.images.generate
    with call(**asked, **({"image": ("one.png", ONE)} if edit else {"size": "1024x1024"})) as stream:
        events = [whole(event) for event in stream]
        headers = stream.response.headers
    kind = "image_edit" if edit else "image_generation"
    assert [event.type for event in events] == [f"{kind}.partial_image"] * previews + [f"{kind}.completed"]
    assert [event.partial_image_index for event in events[:-1]] == list(range(previews))
    size = (512, 512) if edit and provider != "openai" else (1024, 1024)
    for event in events:
        made = seen(from_base64(event.b64_json))
        assert (f"{made.size[0]}x{made.size[1]}", made.format) == (event.size, event.output_format)
    assert (made.size, made.format) == (size, "png")
    row = books.check(headers, extra(events[-1].usage, "cost"), model=model, provider=provider)
    assert row["stream"] == 1


@pytest.mark.parametrize("maker", UPSTREAMS, ids=name_of)
def test_a_stream_of_several_pictures_completes_each_and_states_the_usage_once(
    client: OpenAI, books: Books, maker: Maker
) -> None:
    with client.images.generate(**maker.request, n=2, stream=True) as stream:
        events = list(stream)
        headers = stream.response.headers
    assert [event.type for event in events] == ["image_generation.completed"] * 2
    assert events[0].usage is None
    books.check(
        headers,
        extra(events[1].usage, "cost"),
        model=maker.model,
        provider=maker.provider,
        calls=1 if maker.at_once else 2,
    )


def test_a_stream_without_previews_brings_the_picture_and_says_so(client: OpenAI, gateway: RunningGateway) -> None:
    with client.images.with_streaming_response.generate(**FLUX_2.request, stream=True, partial_images=2) as response:
        assert "partial_images" in response.headers["x-penstock-ignored"]
        text = response.read().decode()
    assert text.count("event: ") == text.count("event: image_generation.completed") == 1


TEXTS = [("sandbox/text", "sandbox", "0.000015"), ("openai/gpt-4o-mini", "openai", "0.0000045")]
HELLO: Any = [{"role": "user", "content": "good morning"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
VERDICT: Any = {
    "type": "json_schema",
    "json_schema": {
        "name": "verdict",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"good": {"type": "boolean"}, "stars": {"type": "integer"}},
            "required": ["good", "stars"],
            "additionalProperties": False,
        },
    },
}


@pytest.mark.parametrize(("model", "provider", "dollars"), TEXTS)
def test_a_chat_is_answered_and_priced(
    client: OpenAI, books: Books, openai_upstream: OpenAISimulator, model: str, provider: str, dollars: str
) -> None:
    raw = client.chat.completions.with_raw_response.create(model=model, messages=HELLO)
    answer = whole(raw.parse())
    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason) == ("You said: good morning", "stop")
    assert answer.usage is not None and answer.usage.total_tokens > answer.usage.completion_tokens > 0
    cost = extra(answer.usage, "cost")
    row = books.check(raw.headers, cost, model=model, provider=provider, dollars=dollars, billed=False)
    assert (row["text_tokens_in"], row["text_tokens_out"]) == (
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
    )
    assert len(openai_upstream.billed) == (provider == "openai")


@pytest.mark.parametrize(("model", "provider", "dollars"), TEXTS)
def test_a_streamed_chat_says_the_same_and_ends_with_its_usage(
    client: OpenAI, books: Books, model: str, provider: str, dollars: str
) -> None:
    with client.chat.completions.create(
        model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = [whole(chunk) for chunk in stream]
        headers = stream.response.headers
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == "You said: good morning"
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].choices == []
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert {(chunk.id, chunk.model) for chunk in chunks} == {(chunks[0].id, model)}
    books.check(headers, extra(chunks[-1].usage, "cost"), model=model, provider=provider, dollars=dollars, billed=False)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("model", "provider", "_"), TEXTS)
def test_a_tool_is_called_with_arguments_its_schema_allows(
    client: OpenAI, model: str, provider: str, _: str, streamed: bool
) -> None:
    asked: Any = {"model": model, "messages": HELLO, "tools": [WEATHER], "tool_choice": "required"}
    if streamed:
        with client.chat.completions.stream(**asked) as stream:
            answer = stream.get_final_completion()
    else:
        answer = client.chat.completions.create(**asked)
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls or []
    assert call.type == "function" and call.function.name == "weather"
    assert isinstance(json.loads(call.function.arguments)["city"], str)


@pytest.mark.parametrize(("model", "provider", "_"), TEXTS)
def test_a_structured_answer_keeps_to_its_schema(client: OpenAI, model: str, provider: str, _: str) -> None:
    answer = client.chat.completions.create(model=model, messages=HELLO, response_format=VERDICT)
    verdict = json.loads(answer.choices[0].message.content or "")
    assert {name: type(value) for name, value in verdict.items()} == {"good": bool, "stars": int}


def showing(*sent: bytes, text: str = PROMPT) -> Any:
    parts = [{"type": "image_url", "image_url": {"url": data_url(data)}} for data in sent]
    return [{"role": "user", "content": [{"type": "text", "text": text}, *parts]}]


SMALL, LARGE = png(64, 64), noise(300, 300)


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_a_picture_in_a_chat_reaches_the_provider_as_it_was_sent(
    client: OpenAI, openai_upstream: OpenAISimulator, data: bytes
) -> None:
    client.chat.completions.create(model="openai/gpt-4o-mini", messages=showing(data))
    parts = openai_upstream.calls[0].body["messages"][0]["content"]
    assert from_data_url(parts[1]["image_url"]["url"]) == data


def test_the_sandbox_counts_the_pictures_of_a_chat(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="sandbox/text", messages=showing(SMALL, LARGE, text="what is this"))
    assert answer.choices[0].message.content == "You said: what is this (and 2 pictures)"


def images_in(message: openai.BaseModel) -> list[bytes]:
    """The pictures of an assistant's message or delta."""
    return [from_data_url(part["image_url"]["url"]) for part in extra(message, "images")]


CHATS = [
    ("sandbox/image", "sandbox", {"aspect_ratio": "16:9"}, (1344, 768), "0.03"),
    ("openai/gpt-image-1.5", "openai", {"aspect_ratio": "3:2"}, (1536, 1024), "0.050201"),
    ("black-forest-labs/flux.2-pro", "bfl", {"aspect_ratio": "16:9", "image_size": "2K"}, (2720, 1536), "0.075"),
    ("black-forest-labs/flux.1-kontext-pro", "bfl", {"aspect_ratio": "16:9"}, (1360, 768), "0.04"),
    ("black-forest-labs/flux.1.1-pro", "bfl", {"size": "1024x768"}, (1024, 768), "0.04"),
]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("model", "provider", "config", "size", "dollars"), CHATS)
def test_a_chat_that_asks_for_a_picture_gets_it_in_its_message(
    client: OpenAI,
    books: Books,
    model: str,
    provider: str,
    config: dict[str, str],
    size: tuple[int, int],
    dollars: str,
    streamed: bool,
) -> None:
    asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": PROMPT}]}
    asked |= {"modalities": ["image", "text"], "extra_body": {"image_config": {**config, "output_format": "webp"}}}
    if streamed:
        with client.chat.completions.create(**asked, stream=True) as stream:
            chunks = [whole(chunk) for chunk in stream]
            headers, usage = stream.response.headers, chunks[-1].usage
        shown = [
            chunk.choices[0].delta for chunk in chunks[:-1] if "images" in (chunk.choices[0].delta.model_extra or {})
        ]
        assert len(shown) == 1, "the pictures are in one delta"
        made, words = images_in(shown[0]), shown[0].content
        assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None, "stop"]
    else:
        raw = client.chat.completions.with_raw_response.create(**asked)
        answer = whole(raw.parse())
        headers, usage = raw.headers, answer.usage
        made, words = images_in(answer.choices[0].message), answer.choices[0].message.content
    assert [(one.size, one.format) for one in map(seen, made)] == [(size, "webp")]
    assert words == ""
    assert headers["x-penstock-cost"] == dollars
    row = books.check(headers, extra(usage, "cost"), model=model, provider=provider, dollars=dollars)
    assert (row["operation"], row["images_delivered"]) == ("image_generation", 1)


@pytest.mark.parametrize("data", [ONE, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("maker", UPSTREAMS, ids=name_of)
def test_a_chat_with_an_image_model_needs_no_modalities_and_edits_the_picture_shown(
    client: OpenAI, books: Books, bfl: BflSimulator, openai_upstream: OpenAISimulator, maker: Maker, data: bytes
) -> None:
    raw = client.chat.completions.with_raw_response.create(model=maker.model, messages=showing(data))
    answer = raw.parse()
    assert len(images_in(answer.choices[0].message)) == 1
    row = books.check(raw.headers, extra(answer.usage, "cost"), model=maker.model, provider=maker.provider)
    assert (row["operation"], row["reference_count"]) == ("image_edit", 1)
    if maker.provider == "openai":
        assert openai_upstream.calls[0].body["image"][0].data == data
    if maker.provider == "bfl":
        assert b64decode(bfl.calls[0].body["input_image"]) == data


def test_the_next_message_of_a_chat_edits_the_picture_made_before(client: OpenAI, bfl: BflSimulator) -> None:
    said: Any = [{"role": "user", "content": PROMPT}]
    first = client.chat.completions.create(model=FLUX_2.model, messages=said)
    said += [first.choices[0].message.to_dict(), {"role": "user", "content": "make it blue"}]
    client.chat.completions.create(model=FLUX_2.model, messages=said)
    again = [call for call in bfl.calls if call.method == "POST"][1].body
    assert again["prompt"] == "make it blue"
    assert b64decode(again["input_image"]) == images_in(first.choices[0].message)[0]


@pytest.mark.parametrize(
    ("model", "provider", "length", "dollars"),
    [("sandbox/embedding", "sandbox", 256, "0.0000005"), ("openai/text-embedding-3-small", "openai", 8, "0.0000001")],
)
@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_text_is_embedded_and_priced(
    client: OpenAI, books: Books, model: str, provider: str, length: int, dollars: str, encoding: Any
) -> None:
    raw = client.embeddings.with_raw_response.create(
        model=model, input=["good morning", "gruesse"], encoding_format=encoding
    )
    answer = whole(raw.parse()) if encoding == "float" else raw.parse()
    assert [entry.index for entry in answer.data] == [0, 1]
    if encoding == "float":
        assert [len(entry.embedding) for entry in answer.data] == [length, length]
    books.check(raw.headers, extra(answer.usage, "cost"), model=model, provider=provider, dollars=dollars)


def test_the_models_are_listed_and_found_by_name_and_alias(client: OpenAI) -> None:
    listed = {whole(model).id for model in client.models.list()}
    assert {maker.model for maker in MAKERS} | {"sandbox/text", "openai/gpt-4o-mini"} <= listed
    for name in ("black-forest-labs/flux.2-pro", "flux-2-pro", "bfl/flux-2-pro"):
        found = whole(client.models.retrieve(name))
        assert (found.id, found.owned_by) == ("black-forest-labs/flux.2-pro", "black-forest-labs")
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("black-forest-labs/flux.9-pro")
    assert missing.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("word", "kind", "code"),
    [
        ("moderated-input", openai.BadRequestError, "content_policy_violation"),
        ("rejected", openai.BadRequestError, "rejected_by_provider"),
        ("429 2", openai.RateLimitError, "rate_limit_exceeded"),
        ("500", openai.InternalServerError, "provider_failed"),
        ("no-credit", openai.InternalServerError, "provider_out_of_credit"),
    ],
)
def test_a_failure_is_the_clients_own_exception(
    client: OpenAI, gateway: RunningGateway, word: str, kind: type[openai.APIStatusError], code: str
) -> None:
    asked = f"{PROMPT} [sandbox:{word}]"
    for call in (
        lambda: client.images.generate(model="sandbox/image", prompt=asked),
        lambda: client.chat.completions.create(model="sandbox/text", messages=[{"role": "user", "content": asked}]),
        lambda: client.embeddings.create(model="sandbox/embedding", input=asked),
    ):
        with pytest.raises(kind) as failed:
            call()
        assert failed.value.code == code
        row = gateway.request(failed.value.response.headers["x-request-id"])
        assert (row["status"], row["error_code"], row["attempts"]) == (failed.value.status_code, code, 1)
    if "429" in word:
        assert failed.value.response.headers["retry-after"] == "2"


def test_a_wrong_key_and_an_unknown_model_are_told_apart(gateway: RunningGateway, client: OpenAI) -> None:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key="pk-wrong", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError):
            stranger.models.list()
        with pytest.raises(openai.AuthenticationError):
            stranger.images.generate(**SANDBOX.request)
    with pytest.raises(openai.NotFoundError) as missing:
        client.images.generate(model="black-forest-labs/flux.9-pro", prompt=PROMPT)
    assert "flux.2-pro" in missing.value.message
