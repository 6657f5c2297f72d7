"""Cursors: where a viewer is, in a short text that any replica understands. Pure.

A cursor holds the position in every container's log, not one time: lines that arrive late would
otherwise be skipped by a resume. It grants nothing, and is checked as any input is.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

from log_streamer.lines.positions import Position
from log_streamer.lines.stamps import nanos_of, stamp_of_nanos

MAX_TEXT = 65_536
"""Characters of a cursor: servers take no longer header."""

_VERSION = 1
_HEAD = struct.Struct(">BQQHH")
_ENTRY = struct.Struct(">4sQII")
_MOST_SEQ = 1 << 62
_MOST_COUNT = (1 << 32) - 1


@lru_cache(maxsize=65_536)
def digest_of(key: str) -> bytes:
    """A container's name in cursors."""
    return blake2b(key.encode(), digest_size=4).digest()


@dataclass(slots=True)
class Cursor:
    """Where a viewer is.

    Args:
        seq: the number of the last record that it got.
        since: nanoseconds since the epoch; what is older was not asked for. 0: all was.
        positions: by container digest.
        done: digests of containers whose logs have ended and were delivered whole.
    """

    seq: int = 0
    since: int = 0
    positions: dict[bytes, Position] = field(default_factory=dict)
    done: set[bytes] = field(default_factory=set)

    def copy(self) -> Cursor:
        return Cursor(self.seq, self.since, dict(self.positions), set(self.done))

    def move(self, positions: Mapping[bytes, Position], done: Iterable[bytes] = ()) -> None:
        """Takes over what was delivered since."""
        self.positions.update(positions)
        for digest in done:
            self.positions.pop(digest, None)
            self.done.add(digest)

    def encode(self) -> str:
        head = _HEAD.pack(_VERSION, self.seq, self.since, len(self.done), len(self.positions))
        parts = [head, *sorted(self.done), *(_entry(d, p) for d, p in self.positions.items())]
        return base64.urlsafe_b64encode(b"".join(parts)).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Raises ValueError for what `encode` did not make."""
        try:
            if len(text) > MAX_TEXT:
                raise ValueError
            data = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), b"-_", validate=True)
            version, seq, since, done, entries = _HEAD.unpack_from(data)
            at = _HEAD.size + 4 * done
            if version != _VERSION or seq > _MOST_SEQ or len(data) != at + _ENTRY.size * entries:
                raise ValueError
            digests = {data[_HEAD.size + 4 * n : _HEAD.size + 4 * n + 4] for n in range(done)}
            rows = (_ENTRY.unpack_from(data, at + _ENTRY.size * n) for n in range(entries))
            positions = {
                digest: Position(stamp_of_nanos(nanos), mark, count) for digest, nanos, mark, count in rows
            }
        except (ValueError, struct.error, binascii.Error, OverflowError, OSError):
            raise ValueError("is not a cursor of this service: leave it out to begin anew") from None
        return cls(seq, since, positions, digests)


@lru_cache(maxsize=8192)
def _entry(digest: bytes, position: Position) -> bytes:
    return _ENTRY.pack(digest, nanos_of(position.stamp), position.mark, min(position.count, _MOST_COUNT))
