"""Which addresses an http task must not reach.

The agent serves all namespaces from a place in the network that their own pods may not have: what it can
reach must not become what everybody can. It is judged by address, after the name was resolved, and the
connection is made to the very address that was judged: a name that means something else the next time it is
asked for gains nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

from bridge.argo.agent.http.rules import Network

Address: TypeAlias = IPv4Address | IPv6Address

ALWAYS: dict[str, tuple[Network, ...]] = {
    "of this machine": tuple(map(ip_network, ("0.0.0.0/8", "127.0.0.0/8", "::/128", "::1/128"))),
    "link-local": tuple(map(ip_network, ("169.254.0.0/16", "fe80::/10"))),
    "of many receivers": tuple(map(ip_network, ("224.0.0.0/4", "ff00::/8", "255.255.255.255/32"))),
    "reserved": (ip_network("240.0.0.0/4"),),
    # Beside 169.254.169.254. Azure's WireServer and the metadata of Alibaba, Oracle, Google and Amazon.
    "of a cloud's metadata": tuple(
        map(
            ip_network,
            (
                "168.63.129.16/32",
                "100.100.100.200/32",
                "192.0.0.192/32",
                "fd20:ce::254/128",
                "fd00:ec2::/32",
            ),
        )
    ),
}

_NAT64 = ip_network("64:ff9b::/96")
_COMPATIBLE = ip_network("::/96")


def refusal(address: str, refuse: Sequence[Network] = (), allow: Sequence[Network] = ()) -> str | None:
    """Why the address must not be reached, as the end of "the address is …"; None if it may be.

    Args:
        address: as getaddrinfo gives it, perhaps with a scope.
        refuse: more networks.
        allow: networks that are not looked at further.
    """
    meant = list(_meanings(ip_address(address)))
    if any(_within(each, allow) for each in meant):
        return None
    for words, networks in ALWAYS.items():
        if any(_within(each, networks) for each in meant):
            return words
    return "refused by the agent's settings" if any(_within(each, refuse) for each in meant) else None


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == each.version and address in each for each in networks)


def _meanings(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 address that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        yield address
        return
    plain = IPv6Address(int(address))  # without its scope
    yield plain
    for inner in (plain.ipv4_mapped, plain.sixtofour, *(plain.teredo or ())):
        if inner is not None:
            yield inner
    if plain in _NAT64 or plain in _COMPATIBLE:
        yield IPv4Address(int(plain) & 0xFFFFFFFF)
