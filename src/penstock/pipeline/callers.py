"""Where a request comes from: the connection's peer, or whom a trusted proxy says it passes it on for.

`X-Forwarded-For` is believed only where the peer is one of `server.trusted_proxies`: anybody can send that header.
"""

from collections.abc import Iterable, Iterator

from penstock.core.networks import Address, address_of, inside, network_of
from penstock.settings import SettingsError

MOST_HOPS = 64
"""Proxies looked through, so that a long header costs nothing."""


class Callers:
    """Tells callers' addresses, with the proxies that are trusted to know them."""

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        """From addresses and networks. Raises SettingsError where one is neither."""
        try:
            self._trusted = tuple(map(network_of, trusted_proxies))
        except ValueError as error:
            raise SettingsError(f"server.trusted_proxies: {error}") from error

    def address_of(self, peer: tuple[str, int] | None, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The caller's IP address as text, from the ASGI scope's `client` and `headers`; empty where it is not known.

        It is the right-most address of the header that is no trusted proxy: what stands left of it was written by
        strangers. Where something else stands there (`unknown`), the proxy that wrote it is the caller.
        """
        known = peer[0] if peer else ""
        if not self._trusted and ":" not in known:
            return known  # nobody to believe, and nothing to bring into one spelling
        caller = address_of(known)
        if caller is None:
            return ""  # a socket file has no address, and so is no proxy
        for hop in _hops(headers):
            if hop is None or not inside(caller, self._trusted):
                break
            caller = hop
        return str(caller)


def _hops(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[Address | None]:
    """The addresses in the header, which may be there several times, from the last to the first."""
    lines = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    if lines:
        for text in reversed(",".join(lines).split(",")[-MOST_HOPS:]):
            yield address_of(_without_port(text.strip()))


def _without_port(text: str) -> str:
    """`192.0.2.1:80`, `[2001:db8::1]:80` and `[2001:db8::1]` without what is around the address."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    host, colon, port = text.partition(":")
    return host if colon and ":" not in port else text
