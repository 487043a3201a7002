"""The guarded fetcher's checks, without a network: which addresses are public, and what each one given is taken for."""

import socket
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import ResolveResult
from yarl import URL

from penstock.upstream.fetch import Fetcher, FetchRefused, _PrivateAddressError, _PublicResolver, is_public

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
    "::ffff:8.8.8.8",  # IPv4-mapped
    "2002:808:808::1",  # 6to4 of 8.8.8.8
    "64:ff9b::808:808",  # NAT64 of 8.8.8.8
]
PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",  # shared address space
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",  # the metadata service of clouds
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",  # documentation
    "192.168.0.1",
    "198.18.0.1",  # benchmarks
    "203.0.113.1",
    "224.0.0.1",  # multicast
    "240.0.0.1",  # reserved
    "255.255.255.255",
    "::",
    "::1",
    "::1%lo",
    "::7f00:1",  # IPv4-compatible, long deprecated
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:7f00:1",  # IPv4-translated
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",  # local NAT64
    "2002:7f00:1::",  # 6to4
    "2002:c0a8:101::1",
    "2001:0:7f00:1::",  # Teredo
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",  # the metadata service, in IPv6
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",  # site-local, long deprecated
    "ff02::1",
    "ff0e::1",
    "100::1",
    "4000::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_this_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_this_address_is_not_public(address: str) -> None:
    assert not is_public(address)


FINE = [
    "https://example.com/a.png",
    "https://EXAMPLE.com:8443/a.png?b=c#d",
    "https://8.8.8.8/a.png",
    "https://[2606:4700::1111]/a.png",
    "https://1e100.net/a.png",
    "https://0x.example/a.png",
    "http://allowed/a.png",
    "https://allowed:9000/a.png",
    "http://10.1.2.3:9000/a.png",
]
REFUSED = {
    "": "with a host",
    "a.png": "with a host",
    "//example.com/a.png": "Only https",
    "http://example.com/a.png": "Only https",
    "ftp://allowed/a.png": "Only http and https",
    "ws://allowed/": "Only http and https",
    "https://user@example.com/": "no credentials",
    "https://user:word@allowed/": "no credentials",
    "https://:word@example.com/": "no credentials",
    "https://127.0.0.1/": "private network",
    "https://10.1.2.4/": "private network",
    "https://①②⑦.0.0.1/": "private network",
    "https://127。0。0。1/": "private network",
    "https://[::1]/": "private network",
    "https://[::ffff:7f00:1]/": "private network",
    "https://[fe80::1%25eth0]/": "private network",
    "https://127.1/": "a number",
    "https://127.0.0.1./": "a number",
    "https://0177.0.0.1/": "a number",
    "https://0x7f.0.0.1/": "a number",
    "https://127.0.0.0x1/": "a number",
    "https://2130706433/": "a number",
    "https://0X7F000001/": "a number",
    "https://0/": "a number",
    "https://example.123/": "a number",
    "https://example.com:99999/": "not a URL",
    "https://[::1/": "not a URL",
    "https://exa\\mple.com/": "not a URL",
}


@pytest.fixture
def fetcher() -> Fetcher:
    return Fetcher(["allowed", "10.1.2.3"], timeout=1)


@pytest.mark.parametrize("address", FINE)
def test_this_address_may_be_tried(fetcher: Fetcher, address: str) -> None:
    assert fetcher._checked(address) == URL(address)


@pytest.mark.parametrize(("address", "says"), REFUSED.items())
async def test_this_address_is_refused_before_anything_is_looked_up(fetcher: Fetcher, address: str, says: str) -> None:
    with pytest.raises(FetchRefused, match=says):
        async with fetcher.get(address):
            raise AssertionError("it was fetched")
    assert fetcher._session is None


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/b.png", "https://example.com/b.png"),
        ("b.png", "https://example.com/a/b.png"),
        ("//other.example/b.png", "https://other.example/b.png"),
        ("https://other.example/", "https://other.example/"),
        ("", "https://example.com/a/a.png"),
    ],
)
def test_a_redirect_is_read_from_where_it_came(fetcher: Fetcher, location: str, leads_to: str) -> None:
    assert fetcher._checked(location, URL("https://example.com/a/a.png")) == URL(leads_to)


@pytest.mark.parametrize(
    "location", ["http://example.com/", "//10.0.0.1/", "https://[::1", "https://2130706433/", "data:,"]
)
def test_a_redirect_is_checked_as_an_address_is(fetcher: Fetcher, location: str) -> None:
    with pytest.raises(FetchRefused):
        fetcher._checked(location, URL("https://example.com/a/a.png"))


class Names:
    """A resolver that knows one name."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self._addresses
        ]

    async def close(self) -> None:
        pass


def resolver(*addresses: str) -> _PublicResolver:
    found = _PublicResolver({"allowed"})
    names: Any = Names(*addresses)
    found._resolver = names
    return found


async def test_of_a_name_s_addresses_only_the_public_ones_are_connected_to() -> None:
    found = await resolver("10.0.0.1", "8.8.8.8", "::1", "::ffff:127.0.0.1").resolve("example.com", 443)
    assert [entry["host"] for entry in found] == ["8.8.8.8"]


@pytest.mark.parametrize("addresses", [("10.0.0.1", "fe80::1%eth0"), ("127.0.0.1",), ("64:ff9b::a00:1",), ()])
async def test_a_name_without_a_public_address_is_refused(addresses: tuple[str, ...]) -> None:
    with pytest.raises(_PrivateAddressError, match=r"example\.com is in a private network"):
        await resolver(*addresses).resolve("example.com", 443)


async def test_a_name_that_is_allowed_may_be_anywhere() -> None:
    found = await resolver("10.0.0.1", "8.8.8.8").resolve("allowed", 443)
    assert len(found) == 2


async def test_a_name_that_turns_out_to_be_private_is_refused_and_not_just_failed(fetcher: Fetcher) -> None:
    session = fetcher._opened()
    connector = session.connector
    assert isinstance(connector, aiohttp.TCPConnector)
    connector._resolver = resolver("10.0.0.1")
    try:
        with pytest.raises(FetchRefused, match="private network"):
            async with fetcher.get("https://example.com/a.png"):
                raise AssertionError("it was fetched")
    finally:
        await fetcher.close()


async def test_nothing_of_ours_travels_along(fetcher: Fetcher) -> None:
    session = fetcher._opened()
    try:
        assert {name.lower() for name in session.headers} == {"user-agent", "accept-encoding", "accept"}
        assert isinstance(session.cookie_jar, aiohttp.DummyCookieJar)
        assert not session.trust_env
    finally:
        await fetcher.close()
