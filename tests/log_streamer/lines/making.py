"""Raw lines and records for tests of the pure core."""

from __future__ import annotations

from collections.abc import Iterable

from log_streamer.lines.records import Lines, Record
from log_streamer.lines.secrets import Redactor
from log_streamer.lines.stamps import stamp_of_nanos
from log_streamer.model import Container, Node, SourceName

REDACTOR = Redactor()
START = 1_795_227_089_000_000_000
"""Nanoseconds since the epoch of 2026-11-21T02:11:29Z, a moment that lines are counted from."""

NODE = Node("wf-1-123", "extract(0)")


def container(
    key: str = "k", source: SourceName = SourceName.ARGO, *, shared: bool = False, tagged: bool = False
) -> Container:
    node = NODE if source is SourceName.ARGO else None
    return Container(key, source, f"pod-{key}", "main", node=node, shared=shared, tagged=tagged)


def lines_of(of: Container, *, limit: int = 16_384, redactor: Redactor = REDACTOR) -> Lines:
    return Lines(of, redactor, limit=limit, limit_name="LINE_LIMIT")


def raw(nanos: int, text: str | bytes) -> bytes:
    """A line as a runtime stamps it, `nanos` after START."""
    written = text if isinstance(text, bytes) else text.encode()
    return stamp_of_nanos(START + nanos) + b" " + written


def records(of: Container, lines: Iterable[bytes]) -> list[Record]:
    return lines_of(of).take(list(lines))


def record(text: str | bytes, nanos: int = 0, of: Container | None = None, *, limit: int = 16_384) -> Record:
    return lines_of(of or container(), limit=limit).take([raw(nanos, text)])[0]
