"""A feed's frames as bytes: server-sent events, newline-delimited JSON, and plain text. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import Any

import orjson
import zstandard

from log_streamer.api.parameters import Format
from log_streamer.feed.frames import EndFrame, EndReason, Frame, Heartbeat, LogFrame, NoticeFrame
from log_streamer.lines.records import Record, plain_text
from log_streamer.lines.terminal import harmless

STAY_AWAY = 86_400_000
"""Milliseconds: an EventSource reconnects after any end; a client that did not close should not, soon."""

COME_BACK = 1_000
"""Milliseconds after which it reconnects, at another replica, when this one shuts down."""

_REFUSED = re.compile(r";\s*q=0(?:\.0*)?\s*(?:;|$)", re.IGNORECASE)
"""A quality of 0 says: not this one (RFC 9110, 12.4.2)."""

Encode = Callable[[Frame], bytes]


def encoder(form: Format, *, batch: bool) -> Encode:
    """`batch`: one record per event, for readers that do not take lists (SSE only)."""
    if form is Format.SSE:
        return sse_single if batch else sse
    return ndjson if form is Format.NDJSON else text


def sse(frame: Frame) -> bytes:
    match frame:
        case LogFrame():
            rows = b",".join(_numbered(frame))
            return b"event: log\nid: %b\ndata: [%b]\n\n" % (frame.cursor.encode(), rows)
        case NoticeFrame(notice, cursor):
            return b"event: %b\nid: %b\ndata: %b\n\n" % (
                notice.event.encode(),
                cursor.encode(),
                notice.json,
            )
        case EndFrame():
            retry = COME_BACK if frame.reason is EndReason.SHUTDOWN else STAY_AWAY
            data = orjson.dumps(frame.to_dict())
            return b"event: end\nid: %b\nretry: %d\ndata: %b\n\n" % (frame.cursor.encode(), retry, data)
        case Heartbeat():
            return b": heartbeat\n\n"


def sse_single(frame: Frame) -> bytes:
    """For frames of one record each: an event's id must stand for all that it brings."""
    if not isinstance(frame, LogFrame):
        return sse(frame)
    (json,) = _numbered(frame)
    return b"event: log\nid: %b\ndata: %b\n\n" % (frame.cursor.encode(), json)


def ndjson(frame: Frame) -> bytes:
    match frame:
        case LogFrame():
            lines = (b'{"event":"log",' + json[1:] for json in _numbered(frame))
            return b"\n".join(lines) + b"\n"
        case NoticeFrame(notice, _):
            return _line({"event": notice.event, **notice.data})
        case EndFrame():
            return _line({"event": "end", **frame.to_dict()})
        case Heartbeat():
            return _line({"event": "heartbeat"})


def text(frame: Frame) -> bytes:
    match frame:
        case LogFrame():
            lines = (_text_line(record, n in frame.late) for n, record in enumerate(frame.records))
            return "".join(lines).encode()
        case NoticeFrame(notice, _) if notice.event == "gap":
            return _remark("gap", str(notice.data["detail"]))
        case NoticeFrame(notice, _):
            data = notice.data
            because = f": {data['message']}" if data["message"] else ""
            return _remark("state", f"{data['kind']} {data['name']} {data['phase']}{because}")
        case EndFrame():
            return _remark("end", f"{frame.reason}. {frame.detail}")
        case Heartbeat():
            return b""


def _numbered(frame: LogFrame) -> list[bytes]:
    rows = [b'%b,"seq":%d}' % (record.json, number) for number, record in enumerate(frame.records, frame.seq)]
    for place in frame.late:
        rows[place] = rows[place][:-1] + b',"late":true}'
    return rows


def _text_line(record: Record, late_here: bool) -> str:
    container = record.container
    where = node.name if (node := record.node) else container.pod
    late = "(late) " if record.late or late_here else ""
    message = harmless(plain_text(record))
    return f"{record.stamp.decode()} {container.source}/{harmless(where)}/{container.name} {late}{message}\n"


def _remark(kind: str, words: str) -> bytes:
    return f"--- {kind}: {harmless(words)}\n".encode()


def _line(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields) + b"\n"


class Compression:
    """Of a download, by what its client takes. Never of a live stream: it would wait for more to come."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._zstd = zstandard.ZstdCompressor().compressobj() if name == "zstd" else None
        self._gzip = zlib.compressobj(wbits=31) if name == "gzip" else None

    def add(self, data: bytes) -> bytes:
        coder = self._zstd or self._gzip
        assert coder is not None
        return bytes(coder.compress(data))

    def end(self) -> bytes:
        coder = self._zstd or self._gzip
        assert coder is not None
        return bytes(coder.flush())


def accepted_compression(accept_encoding: str) -> Compression | None:
    """The best that the client takes."""
    offers = {part.split(";")[0].strip().lower(): part for part in accept_encoding.split(",")}
    for name in ("zstd", "gzip"):
        if name in offers and not _REFUSED.search(offers[name]):
            return Compression(name)
    return None
