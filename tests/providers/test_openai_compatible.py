"""The OpenAI-compatible adapter, by folders of requests, answers and streams, and the rules that are no single case."""

import hashlib
import json
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from penstock.core.answer import ChatAnswer, ChatDelta, EmbeddingAnswer, ImageAnswer, Output, PartialPicture
from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall, Operation, Size
from penstock.core.errors import BadRequest, Moderated, PenstockError, RateLimited, Rejected, UpstreamFailed
from penstock.core.picture import Picture
from penstock.core.pieces import Bare, Base64, Pieces, placeholder
from penstock.core.target import Account, Limits, Offer, Provider, Secret
from penstock.core.usage import Usage
from penstock.providers.base import Adapter, StreamEvent, UpstreamReply
from penstock.providers.openai_compatible import OpenAICompatible
from penstock.providers.openai_quirks import Quirks

FIXTURES = Path(__file__).parent.parent / "fixtures" / "openai"
KEY = "sk-test-very-secret"
PROVIDER = Provider(
    slug="example",
    name="Example",
    adapter="openai_compatible",
    base_url="https://api.example/v1",
    key_variable="EXAMPLE_API_KEY",
    cost_unit_usd=Decimal(1),
)
OFFER = Offer(model="ours", provider="example", upstream="upstream-name", operations=frozenset(Operation))
FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def cases(folder: str) -> list[Any]:
    return [pytest.param(json.loads(path.read_text()), id=path.stem) for path in sorted((FIXTURES / folder).iterdir())]


def picture(name: str, media_type: str = "image/png") -> Picture:
    return Picture(hashlib.sha256(name.encode()).hexdigest(), media_type, 512, 512, 1000)


PICTURES = {name: picture(name) for name in ("red", "blue", "green", "mask")}
NAMES = {picture.digest: name for name, picture in PICTURES.items()}
STORED = {picture.digest: picture for picture in PICTURES.values()}


def account(quirks: dict[str, Any] | None = None, **facts: Any) -> Account:
    return Account(provider=replace(PROVIDER, quirks=quirks or {}, **facts), key=Secret(KEY))


def image_call(fields: dict[str, Any]) -> ImageCall:
    fields = {"prompt": "A red house by the sea", **fields}
    fields["references"] = tuple(PICTURES[name] for name in fields.get("references", ()))
    if "mask" in fields:
        fields["mask"] = PICTURES[fields["mask"]]
    if "size" in fields:
        fields["size"] = Size.parse(fields["size"])
    return ImageCall(model="ours", **fields)


def call_of(case: dict[str, Any]) -> Call:
    fields = case.get("call", {})
    if case["operation"] == "image":
        return image_call(fields)
    body = FIELDS.decode(json.dumps(fields))
    if case["operation"] == "embedding":
        return EmbeddingCall(model="ours", body=body)
    return ChatCall(model="ours", body=body, stream=case.get("stream", False))


def offer_of(case: dict[str, Any]) -> Offer:
    limits = Limits(**case.get("limits", {}))
    return replace(OFFER, wire=case.get("wire", ""), parameters=frozenset(case.get("parameters", ())), limits=limits)


def joined(pieces: Pieces) -> dict[str, Any]:
    """The JSON body, with `<name>` where a picture's base64 text would be."""
    text = b""
    for piece in pieces:
        assert not isinstance(piece, Bare)
        text += f"<{NAMES[piece.picture.digest]}>".encode() if isinstance(piece, Base64) else piece
    decoded = json.loads(text)
    assert isinstance(decoded, dict)
    return decoded


def with_placeholders(text: str) -> bytes:
    for name, stored in PICTURES.items():
        text = text.replace(f"<{name}>", placeholder(stored.digest))
    return text.encode()


def reply_of(case: dict[str, Any]) -> UpstreamReply:
    text = case["text"] if "text" in case else json.dumps(case["json"])
    return UpstreamReply(
        status=case["status"], headers=case.get("headers", {}), body=with_placeholders(text), pictures=STORED
    )


def shown_output(output: Output) -> dict[str, Any]:
    facts = {name: value for name, value in asdict(output).items() if value is not None}
    return facts | ({"picture": NAMES[output.picture.digest]} if output.picture else {})


def shown_usage(usage: Usage) -> dict[str, Any]:
    return {name: value for name, value in asdict(usage).items() if value not in (None, ())}


