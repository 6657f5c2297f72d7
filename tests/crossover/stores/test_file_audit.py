"""What only the audit in a file does: killed writers, full disks, rotation, and tampering with lines."""

from __future__ import annotations

import asyncio
import fcntl
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crossover.stores.file_audit import BLOCK, FileAudit
from crossover.stores.leases import StoreAway
from testbed.servers import Program
from tests.crossover.stores.audit_support import Writer, event, subjects
from tests.patience import PATIENCE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def sink(path: Path) -> FileAudit:
    return audit_on(path)


def audit_on(path: Path) -> FileAudit:
    return FileAudit(path, timeout=PATIENCE, verify_timeout=PATIENCE)


WRITER = """
import asyncio, sys
from pathlib import Path
from crossover.stores.audit_log import AuditLog
from crossover.stores.file_audit import FileAudit
from tests.crossover.stores.audit_support import event

async def write():
    log = AuditLog(FileAudit(Path(sys.argv[1])))
    log.start()
    while True:
        for _ in range(50):
            log.record(event("x" * 900, sys.argv[2]))
        await asyncio.sleep(0.01)

asyncio.run(write())
"""


async def test_writers_killed_in_the_midst_leave_chains_that_are_right(path: Path, sink: FileAudit) -> None:
    for kill in range(4):
        async with asyncio.timeout(PATIENCE):
            async with Program([sys.executable, "-c", WRITER, str(path), f"t{kill}"]) as program:
                while (
                    len(await sink.read(tenant=f"t{kill}", after=None, limit=120 + 37 * kill))
                    < 120 + 37 * kill
                ):
                    assert program.running
                    await asyncio.sleep(0.01)
                await program.stop(signal.SIGKILL)
    assert await sink.verify({}) == []
    writer = Writer()
    await sink.append(writer.some(2))
    assert await sink.verify(writer.witness) == []


@pytest.mark.parametrize("torn", [1, 20, 150, 300])
async def test_a_torn_line_of_a_killed_writer_harms_no_other(path: Path, sink: FileAudit, torn: int) -> None:
    killed, writer = Writer(), Writer()
    await audit_on(path).append(killed.some(3))
    path.write_bytes(path.read_bytes()[:-torn])
    assert subjects(await sink.read(tenant=None, after=None, limit=9))[-2:] == ["s2", "s1"]
    await sink.append(writer.some(2))
    assert subjects(await sink.read(tenant=None, after=None, limit=2)) == ["s2", "s1"]
    assert await sink.verify(writer.witness) == []
    missing = [f"Entry 3 of writer {killed.name} is missing."] if torn > 1 else []
    assert await sink.verify(killed.witness) == missing


TAMPER: dict[str, Callable[[list[str]], list[str]]] = {
    "changed": lambda lines: [*lines[:2], lines[2].replace("ada", "eve"), *lines[3:]],
    "dropped": lambda lines: lines[:2] + lines[3:],
    "the first dropped": lambda lines: lines[1:],
    "copied": lambda lines: [*lines, lines[2]],
    "moved": lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
    "made unreadable": lambda lines: [*lines[:2], "{", *lines[3:]],
    "the last dropped": lambda lines: lines[:-1],
    "all dropped": lambda lines: [],
}


@pytest.mark.parametrize("how", TAMPER)
async def test_tampering_with_lines_shows(path: Path, sink: FileAudit, how: str) -> None:
    writer = Writer()
    await sink.append(writer.some(6))
    lines = TAMPER[how](path.read_text().splitlines())
    path.write_text("".join(line + "\n" for line in lines))
    assert await sink.verify(writer.witness) != []


async def test_a_tail_cut_off_from_a_dead_writers_chain_cannot_be_told(path: Path, sink: FileAudit) -> None:
    """A limit of the file, written down: its log lines tell."""
    await sink.append(Writer().some(6))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert await audit_on(path).verify({}) == []


@pytest.mark.parametrize("how", ["renamed", "copied and truncated"])
async def test_a_rotation_breaks_no_chain(path: Path, sink: FileAudit, how: str) -> None:
    one, other, old = Writer(), Writer(), path.with_suffix(".1")
    other_sink = audit_on(path)
    await sink.append(one.some(3))
    await other_sink.append(other.some(3))
    if how == "renamed":
        path.rename(old)
    else:
        shutil.copy(path, old)
        path.write_bytes(b"")
    for _ in range(2):
        await other_sink.append(other.some(20))
        await sink.append(one.some(20))
    assert await sink.verify(one.witness | other.witness) == []
    assert await audit_on(old).verify({}) == []
    path.write_bytes(old.read_bytes() + path.read_bytes())
    assert await sink.verify(one.witness | other.witness) == []
    path.write_bytes(path.read_bytes().replace(b"ada", b"eve", 1))
    assert len(await sink.verify({})) == 1


async def test_lines_longer_than_a_block_and_files_of_many_blocks_are_read_backwards(
    path: Path, sink: FileAudit
) -> None:
    writer = Writer()
    names = [f"{number}" + "x" * (number * 997 % (2 * BLOCK)) for number in range(60)]
    await sink.append(writer.entries(*(event(name) for name in names)))
    assert path.stat().st_size > 20 * BLOCK
    assert subjects(await sink.read(tenant="acme", after=None, limit=100)) == names[::-1]
    found, after = list[str](), None
    while page := await sink.read(tenant="acme", after=after, limit=7):
        found += subjects(page)
        after = page[-1].id
    assert found == names[::-1]


async def test_only_its_owner_may_read_the_file(path: Path, sink: FileAudit) -> None:
    await sink.append(Writer().some(1))
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_directory_that_is_missing_is_told_and_may_come_later(tmp_path: Path) -> None:
    sink, writer = audit_on(tmp_path / "later" / "audit"), Writer()
    entries = writer.some(2)
    with pytest.raises(StoreAway, match="No such file"):
        await sink.append(entries)
    (tmp_path / "later").mkdir()
    await sink.append(entries)
    assert await sink.verify(writer.witness) == []


async def test_a_process_that_keeps_the_file_locked_delays_nobody_for_long(
    path: Path, sink: FileAudit
) -> None:
    writer = Writer()
    await sink.append(writer.some(1))
    entries = writer.some(2)
    hurried = FileAudit(path, timeout=1.0)
    with path.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        answers = await asyncio.gather(*(hurried.append(entries) for _ in range(3)), return_exceptions=True)
        assert {type(each) for each in answers} == {StoreAway}
    await sink.append(entries)
    assert await sink.verify(writer.witness) == []


async def test_a_full_disk_leaves_whole_lines_and_no_doubles(path: Path, sink: FileAudit) -> None:
    writer = Writer()
    await sink.append(writer.some(3))
    before, entries = path.read_bytes(), writer.some(30)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 1000, limits[1]))
    try:
        with pytest.raises(StoreAway, match="File too large"):
            await sink.append(entries)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    await sink.append(entries)
    assert await sink.verify(writer.witness) == []
    assert len(path.read_bytes().splitlines()) == 33
