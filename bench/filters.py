"""The hot path on a worker's log: finding one trace's lines among many, and making records of them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable

from bench.figures import Figure, figure
from log_streamer.lines.demux import Demux
from log_streamer.lines.records import Lines
from log_streamer.lines.secrets import Redactor
from log_streamer.lines.splitter import Splitter
from log_streamer.model import Container, SourceName
from testbed.numbered_lines import NumberedLines

TRACE = "wf-1"
LINES = 200_000
EVERY = 50
CHUNK = 65_536
ROUNDS = 5
NAIVE_SHARE = 10


async def measure() -> list[Figure]:
    log = _log()
    own = max(_rate(log, _streamer) for _ in range(ROUNDS))
    naive = max(_rate(log[: len(log) // NAIVE_SHARE], _naive) for _ in range(ROUNDS))
    peer = "line by line: decode, regular expression, json.dumps"
    return [figure("filter_mb_per_s", own, "MB/s", ">= 400", peer=peer, peer_value=naive)]


def _log() -> bytes:
    """Every line names a trace; one in fifty names ours, and others that ours is the beginning of."""
    sources = [NumberedLines("pod/main", TRACE if n == 0 else f"{TRACE}{n}") for n in range(EVERY)]
    rows = []
    for number in range(LINES):
        text = sources[number % EVERY].text(number, "2026-11-21T02:11:29.636105Z")
        rows.append(b"2026-11-21T02:11:29.%09dZ %b\n" % (number, text))
    return b"".join(rows)


def _rate(log: bytes, read: Callable[[bytes], int]) -> float:
    began = time.perf_counter()
    found = read(log)
    took = time.perf_counter() - began
    lines = log.count(b"\n")
    assert abs(found - lines / EVERY) <= 1, (found, lines)
    return len(log) / took / 1e6


def _streamer(log: bytes) -> int:
    container = Container("bench", SourceName.WORKER, "pod", "main", shared=True)
    lines = Lines(container, Redactor(), limit=16_384, limit_name="LINE_LIMIT")
    splitter, demux, found = Splitter(), Demux(), 0
    trace = TRACE.encode()
    for at in range(0, len(log), CHUNK):
        block = splitter.feed(log[at : at + CHUNK])
        own = demux.take(block, (trace,)).get(trace)
        if own:
            found += sum(len(record.json) > 0 for record in lines.take(own))
    return found


_WORD = re.compile(rf"(?<!\S)trace_id={TRACE}(?!\S)")


def _naive(log: bytes) -> int:
    found = 0
    for line in log.decode().splitlines():
        if _WORD.search(line):
            ts, _, msg = line.partition(" ")
            found += len(json.dumps({"ts": ts, "pod": "pod", "msg": msg})) > 0
    return found
