"""A container engine's frames, terminals, restarts and workers."""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_streamer.model import Node, SourceName
from log_streamer.sources.docker.containers import DockerLocator
from log_streamer.sources.docker.engine import Engine
from log_streamer.sources.docker.frames import Frames, Terminal
from log_streamer.sources.source import Looked, Scope, Tenant
from tests.log_streamer.contract.reading import following, read_texts
from tests.log_streamer.docker_server import DockerProgram
from tests.log_streamer.watched import watched

STEP = {"crossover.workflow": "wf-1", "crossover.namespace": "argo"}
SCOPE = ("default", ("argo",))


@pytest.fixture
async def program(tmp_path: Path) -> AsyncGenerator[DockerProgram, None]:
    async with DockerProgram(tmp_path / "engine.sock") as program:
        yield program


@pytest.fixture
async def engine(program: DockerProgram) -> AsyncGenerator[Engine, None]:
    engine = Engine(program.socket)
    yield engine
    await engine.close()


def frame(stream: int, text: bytes, stamp: bytes = b"2026-11-21T02:11:29.000000001Z") -> bytes:
    whole = stamp + b" " + text
    return struct.pack(">BxxxL", stream, len(whole)) + whole


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=30), st.booleans()), max_size=20),
    st.integers(1, 60),
)
def test_frames_are_the_same_lines_however_they_are_cut(
    frames: list[tuple[int, bytes, bool]], size: int
) -> None:
    texts = [(stream, text.replace(b"\n", b" "), full) for stream, text, full in frames]
    cut = [(stream, text + b"\n" if full else text or b"x") for stream, text, full in texts]
    data = b"".join(frame(stream, text) for stream, text in cut)
    decoder = Frames()
    lines = b"".join([decoder.feed(data[at : at + size]) for at in range(0, len(data), size)]) + decoder.end()
    for stream, name in ((1, b"stdout"), (2, b"stderr")):
        written = b"".join(text for kind, text in cut if kind == stream)
        expected = written.split(b"\n")
        if not any(kind == stream for kind, _ in cut) or written.endswith(b"\n"):
            expected.pop()
        own = [line for line in lines.split(b"\n")[:-1] if line[31:37] == name]
        assert [line[38:] for line in own] == expected


def test_podmans_whole_seconds_of_its_own_zone_become_utc() -> None:
    line = Frames().feed(frame(2, b"two\n", b"2026-11-21T06:30:02+01:00"))
    assert line == b"2026-11-21T05:30:02.000000000Z stderr two\n"


def test_what_the_engine_says_of_itself_is_no_line() -> None:
    assert Frames().feed(frame(3, b"Error grabbing logs\n") + frame(1, b"one\n")).endswith(b" stdout one\n")


def test_a_terminals_lines_have_their_line_ends_translated_back() -> None:
    terminal = Terminal()
    data = b"2026-11-21T02:11:29.000000001Z one\r\n2026-11-21T02:11:29.000000002Z tw"
    assert terminal.feed(data) == b"2026-11-21T02:11:29.000000001Z stdout one\n"
    assert terminal.feed(b"o\r\n") == b"2026-11-21T02:11:29.000000002Z stdout two\n"


async def test_streams_and_long_lines_are_kept_apart(program: DockerProgram, engine: Engine) -> None:
    program.chunk = 1000
    made = program.create("step", STEP)
    made.start()
    made.write(b"x" * 40000, stream=1, end=b"")
    made.write(b"warning", stream=2)
    made.write(b"y", stream=1)
    async with watched(DockerLocator(engine), Scope(Tenant(*SCOPE), "wf-1")) as watch:
        await watch.until(lambda: watch.found)
        (found,) = watch.found
        assert await read_texts(found.source, found.container) == [b"warning", b"x" * 40000 + b"y"]


async def test_each_life_of_a_container_has_its_own_lines(program: DockerProgram, engine: Engine) -> None:
    made = program.create("step", STEP | {"crossover.node-id": "n-1", "crossover.node": "extract"})
    made.start()
    made.write(b"first life")
    async with watched(DockerLocator(engine), Scope(Tenant(*SCOPE), "wf-1")) as watch:
        await watch.until(lambda: watch.found)
        first = watch.found[0]
        assert first.container.node == Node("n-1", "extract")
        async with following(first.source, first.container) as follow:
            await follow.until(b"first life")
            made.stop()
            await follow.ended()
        made.start()
        made.write(b"second life")
        await watch.until(lambda: len(watch.found) == 2)
        second = watch.found[1]
        assert second.container.key != first.container.key
        assert await read_texts(second.source, second.container) == [b"second life"]


async def test_workers_are_shared_and_only_the_tenants_own(program: DockerProgram, engine: Engine) -> None:
    for name, tenant in (("own", "default"), ("foreign", "other")):
        program.create(name, {"crossover.worker": tenant}).start()
    program.create("not-started", {"crossover.worker": "default"})
    async with watched(DockerLocator(engine), Scope(Tenant(*SCOPE), "wf-1")) as watch:
        await watch.until(lambda: watch.looked)
        assert watch.looked == Looked("docker", known=False)
        (found,) = watch.found
        assert (found.container.pod, found.container.shared) == ("own", True)
        assert found.container.source is SourceName.WORKER
