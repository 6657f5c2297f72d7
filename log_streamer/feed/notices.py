"""What a feed tells beside lines: states of the engines, and gaps. Both go through the merge as lines do."""

from __future__ import annotations

from typing import Any

import orjson

from log_streamer.lines.stamps import ZERO, split_stamp
from log_streamer.model import Container, Reason, State


class Notice:
    """A `state` or `gap` event on its way through the merge; never late, and no line."""

    __slots__ = ("container", "data", "event", "key", "late", "stamp")

    def __init__(
        self, event: str, data: dict[str, Any], key: bytes, container: Container | None = None
    ) -> None:
        self.event = event
        self.data = data
        self.key = key
        self.container = container
        self.stamp = ZERO
        self.late = False

    @property
    def json(self) -> bytes:
        return orjson.dumps(self.data)


def state_notice(state: State) -> Notice:
    data: dict[str, Any] = {
        "kind": state.kind.value,
        "id": state.id,
        "name": state.name,
        "phase": state.phase,
        "ts": state.ts,
        "message": state.message,
    }
    if state.node:
        data["node"] = {"id": state.node.id, "name": state.node.name}
    if state.attempt is not None:
        data["attempt"] = state.attempt
    if state.progress is not None:
        data["progress"] = state.progress
    return Notice("state", data, _place(state))


def _place(state: State) -> bytes:
    """Where in time it is shown. Argo tells whole seconds: an end comes after the lines of its second."""
    stamp = split_stamp(state.ts.encode())[0] or ZERO
    whole = stamp.endswith(b".000000000Z") and state.phase not in ("Pending", "Running")
    return stamp[:20] + b"999999999Z" if whole and stamp != ZERO else stamp


def gap_notice(
    reason: Reason,
    detail: str,
    *,
    container: Container | None = None,
    since: bytes | None = None,
    until: bytes | None = None,
    lost: int | None = None,
) -> Notice:
    """`lost` is the number of lines that are missing, where that is known."""
    data = {
        "source": container.source.value if container else None,
        "pod": container.pod if container else None,
        "container": container.name if container else None,
        "from": since.decode() if since else None,
        "to": until.decode() if until else None,
        "lost": lost,
        "reason": reason.value,
        "detail": detail,
    }
    return Notice("gap", data, since or ZERO, container)