def shown(answer: object) -> dict[str, Any]:
    """An answer in the words of the folder's `expected`."""
    assert isinstance(answer, ImageAnswer | ChatAnswer | EmbeddingAnswer)
    facts: dict[str, Any] = {"usage": shown_usage(answer.usage), "stated_cost": answer.stated_cost}
    if isinstance(answer, ImageAnswer):
        outputs = [shown_output(output) for output in answer.outputs]
        failures = [type(failure).__name__ for failure in answer.failures]
        return {"image": {**facts, "outputs": outputs, "failures": failures, "echo": dict(answer.echo)}}
    facts["extra"] = {name: json.loads(bytes(value)) for name, value in answer.extra.items()}
    if isinstance(answer, EmbeddingAnswer):
        return {"embedding": {**facts, "data": json.loads(bytes(answer.data))}}
    choices = None if answer.choices is None else json.loads(bytes(answer.choices))
    return {"chat": {**facts, "choices": choices, "id": answer.id, "created": answer.created}}


def with_exact_money(expected: dict[str, Any]) -> dict[str, Any]:
    """The folder's expectation of an answer, its cost as a Decimal."""
    return {
        kind: {name: Decimal(value) if name == "stated_cost" and value else value for name, value in facts.items()}
        for kind, facts in expected.items()
        if kind in ("image", "chat", "embedding")
    }


def assert_error(error: PenstockError, expected: dict[str, Any]) -> None:
    assert type(error).__name__ == expected["type"]
    assert expected.get("says", "") in error.message
    assert expected.get("never", KEY) not in error.message
    assert len(error.message) <= expected.get("at_most", 400)
    assert error.param == expected.get("param")
    if isinstance(error, Moderated):
        assert error.stage == expected["stage"]
        assert error.reasons == tuple(expected.get("reasons", ()))
    if isinstance(error, RateLimited):
        assert error.retry_after == expected.get("retry_after")


@pytest.mark.parametrize("case", cases("requests"))
def test_a_call_becomes_exactly_the_fields_the_provider_takes(case: dict[str, Any]) -> None:
    adapter, where = OpenAICompatible(), account(case["quirks"])
    if "refuses" in case:
        with pytest.raises(BadRequest, match=case["refuses"]["says"]) as caught:
            adapter.request(call_of(case), offer_of(case), where)
        assert caught.value.param == case["refuses"]["param"]
        return
    request = adapter.request(call_of(case), offer_of(case), where)
    assert (request.method, request.url) == ("POST", f"https://api.example/v1{case['path']}")
    assert request.stream == case.get("stream", False)
    accept = "text/event-stream" if request.stream else "application/json"
    assert request.headers == {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "accept": accept,
    }
    assert joined(request.body) == case["expected"]


@pytest.mark.parametrize("case", cases("answers"))
def test_an_answer_means_what_the_provider_meant(case: dict[str, Any]) -> None:
    adapter, where = OpenAICompatible(), account(case["quirks"])
    arguments = (call_of(case), offer_of(case), where, reply_of(case["reply"]))
    if "error" not in case["expected"]:
        assert shown(adapter.read(*arguments)) == with_exact_money(case["expected"])
        return
    with pytest.raises(PenstockError) as caught:
        adapter.read(*arguments)
    assert_error(caught.value, case["expected"]["error"])


@pytest.mark.parametrize("case", cases("streams"))
def test_a_stream_means_what_the_provider_meant(case: dict[str, Any]) -> None:
    reader = OpenAICompatible().reader(call_of(case), offer_of(case), account(case["quirks"]))
    expected, seen = case["expected"], []
    error = None
    try:
        for name, data in case["events"]:
            seen += reader.read(StreamEvent(event=name, data=with_placeholders(data), pictures=STORED))
        seen += reader.end()
    except PenstockError as caught:
        error = caught
    partials = [[event.index, NAMES[event.picture.digest]] for event in seen if isinstance(event, PartialPicture)]
    answers = [event for event in seen if not isinstance(event, PartialPicture | ChatDelta)]
    assert partials == expected.get("partials", [])
    assert sum(isinstance(event, ChatDelta) for event in seen) == expected.get("deltas", 0)
    if "error" in expected:
        assert error is not None
        assert answers == []
        assert_error(error, expected["error"])
        return
    assert error is None
    assert [shown(answer) for answer in answers] == [with_exact_money(expected)]


