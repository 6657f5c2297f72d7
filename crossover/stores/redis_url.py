"""Where Redis is, read from one URL. Pure.

    redis://[user[:password]@]host[:port][/db]        rediss:// for TLS
    redis+sentinel://[user[:password]@]host[:port],host[:port]/service[/db]
    redis+cluster://[user[:password]@]host[:port],host[:port]

`rediss+sentinel` and `rediss+cluster` are the same over TLS. A password is better kept in a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

DEFAULT_PORT = 6379
SENTINEL_PORT = 26379


class Kind(StrEnum):
    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class RedisTarget:
    """A Redis, as the URL names it. `service` is the master's name among the sentinels."""

    kind: Kind
    addresses: tuple[tuple[str, int], ...]
    tls: bool = False
    db: int = 0
    service: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)


_SCHEMES = {
    f"{scheme}{suffix}": (kind, scheme == "rediss")
    for scheme in ("redis", "rediss")
    for suffix, kind in {"": Kind.SINGLE, "+sentinel": Kind.SENTINEL, "+cluster": Kind.CLUSTER}.items()
}


def parse_redis_url(url: str) -> RedisTarget:
    """Raises ValueError; its text never repeats the URL, which may hold a password."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ValueError("the scheme must be one of " + ", ".join(_SCHEMES))
    if parts.query or parts.fragment:
        raise ValueError("the URL must have no query or fragment")
    kind, tls = _SCHEMES[parts.scheme]
    login, _, hosts = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    service, db = _path(kind, parts.path.strip("/"))
    return RedisTarget(
        kind=kind,
        addresses=_addresses(kind, hosts),
        tls=tls,
        db=db,
        service=service,
        username=unquote(username) or None,
        password=unquote(password) or None,
    )


def _addresses(kind: Kind, hosts: str) -> tuple[tuple[str, int], ...]:
    port = SENTINEL_PORT if kind is Kind.SENTINEL else DEFAULT_PORT
    addresses = tuple(_address(host, port) for host in hosts.split(","))
    if kind is Kind.SINGLE and len(addresses) > 1:
        raise ValueError("only redis+sentinel and redis+cluster take several hosts")
    return addresses


def _address(text: str, default: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("a port must be a number from 0 to 65535") from None
    if not host:
        raise ValueError("a host is missing")
    return host, default if port is None else port


def _path(kind: Kind, path: str) -> tuple[str, int]:
    service, _, db = path.partition("/") if kind is Kind.SENTINEL else ("", "", path)
    if kind is Kind.SENTINEL and not service:
        raise ValueError("redis+sentinel needs the service's name: redis+sentinel://host:26379/mymaster")
    if db and not (db.isascii() and db.isdigit()):
        raise ValueError("the database must be a number")
    if db and kind is Kind.CLUSTER:
        raise ValueError("a Redis Cluster has no databases")
    return unquote(service), int(db or 0)
