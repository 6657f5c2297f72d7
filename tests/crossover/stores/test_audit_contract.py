"""What every sink of the audit does: the one in Redis, and the one in a file."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from crossover.audit_chain import Link
from crossover.stores.audit_log import Sink
from crossover.stores.file_audit import FileAudit
from testbed.redis import RedisServer
from tests.crossover.stores.audit_support import Writer, event, redis_audit, subjects
from tests.patience import PATIENCE

Open = Callable[[], Sink]


@pytest.fixture(params=["file", "redis"])
async def opening(
    request: pytest.FixtureRequest, shared_redis: RedisServer, tmp_path: Path
) -> AsyncGenerator[Open, None]:
    """Each call opens one more process's view of the same audit."""
    prefix, opened = uuid.uuid4().hex, list[Sink]()

    def open_one() -> Sink:
        redis = request.param == "redis"
        opened.append(
            redis_audit(shared_redis.url, prefix=prefix)
            if redis
            else FileAudit(tmp_path / "audit", timeout=PATIENCE)
        )
        return opened[-1]

    yield open_one
    for each in opened:
        await each.aclose()


@pytest.fixture
def sink(opening: Open) -> Sink:
    return opening()


async def test_an_audit_without_entries_is_empty_and_right(sink: Sink) -> None:
    assert await sink.read(tenant=None, after=None, limit=10) == []
    assert await sink.read(tenant="acme", after=None, limit=10) == []
    assert await sink.verify({}) == []
    await sink.append([])


async def test_entries_come_back_as_they_were_newest_first(sink: Sink) -> None:
    entries = Writer().some(5)
    await sink.append(entries[:2])
    await sink.append(entries[2:])
    found = await sink.read(tenant=None, after=None, limit=10)
    assert [replace(entry, id="") for entry in found] == entries[::-1]
    assert len({entry.id for entry in found}) == 5


async def test_a_tenant_sees_its_own_entries_only(sink: Sink) -> None:
    writer = Writer()
    names = ["acme", "acm", "acme2", "*", "x:acme", "acme"]
    await sink.append(writer.entries(*(event(f"s{number}", name) for number, name in enumerate(names))))
    await sink.append(writer.entries(event('"tenant":"acme"', "other")))
    assert subjects(await sink.read(tenant="acme", after=None, limit=10)) == ["s5", "s0"]
    assert subjects(await sink.read(tenant="*", after=None, limit=10)) == ["s3"]
    assert await sink.read(tenant="nobody", after=None, limit=10) == []


@pytest.mark.parametrize("tenant", ["acme", None])
async def test_pages_follow_each_other_without_a_gap_while_others_write(
    sink: Sink, tenant: str | None
) -> None:
    writer, pages, after = Writer(), list[str](), None
    for _ in range(12):
        await sink.append(writer.some(1) + (writer.some(1, "other") if tenant else []))
    expected = subjects(await sink.read(tenant=tenant, after=None, limit=100))
    assert len(expected) == 12
    while page := await sink.read(tenant=tenant, after=after, limit=5):
        pages += subjects(page)
        after = page[-1].id
        await sink.append(writer.some(3))
    assert pages == expected


@pytest.mark.parametrize("after", ["x", "-1", "1-", "(1-0", "9" * 30, "1-0 COUNT", ""])
async def test_an_id_of_no_entry_is_an_error_of_value(sink: Sink, after: str) -> None:
    with pytest.raises(ValueError):
        await sink.read(tenant=None, after=after, limit=10)


async def test_a_batch_that_is_given_twice_is_kept_once(sink: Sink) -> None:
    writer = Writer()
    first, second = writer.some(3), writer.some(2)
    for batch in (first, first, first + second, second):
        await sink.append(batch)
    assert subjects(await sink.read(tenant="acme", after=None, limit=10)) == ["s5", "s4", "s3", "s2", "s1"]
    assert await sink.verify(writer.witness) == []


async def test_replicas_that_write_at_once_keep_their_chains(opening: Open) -> None:
    writers = [(Writer(), opening()) for _ in range(4)]

    async def write(writer: Writer, sink: Sink) -> None:
        for _ in range(20):
            await sink.append(writer.some(3, writer.name))

    await asyncio.gather(*(write(*each) for each in writers))
    sink = opening()
    assert (
        await sink.verify({name: link for writer, _ in writers for name, link in writer.witness.items()})
        == []
    )
    for writer, _ in writers:
        found = await sink.read(tenant=writer.name, after=None, limit=100)
        assert [entry.number for entry in found] == list(range(60, 0, -1))


async def test_what_a_living_writer_wrote_last_is_missed_when_it_is_gone(sink: Sink) -> None:
    writer = Writer()
    await sink.append(writer.some(2))
    unwritten = Link(3, writer.some(1)[0].hash)
    assert await sink.verify({writer.name: unwritten}) == [f"Entry 3 of writer {writer.name} is missing."]


async def test_texts_in_any_script_and_with_line_ends_come_back(sink: Sink) -> None:
    writer = Writer()
    entries = writer.entries(event('é\n\u2028\r\n\x00\U0001f600"}{'))
    await sink.append(entries)
    assert subjects(await sink.read(tenant="acme", after=None, limit=1)) == subjects(entries)
    assert await sink.verify(writer.witness) == []
