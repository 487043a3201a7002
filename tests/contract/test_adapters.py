"""What every adapter that speaks HTTP promises, whatever its provider's dialect: one table for all of them."""

import msgspec
import pytest

from penstock.catalogue.load import load
from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall, Operation, Size
from penstock.core.errors import (
    BadCredentials,
    NoCredit,
    PenstockError,
    ProviderError,
    RateLimited,
    UpstreamFailed,
)
from penstock.core.picture import Picture
from penstock.core.pieces import Bare, Base64
from penstock.core.target import Account, Offer, Secret
from penstock.providers import ADAPTERS
from penstock.providers.base import Adapter, UpstreamReply

KEY = "sk-very-secret-key-0123456789"
CATALOGUE = load()
REFERENCE = Picture("ab" * 32, "image/png", 1024, 1024, 70_000)
REMOTE = [name for name in ADAPTERS if name != "sandbox"]


def call_for(operation: Operation, model: str) -> Call:
    body = {"messages": msgspec.Raw(b'[{"role":"user","content":"hi"}]'), "input": msgspec.Raw(b'"hi"')}
    match operation:
        case Operation.CHAT:
            return ChatCall(model=model, body=body)
        case Operation.EMBEDDING:
            return EmbeddingCall(model=model, body=body)
        case Operation.IMAGE_GENERATION:
            return ImageCall(model=model, prompt="a lighthouse", size=Size(1024, 1024))
        case Operation.IMAGE_EDIT:
            return ImageCall(model=model, prompt="a lighthouse", references=(REFERENCE,))


def offers() -> list[tuple[Operation, Offer]]:
    """Every operation of every offer in the shipped catalogue that can be called."""
    return [
        (operation, offer)
        for offer in CATALOGUE.all_offers
        if CATALOGUE.providers[offer.provider].adapter in REMOTE
        for operation in sorted(offer.operations)
    ]


def first_offers() -> list[tuple[Operation, Offer]]:
    """One offer for each adapter and operation."""
    first: dict[tuple[str, Operation], Offer] = {}
    for operation, offer in offers():
        first.setdefault((CATALOGUE.providers[offer.provider].adapter, operation), offer)
    return [(operation, offer) for (_, operation), offer in first.items()]


def parts(offer: Offer) -> tuple[Adapter, Account]:
    provider = CATALOGUE.providers[offer.provider]
    adapter = ADAPTERS[provider.adapter]()
    assert isinstance(adapter, Adapter)
    return adapter, Account(provider=provider, key=Secret(KEY))


def named(value: object) -> str:
    return value.id if isinstance(value, Offer) else str(value)


@pytest.mark.parametrize(("operation", "offer"), offers(), ids=named)
def test_a_request_goes_to_the_provider_with_its_key_in_one_header(operation: Operation, offer: Offer) -> None:
    adapter, account = parts(offer)
    request = adapter.request(call_for(operation, offer.model), offer, account)
    assert request.url.startswith(account.provider.base_url + "/")
    assert sum(KEY in value for value in request.headers.values()) == 1
    assert KEY not in request.url
    assert not any(KEY.encode() in piece for piece in request.body if isinstance(piece, bytes))
    assert any(isinstance(piece, Bare | Base64) for piece in request.body) is (operation is Operation.IMAGE_EDIT)


FAILURES: list[tuple[int, dict[str, str], bytes, type[PenstockError]]] = [
    (401, {}, b"", BadCredentials),
    (403, {}, b"", BadCredentials),
    (402, {}, b"", NoCredit),
    (429, {"retry-after": "7"}, b"", RateLimited),
    (500, {}, b"", UpstreamFailed),
    (502, {}, b"<html>bad gateway</html>", UpstreamFailed),
    (503, {}, b"null", UpstreamFailed),
    (200, {}, b"", UpstreamFailed),
    (200, {}, b"<html>hello</html>", UpstreamFailed),
    (200, {}, b"[]", UpstreamFailed),
    (200, {}, b'{"unexpected": true}', UpstreamFailed),
]


@pytest.mark.parametrize(("operation", "offer"), first_offers(), ids=named)
@pytest.mark.parametrize(("status", "headers", "body", "expected"), FAILURES)
def test_a_failure_means_the_same_whoever_has_it(
    operation: Operation,
    offer: Offer,
    status: int,
    headers: dict[str, str],
    body: bytes,
    expected: type[PenstockError],
) -> None:
    adapter, account = parts(offer)
    reply = UpstreamReply(status=status, headers=headers, body=body)
    with pytest.raises(expected) as caught:
        adapter.read(call_for(operation, offer.model), offer, account, reply)
    assert isinstance(caught.value, ProviderError)
    if isinstance(caught.value, RateLimited):
        assert caught.value.headers["retry-after"] == "7"


@pytest.mark.parametrize(("operation", "offer"), first_offers(), ids=named)
@pytest.mark.parametrize("status", [400, 401, 403, 422, 429, 500])
def test_a_key_that_a_provider_repeats_is_not_told_on(operation: Operation, offer: Offer, status: int) -> None:
    adapter, account = parts(offer)
    said = f"the key {KEY} is not good for this"
    body = msgspec.json.encode({"error": {"message": said}, "detail": said, "message": said})
    with pytest.raises(PenstockError) as caught:
        adapter.read(
            call_for(operation, offer.model), offer, account, UpstreamReply(status=status, headers={}, body=body)
        )
    assert KEY not in caught.value.message


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_a_quirk_it_does_not_have_is_refused(name: str) -> None:
    check = getattr(ADAPTERS[name](), "check_quirks")  # noqa: B009  not part of the Protocol
    with pytest.raises(ValueError, match="no_such_quirk"):
        check({"no_such_quirk": 1})


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_its_masks_have_a_polarity(name: str) -> None:
    assert getattr(ADAPTERS[name](), "mask_polarity", None) in ("white", "transparent")
