"""The guarded fetcher: the only way an address given by a caller or a provider is downloaded.

Names are resolved by our own resolver, which drops every address that is not public, and the connection goes to the
address that was checked, so a name that changes its answer gains nothing. Redirects are followed by hand, each checked
anew; no key, cookie or other header of ours travels along.
"""

import ipaddress
import re
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

_REDIRECTS = 3
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
"""The last label of a host that the WHATWG URL specification reads as an IPv4 address."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: an IPv4 address in its last 32 bits."""


class FetchRefused(Exception):
    """The address may not be fetched at all; the message says why."""


class FetchFailed(Exception):
    """The address was tried; `status` is the answer's, where there was one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Fetcher:
    """Downloads public addresses. `allowed` hosts may be private and plain http."""

    def __init__(self, allowed: Collection[str], timeout: float) -> None:
        self._allowed = frozenset(allowed)
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def get(self, address: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of `address` in chunks, while the context lasts.

        Raises FetchRefused where the address is not one to fetch, FetchFailed where fetching it does not give a 200.
        """
        url = self._checked(address)
        try:
            for _ in range(_REDIRECTS + 1):
                async with self._opened().get(url, allow_redirects=False) as response:
                    if response.status in (301, 302, 303, 307, 308):
                        url = self._checked(response.headers.get("location", ""), url)
                        continue
                    if response.status != 200:
                        raise FetchFailed(f"{url.host} answered {response.status}.", response.status)
                    yield response.content.iter_any()
                    return
            raise FetchFailed(f"{url.host} redirected more than {_REDIRECTS} times.")
        except _PrivateAddressError as error:
            raise FetchRefused(str(error)) from error
        except TimeoutError as error:
            raise FetchFailed(f"{url.host} did not answer within {self._timeout:g} seconds.") from error
        except (aiohttp.ClientError, OSError) as error:
            cause = error.__cause__ or error
            if isinstance(cause, _PrivateAddressError) or isinstance(
                getattr(error, "os_error", None), _PrivateAddressError
            ):
                raise FetchRefused(f"{url.host} is in a private network, which is not fetched.") from error
            raise FetchFailed(f"{url.host} could not be read: {type(error).__name__}.") from error

    def _checked(self, address: str, base: URL | None = None) -> URL:
        try:
            url = base.join(URL(address)) if base else URL(address)
            host = url.host
        except ValueError as error:
            raise FetchRefused("The address is not a URL.") from error
        if not host or url.user or url.password:
            raise FetchRefused("The address must be a URL with a host and no credentials.")
        if host in self._allowed:
            if url.scheme not in ("http", "https"):
                raise FetchRefused("Only http and https addresses are fetched.")
            return url
        if url.scheme != "https":
            raise FetchRefused("Only https addresses are fetched.")
        if _is_literal(host):
            if not is_public(host):
                raise FetchRefused(f"{host} is in a private network, which is not fetched.")
        elif _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
            # inet_aton's other spellings: 2130706433, 0x7f.1 and 0177.0.0.1 are all 127.0.0.1.
            raise FetchRefused(f"{host[:60]} is a number and no host name; write an address as four decimal numbers.")
        return url

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=_PublicResolver(self._allowed), limit=64, use_dns_cache=False),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=10),
                read_bufsize=256 * 1024,
                headers={"user-agent": "penstock", "accept-encoding": "identity", "accept": "image/*"},
            )
        return self._session


class _PrivateAddressError(OSError):
    pass


class _PublicResolver(AbstractResolver):
    """Resolves names and drops addresses that are not public, unless the host is allowed."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = allowed
        self._resolver: aiohttp.ThreadedResolver | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self._resolver = self._resolver or aiohttp.ThreadedResolver()
        found = await self._resolver.resolve(host, port, family)
        if host in self._allowed:
            return found
        public = [entry for entry in found if is_public(entry["host"])]
        if not public:
            raise _PrivateAddressError(f"{host} is in a private network, which is not fetched.")
        return public

    async def close(self) -> None:
        if self._resolver is not None:
            await self._resolver.close()


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Whether an IP address, or the IPv4 one inside it, is reachable on the public internet."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is None and found.is_site_local:
            return False
        found = inner or found
    return found.is_global and not found.is_multicast and not found.is_reserved
