"""What there is now, in every format and compression; and what is answered where there is nothing."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import orjson
import pytest
import zstandard

from testbed.feed_checker import Checker
from testbed.numbered_lines import read_line
from testbed.servers import LogStreamer
from tests.log_streamer.service.scene import Trace
from tests.log_streamer.service.viewer import Event, Viewer, refusal

LINES = 3000

Reader = Callable[[bytes], list[Event]]


def _sse(body: bytes) -> list[Event]:
    events: list[Event] = []
    for message in body.split(b"\n\n")[:-1]:
        fields = dict(line.split(b": ", 1) for line in message.split(b"\n"))
        data = orjson.loads(fields[b"data"])
        events += [
            {"event": fields[b"event"].decode(), **one}
            for one in (data if isinstance(data, list) else [data])
        ]
    return events


def _ndjson(body: bytes) -> list[Event]:
    return [orjson.loads(line) for line in body.splitlines()]


FORMATS: dict[str, tuple[str, Reader]] = {
    "text/event-stream": ("sse", _sse),
    "application/x-ndjson": ("ndjson", _ndjson),
}
CODERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


async def _written(trace: Trace, *, end: bool = True) -> None:
    for pod in [await trace.step(name) for name in "ab"]:
        await trace.writes(pod, LINES, 0, end=end)
    await trace.is_written()


async def _download(streamer: LogStreamer, trace: Trace, accept: str, coding: str, **query: str) -> bytes:
    headers = {"Accept": accept, "Accept-Encoding": coding}
    path = f"/v1/logs/{trace.id}"
    async with streamer.http.stream(
        "GET", path, headers=headers, params={"follow": "false", **query}
    ) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(accept)
        assert answer.headers.get("content-encoding", "identity") == coding
        return CODERS[coding](b"".join([chunk async for chunk in answer.aiter_raw()]))


@pytest.mark.parametrize("coding", CODERS)
@pytest.mark.parametrize("accept", FORMATS)
async def test_a_download_has_every_line_once_in_order(
    streamer: LogStreamer, trace: Trace, accept: str, coding: str
) -> None:
    await _written(trace)
    await trace.is_in("Failed")
    checker = trace.checker(floor=2 * LINES)
    checker.take_all(FORMATS[accept][1](await _download(streamer, trace, accept, coding)))
    verdict = checker.verdict()
    assert verdict.green, str(verdict)
    assert verdict.end is not None
    assert (verdict.end["reason"], verdict.end["phase"]) == ("complete", "Failed")


@pytest.mark.parametrize("coding", CODERS)
async def test_a_download_as_text_is_what_a_person_reads(
    streamer: LogStreamer, trace: Trace, coding: str
) -> None:
    await _written(trace)
    body = (await _download(streamer, trace, "text/plain", coding)).decode()
    lines = [line for line in body.splitlines() if not line.startswith("--- ")]
    stamps = [line.split(" ", 1)[0] for line in lines]
    assert stamps == sorted(stamps)
    found = [read_line(line) for line in lines]
    numbers = sorted((one.source, one.number) for one in found if one and one.sound)
    assert numbers == [(f"{trace.id}-{name}/main", number) for name in "ab" for number in range(LINES)]
    assert body.splitlines()[-1].startswith("--- end: complete")


async def test_a_download_while_the_trace_runs_has_what_there_is_and_its_cursor_goes_on(
    streamer: LogStreamer, trace: Trace
) -> None:
    await _written(trace, end=False)
    checker = Checker(
        trace.id, {f"{trace.id}-{name}/main": range(2 * LINES) for name in "ab"}, floor=4 * LINES
    )
    async with Viewer(streamer.port, trace.id, take=checker.take, follow="false") as now:
        end = await now.to_end()
    assert end is not None
    assert (end["phase"], now.lines) == (None, 2 * LINES)
    for name in "ab":
        await trace.writes(f"{trace.id}-{name}", LINES, 0, start=LINES)
    await trace.ends()
    async with Viewer(streamer.port, trace.id, take=checker.take, cursor=now.cursor, follow="false") as rest:
        await rest.to_end()
    verdict = checker.verdict()
    assert verdict.green, str(verdict)
    assert rest.lines == 2 * LINES


async def test_the_last_lines_are_the_last_ones(streamer: LogStreamer, trace: Trace) -> None:
    await _written(trace)
    body = await _download(streamer, trace, "application/x-ndjson", "identity")
    whole = [event["msg"] for event in _ndjson(body) if event["event"] == "log"]
    body = await _download(streamer, trace, "application/x-ndjson", "identity", tail="250")
    last = [event["msg"] for event in _ndjson(body) if event["event"] == "log"]
    assert last == whole[-250:]


@pytest.mark.parametrize("follow", ["true", "false"])
async def test_a_trace_that_nobody_knows_is_not_found_and_may_be_asked_for_again(
    streamer: LogStreamer, follow: str
) -> None:
    refused = await refusal(Viewer(streamer.port, "nobody-knows-it", follow=follow))
    assert (refused.status, refused.headers["retry-after"]) == (404, "2")
