"""A strict reader of server-sent events, after the HTML standard's section 9.2.6; for tests."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE_END = re.compile("\r\n|\r|\n")


@dataclass(frozen=True)
class Event:
    event: str
    data: str
    id: str


class Reader:
    """Takes a stream whole. Stricter than the standard: it allows no field that has no meaning."""

    def __init__(self, stream: bytes) -> None:
        self.events: list[Event] = []
        self.comments: list[str] = []
        self.retry: int | None = None
        self._event, self._data, self._id = "", list[str](), ""
        text = stream.decode("utf-8", "strict")
        assert not text or text.endswith("\n\n"), "an event at the end is not dispatched"
        for line in _LINE_END.split(text)[:-1]:
            self._take(line)

    def _take(self, line: str) -> None:
        if line == "":
            self._dispatch()
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "":
                self.comments.append(value)
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id":
                assert "\0" not in value, "such an id is ignored"
                self._id = value
            case "retry":
                assert value.isascii()
                assert value.isdigit()
                self.retry = int(value)
            case _:
                raise AssertionError(f"no such field: {line!r}")

    def _dispatch(self) -> None:
        if self._data:
            self.events.append(Event(self._event or "message", "\n".join(self._data), self._id))
        else:
            assert not self._event, "an event without data is not dispatched"
        self._event, self._data = "", []
