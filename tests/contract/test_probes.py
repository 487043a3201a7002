"""What every adapter with a free question promises: it asks for nothing, and its answers mean the same everywhere."""

import msgspec
import pytest

from penstock.catalogue.load import load
from penstock.core.errors import BadCredentials, NoCredit, PenstockError, ProviderError, RateLimited, UpstreamFailed
from penstock.core.target import Account, Provider, Secret
from penstock.providers import ADAPTERS
from penstock.providers.base import Probing, Shown, UpstreamReply

KEY = "sk-very-secret-key-0123456789"
PROBED = ("bfl", "openai_compatible")
PROVIDERS = [provider for provider in load().providers.values() if provider.adapter in PROBED]

each_adapter = pytest.mark.parametrize("name", PROBED)


def parts(name: str) -> tuple[Probing, Account]:
    adapter = ADAPTERS[name]()
    assert isinstance(adapter, Probing)
    provider = next(provider for provider in PROVIDERS if provider.adapter == name)
    return adapter, Account(provider=provider, key=Secret(KEY))


def reply(status: int, body: bytes, headers: dict[str, str] | None = None) -> UpstreamReply:
    return UpstreamReply(status=status, headers=headers or {}, body=body)


def test_these_adapters_have_a_free_question_and_the_others_none() -> None:
    assert tuple(name for name, make in ADAPTERS.items() if isinstance(make(), Probing)) == PROBED


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.slug)
def test_a_question_only_reads_and_has_the_key_in_one_header(provider: Provider) -> None:
    account = Account(provider=provider, key=Secret(KEY))
    adapter = ADAPTERS[account.provider.adapter]()
    assert isinstance(adapter, Probing)
    request = adapter.probe(account)
    assert (request.method, request.body, request.stream) == ("GET", (), False)
    assert request.url.startswith(account.provider.base_url + "/")
    assert sum(KEY in value for value in request.headers.values()) == 1
    assert KEY not in request.url


@pytest.mark.parametrize(
    ("name", "body", "shown"),
    [
        ("bfl", b'{"credits": 0.5}', Shown.CREDIT),
        ("bfl", b'{"credits": 10000}', Shown.CREDIT),
        ("openai_compatible", b'{"object": "list", "data": []}', Shown.KEY),
        ("openai_compatible", b'[{"id": "a"}]', Shown.KEY),
    ],
)
def test_a_good_answer_shows_what_it_can(name: str, body: bytes, shown: Shown) -> None:
    adapter, account = parts(name)
    assert adapter.read_probe(account, reply(200, body)) is shown


@pytest.mark.parametrize("credits", [b"0", b"-3.5"])
def test_an_empty_account_has_no_credit(credits: bytes) -> None:
    adapter, account = parts("bfl")
    with pytest.raises(NoCredit):
        adapter.read_probe(account, reply(200, b'{"credits": ' + credits + b"}"))


@each_adapter
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, b"", BadCredentials),
        (403, b"{}", BadCredentials),
        (402, b"", NoCredit),
        (404, b"", UpstreamFailed),
        (429, b"", RateLimited),
        (500, b"", UpstreamFailed),
        (503, b"<html>", UpstreamFailed),
        (302, b"", UpstreamFailed),
        (200, b"", UpstreamFailed),
        (200, b"<html>hello</html>", UpstreamFailed),
        (200, b'"hello"', UpstreamFailed),
    ],
)
def test_another_answer_means_the_same_whoever_gives_it(
    name: str, status: int, body: bytes, expected: type[PenstockError]
) -> None:
    adapter, account = parts(name)
    with pytest.raises(expected) as caught:
        adapter.read_probe(account, reply(status, body))
    assert isinstance(caught.value, ProviderError)


@each_adapter
@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
def test_a_key_that_a_provider_repeats_is_not_told_on(name: str, status: int) -> None:
    adapter, account = parts(name)
    said = f"the key {KEY} is not good for this"
    body = msgspec.json.encode({"error": {"message": said}, "detail": said, "message": said})
    with pytest.raises(PenstockError) as caught:
        adapter.read_probe(account, reply(status, body))
    assert KEY not in caught.value.message
