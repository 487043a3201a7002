"""Whose address a request has: the header is believed only where a trusted proxy sent it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.networks import network_of
from penstock.core.principal import Principal
from penstock.pipeline.callers import Callers
from penstock.settings import SettingsError

PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48")


def caller(peer: str | None, *lines: str, trusted: Sequence[str] = PROXIES) -> str:
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in lines]
    around = [(b"host", b"gateway"), *headers, (b"forwarded", b"for=203.0.113.99")]
    return Callers(trusted).address_of(None if peer is None else (peer, 4711), around)


@pytest.mark.parametrize(
    ("peer", "lines", "address"),
    [
        # Nobody in between, or nobody who is believed.
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["203.0.113.9"], "192.0.2.7"),
        ("2001:db8::7", ["203.0.113.9"], "2001:db8::7"),
        ("10.0.0.1", [], "10.0.0.1"),
        # One proxy, two proxies, and what strangers wrote before them.
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["10.9.9.9, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9", "10.0.0.3", "10.0.0.2"], "203.0.113.9"),
        ("2001:db8:ffff::1", ["2001:db8::9"], "2001:db8::9"),
        # Only proxies: the first of them asks itself.
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # Spellings.
        ("10.0.0.1", [" 203.0.113.9 "], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9:51234"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8::9]:51234"], "2001:db8::9"),
        ("10.0.0.1", ["[2001:db8::9]"], "2001:db8::9"),
        ("10.0.0.1", ["2001:DB8:0:0::9"], "2001:db8::9"),
        ("10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("::ffff:192.0.2.7", [], "192.0.2.7"),
        ("fe80::1%eth0", [], "fe80::1"),
        # Something else: the proxy that wrote it is as far as anybody can see.
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9,"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, _hidden, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["203.0.113.999"], "10.0.0.1"),
        ("10.0.0.1", ["[2001:db8::9"], "2001:db8::9"),
        ("10.0.0.1", ["\xff\xfe"], "10.0.0.1"),
        # No peer: a socket file.
        (None, ["203.0.113.9"], ""),
        ("", ["203.0.113.9"], ""),
    ],
)
def test_the_caller_is_the_right_most_address_that_is_no_trusted_proxy(
    peer: str | None, lines: list[str], address: str
) -> None:
    assert caller(peer, *lines) == address


@pytest.mark.parametrize(
    ("peer", "address"),
    [("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8::1", "2001:db8::1"), (None, "")],
)
def test_without_trusted_proxies_nobody_is_believed(peer: str | None, address: str) -> None:
    assert caller(peer, "203.0.113.9", trusted=()) == address


@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=30), max_size=5))
def test_whatever_strangers_write_stands_left_of_what_the_proxy_adds(lines: list[str]) -> None:
    assert caller("10.0.0.1", *lines, "203.0.113.9") == "203.0.113.9"
    assert caller("192.0.2.7", *lines) == "192.0.2.7"


def test_a_long_header_is_not_read_to_its_beginning() -> None:
    assert caller("10.0.0.1", "203.0.113.9" + ", 10.0.0.2" * 64) == "10.0.0.2"
    assert caller("10.0.0.1", "203.0.113.9" + ", 10.0.0.2" * 63) == "203.0.113.9"


@pytest.mark.parametrize("wrong", ["proxy.internal", "10.0.0.0/40", "", "unix"])
def test_a_trusted_proxy_that_is_no_address_is_refused_at_the_start(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"server\.trusted_proxies: '.*' is neither an IP address nor a network"):
        Callers(["10.0.0.1", wrong])


@pytest.mark.parametrize(
    ("networks", "client", "may"),
    [
        ((), "192.0.2.7", True),
        ((), "", True),
        (("192.0.2.0/24",), "192.0.2.7", True),
        (("192.0.2.0/24",), "192.0.3.7", False),
        (("192.0.2.0/24", "2001:db8::/32"), "2001:db8::7", True),
        (("192.0.2.0/24",), "2001:db8::7", False),
        (("0.0.0.0/0",), "2001:db8::7", False),
        (("0.0.0.0/0", "::/0"), "", False),
    ],
)
def test_a_key_is_used_from_its_networks_only(networks: tuple[str, ...], client: str, may: bool) -> None:
    principal = Principal("key_1", "build", frozenset(), addresses=tuple(map(network_of, networks)))
    assert principal.may_come_from(client) is may
