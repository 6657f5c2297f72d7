"""What feeds need to know of the service's settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """Times are seconds.

    Args:
        tick: how often lines are handed on at most.
        window: how long a line waits at most for older ones of other logs.
        history_lines, history_bytes: what a feed keeps for viewers who join, resume, or read slowly.
        line_limit: bytes kept of a line's text.
        containers: logs of one feed at most.
        linger: how long a feed outlives its last viewer, who may come back.
        drain: how long lines are waited for after the engines are through.
        look: how long the first look may take before the feed opens without it.
        past: how long a viewer who wants only the last lines waits for logs that go on bringing their past.
        merge_limit: lines that may wait in the window at once.
        pace: lines by which all viewers may be behind before logs are read more slowly.
    """

    tick: float = 0.05
    window: float = 0.5
    history_lines: int = 20_000
    history_bytes: int = 32 * 1024 * 1024
    line_limit: int = 16_384
    containers: int = 500
    linger: float = 30.0
    drain: float = 2.0
    look: float = 5.0
    past: float = 15.0
    merge_limit: int = 50_000
    pace: int = 10_000
