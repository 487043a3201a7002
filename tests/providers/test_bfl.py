"""Black Forest Labs' adapter, by a folder of requests, a folder of answers, and the rules that are no single case."""

import hashlib
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from penstock.core.answer import ImageAnswer, Pending, Submitted
from penstock.core.call import ChatCall, EmbeddingCall, ImageCall, Operation, Size
from penstock.core.errors import BadRequest, Moderated, PenstockError, RateLimited, UpstreamFailed
from penstock.core.picture import Picture
from penstock.core.pieces import Base64, Pieces
from penstock.core.target import Account, Offer, Provider, Secret
from penstock.providers.base import PollingAdapter, UpstreamReply
from penstock.providers.bfl import Bfl

FIXTURES = Path(__file__).parent.parent / "fixtures" / "bfl"
KEY = "bfl-secret-key"
PROVIDER = Provider(
    slug="bfl",
    name="Black Forest Labs",
    adapter="bfl",
    base_url="https://api.bfl.ai",
    key_variable="BFL_API_KEY",
    poll_hosts=("api.bfl.ai", ".bfl.ai", ".bfl.ml"),
    cost_unit_usd=Decimal("0.01"),
)
ACCOUNT = Account(provider=PROVIDER, key=Secret(KEY))
OFFER = Offer(
    model="black-forest-labs/flux.2-pro",
    provider="bfl",
    upstream="flux-2-pro",
    operations=frozenset({Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT}),
    wire="flux2",
)
CALL = ImageCall(model="flux-2-pro", prompt="asked")
SUBMITTED = Submitted(
    upstream_id="x", polling_url="https://api.eu2.bfl.ai/v1/get_result?id=x", stated_cost=Decimal("0.03")
)


def cases(folder: str) -> list[Any]:
    return [pytest.param(json.loads(path.read_text()), id=path.stem) for path in sorted((FIXTURES / folder).iterdir())]


def picture(name: str) -> Picture:
    return Picture(hashlib.sha256(name.encode()).hexdigest(), "image/png", 512, 512, 1000)


NAMES = {picture(name).digest: name for name in ("red", "blue", "green", "mask", *"abcdefghi")}


def image_call(fields: dict[str, Any]) -> ImageCall:
    fields = dict(fields)
    fields["references"] = tuple(picture(name) for name in fields.get("references", ()))
    if "mask" in fields:
        fields["mask"] = picture(fields["mask"])
    if "size" in fields:
        fields["size"] = Size.parse(fields["size"])
    return ImageCall(model="any", **fields)


def joined(pieces: Pieces) -> dict[str, Any]:
    """The JSON body, with `<name>` where a picture's base64 text would be."""
    text = b"".join(
        f"<{NAMES[piece.picture.digest]}>".encode() if isinstance(piece, Base64) else bytes(piece) for piece in pieces
    )
    decoded = json.loads(text)
    assert isinstance(decoded, dict)
    return decoded


@pytest.mark.parametrize("case", cases("requests"))
def test_a_call_becomes_exactly_the_fields_its_schema_has(case: dict[str, Any]) -> None:
    offer = replace(OFFER, upstream=case["upstream"], wire=case["wire"], parameters=frozenset(case["parameters"]))
    if "refuses" in case:
        with pytest.raises(BadRequest, match=case["refuses"]["says"]) as caught:
            Bfl().request(image_call(case["call"]), offer, ACCOUNT)
        assert caught.value.param == case["refuses"]["param"]
        return
    request = Bfl().request(image_call(case["call"]), offer, ACCOUNT)
    assert (request.method, request.url, request.stream) == ("POST", f"https://api.bfl.ai/v1/{case['upstream']}", False)
    assert request.headers == {"x-key": KEY, "content-type": "application/json", "accept": "application/json"}
    assert joined(request.body) == case["expected"]


def test_every_schema_has_a_request_in_the_folder() -> None:
    assert {case.values[0]["wire"] for case in cases("requests")} == Bfl.wires


def read(step: str, reply: UpstreamReply, account: Account = ACCOUNT) -> Any:
    if step == "submit":
        return Bfl().read(CALL, OFFER, account, reply)
    return Bfl().read_poll(CALL, OFFER, account, SUBMITTED, reply)


