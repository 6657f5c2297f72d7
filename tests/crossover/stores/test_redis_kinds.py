"""The same slots on every kind of Redis: with a login, behind TLS, found by sentinels, in a cluster."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from crossover.stores.leases import Lease, Limits, Refused, StoreAway
from crossover.stores.redis_client import RedisAccess, connect
from crossover.stores.redis_leases import RedisLeases
from crossover.stores.redis_url import parse_redis_url
from testbed.ports import free_port
from testbed.redis import RedisServer, redis_binary
from testbed.servers import Program, until_open
from tests.crossover.stores.flag_scene import redis_flags, written
from tests.patience import PATIENCE
from tests.step.test_tls import certificate

ONE = Limits(principal=1, tenant=1, cluster=1)


def lease() -> Lease:
    return Lease(ONE.claims("acme", "ada"))


@asynccontextmanager
async def leases_by(url: str, access: RedisAccess | None = None) -> AsyncGenerator[RedisLeases, None]:
    client = connect(parse_redis_url(url), access or RedisAccess(), timeout=PATIENCE * 0.75)
    leases = RedisLeases(client, lease=600, timeout=PATIENCE)
    try:
        yield leases
    finally:
        await leases.aclose()


async def check(leases: RedisLeases) -> None:
    """All three calls reach the scripts, and the slot is really there."""
    held = lease()
    await leases.acquire(held)
    await leases.renew([held])
    with pytest.raises(Refused):
        await leases.acquire(lease())
    await leases.release([held])
    await leases.acquire(other := lease())
    await leases.release([other])


async def until_check(leases: RedisLeases) -> None:
    """As soon as the servers have agreed who is who, or come back."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await check(leases)
            except StoreAway:
                await asyncio.sleep(0.1)


async def test_a_user_with_a_password_in_a_file_that_rotates(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first\n")
    acl = ("--user", "streams", "on", ">first", ">second", "~{crossover}:*", "+@all", "-@admin")
    async with RedisServer(options=acl) as redis:
        url = f"redis://streams:wrong@127.0.0.1:{redis.port}"
        async with leases_by(url, RedisAccess(password_file=file)) as leases:
            await check(leases)
        file.write_text("second")
        async with leases_by(url, RedisAccess(password_file=file)) as leases:
            await check(leases)
            file.write_text("stale")
        async with leases_by(url, RedisAccess(password_file=file)) as leases:
            with pytest.raises(StoreAway) as away:
                await leases.acquire(lease())
            assert "stale" not in away.value.detail
        async with leases_by(f"redis://streams:second@127.0.0.1:{redis.port}") as leases:
            await check(leases)


async def check_changes(url: str) -> None:
    """Flags are kept, and their changes are told."""
    store = redis_flags(url)
    async with store.changes() as changes, asyncio.timeout(PATIENCE):
        (version,) = await written(store, 1)
        await anext(changes)
        assert await store.history() == [version]
    await store.aclose()


@asynccontextmanager
async def behind_tls(redis: RedisServer, certificate: Path) -> AsyncGenerator[int, None]:
    """A port where TLS ends before Redis: not every build of redis-server speaks it itself."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", redis.port)
        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))

    async with await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
async def test_behind_tls_only_a_trusted_server_is_spoken_to(
    tmp_path: Path, shared_redis: RedisServer
) -> None:
    async with behind_tls(shared_redis, certificate(tmp_path, "redis")) as port:
        trusting = RedisAccess(ca_file=tmp_path / "redis.crt")
        async with leases_by(f"rediss://127.0.0.1:{port}", trusting) as leases:
            await check(leases)
        async with leases_by(f"rediss://127.0.0.1:{port}") as leases:
            with pytest.raises(StoreAway):
                await leases.acquire(lease())


async def test_a_cluster_takes_every_call_also_after_a_restart(tmp_path: Path) -> None:
    options = ("--cluster-enabled", "yes", "--dir", str(tmp_path))
    # Its nodes talk to each other on the port 10,000 above.
    port = next(port for port in iter(free_port, None) if port < 55_000)
    async with RedisServer(port=port, options=options) as redis:
        for first in range(0, 16384, 4096):
            slots = (str(slot) for slot in range(first, first + 4096))
            assert await redis.command("CLUSTER", "ADDSLOTS", *slots) == b"+OK\r\n"
        url = f"redis+cluster://127.0.0.1:{redis.port},127.0.0.1:{free_port()}"
        async with leases_by(url) as leases:
            await until_check(leases)
            await check_changes(url)
            await redis.kill()
            with pytest.raises(StoreAway):
                await leases.acquire(lease())
            await redis.start()
            await until_check(leases)


async def test_sentinels_tell_where_the_master_is(tmp_path: Path) -> None:
    port, config = free_port(), tmp_path / "sentinel.conf"
    async with RedisServer() as redis:
        config.write_text(f"port {port}\nsentinel monitor main 127.0.0.1 {redis.port} 1\n")
        async with Program([redis_binary(), str(config), "--sentinel"]):
            await until_open(port)
            url = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{port}/main"
            async with leases_by(url) as leases:
                await check(leases)
                await check_changes(url)
                await redis.kill()
                with pytest.raises(StoreAway):
                    await leases.acquire(lease())
                await redis.start()
                await until_check(leases)
