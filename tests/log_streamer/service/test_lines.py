"""What applications write is not always text, nor short."""

from __future__ import annotations

import asyncio
from pathlib import Path

from testbed.numbered_lines import NumberedLines
from testbed.servers import LogStreamer
from tests.log_streamer.service.scene import Trace, assert_whole, served
from tests.log_streamer.service.viewer import Event, Viewer


def _numbered(source: str, count: int, length: int) -> list[bytes]:
    lines = NumberedLines(source, length=length)
    return [lines.text(number) for number in range(count)]


async def test_lines_of_a_megabyte_come_whole_where_the_limit_allows(trace: Trace, tmp_path: Path) -> None:
    pod = await trace.step()
    trace.expected[f"{pod}/main"] = range(24)
    checker = trace.checker(floor=24)
    async with (
        served(tmp_path / "log", trace.server, line_limit=1 << 20) as streamer,
        Viewer(streamer.port, trace.id, take=checker.take) as viewer,
    ):
        lines = _numbered(f"{pod}/main", 24, 1_000_000)
        for at in range(0, 24, 8):
            await trace.server.append(pod, lines[at : at + 8], namespace="argo")
        await trace.server.end(pod, namespace="argo")
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)


async def test_longer_lines_are_cut_and_say_by_how_much(streamer: LogStreamer, trace: Trace) -> None:
    pod = await trace.step()
    records: list[Event] = []
    async with Viewer(
        streamer.port, trace.id, take=lambda event: records.append(event) if event["event"] == "log" else None
    ) as viewer:
        await trace.server.append(pod, [b"a" * 1_000_000, b"b" * 3_000_000, b"short"], namespace="argo")
        await trace.server.end(pod, namespace="argo")
        await asyncio.gather(viewer.to_end(), trace.ends())
    first, second, third = (record["msg"] for record in records)
    assert first.startswith("a" * 16_384 + "… [983616 bytes cut")
    assert "CROSSOVER_LOG_STREAMER_LINE_LIMIT" in first
    assert second.startswith("b" * 16_384 + "…")
    assert third == "short"


async def test_bytes_that_are_no_text_hurt_no_other_line(streamer: LogStreamer, trace: Trace) -> None:
    pod = await trace.step()
    evil = [
        b"\xff\xfe\x00\x01 broken \xc3",
        b"\x1b]0;title\x07\x1b[2Jcleared",
        b"a\rb",
        b"",
        b"{not json",
        b"\xed\xa0\x80",
    ]
    others: list[str] = []
    trace.expected[f"{pod}/main"] = range(1200)
    checker = trace.checker(floor=1200)
    numbered = _numbered(f"{pod}/main", 1200, 120)

    def take(event: Event) -> None:
        if event["event"] == "log" and "crc=" not in event["msg"]:
            others.append(event["msg"])
            return
        checker.take({key: value for key, value in event.items() if key != "seq"})

    async with Viewer(streamer.port, trace.id, take=take) as viewer:
        for at in range(0, 1200, 200):
            await trace.server.append(
                pod, [*numbered[at : at + 100], *evil, *numbered[at + 100 : at + 200]], namespace="argo"
            )
        await trace.server.end(pod, namespace="argo")
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)
    assert len(others) == 6 * len(evil)
    assert not any("\x1b]" in text or "\x00" in text or "\x07" in text for text in others)