def test_it_is_an_adapter_whose_masks_are_transparent_where_the_picture_changes() -> None:
    adapter = OpenAICompatible()
    assert isinstance(adapter, Adapter)
    assert adapter.mask_polarity == "transparent"


def test_every_quirk_is_tried_by_a_case_or_a_test_here() -> None:
    tried = {name for folder in ("requests", "answers") for case in cases(folder) for name in case.values[0]["quirks"]}
    here = {"auth_header", "auth_prefix", "headers", "mask_field", "probe_path"}
    assert tried | here == set(Quirks.__struct_fields__)


CHAT = ChatCall(model="ours", body=FIELDS.decode(b'{"model":"ours","messages":[]}'))


@pytest.mark.parametrize(
    ("quirks", "expected"),
    [
        ({"auth_header": "api-key", "auth_prefix": ""}, {"api-key": KEY}),
        ({"auth_prefix": "Key"}, {"authorization": f"Key {KEY}"}),
        ({"auth_prefix": "Token "}, {"authorization": f"Token {KEY}"}),
        ({"headers": {"X-Title": "Penstock"}}, {"authorization": f"Bearer {KEY}", "x-title": "Penstock"}),
    ],
)
def test_the_key_is_sent_the_way_the_provider_wants_it(quirks: dict[str, Any], expected: dict[str, str]) -> None:
    request = OpenAICompatible().request(CHAT, OFFER, account(quirks))
    assert request.headers == {"content-type": "application/json", "accept": "application/json", **expected}


def test_a_provider_without_a_key_is_sent_none() -> None:
    request = OpenAICompatible().request(CHAT, OFFER, Account(provider=PROVIDER))
    assert "authorization" not in request.headers


def test_a_base_address_with_a_slash_at_its_end_is_the_same_address() -> None:
    request = OpenAICompatible().request(CHAT, OFFER, account(base_url="https://api.example/v1/"))
    assert request.url == "https://api.example/v1/chat/completions"


def test_a_big_picture_in_a_chat_leaves_as_a_piece() -> None:
    red = PICTURES["red"]
    url = f"data:image/png;base64,{placeholder(red.digest)}"
    content = [{"type": "image_url", "image_url": {"url": url}}]
    body = FIELDS.decode(json.dumps({"model": "ours", "messages": [{"role": "user", "content": content}]}))
    call = ChatCall(model="ours", body=body, pictures={red.digest: red})
    request = OpenAICompatible().request(call, OFFER, account())
    assert [type(piece) for piece in request.body] == [bytes, Base64, bytes]
    assert joined(request.body)["messages"][0]["content"][0]["image_url"]["url"] == "data:image/png;base64,<red>"


def test_numbers_pass_through_digit_by_digit() -> None:
    body = FIELDS.decode(b'{"model":"ours","temperature":0.10000000000000000001,"seed":123456789012345678901234567890}')
    (sent,) = OpenAICompatible().request(ChatCall(model="ours", body=body), OFFER, account()).body
    assert (
        sent == b'{"model":"upstream-name","temperature":0.10000000000000000001,"seed":123456789012345678901234567890}'
    )


def test_a_streams_pictures_come_with_their_delta() -> None:
    reader = OpenAICompatible().reader(CHAT, OFFER, account())
    red = PICTURES["red"]
    data = b'{"choices":[{"index":0,"delta":{"images":[]},"finish_reason":null}]}'
    (delta,) = reader.read(StreamEvent(event="message", data=data, pictures={red.digest: red}))
    assert delta == ChatDelta(
        choices=msgspec.Raw(b'[{"index":0,"delta":{"images":[]},"finish_reason":null}]'), pictures={red.digest: red}
    )


def test_a_cost_is_worth_what_the_providers_unit_is() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "cost_in_usd_ticks": 37_756_000}
    body = json.dumps({"choices": [{}], "usage": usage}).encode()
    where = account({"cost_field": "usage.cost_in_usd_ticks"}, cost_unit_usd=Decimal("1e-10"))
    answer = OpenAICompatible().read(CHAT, OFFER, where, UpstreamReply(status=200, headers={}, body=body))
    assert answer.stated_cost == Decimal("0.0037756")


