"""What only the audit in Redis does: trimming, killed writers, a Redis that is away, tampering with it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from crossover.audit_chain import from_line, to_line
from crossover.stores.leases import StoreAway
from crossover.stores.redis_audit import RedisAudit
from crossover.stores.redis_client import RedisClient
from testbed.ports import free_port
from testbed.redis import RedisServer
from testbed.servers import Program
from tests.crossover.stores.audit_support import Writer, client_on, redis_audit, subjects
from tests.patience import BRIEF, PATIENCE
from tests.proxy import Proxy

STREAM = "{crossover}:audit"


@pytest.fixture
async def sink(redis: RedisServer) -> AsyncGenerator[RedisAudit, None]:
    sink = redis_audit(redis.url)
    yield sink
    await sink.aclose()


@pytest.fixture
async def client(redis: RedisServer) -> AsyncGenerator[RedisClient, None]:
    """Whoever else may write to this Redis."""
    client = client_on(redis.url)
    yield client
    await client.aclose()


async def ids(client: RedisClient) -> list[str]:
    return [id.decode() for id, _ in await client.command("XRANGE", STREAM, "-", "+")]


async def test_trimming_keeps_chains_right_and_leaves_nothing_of_tenants_behind(
    redis: RedisServer, client: RedisClient
) -> None:
    sink = redis_audit(redis.url, keep=50)
    one, other, short = Writer(), Writer(), Writer()
    await sink.append(short.some(5, "gone"))
    for _ in range(40):
        await sink.append(one.some(3))
        await sink.append(other.some(2, "other"))
        assert await sink.verify(one.witness | other.witness | short.witness) == []
    assert await client.command("XLEN", STREAM) == 50
    assert sorted(await client.command("KEYS", "*")) == [
        f"{STREAM}{end}".encode() for end in ("", ":anchors", ":heads", ":of:acme", ":of:other")
    ]
    found = await sink.read(tenant="other", after=None, limit=100)
    assert [entry.number for entry in found] == list(range(80, 60, -1))
    await sink.aclose()


async def test_a_trim_by_somebody_else_is_missed(sink: RedisAudit, client: RedisClient) -> None:
    writer = Writer()
    await sink.append(writer.some(9))
    await client.command("XTRIM", STREAM, "MAXLEN", 4)
    assert await sink.verify({}) == [f"Entries 1 to 5 of writer {writer.name} are missing."]


async def test_chains_are_right_while_others_write_and_trim(redis: RedisServer) -> None:
    sink, writing = redis_audit(redis.url, keep=700), True
    writer, verified = Writer(), 0

    async def write() -> None:
        while writing:
            await sink.append(writer.some(20))

    await sink.append(writer.some(400))
    task = asyncio.create_task(write())
    async with asyncio.timeout(PATIENCE):
        while verified < 25 or writer.last.number <= 1400:  # void until something was trimmed meanwhile
            assert await sink.verify({}) == []
            verified += 1
    writing = False
    await task
    await sink.aclose()


Tamper = Callable[[RedisClient, list[str]], Awaitable[object]]


async def change(client: RedisClient, found: list[str]) -> None:
    """The same stream again, with one entry changed."""
    lines = [fields[b"entry"] for _, fields in await client.command("XRANGE", STREAM, "-", "+")]
    await client.command("DEL", STREAM)
    lines[2] = lines[2].replace(b"ada", b"eve")
    for id, line in zip(found, lines, strict=True):
        await client.command("XADD", STREAM, id, "entry", line)


async def swap(client: RedisClient, found: list[str]) -> None:
    lines = [fields[b"entry"] for _, fields in await client.command("XRANGE", STREAM, "-", "+")]
    await client.command("DEL", STREAM)
    lines[1], lines[2] = lines[2], lines[1]
    for id, line in zip(found, lines, strict=True):
        await client.command("XADD", STREAM, id, "entry", line)


async def forge_next(client: RedisClient, found: list[str]) -> None:
    """An entry behind the last, with a hash that fits."""
    ((_, fields),) = await client.command("XREVRANGE", STREAM, "+", "-", "COUNT", 1)
    last, forger = from_line(fields[b"entry"], ""), Writer()
    forger.name, forger.last = last.writer, type(forger.last)(last.number, last.hash)
    await client.command("XADD", STREAM, "*", "entry", to_line(forger.some(1)[0]))


TAMPER: dict[str, Tamper] = {
    "changed": change,
    "moved": swap,
    "dropped": lambda client, found: client.command("XDEL", STREAM, found[2]),
    "the first dropped": lambda client, found: client.command("XDEL", STREAM, found[0]),
    "the last dropped": lambda client, found: client.command("XDEL", STREAM, found[-1]),
    "all dropped": lambda client, found: client.command("DEL", STREAM),
    "a forged one added": forge_next,
    "a stranger's added": lambda client, _: client.command(
        "XADD", STREAM, "*", "entry", to_line(Writer().some(1)[0])
    ),
    "what is no entry added": lambda client, _: client.command("XADD", STREAM, "*", "x", "{"),
    "hidden from its tenant": lambda client, found: client.command("XDEL", f"{STREAM}:of:acme", found[2]),
    "the tenant's list dropped": lambda client, found: client.command("DEL", f"{STREAM}:of:acme"),
    "the heads dropped": lambda client, found: client.command("DEL", f"{STREAM}:heads"),
    "everything dropped": lambda client, found: client.command("FLUSHALL"),
}


@pytest.mark.parametrize("how", TAMPER)
async def test_tampering_shows(sink: RedisAudit, client: RedisClient, how: str) -> None:
    writer = Writer()
    await sink.append(writer.some(6))
    await TAMPER[how](client, await ids(client))
    assert await sink.verify(writer.witness) != []


@pytest.mark.parametrize("how", [how for how in TAMPER if how != "everything dropped"])
async def test_tampering_shows_even_when_the_writer_is_gone(
    sink: RedisAudit, client: RedisClient, how: str
) -> None:
    await sink.append(Writer().some(6))
    await TAMPER[how](client, await ids(client))
    assert await sink.verify({}) != []


@pytest.mark.parametrize("how", TAMPER)
async def test_what_was_tampered_with_stops_neither_writing_nor_trimming(
    redis: RedisServer, how: str
) -> None:
    sink, client, writer = redis_audit(redis.url, keep=5), client_on(redis.url), Writer()
    await sink.append(writer.some(4))
    await TAMPER[how](client, await ids(client))
    for _ in range(5):
        await sink.append(writer.some(2))
    assert await client.command("XLEN", STREAM) == 5
    assert subjects(await sink.read(tenant=None, after=None, limit=2)) == ["s14", "s13"]
    await client.aclose()
    await sink.aclose()


async def test_a_line_of_another_tenant_in_a_tenants_list_is_not_given_away(
    sink: RedisAudit, client: RedisClient
) -> None:
    await sink.append(Writer().some(1, "other"))
    (id,) = await ids(client)
    await client.command("XADD", f"{STREAM}:of:acme", id, "of", "")
    assert await sink.read(tenant="acme", after=None, limit=10) == []


async def test_a_wiped_redis_takes_new_entries_and_says_what_is_lost(
    sink: RedisAudit, client: RedisClient
) -> None:
    writer = Writer()
    await sink.append(writer.some(3))
    await client.command("FLUSHALL")
    await sink.append(writer.some(2))
    assert subjects(await sink.read(tenant="acme", after=None, limit=10)) == ["s5", "s4"]
    assert await sink.verify(writer.witness) == [f"Entries 1 to 3 of writer {writer.name} are missing."]


@pytest.mark.parametrize("fault", ["black hole", "refused"])
async def test_an_unreachable_redis_is_told(redis: RedisServer, fault: str) -> None:
    async with Proxy(redis.port) as proxy:
        sink, writer = redis_audit(f"redis://{proxy.address}", timeout=BRIEF), Writer()
        await sink.append(writer.some(1))
        if fault == "refused":
            await proxy.refuse()
        proxy.mode = "freeze"
        asked = proxy.connections
        calls = (sink.append(writer.some(1)), sink.read(tenant=None, after=None, limit=1), sink.verify({}))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(each) for each in answers} == {StoreAway}
        assert proxy.connections - asked <= 3, "no call is tried again"
        proxy.mode = "forward"
        await sink.aclose()


async def test_entries_whose_answer_was_lost_are_kept_once(redis: RedisServer) -> None:
    async with Proxy(redis.port) as proxy:
        sink, writer = redis_audit(f"redis://{proxy.address}"), Writer()
        entries = writer.some(3)
        proxy.mode = "drop_replies"
        with pytest.raises(StoreAway):
            await sink.append(entries)
        assert proxy.dropped == 1
        proxy.mode = "forward"
        await sink.append(entries)
        assert subjects(await sink.read(tenant=None, after=None, limit=9)) == ["s3", "s2", "s1"]
        assert await sink.verify(writer.witness) == []
        await sink.aclose()


async def test_a_cluster_keeps_trims_and_checks_as_a_single_server_does(tmp_path: Path) -> None:
    # Its nodes talk to each other on the port 10,000 above.
    port = next(port for port in iter(free_port, None) if port < 55_000)
    options = ("--cluster-enabled", "yes", "--dir", str(tmp_path))
    async with RedisServer(port=port, options=options) as server:
        for first in range(0, 16384, 4096):
            await server.command("CLUSTER", "ADDSLOTS", *map(str, range(first, first + 4096)))
        sink, writer = redis_audit(f"redis+cluster://127.0.0.1:{port}", keep=7), Writer()
        entries = writer.some(5)
        async with asyncio.timeout(PATIENCE):
            while True:  # until the server has taken its slots over
                with contextlib.suppress(StoreAway):
                    await sink.append(entries)
                    break
                await asyncio.sleep(0.1)
        await sink.append(writer.some(5, "other"))
        assert subjects(await sink.read(tenant="acme", after=None, limit=9)) == ["s5", "s4"]
        assert await sink.verify(writer.witness) == []
        await sink.aclose()


WRITER = """
import asyncio, sys
from crossover.stores.audit_log import AuditLog
from tests.crossover.stores.audit_support import event, redis_audit

async def write():
    log = AuditLog(redis_audit(sys.argv[1]))
    log.start()
    while True:
        for _ in range(50):
            log.record(event("x" * 900, sys.argv[2]))
        await asyncio.sleep(0.01)

asyncio.run(write())
"""


async def test_writers_killed_in_the_midst_leave_chains_that_are_right(
    redis: RedisServer, sink: RedisAudit
) -> None:
    for kill in range(3):
        async with asyncio.timeout(PATIENCE):
            async with Program([sys.executable, "-c", WRITER, redis.url, f"t{kill}"]) as program:
                while len(await sink.read(tenant=f"t{kill}", after=None, limit=300)) < 120 + 37 * kill:
                    assert program.running
                    await asyncio.sleep(0.01)
                await program.stop(signal.SIGKILL)
    assert await sink.verify({}) == []