def reply_of(case: dict[str, Any]) -> UpstreamReply:
    body = case["text"].encode() if "text" in case else json.dumps(case["json"]).encode()
    return UpstreamReply(status=case["status"], headers=case.get("headers", {}), body=body)


def shown(answer: object) -> dict[str, Any]:
    match answer:
        case Submitted(upstream_id=upstream_id, polling_url=url, stated_cost=cost):
            return {"submitted": {"upstream_id": upstream_id, "polling_url": url, "stated_cost": cost}}
        case Pending(progress=progress):
            return {"pending": {"progress": progress}}
        case ImageAnswer(outputs=(output,), stated_cost=cost):
            facts = {"url": output.url, "seed": output.seed, "revised_prompt": output.revised_prompt}
            return {"image": {**facts, "stated_cost": cost}}
    raise AssertionError(f"not an answer of this adapter: {answer!r}")


def with_exact_money(expected: dict[str, Any]) -> dict[str, Any]:
    return {
        kind: {name: Decimal(value) if name == "stated_cost" and value else value for name, value in facts.items()}
        for kind, facts in expected.items()
    }


@pytest.mark.parametrize("case", cases("answers"))
def test_an_answer_means_what_the_provider_meant(case: dict[str, Any]) -> None:
    reply = reply_of(case["reply"])
    if "error" not in case["expected"]:
        assert shown(read(case["step"], reply)) == with_exact_money(case["expected"])
        return
    expected = case["expected"]["error"]
    with pytest.raises(PenstockError) as caught:
        read(case["step"], reply)
    error = caught.value
    assert type(error).__name__ == expected["type"]
    assert error.code == expected.get("code", error.code)
    assert getattr(error, "ambiguous", False) == expected.get("ambiguous", False)
    assert expected.get("says", "") in error.message
    assert len(error.message) <= expected.get("longest", 300)
    assert error.message.endswith(".")
    assert KEY not in error.message
    if isinstance(error, RateLimited):
        assert error.retry_after == expected["retry_after"]
    if isinstance(error, Moderated):
        assert (error.stage, list(error.reasons)) == (expected["stage"], expected["reasons"])


