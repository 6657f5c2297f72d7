"""What a viewer's stream is made of, whatever format it is written in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from log_streamer.feed.notices import Notice
from log_streamer.lines.records import Record


class EndReason(StrEnum):
    """Why a stream ended. After `shutdown` the viewer goes on elsewhere with its cursor."""

    COMPLETE = "complete"
    TIMEOUT = "timeout"
    LINE_CAP = "line_cap"
    TOO_SLOW = "too_slow"
    SHUTDOWN = "shutdown"
    UNAUTHORISED = "unauthorised"


@dataclass(frozen=True, slots=True)
class LogFrame:
    """Records in order; the first one's number is `seq`, the last one's `seq + len(records) - 1`.

    `late` are the places of those that are older than what this viewer got before, though the feed had
    them in order: it came out of the past, where it was further in other logs.
    """

    records: Sequence[Record]
    seq: int
    cursor: str
    late: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class NoticeFrame:
    notice: Notice
    cursor: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing happened: connections without bytes get cut."""


@dataclass(frozen=True, slots=True)
class EndFrame:
    """The last frame. `limit` names the setting that ended the stream."""

    reason: EndReason
    lines: int
    cursor: str
    detail: str
    phase: str | None = None
    limit: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "reason": self.reason.value,
            "lines": self.lines,
            "cursor": self.cursor,
            "phase": self.phase,
            "limit": self.limit,
            "detail": self.detail,
        }


Frame = LogFrame | NoticeFrame | Heartbeat | EndFrame
