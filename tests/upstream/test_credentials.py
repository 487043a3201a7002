"""Whose key is used, and why a provider is off."""

import pytest

from penstock.core.target import Provider
from penstock.settings import ProviderSettings, Settings
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
