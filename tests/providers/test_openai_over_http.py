"""The OpenAI-compatible adapter and the simulated OpenAI understand each other, over real sockets."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import pytest

from penstock.core.answer import Answer, ChatAnswer, ChatDelta, EmbeddingAnswer, Event, ImageAnswer
from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall, Operation, Size
from penstock.core.errors import BadCredentials, Moderated, NoCredit, RateLimited, Rejected, UpstreamFailed
from penstock.core.picture import Picture
from penstock.core.pieces import Bare, Base64, Pieces, placeholder
from penstock.core.target import Account, Limits, Offer, Provider, Secret
from penstock.providers.base import StreamEvent, UpstreamReply
from penstock.providers.openai_compatible import OpenAICompatible
from tests.simulators.base import Garbage, Status, draw
from tests.simulators.base import RateLimited as Limited
from tests.simulators.openai import Blocked, BreaksOff, ErrorEvent, ErrorInside, NoQuota, OpenAISimulator

pytestmark = pytest.mark.e2e

DATA = {"red": draw(64, 64, "png", "red"), "blue": draw(32, 64, "png", "blue")}
PICTURES = {
    name: Picture(hashlib.sha256(data).hexdigest(), "image/png", 64, 64, len(data)) for name, data in DATA.items()
}
BYTES = {picture.digest: DATA[name] for name, picture in PICTURES.items()}
ROUTER = {"cost_field": "usage.cost", "image_via": "chat"}


@pytest.fixture(scope="module")
def both() -> Iterator[dict[str, OpenAISimulator]]:
    with OpenAISimulator() as openai, OpenAISimulator(dialect="openrouter") as router:
        yield {"openai": openai, "openrouter": router}


@pytest.fixture
def openai(both: dict[str, OpenAISimulator]) -> OpenAISimulator:
    both["openai"].reset()
    return both["openai"]


@pytest.fixture
def router(both: dict[str, OpenAISimulator]) -> OpenAISimulator:
    both["openrouter"].reset()
    return both["openrouter"]


def account(at: OpenAISimulator, quirks: Mapping[str, Any] | None = None) -> Account:
    facts = {"slug": "s", "name": "Simulated", "adapter": "openai_compatible", "cost_unit_usd": Decimal(1)}
    return Account(provider=Provider(**facts, base_url=at.base_url, quirks=quirks or {}), key=Secret(at.keys[0]))


def offer(upstream: str, **facts: Any) -> Offer:
    return Offer(model="ours", provider="s", upstream=upstream, operations=frozenset(Operation), **facts)


def body(**fields: Any) -> dict[str, msgspec.Raw]:
    encoded = msgspec.json.encode({"model": "ours", **fields})
    return msgspec.json.decode(encoded, type=dict[str, msgspec.Raw])


def sent(pieces: Pieces) -> bytes:
    whole = b""
    for piece in pieces:
        match piece:
            case bytes():
                whole += piece
            case Base64(picture):
                whole += base64.b64encode(BYTES[picture.digest])
            case Bare(picture):
                whole += BYTES[picture.digest]
    return whole


async def carried_out(call: Call, offer: Offer, account: Account) -> list[Event]:
    """What the pipeline does: send, and read the answer or the stream."""
    adapter = OpenAICompatible()
    request = adapter.request(call, offer, account)
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(timeout=timeout, read_bufsize=2**24) as client,
        client.post(request.url, headers=request.headers, data=sent(request.body)) as reply,
    ):
        headers = {name.lower(): value for name, value in reply.headers.items()}
        if reply.content_type != "text/event-stream":
            whole = UpstreamReply(status=reply.status, headers=headers, body=await reply.read())
            return [adapter.read(call, offer, account, whole)]
        assert request.stream
        reader, events, name = adapter.reader(call, offer, account), list[Event](), "message"
        try:
            async for line in reply.content:
                head, _, value = line.rstrip(b"\n").partition(b": ")
                if head == b"event":
                    name = value.decode()
                elif head == b"data":
                    events += reader.read(StreamEvent(event=name, data=value))
                    name = "message"
        except aiohttp.ClientPayloadError:
            pass
        return events + reader.end()


async def answered(call: Call, offer: Offer, account: Account) -> Answer:
    *_, answer = await carried_out(call, offer, account)
    assert isinstance(answer, ImageAnswer | ChatAnswer | EmbeddingAnswer)
    return answer


def chat(stream: bool = False, **fields: Any) -> ChatCall:
    fields = {"messages": [{"role": "user", "content": "Hello there"}], "stream": stream, **fields}
    return ChatCall(model="ours", body=body(**fields), stream=stream)


IMAGE = ImageCall(model="ours", prompt="A red house", size=Size(1024, 1024), quality="low")
GPT = offer("gpt-4o-mini")
DRAWS = offer("gpt-image-1", limits=Limits(partial_images=3))


@pytest.mark.parametrize("stream", [False, True])
async def test_a_chat_is_answered_with_its_usage(openai: OpenAISimulator, stream: bool) -> None:
    *deltas, answer = await carried_out(chat(stream, models=["a", "b"], plugins=[]), GPT, account(openai))
    assert isinstance(answer, ChatAnswer)
    assert (answer.usage.text_tokens_in, answer.usage.text_tokens_out) == (6, 6)
    assert [type(delta) for delta in deltas] == [ChatDelta] * (6 if stream else 0)
    assert (answer.choices is None) == stream


async def test_a_big_picture_in_a_chat_arrives_whole(openai: OpenAISimulator) -> None:
    red = PICTURES["red"]
    url = {"url": f"data:image/png;base64,{placeholder(red.digest)}"}
    content = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": url}]
    call = replace(chat(messages=[{"role": "user", "content": content}]), pictures={red.digest: red})
    answer = await answered(call, GPT, account(openai))
    assert answer.usage.tokens_in == 3 + 2 + 258


async def test_a_picture_is_delivered_with_its_tokens(openai: OpenAISimulator) -> None:
    call = replace(IMAGE, n=2, output_format="webp", output_compression=80, seed=5, user="u")
    answer = await answered(call, DRAWS, account(openai))
    assert isinstance(answer, ImageAnswer)
    assert len(answer.outputs) == 2
    assert base64.b64decode(answer.outputs[0].base64 or "")[8:12] == b"WEBP"
    assert (answer.usage.text_tokens_in, answer.usage.image_tokens_out) == (3, 544)
    assert answer.echo["size"] == "1024x1024"


@pytest.mark.parametrize("references", [(), ("red",)])
async def test_pictures_are_streamed(openai: OpenAISimulator, references: tuple[str, ...]) -> None:
    given = tuple(PICTURES[name] for name in references)
    call = replace(IMAGE, stream=True, partial_images=2, references=given)
    answer = await answered(call, DRAWS, account(openai))
    assert isinstance(answer, ImageAnswer)
    assert answer.usage.image_tokens_out == 272 + 200
    assert openai.calls[0].path == ("/v1/images/edits" if references else "/v1/images/generations")


@pytest.mark.parametrize("form", ["multipart", "json"])
@pytest.mark.parametrize("references", [("red",), ("red", "blue")])
async def test_pictures_are_edited(openai: OpenAISimulator, form: str, references: tuple[str, ...]) -> None:
    call = replace(IMAGE, prompt='He said "hi"\r\nand left', references=tuple(PICTURES[name] for name in references))
    answer = await answered(call, DRAWS, account(openai, {"edits": form}))
    assert answer.usage.image_tokens_in == 258 * len(references)
    prompt = openai.calls[0].body["prompt"]
    assert (prompt[0] if form == "multipart" else prompt) == call.prompt


async def test_results_at_an_address_are_told_as_one(openai: OpenAISimulator) -> None:
    openai.results = "url"
    answer = await answered(IMAGE, DRAWS, account(openai))
    openai.results = "b64"
    assert isinstance(answer, ImageAnswer)
    assert (answer.outputs[0].url or "").startswith(f"{openai.url}/results/")


async def test_texts_are_embedded(openai: OpenAISimulator) -> None:
    call = EmbeddingCall(model="ours", body=body(input=["one", "two"]))
    answer = await answered(call, offer("text-embedding-3-small"), account(openai))
    assert isinstance(answer, EmbeddingAnswer)
    assert len(msgspec.json.decode(answer.data)) == 2
    assert answer.usage.tokens_in == 2


@pytest.mark.parametrize("references", [(), ("red", "blue")])
@pytest.mark.parametrize(
    ("upstream", "wire"), [("google/nano", "chat-image"), ("black-forest-labs/flux.2-pro", "chat-image-only")]
)
async def test_pictures_are_made_by_chat_at_the_cost_stated(
    router: OpenAISimulator, upstream: str, wire: str, references: tuple[str, ...]
) -> None:
    given = tuple(PICTURES[name] for name in references)
    call = ImageCall(model="ours", prompt="A house", aspect_ratio="16:9", references=given)
    answer = await answered(call, offer(upstream, wire=wire), account(router, ROUTER))
    assert isinstance(answer, ImageAnswer)
    assert base64.b64decode(answer.outputs[0].base64 or "").startswith(b"\x89PNG")
    assert answer.usage.image_tokens_out == 1290
    assert [answer.stated_cost] == router.billed


@pytest.mark.parametrize("stream", [False, True])
async def test_a_chats_stated_cost_is_what_was_billed(router: OpenAISimulator, stream: bool) -> None:
    answer = await answered(chat(stream), offer("openai/gpt-4o-mini"), account(router, ROUTER))
    assert [answer.stated_cost] == router.billed


@pytest.mark.parametrize("call", [chat(), IMAGE, replace(IMAGE, references=(PICTURES["red"],))])
@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (Blocked(), Moderated),
        (NoQuota(), NoCredit),
        (Limited(3), RateLimited),
        (Status(500), UpstreamFailed),
        (Status(503, "<html>busy</html>"), UpstreamFailed),
        (Status(418), Rejected),
        (ErrorInside("boom"), UpstreamFailed),
        (Garbage(), UpstreamFailed),
    ],
)
@pytest.mark.parametrize("dialect", ["openai", "openrouter"])
async def test_a_mishap_is_told_as_what_it_is(
    both: dict[str, OpenAISimulator], dialect: str, call: Call, behaviour: Any, error: type[Exception]
) -> None:
    at = both[dialect]
    at.reset()
    at.script.append(behaviour)
    where = account(at, ROUTER if dialect == "openrouter" else {})
    if isinstance(call, ImageCall) and dialect == "openrouter":
        call = replace(call, size=None)
    with pytest.raises(error):
        await carried_out(call, GPT if isinstance(call, ChatCall) else DRAWS, where)


@pytest.mark.parametrize("behaviour", [BreaksOff(1), BreaksOff(0), ErrorEvent(1), ErrorEvent(0)])
@pytest.mark.parametrize("call", [chat(stream=True), replace(IMAGE, stream=True, partial_images=2)])
async def test_a_stream_that_breaks_is_a_failure(openai: OpenAISimulator, call: Call, behaviour: Any) -> None:
    openai.script.append(behaviour)
    with pytest.raises(UpstreamFailed):
        await carried_out(call, GPT if isinstance(call, ChatCall) else DRAWS, account(openai))


async def test_a_wrong_key_is_told_without_the_key(openai: OpenAISimulator) -> None:
    where = replace(account(openai), key=Secret("sk-wrong-key-1234"))
    with pytest.raises(BadCredentials) as caught:
        await carried_out(chat(), GPT, where)
    assert "sk-" not in caught.value.message


async def test_a_field_the_provider_refuses_is_the_callers(openai: OpenAISimulator) -> None:
    with pytest.raises(Rejected) as caught:
        await carried_out(replace(IMAGE, size=Size(512, 512)), DRAWS, account(openai))
    assert caught.value.param == "size"


async def test_a_model_the_provider_does_not_know_may_be_asked_for_elsewhere(openai: OpenAISimulator) -> None:
    with pytest.raises(UpstreamFailed, match="does not exist"):
        await carried_out(chat(), offer("no-such-model"), account(openai))
