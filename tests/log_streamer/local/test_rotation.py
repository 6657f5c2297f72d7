"""Log files under rotation, truncation and removal, with a writer that numbers its lines."""

from __future__ import annotations

import asyncio
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from log_streamer.sources.local.processes import FileLocator, ProcessLogs, container_of
from log_streamer.sources.source import Engine, Gone, Life, Looked, Scope, Tenant
from tests.log_streamer.contract.reading import following, numbered, read, read_texts
from tests.log_streamer.watched import watched

LOGS = ProcessLogs()


def append(path: Path, *texts: bytes) -> None:
    with path.open("ab") as log:
        log.write(b"".join(b"%s %s\n" % (stamp(), text) for text in texts))


def stamp() -> bytes:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z".encode()


def rotate(path: Path, keep: int = 5) -> None:
    """As logging.handlers.RotatingFileHandler does."""
    for number in range(keep - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.rename(path.with_name(f"{path.name}.{number + 1}"))
    path.rename(path.with_name(f"{path.name}.1"))
    path.touch()


async def test_several_rotations_between_two_looks_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    append(path, *numbered(10))
    async with following(LOGS, container_of(path)) as follow:
        await follow.until(*numbered(10))
        for turn in range(1, 5):
            rotate(path)
            append(path, *numbered(10, 10 * turn))
        await follow.until(*numbered(50))


async def test_a_writer_that_rotates_all_the_time_is_followed_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.touch()
    async with following(LOGS, container_of(path)) as follow:
        for turn in range(60):
            append(path, *numbered(50, 50 * turn))
            if turn % 3 == 2:
                rotate(path)
            await asyncio.sleep(0.01)
        await follow.until(*numbered(3000))


async def test_lines_that_a_writer_still_adds_to_the_renamed_file_come_first(tmp_path: Path) -> None:
    """logrotate makes the new file before the process is told to open it."""
    path = tmp_path / "worker.log"
    append(path, b"one")
    async with following(LOGS, container_of(path)) as follow:
        await follow.until(b"one")
        path.rename(tmp_path / "worker.log.1")
        path.touch()
        append(tmp_path / "worker.log.1", b"two")
        await follow.until(b"one", b"two")
        append(path, b"three")
        await follow.until(b"one", b"two", b"three")


async def test_rotated_files_that_are_still_there_are_read_first(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    for turn in range(4):
        append(path, *numbered(5, 5 * turn))
        rotate(path)
    append(path, *numbered(5, 20))
    assert await read_texts(LOGS, container_of(path)) == numbered(25)


async def test_a_file_that_was_cut_is_read_from_its_new_beginning(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    append(path, b"a long line before", b"another")
    async with following(LOGS, container_of(path)) as follow:
        await follow.until(b"a long line before", b"another")
        shutil.copy(path, tmp_path / "copy")
        os.truncate(path, 0)
        append(path, b"new")
        await follow.until(b"a long line before", b"another", b"new")


async def test_a_follow_of_a_file_that_is_removed_says_so(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    append(path, b"one")
    async with following(LOGS, container_of(path)) as follow:
        await follow.until(b"one")
        path.unlink()
        with pytest.raises(Gone):
            await follow.ended()
    assert await LOGS.life(container_of(path)) is Life.GONE


async def test_a_line_that_is_being_written_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    append(path, b"whole")
    with path.open("ab") as log:
        log.write(stamp() + b" half")
    assert await read_texts(LOGS, container_of(path)) == [b"whole"]
    async with following(LOGS, container_of(path)) as follow:
        await follow.until(b"whole")
        with path.open("ab") as log:
            log.write(b" and half\n")
        await follow.until(b"whole", b"half and half")


async def test_reading_again_gives_the_same_bytes_also_for_lines_without_a_time(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.write_bytes(b"banner\nts=2026-11-21T02:11:29Z msg=one\n  continued\n")
    first = await read(LOGS, container_of(path))
    assert first.startswith(b"2026-11-21T02:11:29.000000000Z banner\n")
    append(path, b"later")
    assert (await read(LOGS, container_of(path))).startswith(first)
    undated = tmp_path / "undated.log"
    undated.write_bytes(b"one\n")
    before = await read(LOGS, container_of(undated))
    os.utime(undated, (1, 1))
    assert await read(LOGS, container_of(undated)) == before


async def test_workers_files_are_found_when_they_appear_and_only_the_tenants_own(tmp_path: Path) -> None:
    for tenant in ("acme", "other"):
        (tmp_path / tenant).mkdir()
    (tmp_path / "acme" / "early.log").touch()
    (tmp_path / "other" / "foreign.log").touch()
    locator = FileLocator([f"{tmp_path}/{{tenant}}/*.log"])
    async with watched(locator, Scope(Tenant("acme"), "wf-1")) as watch:
        await watch.until(lambda: watch.looked)
        assert watch.looked == Looked("files", known=False)
        assert watch.engine == Engine("files", over=True)
        (tmp_path / "acme" / "late.log").touch()
        await watch.until(lambda: len(watch.found) == 2)
        assert [found.container.pod for found in watch.found] == ["early", "late"]
        assert all(found.container.shared and not found.container.tagged for found in watch.found)
