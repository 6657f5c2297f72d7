"""What http templates may do: the agent's operator decides, not the templates' authors."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class HttpRules:
    """As many limits as an http template needs.

    Args:
        hosts: shell globs of the hosts that may be called, without ports.
        refuse: networks that are refused beside those that always are.
        response_limit: bytes of a response's body. It becomes part of an object of 1.5 MB at most.
        timeout: seconds for a request whose template gives no `timeoutSeconds`.
        timeout_max: seconds; longer ones are cut to it.
        concurrency: requests at once.
        per_namespace: of them for one namespace, so that none can keep all others waiting.
    """

    hosts: tuple[str, ...] = ("*",)
    refuse: tuple[Network, ...] = ()
    response_limit: int = 256 * 1024
    timeout: float = 30.0
    timeout_max: float = 300.0
    concurrency: int = 64
    per_namespace: int = 16

    def permits(self, host: str) -> bool:
        """`host` as in a URL. A closing dot does not make another host of it."""
        plain = host.lower().removesuffix(".")
        return any(fnmatchcase(plain, each.lower()) for each in self.hosts)

    def seconds(self, asked: int | None) -> float:
        return min(self.timeout if asked is None else asked, self.timeout_max)
