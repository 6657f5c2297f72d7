"""A viewer that reads as fast as bytes come, and checks every line: `python -m bench.feed_client URL`.

Prints one JSON object at the end: lines, seconds between the first and the last, the checker's verdict, and
percentiles of the latency from a line's timestamp to here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import AsyncGenerator, Sequence
from urllib.parse import urlsplit

import orjson

from bench.figures import percentile
from log_streamer.lines.stamps import nanos_of
from testbed.feed_checker import Checker


async def frames(url: str) -> AsyncGenerator[tuple[bytes, bytes], None]:
    """Events by name and data, straight off the socket: an HTTP library would be slower than the service."""
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=1 << 24)
    writer.write(f"GET {where.path}?{where.query} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0], head
    rest = b""
    try:
        while size := int(await reader.readline(), 16):
            chunk = (await reader.readexactly(size + 2))[:-2]
            *events, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n\n")
            for event in events:
                name, _, data = event.partition(b"data: ")
                yield name.split(b"\n")[0].removeprefix(b"event: "), data
    finally:
        writer.close()


class Viewer:
    """What one viewer saw."""

    def __init__(self, url: str, checker: Checker | None, *, latencies: bool) -> None:
        self._url = url
        self._checker = checker
        self._timed = latencies
        self.latencies: list[float] = []
        self.lines = 0
        self.first = self.last = 0.0

    async def watch(self) -> None:
        async for name, data in frames(self._url):
            if name == b"log":
                self._take(data)
            elif name == b"gap" and self._checker:
                self._checker.take({**orjson.loads(data), "event": "gap"})
            elif name == b"end":
                return

    def _take(self, data: bytes) -> None:
        now, at = time.time_ns(), time.perf_counter()
        found = orjson.loads(data) if self._checker or self._timed else None
        self.first = self.first or at
        self.last = at
        if found is None:
            self.lines += data.count(b'"ts":')
            return
        records = found if isinstance(found, list) else [found]
        self.lines += len(records)
        for record in records:
            if self._checker:
                record["event"] = "log"
                self._checker.take(record)
            if self._timed:
                self.latencies.append((now - nanos_of(record["ts"].encode())) / 1e6)


async def run(options: argparse.Namespace) -> None:
    expected = {name: range(int(count)) for name, count in (each.split("=") for each in options.expect)}
    checker = Checker(options.trace, expected, floor=1) if expected else None
    first = Viewer(options.url, checker, latencies=options.latencies)
    others = [Viewer(options.url, None, latencies=False) for _ in range(options.viewers - 1)]
    await asyncio.gather(*(viewer.watch() for viewer in (first, *others)))
    seen = {viewer.lines for viewer in others}
    print(json.dumps(_report(first, checker, seen)), flush=True)


def _report(viewer: Viewer, checker: Checker | None, others: set[int]) -> dict[str, object]:
    verdict = checker.verdict() if checker else None
    report: dict[str, object] = {
        "lines": viewer.lines,
        "seconds": viewer.last - viewer.first,
        "green": verdict is None or (verdict.green and not verdict.gapped),
        "verdict": str(verdict),
        "others": sorted(others),
    }
    if viewer.latencies:
        report |= {"p50_ms": percentile(viewer.latencies, 0.5), "p99_ms": percentile(viewer.latencies, 0.99)}
    return report


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.feed_client", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--trace", default="bench")
    parser.add_argument("--expect", action="append", default=[], metavar="SOURCE=LINES")
    parser.add_argument("--viewers", type=int, default=1)
    parser.add_argument("--latencies", action="store_true")
    asyncio.run(run(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
