"""What a key may do and where from, at the front door: for text, for pictures made and for pictures edited."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from penstock.core.principal import Scope
from penstock.store.keys import Key, NewKey, change_key, create_key, revoke_key, rotate_key
from penstock.store.people import (
    archive_organisation,
    archive_team,
    archive_user,
    create_organisation,
    create_team,
    create_user,
)
from tests.e2e.doors import CHATS, EDITS, GENERATIONS, Door, name_of, refusal
from tests.e2e.running import RunningGateway, now_ms
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import OpenAISimulator

OPERATIONS = [*CHATS, GENERATIONS, EDITS]


@pytest.fixture(scope="module")
def behind_a_proxy(
    tmp_path_factory: pytest.TempPathFactory, bfl: BflSimulator, openai_upstream: OpenAISimulator
) -> Iterator[RunningGateway]:
    """A gateway that takes whoever calls from this machine for a proxy of its own."""
    settings = {
        "server": {"trusted_proxies": ["127.0.0.0/8", "10.0.0.0/8"]},
        "providers": {
            "bfl": {"base_url": bfl.url, "api_key": "bfl-test-key", "quirks": {"poll_seconds": 0.01}},
            "openai": {"base_url": openai_upstream.base_url, "api_key": "openai-test-key"},
        },
        "network": {"allow_private_hosts": ["127.0.0.1"]},
    }
    with RunningGateway(tmp_path_factory.mktemp("behind"), settings) as running:
        yield running


@pytest.fixture(params=OPERATIONS, ids=name_of)
def door(request: pytest.FixtureRequest) -> Door:
    """A request for each operation, that would be served."""
    found: Door = request.param
    return found


@pytest.fixture
def calls(bfl: BflSimulator, openai_upstream: OpenAISimulator) -> Callable[[], int]:
    """How many calls the providers have got."""
    return lambda: len(bfl.calls) + len(openai_upstream.calls)


def new_key(gateway: RunningGateway, **fields: Any) -> tuple[Key, str]:
    new = NewKey("at the door", [Scope.INFERENCE], **fields)
    return gateway.change(lambda c: create_key(c, new, now_ms()))


def ask(gateway: RunningGateway, door: Door, secret: str, *forwarded: str) -> httpx.Response:
    """The door's good request, with so many lines of `X-Forwarded-For`."""
    headers = [("authorization", f"Bearer {secret}"), *(("x-forwarded-for", line) for line in forwarded)]
    return httpx.post(gateway.url + door.path, json=door.good, headers=headers, timeout=30)


def outcome(response: httpx.Response) -> tuple[int, str | None]:
    """The status, and the code of an error."""
    return response.status_code, None if response.status_code == 200 else refusal(response)[1]["code"]


SERVED = (200, None)
NOT_FROM_THERE = (403, "address_not_allowed")
REFUSED = (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("restriction", "may"),
    [
        ({"models": ["{maker}/*"]}, True),
        ({"models": ["somebody/else", "{model}"]}, True),
        ({"models": ["somebody/*"]}, False),
        ({"models": ["{maker}"]}, False),
        ({"providers": ["{provider}"]}, True),
        ({"providers": ["bf?", "open*"]}, True),
        ({"providers": ["sandbox"]}, False),
        ({"models": ["{model}"], "providers": ["sandbox"]}, False),
    ],
    ids=str,
)
def test_a_key_calls_its_models_at_its_providers_only(
    gateway: RunningGateway, calls: Callable[[], int], door: Door, restriction: dict[str, list[str]], may: bool
) -> None:
    model = door.good["model"]
    maker = model.partition("/")[0]
    names = {"model": model, "maker": maker, "provider": "openai" if maker == "openai" else "bfl"}
    fields = {field: [pattern.format(**names) for pattern in patterns] for field, patterns in restriction.items()}
    _, secret = new_key(gateway, **fields)
    response = ask(gateway, door, secret)
    assert (response.status_code == 200) == may, response.text
    if not may:
        assert response.status_code == 403
        assert calls() == 0


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ([], SERVED),
        (["127.0.0.1"], SERVED),
        (["203.0.113.0/24", "127.0.0.0/8"], SERVED),
        (["203.0.113.0/24"], NOT_FROM_THERE),
        (["::/0"], NOT_FROM_THERE),
    ],
    ids=str,
)
def test_a_key_is_used_from_its_addresses_only(
    gateway: RunningGateway,
    calls: Callable[[], int],
    door: Door,
    addresses: list[str],
    expected: tuple[int, str | None],
) -> None:
    _, secret = new_key(gateway, addresses=addresses)
    response = ask(gateway, door, secret)
    assert outcome(response) == expected
    if expected == NOT_FROM_THERE:
        assert "may not be used from 127.0.0.1" in refusal(response)[0]
        assert response.headers["x-penstock-cost"] == "0"
        assert calls() == 0


