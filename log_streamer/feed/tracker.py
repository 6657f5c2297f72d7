"""Positions in all logs of a feed, as records are handed on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from log_streamer.feed.cursor import digest_of
from log_streamer.lines.positions import Position
from log_streamer.lines.records import Record


class Tracker:
    """Starts at `positions`, by container digest."""

    def __init__(self, positions: Mapping[bytes, Position]) -> None:
        self._positions = dict(positions)

    def advance(self, records: Sequence[Record]) -> dict[bytes, Position]:
        """The positions after `records`, of the containers that these are from."""
        last: dict[str, Record] = {}
        rows: dict[str, int] = {}
        for record in records:
            key = record.container.key
            before = last.get(key)
            if before is not None and before.stamp == record.stamp:
                rows[key] = rows.get(key, 1) + 1
            elif key in rows:
                del rows[key]
            last[key] = record
        moved = {
            digest_of(key): self._moved(key, record, rows.get(key, 1), records)
            for key, record in last.items()
        }
        self._positions |= moved
        return moved

    def _moved(self, key: str, record: Record, count: int, records: Sequence[Record]) -> Position:
        before = self._positions.get(digest_of(key))
        if before is not None and before.stamp == record.stamp:
            own = sum(1 for each in records if each.container.key == key)
            if own == count:  # the row goes on from what came before
                count += before.count
        return Position(record.stamp, record.mark, count)