@pytest.mark.parametrize("step", ["submit", "poll"])
@given(
    status=some.sampled_from([200, 204, 301, 400, 401, 403, 404, 408, 418, 422, 429, 500, 503]),
    body=some.one_of(
        some.binary(max_size=60),
        some.recursive(
            some.none() | some.booleans() | some.integers() | some.text(max_size=8),
            lambda inner: (
                some.lists(inner, max_size=3)
                | some.dictionaries(
                    some.sampled_from(
                        ["id", "polling_url", "status", "state", "result", "details", "detail", "msg", "loc", "cost"]
                    ),
                    inner | some.sampled_from(["Ready", "Error", "Request Moderated"]),
                    max_size=5,
                )
            ),
            max_leaves=8,
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_whatever_comes_is_an_answer_or_one_of_our_errors(step: str, status: int, body: bytes) -> None:
    try:
        shown(read(step, UpstreamReply(status=status, headers={}, body=body)))
    except PenstockError as error:
        assert error.message


@pytest.mark.parametrize(
    ("url", "base_url", "may"),
    [
        ("https://api.bfl.ai/v1/get_result?id=x", "https://api.bfl.ai", True),
        ("https://api.eu2.bfl.ai/v1/get_result?id=x", "https://api.bfl.ai", True),
        ("https://API.US.BFL.ML:443/v1/get_result?id=x", "https://api.bfl.ai", True),
        ("http://127.0.0.1:9101/v1/get_result?id=x", "http://127.0.0.1:9101", True),
        ("http://127.0.0.1:9102/v1/get_result?id=x", "http://127.0.0.1:9101", False),
        ("http://127.0.0.1/v1/get_result?id=x", "https://127.0.0.1", False),
        ("http://api.eu2.bfl.ai/v1/get_result?id=x", "https://api.bfl.ai", False),
        ("https://api.eu2.bfl.ai:8443/v1/get_result?id=x", "https://api.bfl.ai", False),
        ("https://evilbfl.ai/v1/get_result?id=x", "https://api.bfl.ai", False),
        ("https://api.bfl.ai.evil.example/", "https://api.bfl.ai", False),
        ("https://api.bfl.ai@evil.example/", "https://api.bfl.ai", False),
        ("https://evil.example\\.bfl.ai/", "https://api.bfl.ai", False),
        ("https://evil.example/?.bfl.ai", "https://api.bfl.ai", False),
        ("https://evil.example#.bfl.ai", "https://api.bfl.ai", False),
        ("https://api.bfl.ai:port/", "https://api.bfl.ai", False),
        ("https://[::1/", "https://api.bfl.ai", False),
        ("ftp://api.bfl.ai/", "https://api.bfl.ai", False),
        ("//api.bfl.ai/", "https://api.bfl.ai", False),
        ("get_result?id=x", "https://api.bfl.ai", False),
        ("", "https://api.bfl.ai", False),
    ],
)
def test_the_key_travels_to_the_providers_own_hosts_and_no_other(url: str, base_url: str, may: bool) -> None:
    account = replace(ACCOUNT, provider=replace(PROVIDER, base_url=base_url))
    submitted = Submitted(upstream_id="x", polling_url=url)
    if may:
        request = Bfl().poll(submitted, account)
        assert (request.method, request.url, request.headers["x-key"], request.body) == ("GET", url, KEY, ())
        return
    with pytest.raises(UpstreamFailed, match="outside the hosts") as caught:
        Bfl().poll(submitted, account)
    assert KEY not in caught.value.message


def test_polls_start_quick_and_slow_down_to_three_seconds() -> None:
    waits = [Bfl().interval(polls, ACCOUNT) for polls in (0, 1, 2, 4, 5, 10_000)]
    assert waits == [0.5, 0.75, 1.125, 2.53125, 3.0, 3.0]


def test_the_first_wait_can_be_set_in_the_provider() -> None:
    account = replace(ACCOUNT, provider=replace(PROVIDER, quirks={"poll_seconds": 0.01}))
    assert Bfl().interval(0, account) == 0.01


@pytest.mark.parametrize(
    ("quirks", "says"),
    [
        ({"poll_secs": 1}, "poll_seconds"),
        ({"poll_seconds": 0}, "above 0"),
        ({"poll_seconds": 60}, "up to 3"),
        ({"poll_seconds": "1"}, "number of seconds"),
        ({"poll_seconds": True}, "number of seconds"),
    ],
)
def test_a_quirk_it_does_not_have_is_refused_with_the_ones_it_has(quirks: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Bfl.check_quirks(quirks)


def test_known_quirks_are_accepted() -> None:
    Bfl.check_quirks({})
    Bfl.check_quirks({"poll_seconds": 0.01})


@pytest.mark.parametrize(
    "call", [ChatCall(model="m", body={"messages": msgspec.Raw(b"[]")}), EmbeddingCall(model="m", body={})]
)
def test_it_makes_pictures_only(call: ChatCall | EmbeddingCall) -> None:
    with pytest.raises(BadRequest, match="makes pictures"):
        Bfl().request(call, OFFER, ACCOUNT)


def test_an_offer_of_an_unknown_schema_says_what_to_correct() -> None:
    with pytest.raises(UpstreamFailed, match="Correct its `wire` to one of flux1, "):
        Bfl().request(CALL, replace(OFFER, wire="flux9"), ACCOUNT)


def test_it_has_no_streams() -> None:
    with pytest.raises(UpstreamFailed, match="no event streams"):
        Bfl().reader(CALL, OFFER, ACCOUNT)


def test_a_cost_whose_unit_is_not_known_is_not_stated() -> None:
    account = replace(ACCOUNT, provider=replace(PROVIDER, cost_unit_usd=None))
    reply = UpstreamReply(status=200, headers={}, body=b'{"id":"x","polling_url":"https://api.bfl.ai/p","cost":3}')
    assert read("submit", reply, account).stated_cost is None


def test_it_keeps_the_polling_contract_and_says_which_masks_it_wants() -> None:
    assert isinstance(Bfl(), PollingAdapter)
    assert Bfl.mask_polarity == "white"


def test_an_account_without_a_key_sends_none() -> None:
    request = Bfl().request(CALL, OFFER, Account(provider=PROVIDER))
    assert "x-key" not in request.headers
