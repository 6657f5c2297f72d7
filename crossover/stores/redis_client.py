"""Connections to Redis that give up soon, and never send a command twice.

redis-py 8.1 by itself retries ten times, which turns a time-out of 0.3 s into 7.6 s, and sends commands again
whose reply was lost (measured; docs: https://redis.readthedocs.io/en/stable/retry.html).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError, RedisError

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


T = TypeVar("T")

Subscription = AbstractAsyncContextManager[AsyncIterator[None]]

SILENCE = 5.0
"""Seconds without a word from Redis after which a subscription is asked whether it still lives, and seconds
that it has to answer."""


@dataclass(frozen=True, slots=True)
class RedisClient:
    """`command` sends one command to the server that is in charge of its keys.

    `subscribe` opens a connection of its own to one channel, and yields for each message. The iterator ends
    with its connection, be it that nothing is heard any more. Raises redis-py's errors.
    """

    command: Callable[..., Awaitable[Any]]
    aclose: Callable[[], Awaitable[None]]
    subscribe: Callable[[str], Subscription]


def connect(
    target: RedisTarget, access: RedisAccess, *, timeout: float, silence: float = SILENCE
) -> RedisClient:
    """A client that connects when it is first used. `timeout`: seconds for each look at a socket."""
    options = _options(target, access, timeout)
    match target.kind:
        case Kind.SINGLE:
            (host, port), *_ = target.addresses
            single: Redis = Redis(host=host, port=port, db=target.db, **options)
            return RedisClient(
                _fresh_after_failures(single), single.aclose, _subscribing(single, timeout, silence)
            )
        case Kind.CLUSTER:
            nodes = [ClusterNode(host, port) for host, port in target.addresses]
            cluster = RedisCluster(startup_nodes=nodes, **options)
            return RedisClient(
                cluster.execute_command, cluster.aclose, _subscribing(cluster, timeout, silence)
            )
        case Kind.SENTINEL:
            return _sentinel(target, options, timeout, silence)


def _sentinel(target: RedisTarget, options: dict[str, Any], timeout: float, silence: float) -> RedisClient:
    # Sentinels have accounts of their own; asking them for the master needs none.
    asking = {key: value for key, value in options.items() if key != "credential_provider"}
    sentinel = Sentinel(target.addresses, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    master: Redis = sentinel.master_for(target.service, db=target.db, **options)

    async def aclose() -> None:
        for client in (master, *sentinel.sentinels):
            await client.aclose()
        await master.connection_pool.disconnect()

    return RedisClient(_fresh_after_failures(master), aclose, _subscribing(master, timeout, silence))


def _fresh_after_failures(client: Redis) -> Callable[..., Awaitable[Any]]:
    """Sends commands. When a connection has failed, those that wait in the pool have as well, and each would
    fail one more command: they are closed."""
    send: Callable[..., Awaitable[Any]] = client.execute_command

    async def command(*words: Any) -> Any:
        try:
            return await _heeding(send(*words))
        except ConnectionError:
            await client.connection_pool.disconnect(inuse_connections=False)
            raise

    return command


async def _heeding(call: Awaitable[T]) -> T:
    """What the call gives, unless this task was cancelled meanwhile.

    redis-py sends with asyncio.wait_for, which may lose a cancellation, and a loop would go on for ever
    (https://github.com/python/cpython/issues/81839); can go with Python 3.11.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        return await call
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError


def _subscribing(
    client: Redis | RedisCluster, timeout: float, silence: float
) -> Callable[[str], Subscription]:
    @asynccontextmanager
    async def subscribe(channel: str) -> AsyncGenerator[AsyncIterator[None], None]:
        if isinstance(client, RedisCluster):
            async with asyncio.timeout(timeout):
                await _heeding(client.initialize())
        pubsub = client.pubsub()
        try:
            async with asyncio.timeout(2 * timeout):  # to connect, and to be answered
                await _heeding(pubsub.subscribe(channel))
                await _heeding(pubsub.get_message(timeout=None))
            yield _messages(pubsub, silence)
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call]

    return subscribe


async def _messages(pubsub: PubSub, silence: float) -> AsyncIterator[None]:
    heard, asked = time.monotonic(), False
    while True:
        try:
            message = await _heeding(pubsub.get_message(timeout=silence))
            if message is None and asked and time.monotonic() - heard >= 2 * silence:
                return
            if message is None:
                await _heeding(pubsub.ping())
                asked = True
                continue
        except (RedisError, OSError):
            return
        heard, asked = time.monotonic(), False
        if message["type"] == "message":
            yield


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