def test_a_cost_in_a_unit_of_unknown_worth_is_not_known() -> None:
    body = json.dumps({"choices": [{}], "usage": {"cost": 5}}).encode()
    where = account({"cost_field": "usage.cost"}, cost_unit_usd=None)
    answer = OpenAICompatible().read(CHAT, OFFER, where, UpstreamReply(status=200, headers={}, body=body))
    assert answer.stated_cost is None


@pytest.mark.parametrize(
    ("quirks", "says"),
    [
        ({"stream_usge": True}, "'stream_usage'"),
        ({"edit": "json"}, "'edits'"),
        ({"edits": "form"}, "wrong value"),
        ({"stream_usage": "yes"}, "wrong value"),
        ({"fields": ["width"]}, "wrong value"),
        ({"headers": {"x": 1}}, "wrong value"),
    ],
)
def test_a_quirk_it_does_not_know_is_refused_at_start(quirks: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        OpenAICompatible().check_quirks(quirks)


def test_the_quirks_it_knows_are_accepted_at_start() -> None:
    OpenAICompatible().check_quirks({})
    OpenAICompatible().check_quirks({"edits": "json", "fields": ["seed"], "headers": {"x-title": "t"}})


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(max_size=8),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(
            some.sampled_from(
                [
                    "error",
                    "detail",
                    "message",
                    "code",
                    "type",
                    "metadata",
                    "choices",
                    "data",
                    "usage",
                    "b64_json",
                    "url",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, some.sampled_from([200, 302, 400, 403, 429, 500]), some.sampled_from(["chat", "image", "embedding"]))
def test_whatever_json_comes_back_is_an_answer_or_one_of_our_errors(body: Any, status: int, operation: str) -> None:
    reply = UpstreamReply(status=status, headers={}, body=json.dumps(body).encode())
    where = account({"cost_field": "usage.cost"})
    for offer in (OFFER, replace(OFFER, wire="chat-image")):
        try:
            answer = OpenAICompatible().read(call_of({"operation": operation}), offer, where, reply)
        except PenstockError as error:
            assert KEY not in error.message
        else:
            assert status == 200
            assert isinstance(answer, ChatAnswer | ImageAnswer | EmbeddingAnswer)


@given(some.binary(max_size=64))
def test_whatever_bytes_come_back_are_one_of_our_errors(body: bytes) -> None:
    with pytest.raises((UpstreamFailed, Rejected)):
        OpenAICompatible().read(CHAT, OFFER, account(), UpstreamReply(status=200, headers={}, body=b"<" + body))
    with pytest.raises(Rejected):
        OpenAICompatible().read(CHAT, OFFER, account(), UpstreamReply(status=400, headers={}, body=b"<" + body))


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"\xff","choices":[{"index":0}]}',
        b'{"choices":[{"index":0,"message":{"content":"\xc3\x28"}}]}',
        b'{"choices":[{"index":0,"finish_reason":"\\ud800"}]}',
    ],
)
def test_an_answer_that_is_not_unicode_is_a_failure_and_is_not_passed_on(body: bytes) -> None:
    with pytest.raises(UpstreamFailed, match="not a JSON object"):
        OpenAICompatible().read(CHAT, OFFER, account(), UpstreamReply(status=200, headers={}, body=body))


@given(some.lists(JSON, max_size=3), some.sampled_from(["message", "error"]), some.booleans())
def test_whatever_events_come_are_events_or_one_of_our_errors(chunks: list[Any], name: str, pictures: bool) -> None:
    call = call_of({"operation": "image" if pictures else "chat"})
    reader = OpenAICompatible().reader(call, OFFER, account({"cost_field": "usage.cost"}))
    answers = 0
    try:
        for chunk in chunks:
            events = reader.read(StreamEvent(event=name, data=json.dumps(chunk).encode()))
            answers += sum(isinstance(event, ChatAnswer | ImageAnswer) for event in events)
        answers += len(reader.end())
    except PenstockError:
        assert answers == 0
    else:
        assert answers == 1


def test_whoever_lists_models_without_a_key_is_asked_for_something_else() -> None:
    at = account({"probe_path": "/key"})
    base = at.provider.base_url.rstrip("/")
    assert OpenAICompatible().probe(at).url == f"{base}/key"
    assert OpenAICompatible().probe(account({})).url == f"{base}/models"
