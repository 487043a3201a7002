"""Whose key is used, and why a provider is off."""

from decimal import Decimal

import pytest

from penstock.core.target import AccountKey, Provider, Secret
from penstock.settings import ProviderKey, ProviderSettings, Settings, SettingsError
from penstock.upstream.credentials import Switch, switches

KEYED = Provider(slug="keyed", name="Keyed", adapter="openai_compatible", key_variable="KEYED_API_KEY")
OPEN = Provider(slug="open", name="Open", adapter="openai_compatible")
KNOWN_ONLY = Provider(slug="known", name="Known", adapter="", key_variable="KNOWN_API_KEY")


def switch(provider: Provider, environment: dict[str, str], **given: object) -> Switch:
    settings = Settings(providers={provider.slug: ProviderSettings(**given)})
    return switches({provider.slug: provider}, settings, environment)[provider.slug]


@pytest.mark.parametrize(
    ("given", "environment", "key", "says"),
    [
        ({"api_key": "a"}, {}, "a", "configuration"),
        ({}, {"KEYED_API_KEY": "b"}, "b", "KEYED_API_KEY"),
        ({"api_key": "a"}, {"KEYED_API_KEY": "b"}, "a", "configuration"),
        ({"api_key": ""}, {"KEYED_API_KEY": "b"}, "b", "KEYED_API_KEY"),
        ({"api_key": "a\n"}, {}, "a", "configuration"),
        ({}, {"KEYED_API_KEY": " b\r\n"}, "b", "KEYED_API_KEY"),
        ({"api_key": " \n"}, {"KEYED_API_KEY": "b"}, "b", "KEYED_API_KEY"),
    ],
)
def test_the_key_is_the_configuration_s_or_else_the_environment_s(
    given: dict[str, object], environment: dict[str, str], key: str, says: str
) -> None:
    found = switch(KEYED, environment, **given)
    assert found.account is not None
    assert found.account.key == key
    assert says in found.reason


@pytest.mark.parametrize(
    ("provider", "given", "environment", "says"),
    [
        (KEYED, {}, {}, "set KEYED_API_KEY"),
        (KEYED, {}, {"KEYED_API_KEY": ""}, "set KEYED_API_KEY"),
        (KEYED, {}, {"KEYED_API_KEY": "\n"}, "set KEYED_API_KEY"),
        (KEYED, {"enabled": False}, {"KEYED_API_KEY": "b"}, "switched off"),
        (OPEN, {"enabled": False}, {}, "switched off"),
        (KNOWN_ONLY, {"api_key": "a"}, {"KNOWN_API_KEY": "b"}, "cannot call it"),
    ],
)
def test_a_provider_that_is_off_says_why(
    provider: Provider, given: dict[str, object], environment: dict[str, str], says: str
) -> None:
    found = switch(provider, environment, **given)
    assert found.account is None
    assert says in found.reason


def test_a_provider_that_needs_no_key_is_on_without_one() -> None:
    found = switch(OPEN, {})
    assert found.account is not None
    assert found.account.key is None
    assert found.reason == "needs no key"


def test_a_key_does_not_show_itself() -> None:
    account = switch(KEYED, {"KEYED_API_KEY": "sk-live-1"}).account
    assert account is not None
    assert "sk-live-1" not in repr(account)


def test_a_provider_may_take_as_long_as_the_configuration_says() -> None:
    account = switch(KEYED, {"KEYED_API_KEY": "k"}, timeout_seconds=5.0).account
    assert account is not None
    assert account.timeout == 5.0


def test_several_keys_are_one_account_that_begins_with_the_first() -> None:
    keys = (
        ProviderKey(api_key="a\n"),
        ProviderKey(api_key="b", name="eu", weight=3, requests_per_minute=60, usd_per_day=Decimal("2.5")),
        ProviderKey(api_key="c"),
    )
    found = switch(KEYED, {"KEYED_API_KEY": "of the environment"}, keys=keys, timeout_seconds=5.0)
    assert found.account is not None
    assert found.account.keys == (
        AccountKey(name="1", key=Secret("a")),
        AccountKey(name="eu", key=Secret("b"), weight=3, requests_per_minute=60, usd_per_day=Decimal("2.5")),
        AccountKey(name="3", key=Secret("c")),
    )
    assert (found.account.key, found.account.key_name, found.account.timeout) == ("a", "1", 5.0)
    assert found.reason == "3 keys from the configuration"


def test_a_list_may_hold_a_single_key_with_its_limits() -> None:
    found = switch(OPEN, {}, keys=(ProviderKey(api_key="a", requests_per_minute=1),))
    assert found.account is not None
    assert len(found.account.keys) == 1
    assert found.reason == "1 key from the configuration"


def test_none_of_several_keys_shows_itself() -> None:
    account = switch(KEYED, {}, keys=(ProviderKey(api_key="sk-live-1"), ProviderKey(api_key="sk-live-2"))).account
    assert account is not None
    assert "sk-live" not in repr(account)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"api_key": "a", "keys": (ProviderKey(api_key="b"),)}, "api_key and keys. Keep one"),
        ({"keys": (ProviderKey(api_key="a", name="x"), ProviderKey(api_key="b", name="x"))}, "2 keys are called 'x'"),
        ({"keys": (ProviderKey(api_key="a", name="2"), ProviderKey(api_key="b"))}, "2 keys are called '2'"),
        ({"keys": (ProviderKey(api_key="a"), ProviderKey(api_key=" \n"))}, "key 2 is empty"),
        ({"keys": (ProviderKey(api_key="a", usd_per_day=Decimal(0)),)}, "expected above 0"),
        ({"keys": (ProviderKey(api_key="a", usd_per_day=Decimal("NaN")),)}, "expected above 0"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_without_being_shown(given: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=r"providers\.keyed") as raised:
        switch(KEYED, {}, **given)
    assert says in str(raised.value)


def test_the_keys_of_a_provider_that_is_switched_off_are_not_looked_at() -> None:
    assert switch(KEYED, {}, enabled=False, keys=(ProviderKey(api_key=""),)).account is None
