"""Logs as they are kept and read again: by whole seconds, cut anywhere, with what their clocks do to them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from log_streamer.lines.positions import stamp_of_line
from log_streamer.lines.stamps import stamp_of
from tests.log_streamer.lines.making import raw

SECOND = 1_000_000_000
TEXTS = ("a", "b", "", "  ^^^^")

LogMaker = Callable[[random.Random, int], list[bytes]]


def coarse(rng: random.Random, size: int) -> list[bytes]:
    """As a file gives its lines: many in a row with one timestamp, alike or not, as a traceback's are."""
    now, lines = 0, []
    for _ in range(size):
        now += rng.choice((0, 0, 0, SECOND // 1000, SECOND, 7 * SECOND))
        lines.append(raw(now, rng.choice(TEXTS)))
    return lines


def two_streams(rng: random.Random, size: int) -> list[bytes]:
    """As a runtime stamps two streams: each line with a moment of its own, not quite in order."""
    now, lines = 0, []
    for _ in range(size):
        now += rng.choice((SECOND // 10, SECOND // 3, 3 * SECOND)) + rng.randint(1, 1000)
        lines.append(raw(now - rng.choice((0, 0, rng.randrange(SECOND * 9 // 10))), rng.choice(TEXTS)))
    return lines


def ordered(rng: random.Random, size: int) -> list[bytes]:
    """Nanoseconds, in order."""
    now, lines = 0, []
    for _ in range(size):
        now += rng.choice((1, 1000, SECOND // 3, 3 * SECOND))
        lines.append(raw(now, rng.choice(TEXTS)))
    return lines


def set_back(rng: random.Random, size: int) -> list[bytes]:
    """With a clock that is set back again and again; every line is another."""
    now, lines = 500 * SECOND, []
    for number in range(size):
        now += rng.choice((1, SECOND // 3, 2 * SECOND, -SECOND // 2, -30 * SECOND))
        lines.append(raw(now, f"line {number}"))
    return lines


def read_again(log: Sequence[bytes], since: int | None) -> list[bytes]:
    """What the API gives of a log from a whole second on: line by line, whatever stands before."""
    if since is None:
        return list(log)
    first = stamp_of(since)
    return [line for line in log if (stamp_of_line(line) or first) >= first]


def pieces(rng: random.Random, lines: Sequence[bytes]) -> list[list[bytes]]:
    """`lines` in pieces cut anywhere, some of them empty."""
    edges = sorted(rng.randrange(len(lines) + 1) for _ in range(rng.choice((0, 1, 3, 8))))
    return [list(lines[start:end]) for start, end in zip([0, *edges], [*edges, len(lines)], strict=True)]


def block_of(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)
