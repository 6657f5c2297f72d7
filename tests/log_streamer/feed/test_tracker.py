"""Positions in many logs at once, as their records are handed on."""

from __future__ import annotations

import random

from log_streamer.feed.cursor import digest_of
from log_streamer.feed.tracker import Tracker
from log_streamer.lines.positions import Position, position_after
from log_streamer.lines.records import Record
from tests.log_streamer.feed.logs import block_of, coarse, pieces
from tests.log_streamer.lines.making import container, record, records


def test_only_logs_with_records_move() -> None:
    one, other = container("a"), container("b")
    tracker = Tracker({})
    assert set(tracker.advance([record("x", of=one)])) == {digest_of("a")}
    assert set(tracker.advance([record("x", of=other), record("y", of=one)])) == {
        digest_of("a"),
        digest_of("b"),
    }
    assert tracker.advance([]) == {}


def test_a_position_counts_the_lines_of_its_timestamp_across_batches() -> None:
    tracker, digest = Tracker({}), digest_of("k")
    a, b, later = record("a"), record("b"), record("a", 1)
    assert tracker.advance([a])[digest] == Position(a.stamp, a.mark, 1)
    assert tracker.advance([b, a])[digest] == Position(a.stamp, a.mark, 3)
    assert tracker.advance([later])[digest] == Position(later.stamp, later.mark, 1)
    assert tracker.advance([a, later, later])[digest] == Position(later.stamp, later.mark, 2)


def test_it_goes_on_from_where_it_starts() -> None:
    a, digest = record("a"), digest_of("k")
    tracker = Tracker({digest: Position(a.stamp, 77, 4)})
    assert tracker.advance([a])[digest] == Position(a.stamp, a.mark, 5)


def test_any_batching_of_any_merge_of_logs_has_the_positions_of_each_log_alone() -> None:
    rng = random.Random(16)
    for _ in range(1_000):
        logs = {f"log-{n}": coarse(rng, rng.randint(1, 12)) for n in range(3)}
        rest = {key: records(container(key), log)[::-1] for key, log in logs.items()}
        merged: list[Record] = []
        while left := [key for key in rest if rest[key]]:
            merged.append(rest[rng.choice(left)].pop())
        tracker, edges = Tracker({}), pieces(rng, [b""] * len(merged))
        positions: dict[bytes, Position] = {}
        for piece in edges:
            positions |= tracker.advance([merged.pop(0) for _ in piece])
        assert positions == {digest_of(key): position_after(block_of(log), None) for key, log in logs.items()}
