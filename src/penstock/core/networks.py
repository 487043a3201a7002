"""IP addresses and networks: where a caller is, and where a key may be used from.

An IPv4 address that a socket for both families shows as IPv6 (`::ffff:192.0.2.1`, RFC 4291 2.5.5.2) is the IPv4
address it stands for, on both sides of every comparison.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MAPPED = IPv6Network("::ffff:0:0/96")


def address_of(text: str) -> Address | None:
    """The address a text is, without the zone it may end in (`fe80::1%eth0`); None for anything else."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv4Address):
        return found
    return found.ipv4_mapped or (IPv6Address(int(found)) if found.scope_id else found)


def network_of(text: str) -> Network:
    """The network a text is, `10.0.0.0/8` or `2001:db8::/32`; one address is a network of one.

    Bits below the mask are dropped. Raises ValueError with a sentence.
    """
    try:
        found = ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is neither an IP address nor a network like 10.0.0.0/8 or 2001:db8::/32.") from None
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        inside = IPv4Address(int(found.network_address) & 0xFFFF_FFFF)
        return IPv4Network((inside, found.prefixlen - _MAPPED.prefixlen))
    return found


def shown(network: Network) -> str:
    """As people write it: an address without a mask where it is only one."""
    return str(network.network_address if network.num_addresses == 1 else network)


def inside(address: Address, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of these networks."""
    return any(address in network for network in networks)
