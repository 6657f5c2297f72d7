"""What holds for every LogSource. Subclasses give the `backend` (see backend.py)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime

import pytest

from log_streamer.model import Container
from log_streamer.sources.source import Away, Denied, Gone, Life, NotReady
from tests.log_streamer.contract.backend import Backend, Can
from tests.log_streamer.contract.reading import following, numbered, read, read_texts, until

FOLLOWED_AT_ONCE = 200
"""More than the 100 connections at which HTTP clients stop by default."""

STRANGE = [
    b"\xff\xfe invalid",
    b"nul \x00 nul",
    b"12%\r50%\r100%\r",
    b"\xe2\x80\xa8 and \xc2\x85",
    b"",
    b"  ",
]


def need(backend: Backend, *abilities: Can) -> None:
    for ability in abilities:
        if ability not in backend.can:
            pytest.skip(f"this system cannot {ability}")


class LogSourceContract:
    """Each test gets a system of its own."""

    async def test_lines_come_whole_and_in_the_order_written(self, backend: Backend) -> None:
        container = await backend.create("order")
        for start in range(0, 3000, 1000):
            await backend.write(container, *numbered(1000, start))
        assert await read_texts(backend.source, container) == numbered(3000)

    async def test_each_line_begins_with_the_time_at_which_it_was_written(self, backend: Backend) -> None:
        container = await backend.create("times")
        before = time.time()
        await backend.write(container, *numbered(20))
        lines = (await read(backend.source, container)).split(b"\n")[:-1]
        stamps = [datetime.fromisoformat(line.split(b" ")[0].decode()).timestamp() for line in lines]
        assert len(stamps) == 20
        assert stamps == sorted(stamps)
        assert before - 1 <= stamps[0] <= stamps[-1] <= time.time() + 1

    async def test_since_leaves_out_lines_of_earlier_seconds(self, backend: Backend) -> None:
        container = await backend.create("since")
        began = int(time.time())
        await backend.write(container, b"old")
        written = int(time.time())
        await until(_after(written + 1))
        await backend.write(container, b"new")
        assert await read_texts(backend.source, container, since=written + 2) == [b"new"]
        assert await read_texts(backend.source, container, since=began - 5) == [b"old", b"new"]

    async def test_since_keeps_every_line_of_its_own_second(self, backend: Backend) -> None:
        container = await backend.create("second")
        await backend.write(container, *numbered(50))
        first = (await read(backend.source, container)).split(b" ", 1)[0]
        second = int(datetime.fromisoformat(first.decode()).timestamp())
        assert await read_texts(backend.source, container, since=second) == numbered(50)

    async def test_without_follow_a_running_log_ends_at_its_present_end(self, backend: Backend) -> None:
        container = await backend.create("present")
        assert await read_texts(backend.source, container) == []
        await backend.write(container, b"one")
        assert await read_texts(backend.source, container) == [b"one"]

    async def test_follow_brings_what_was_written_and_then_what_is_written(self, backend: Backend) -> None:
        container = await backend.create("follow")
        await backend.write(container, b"before")
        async with following(backend.source, container) as follow:
            await follow.until(b"before")
            await backend.write(container, b"after")
            await follow.until(b"before", b"after")

    async def test_follow_waits_for_the_first_line_of_an_empty_log(self, backend: Backend) -> None:
        container = await backend.create("empty")
        async with following(backend.source, container) as follow:
            await backend.write(container, b"first")
            await follow.until(b"first")

    async def test_follow_ends_after_the_last_line_of_an_ended_container(self, backend: Backend) -> None:
        need(backend, Can.END)
        container = await backend.create("ends")
        await backend.write(container, b"one")
        async with following(backend.source, container) as follow:
            await follow.until(b"one")
            await backend.write(container, b"two", b"last")
            await backend.end(container)
            await follow.ended()
            assert follow.texts() == [b"one", b"two", b"last"]
        assert await backend.source.life(container) is Life.ENDED
        assert await read_texts(backend.source, container) == [b"one", b"two", b"last"]

    async def test_a_container_that_writes_on_is_running(self, backend: Backend) -> None:
        container = await backend.create("runs")
        assert await backend.source.life(container) is Life.RUNNING

    async def test_a_follow_that_was_cut_in_silence_belongs_to_a_running_container(
        self, backend: Backend
    ) -> None:
        need(backend, Can.CUT)
        container = await backend.create("cut")
        await backend.write(container, b"one")
        async with following(backend.source, container) as follow:
            await follow.until(b"one")
            await backend.cut(container)
            await follow.ended()
        assert await backend.source.life(container) is Life.RUNNING
        await backend.write(container, b"two")
        assert await read_texts(backend.source, container) == [b"one", b"two"]

    async def test_a_follow_that_was_torn_gives_nothing_that_was_not_written(self, backend: Backend) -> None:
        need(backend, Can.TEAR)
        container = await backend.create("torn")
        await backend.write(container, b"one")
        async with following(backend.source, container) as follow:
            await follow.until(b"one")
            await backend.tear(container, b"a line of which a part arrives")
            with pytest.raises(Away):
                await follow.ended()
            torn = follow.raw
        whole = await read(backend.source, container)
        assert whole.startswith(torn)
        assert torn.count(b"\n") == 1
        assert not torn.endswith(b"\n")

    async def test_a_container_that_has_not_started_is_not_ready(self, backend: Backend) -> None:
        need(backend, Can.WAIT)
        container = await backend.create("waits", started=False)
        with pytest.raises(NotReady):
            await read(backend.source, container)
        assert await backend.source.life(container) is Life.WAITING
        await backend.start(container)
        await backend.write(container, b"started")
        assert await read_texts(backend.source, container) == [b"started"]

    async def test_a_log_that_was_removed_is_gone(self, backend: Backend) -> None:
        need(backend, Can.REMOVE)
        container = await backend.create("removed")
        await backend.write(container, b"one")
        await backend.remove(container)
        assert await backend.source.life(container) is Life.GONE
        with pytest.raises(Gone):
            await read(backend.source, container)

    async def test_a_follower_that_keeps_up_reads_on_in_the_log_that_takes_over(
        self, backend: Backend
    ) -> None:
        need(backend, Can.ROTATE)
        container = await backend.create("rotated")
        await backend.write(container, b"old")
        async with following(backend.source, container) as follow:
            await follow.until(b"old")
            await backend.rotate(container)
            await backend.write(container, b"new", b"newer")
            await follow.until(b"old", b"new", b"newer")
        assert await read_texts(backend.source, container) == [b"new", b"newer"]

    async def test_an_overloaded_system_is_away_for_as_long_as_it_asks(self, backend: Backend) -> None:
        need(backend, Can.OVERLOAD)
        container = await backend.create("busy")
        await backend.write(container, b"one")
        await backend.overload(7)
        with pytest.raises(Away) as refused:
            await read(backend.source, container)
        assert refused.value.retry_after == 7
        assert await read_texts(backend.source, container) == [b"one"]

    async def test_a_system_that_fails_is_away(self, backend: Backend) -> None:
        need(backend, Can.BREAK)
        container = await backend.create("broken")
        await backend.write(container, b"one")
        await backend.fail()
        with pytest.raises(Away):
            await read(backend.source, container)
        await backend.fail()
        with pytest.raises(Away):
            await backend.source.life(container)
        assert await read_texts(backend.source, container) == [b"one"]

    async def test_a_caller_without_rights_is_denied(self, backend: Backend) -> None:
        need(backend, Can.DENY)
        container = await backend.create("denied")
        await backend.deny()
        with pytest.raises(Denied):
            await read(backend.source, container)

    async def test_any_bytes_survive(self, backend: Backend) -> None:
        need(backend, Can.ANY_BYTES)
        container = await backend.create("strange")
        await backend.write(container, *STRANGE)
        assert await read_texts(backend.source, container) == STRANGE
        async with following(backend.source, container) as follow:
            await follow.until(*STRANGE)

    async def test_a_line_of_one_megabyte_survives(self, backend: Backend) -> None:
        need(backend, Can.LONG_LINES)
        container = await backend.create("long")
        long = b"x" * (1 << 20)
        await backend.write(container, b"before", long, b"after")
        texts = await read_texts(backend.source, container)
        assert [len(text) for text in texts] == [6, 1 << 20, 5]
        assert texts[1] == long

    async def test_two_hundred_logs_are_followed_at_once(self, backend: Backend) -> None:
        containers = [await backend.create(f"many-{number}") for number in range(FOLLOWED_AT_ONCE)]
        async with AsyncExitStack() as stack:
            follows = [
                await stack.enter_async_context(following(backend.source, container))
                for container in containers
            ]
            for container in containers:
                await backend.write(container, container.pod.encode(), b"second")
            for container, follow in zip(containers, follows, strict=True):
                await follow.until(container.pod.encode(), b"second")

    async def test_a_reader_that_is_cancelled_leaves_nothing_behind(self, backend: Backend) -> None:
        need(backend, Can.COUNT)
        container = await backend.create("left")
        await backend.write(container, b"one")
        tasks = len(asyncio.all_tasks())
        for _ in range(20):
            async with following(backend.source, container) as follow:
                await follow.until(b"one")
                assert await backend.open_reads() >= 1
        assert await until(_no_reads(backend))
        assert len(asyncio.all_tasks()) <= tasks + 1

    async def test_a_reader_that_is_cancelled_while_it_opens_leaves_nothing_behind(
        self, backend: Backend
    ) -> None:
        need(backend, Can.COUNT)
        container = await backend.create("hasty")
        await backend.write(container, b"one")
        for turns in range(20):
            task = asyncio.create_task(_follow_for_ever(backend, container))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)
        assert await until(_no_reads(backend))
        assert await read_texts(backend.source, container) == [b"one"]


async def _follow_for_ever(backend: Backend, container: Container) -> None:
    async with backend.source.open(container, since=None, follow=True) as chunks:
        async for _ in chunks:
            pass


def _after(second: int) -> Callable[[], Awaitable[bool]]:
    async def passed() -> bool:
        return time.time() >= second + 1

    return passed


def _no_reads(backend: Backend) -> Callable[[], Awaitable[bool]]:
    async def none() -> bool:
        return await backend.open_reads() == 0

    return none
