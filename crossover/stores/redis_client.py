"""Connections to Redis that give up soon, and never send a command twice.

redis-py 8.1 by itself retries ten times, which turns a time-out of 0.3 s into 7.6 s, and sends commands again
whose reply was lost (measured; docs: https://redis.readthedocs.io/en/stable/retry.html).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError

from crossover.stores.redis_url import Kind, RedisTarget


@dataclass(frozen=True, slots=True)
class RedisAccess:
    """How to get in. `password_file` wins over the URL's password and is read for every connection."""

    password_file: Path | None = None
    ca_file: Path | None = None


class _Login(CredentialProvider):
    def __init__(self, target: RedisTarget, file: Path | None) -> None:
        self._target = target
        self._file = file

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        password = self._file.read_text().strip() if self._file else self._target.password or ""
        return (self._target.username, password) if self._target.username else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()


@dataclass(frozen=True, slots=True)
class RedisClient:
    """`command` sends one command to the server that is in charge of its keys."""

    command: Callable[..., Awaitable[Any]]
    aclose: Callable[[], Awaitable[None]]


def connect(target: RedisTarget, access: RedisAccess, *, timeout: float) -> RedisClient:
    """A client that connects when it is first used. `timeout`: seconds for each look at a socket."""
    options = _options(target, access, timeout)
    match target.kind:
        case Kind.SINGLE:
            (host, port), *_ = target.addresses
            single: Redis = Redis(host=host, port=port, db=target.db, **options)
            return RedisClient(_fresh_after_failures(single), single.aclose)
        case Kind.CLUSTER:
            nodes = [ClusterNode(host, port) for host, port in target.addresses]
            cluster = RedisCluster(startup_nodes=nodes, **options)
            return RedisClient(cluster.execute_command, cluster.aclose)
        case Kind.SENTINEL:
            return _sentinel(target, options)


def _sentinel(target: RedisTarget, options: dict[str, Any]) -> RedisClient:
    # Sentinels have accounts of their own; asking them for the master needs none.
    asking = {key: value for key, value in options.items() if key != "credential_provider"}
    sentinel = Sentinel(target.addresses, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    master: Redis = sentinel.master_for(target.service, db=target.db, **options)

    async def aclose() -> None:
        for client in (master, *sentinel.sentinels):
            await client.aclose()
        await master.connection_pool.disconnect()

    return RedisClient(_fresh_after_failures(master), aclose)


def _fresh_after_failures(client: Redis) -> Callable[..., Awaitable[Any]]:
    """Sends commands. When a connection has failed, those that wait in the pool have as well, and each would
    fail one more command: they are closed."""
    send: Callable[..., Awaitable[Any]] = client.execute_command

    async def command(*words: Any) -> Any:
        try:
            return await send(*words)
        except ConnectionError:
            await client.connection_pool.disconnect(inuse_connections=False)
            raise

    return command


def _options(target: RedisTarget, access: RedisAccess, timeout: float) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "driver_info": None,
    }
    if target.tls:
        options |= {"ssl": True, "ssl_ca_certs": str(access.ca_file) if access.ca_file else None}
    if access.password_file or target.password:
        options["credential_provider"] = _Login(target, access.password_file)
    return options
