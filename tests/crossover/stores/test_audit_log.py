"""Recording: it makes nobody wait, loses nothing while the store is away, and keeps order."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from crossover.audit_chain import REDACTED
from crossover.stores.audit_log import AuditLog
from crossover.stores.file_audit import FileAudit
from testbed.redis import RedisServer
from tests.crossover.stores.audit_support import event, redis_audit, subjects, until
from tests.patience import BRIEF, PATIENCE
from tests.proxy import Proxy


def names(first: int, last: int) -> list[str]:
    return [f"s{number}" for number in range(first, last + 1)]


def record(log: AuditLog, *subjects: str) -> None:
    for subject in subjects:
        log.record(event(subject))


async def recorded(log: AuditLog) -> list[str]:
    """Oldest first."""
    await until(lambda: not log.waiting)
    return subjects(await log.read(tenant=None, after=None, limit=500))[::-1]


@pytest.fixture
async def log(redis: RedisServer) -> AsyncGenerator[AuditLog, None]:
    log = AuditLog(redis_audit(redis.url), closing=PATIENCE)
    log.start()
    yield log
    await log.aclose()


@pytest.fixture
async def proxy(redis: RedisServer) -> AsyncGenerator[Proxy, None]:
    async with Proxy(redis.port) as proxy:
        yield proxy
        proxy.mode = "forward"


async def test_an_event_is_written_by_itself(log: AuditLog) -> None:
    record(log, "s1")
    assert await recorded(log) == ["s1"]


async def test_thousands_of_events_are_taken_at_once_and_written_in_order(log: AuditLog) -> None:
    record(log, *names(1, 2000))
    assert await recorded(log) == names(1501, 2000)
    assert await log.verify() == []


async def test_an_event_is_a_log_line_at_once_whatever_the_log_level(
    log: AuditLog, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger().setLevel(logging.ERROR)
    record(log, "the-flag")
    (line,) = [each.getMessage() for each in caplog.records if each.name == "audit"]
    assert "flags.kill" in line
    assert "the-flag" in line


async def test_a_secret_gets_neither_into_the_store_nor_into_the_log(
    redis: RedisServer, log: AuditLog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    secret = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.x"
    kill = event(f"flag {secret}")
    after = {"password": "hunter2", "note": [secret]}
    log.record(type(kill)(secret, "acme", "a.b", kill.subject, why=secret, before=after, after=after))
    await until(lambda: not log.waiting)
    (entry,) = await log.read(tenant="acme", after=None, limit=1)
    assert entry.event.after == {"password": REDACTED, "note": [REDACTED]}
    stored = await redis.command("XRANGE", "{crossover}:audit", "-", "+")
    for text in (stored.decode(), json.dumps(dict(entry.to_json())), caplog.text):
        assert "hunter2" not in text
        assert secret not in text
        assert "a.b" in text


@pytest.mark.parametrize("fault", ["killed", "frozen", "refused", "replies lost"])
async def test_events_of_an_outage_are_written_once_and_in_order_when_it_is_over(
    redis: RedisServer, proxy: Proxy, fault: str
) -> None:
    log = AuditLog(redis_audit(f"redis://{proxy.address}", timeout=BRIEF), closing=PATIENCE)
    log.start()
    record(log, *names(1, 5))
    assert await recorded(log) == names(1, 5)
    match fault:
        case "killed":
            await redis.kill()
        case "refused":
            await proxy.refuse()
        case _:
            proxy.mode = "freeze" if fault == "frozen" else "drop_replies"
    record(log, *names(6, 300))
    await until(lambda: log.away is not None)
    record(log, *names(301, 305))
    assert log.waiting == 300
    match fault:
        case "killed":
            await redis.start()
        case "refused":
            await proxy.listen()
    proxy.mode = "forward"
    first = 6 if fault == "killed" else 1  # this Redis keeps nothing on disk
    assert await recorded(log) == names(first, 305)
    assert log.away is None
    lost = [f"Entries 1 to 5 of writer {log.writer} are missing."] if fault == "killed" else []
    assert await log.verify() == lost
    await log.aclose()


async def test_what_is_too_much_for_an_outage_is_counted_and_said_and_breaks_no_chain(
    redis: RedisServer, proxy: Proxy
) -> None:
    log = AuditLog(redis_audit(f"redis://{proxy.address}"), waiting_limit=10)
    log.start()
    await proxy.refuse()
    record(log, "s1")
    await until(lambda: log.away is not None)
    record(log, *names(2, 20))
    assert (log.dropped, log.waiting) == (9, 11)
    await proxy.listen()
    assert await recorded(log) == ["s1", log.writer, *names(11, 20)]
    (told,) = await log.read(tenant="*", after=None, limit=9)
    assert (told.event.action, told.event.after) == ("audit.dropped", {"events": 9})
    assert await log.verify() == []
    await log.aclose()


async def test_closing_writes_what_is_left(redis: RedisServer) -> None:
    log, reader = AuditLog(redis_audit(redis.url), closing=PATIENCE), redis_audit(redis.url)
    log.start()
    record(log, *names(1, 250))
    await log.aclose()
    assert len(await reader.read(tenant=None, after=None, limit=500)) == 250
    assert await reader.verify({}) == []
    await reader.aclose()


@pytest.mark.parametrize("after", [0.0, 0.11, 0.3, 0.6])
async def test_closing_while_the_store_is_away_ends_and_says_what_is_left(
    proxy: Proxy, caplog: pytest.LogCaptureFixture, after: float
) -> None:
    log = AuditLog(redis_audit(f"redis://{proxy.address}", timeout=0.3), closing=0.5)
    log.start()
    proxy.mode = "freeze"
    record(log, *names(1, 7))
    await asyncio.sleep(after)  # before, during and after its first try
    await log.aclose()
    assert "left to the log alone" in caplog.text
    assert "count=7" in caplog.text


async def test_closing_in_the_midst_of_a_write_writes_each_event_once(tmp_path: Path) -> None:
    for pause in range(20):
        path = tmp_path / str(pause)
        log = AuditLog(FileAudit(path, timeout=PATIENCE), closing=PATIENCE)
        log.start()
        record(log, *names(1, 250))
        await asyncio.sleep(0.1 + pause / 2000)  # each time a little later
        await log.aclose()
        assert await FileAudit(path, timeout=PATIENCE).verify({}) == []
        assert len(path.read_bytes().splitlines()) == 250


async def test_the_last_entry_dropped_from_a_file_is_missed_by_the_process_that_wrote_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "audit"
    log = AuditLog(FileAudit(path, timeout=PATIENCE), closing=PATIENCE)
    log.start()
    record(log, *names(1, 3))
    await until(lambda: not log.waiting)
    assert await log.verify() == []
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert await log.verify() == [f"Entry 3 of writer {log.writer} is missing."]
    await log.aclose()


async def test_a_read_is_bounded(log: AuditLog) -> None:
    record(log, *names(1, 510))
    await until(lambda: not log.waiting)
    assert len(await log.read(tenant=None, after=None, limit=10**9)) == 500
    assert len(await log.read(tenant=None, after=None, limit=-5)) == 1