@pytest.mark.parametrize(
    ("forwarded", "strangers", "proxied"),
    [
        ([], NOT_FROM_THERE, NOT_FROM_THERE),
        (["203.0.113.9"], NOT_FROM_THERE, SERVED),
        (["[::ffff:203.0.113.9]:4711, 10.0.0.2"], NOT_FROM_THERE, SERVED),
        (["198.51.100.1", "203.0.113.9"], NOT_FROM_THERE, SERVED),
        (["203.0.113.9", "198.51.100.1"], NOT_FROM_THERE, NOT_FROM_THERE),
        (["203.0.113.9, unknown"], NOT_FROM_THERE, NOT_FROM_THERE),
    ],
    ids=str,
)
def test_the_callers_address_is_believed_from_a_trusted_proxy_only(
    gateway: RunningGateway,
    behind_a_proxy: RunningGateway,
    door: Door,
    forwarded: list[str],
    strangers: tuple[int, str | None],
    proxied: tuple[int, str | None],
) -> None:
    for running, expected in ((gateway, strangers), (behind_a_proxy, proxied)):
        _, secret = new_key(running, addresses=["203.0.113.0/24"])
        assert outcome(ask(running, door, secret, *forwarded)) == expected


def test_who_claims_to_be_elsewhere_is_still_here(gateway: RunningGateway) -> None:
    _, secret = new_key(gateway, addresses=["127.0.0.1"])
    assert outcome(ask(gateway, GENERATIONS, secret, "203.0.113.9")) == SERVED


def create_in_acme(c: Connection) -> tuple[Key, str]:
    """A key of a new organisation's team and user."""
    acme = create_organisation(c, f"acme {now_ms()} {id(c)}", now_ms()).id
    made = create_team(c, acme, "posters", now_ms()), create_user(c, acme, "ann", now_ms())
    new = NewKey("at the door", [Scope.INFERENCE], organisation=acme, team=made[0].id, user=made[1].id)
    return create_key(c, new, now_ms())


ENDINGS: dict[str, tuple[Callable[[Connection, Key], Any], str]] = {
    "revoked": (lambda c, key: revoke_key(c, key.id, now_ms()), "was revoked"),
    "expired": (lambda c, key: change_key(c, key.id, now_ms(), expires_at=now_ms() - 1), "has expired"),
    "rotated": (lambda c, key: rotate_key(c, key.id, 0, now_ms()), "was replaced"),
    "organisation archived": (
        lambda c, key: archive_organisation(c, key.organisation_id or "", now_ms()),
        "The organisation of this API key is archived",
    ),
    "team archived": (
        lambda c, key: archive_team(c, key.team_id or "", now_ms()),
        "The team of this API key is archived",
    ),
    "user archived": (
        lambda c, key: archive_user(c, key.user_id or "", now_ms()),
        "The user of this API key is archived",
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_the_command_line_ends_is_refused_by_the_very_next_request(
    gateway: RunningGateway, calls: Callable[[], int], door: Door, ending: str
) -> None:
    key, secret = gateway.change(create_in_acme)
    assert outcome(ask(gateway, door, secret)) == SERVED
    called, (end, says) = calls(), ENDINGS[ending]
    gateway.change(lambda c: end(c, key))
    response = ask(gateway, door, secret)
    assert outcome(response) == REFUSED
    assert says in refusal(response)[0]
    assert response.headers["www-authenticate"] == "Bearer"
    assert calls() == called


def test_a_restriction_made_meanwhile_counts_for_the_very_next_request(gateway: RunningGateway, door: Door) -> None:
    key, secret = new_key(gateway)
    assert outcome(ask(gateway, door, secret)) == SERVED
    gateway.change(lambda c: change_key(c, key.id, now_ms(), addresses=["203.0.113.9"]))
    assert outcome(ask(gateway, door, secret)) == NOT_FROM_THERE
    gateway.change(lambda c: change_key(c, key.id, now_ms(), addresses=[]))
    assert outcome(ask(gateway, door, secret)) == SERVED


@pytest.mark.parametrize(("rotated_ago", "expected"), [(0, SERVED), (59, SERVED), (61, REFUSED)])
def test_a_rotated_key_has_two_secrets_for_a_while(
    gateway: RunningGateway, door: Door, rotated_ago: int, expected: tuple[int, str | None]
) -> None:
    key, before = new_key(gateway)
    _, after = gateway.change(lambda c: rotate_key(c, key.id, 60, now_ms() - 1000 * rotated_ago))
    assert outcome(ask(gateway, door, before)) == expected
    response = ask(gateway, door, after)
    assert outcome(response) == SERVED
    assert gateway.request(response.headers["x-request-id"])["key_id"] == key.id
