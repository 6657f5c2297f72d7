"""Parity verdicts from files and servers, good and bad."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.flags.parity import SIZE_LIMIT, ParityVerdicts
from crossover.flags.gate import Parity

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASS = json.dumps({"verdict": "pass", "at": "2026-03-01T12:00:00Z", "summary": "41 tables equal", "more": 1})


async def read(place: str | Path) -> Parity:
    verdicts = ParityVerdicts({"nightly": str(place)})
    try:
        return await verdicts.read("nightly")
    finally:
        await verdicts.aclose()


@asynccontextmanager
async def server(
    body: bytes, status: str = "200 OK", headers: str = "", *, endless: bool = False
) -> AsyncGenerator[str, None]:
    """Answers every connection with the same bytes; `endless` repeats the body until nobody reads."""
    tasks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n".encode() + body)
        try:
            while endless:
                writer.write(body)
                await writer.drain()
                await asyncio.sleep(0.05)
        except OSError:
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(answer(reader, writer))
        tasks.add(task)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/verdict.json"
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_verdict_is_read_from_a_file_each_time(tmp_path: Path) -> None:
    place = tmp_path / "verdict.json"
    place.write_text(PASS)
    assert await read(place) == Parity(True, "41 tables equal", AT)
    place.write_text(PASS.replace("pass", "fail"))
    assert await read(place) == Parity(False, "41 tables equal", AT)


async def test_a_verdict_is_read_from_a_server() -> None:
    async with server(PASS.encode()) as url:
        assert await read(url) == Parity(True, "41 tables equal", AT)


async def test_a_name_that_the_settings_do_not_know_is_no_verdict() -> None:
    verdicts = ParityVerdicts({})
    assert await verdicts.read("/etc/passwd") == Parity(None, "the settings name no such verdict")
    await verdicts.aclose()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pass",
        "[]",
        "{}",
        '{"verdict": "pass"}',
        '{"verdict": "pass", "at": "2026-03-01T12:00:00"}',  # whose noon?
        '{"verdict": "pass", "at": "yesterday"}',
        '{"verdict": "perhaps", "at": "2026-03-01T12:00:00Z"}',
        '{"verdict": true, "at": "2026-03-01T12:00:00Z"}',
        '{"verdict": "fail", "verdict": "pass", "at": "2026-03-01T12:00:00Z"}',
        "\udcff",
        "[" * 50_000,
    ],
)
async def test_what_is_no_verdict_is_never_taken_for_one(tmp_path: Path, text: str) -> None:
    place = tmp_path / "verdict.json"
    place.write_bytes(text.encode(errors="surrogateescape"))
    assert await read(place) == Parity(
        None, 'it is not {"verdict": "pass" or "fail", "at": "time with zone"}'
    )


async def test_a_summary_is_cut(tmp_path: Path) -> None:
    place = tmp_path / "verdict.json"
    place.write_text(json.dumps({"verdict": "fail", "at": AT.isoformat(), "summary": "x" * 5000}))
    assert len((await read(place)).summary) == 300


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "it cannot be read (FileNotFoundError)"),
        (lambda path: path.mkdir(), "it is not a file"),
        (lambda path: os.mkfifo(path), "it is not a file"),
        (lambda path: path.write_text(" " * (SIZE_LIMIT + 1)), f"it is larger than {SIZE_LIMIT} bytes"),
    ],
    ids=["none", "directory", "pipe", "large"],
)
async def test_a_file_that_cannot_be_read_says_why_without_its_path(
    tmp_path: Path, make: Callable[[Path], object], why: str
) -> None:
    place = tmp_path / "verdict.json"
    make(place)
    assert await read(place) == Parity(None, why)


async def test_a_redirect_is_not_followed() -> None:
    async with server(PASS.encode()) as other, server(b"", "302 Found", f"location: {other}\r\n") as url:
        assert await read(url) == Parity(None, "its server answers 302")


async def test_a_server_that_fails_or_is_away_is_no_verdict() -> None:
    async with server(PASS.encode(), "500 Oops") as url:
        assert await read(url) == Parity(None, "its server answers 500")
    assert await read(url) == Parity(None, "it cannot be read (ConnectError)")
    assert await read("http://127.0.0.1:none/") == Parity(None, "it cannot be read (InvalidURL)")


async def test_a_server_that_sends_too_much_is_cut_off() -> None:
    async with server(b" " * 20_000, endless=True) as url:
        assert await read(url) == Parity(None, f"it is larger than {SIZE_LIMIT} bytes")


async def test_packed_bytes_are_not_unpacked() -> None:
    async with server(gzip.compress(b" " * 10_000_000), headers="content-encoding: gzip\r\n") as url:
        assert (await read(url)).passed is None


async def test_a_server_that_drips_is_left_within_the_time_limit() -> None:
    async with server(b" ", endless=True) as url:
        assert await read(url) == Parity(None, "it did not come within 3 s")
