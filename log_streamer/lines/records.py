"""Lines of one container → records, each serialised once for all its viewers.

A record's JSON is built by hand around orjson's strings: the parts that all lines of a container share
are made once, which is several times faster than a dict per line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import orjson

from log_streamer.lines.levels import Level, level_of, names_levels
from log_streamer.lines.secrets import Redactor
from log_streamer.lines.stamps import WIDTH, ZERO, split_stamp
from log_streamer.lines.terminal import colourless, is_plain, neutral
from log_streamer.model import Container, SourceName

_Z = ord("Z")
_SPACE = ord(" ")
_WORDS = re.compile(r' activity="?([^\s"]+)"?(?:.*? attempt=(\d{1,9}))?')
_FIELDS = re.compile(r'"activity"\s?:\s?"([^"\\]+)"(?:.*?"attempt"\s?:\s?(\d{1,9}))?')
_ARGOEXEC = b" argo=true"


class Record:
    """One line of a feed.

    Attributes:
        key: what the merge sorts by: the timestamp, but never less than that of the container's last line.
        stamp: the line's own timestamp, in the one form of `stamps`.
        mark: a checksum of the line's bytes, by which it is known again when its log is read again.
        text: what was written: valid, without secrets, and harmless but for colours.
        argoexec: whether Argo's executor wrote it, not the step.
    """

    __slots__ = (
        "_json",
        "argoexec",
        "container",
        "key",
        "late",
        "level",
        "lines",
        "mark",
        "stamp",
        "stream",
        "text",
    )

    def __init__(
        self, lines: Lines, stamp: bytes, mark: int, text: str, level: Level, stream: str | None
    ) -> None:
        self.argoexec = False
        self.lines = lines
        self.container = lines.container
        self.stamp = self.key = stamp
        self.mark = mark
        self.text = text
        self.level = level
        self.stream = stream
        self.late = False
        self._json: bytes | None = None

    @property
    def json(self) -> bytes:
        """The record as JSON up to `seq`, which each viewer counts for itself: `{…` without the end."""
        if self._json is None:
            self._json = self.lines.serialised(self)
        return self._json

    def to_dict(self) -> dict[str, Any]:
        return dict(orjson.loads(self.json + b"}"))


class Lines:
    """Makes the records of one container; stateful, because lines without a timestamp take the last one's.

    Args:
        limit: bytes of a line that are kept; what was cut is told in the text.
        limit_name: the setting that the mark of a cut line names.
    """

    def __init__(self, container: Container, redactor: Redactor, *, limit: int, limit_name: str) -> None:
        self.container = container
        self._redactor = redactor
        self._limit = limit
        self._limit_name = limit_name
        self._last = ZERO
        self._in_key = False
        self._shared = _shared_json(container)
        self._of_argo = container.source in (SourceName.ARGO, SourceName.ARCHIVE)

    def take(self, lines: Sequence[bytes]) -> list[Record]:
        """Records of raw lines, without their ends, in the same order."""
        block = b"\n".join(lines)
        plain = is_plain(block)
        suspicious = self._in_key or self._redactor.suspects(block)
        levels = names_levels(block)
        tagged, limit, records = self.container.tagged, self._limit, []
        for line in lines:
            if len(line) > 31 and line[29] == _Z and line[30] == _SPACE:
                stamp, raw = line[:WIDTH], line[31:]
            else:
                found, raw = split_stamp(line)
                stamp = found or self._last
            self._last = stamp
            stream = None
            if tagged:
                name, _, raw = raw.partition(b" ")
                stream = name.decode("ascii", "replace")
            cut = len(raw) > limit
            text = self._cut(raw) if cut else raw.decode("utf-8", "replace")
            if not plain:
                text = neutral(text)
            if suspicious:
                text = self._masked(text)
            level = level_of(text) if levels else Level.UNKNOWN
            records.append(Record(self, stamp, crc32(line), text, level, stream))
        if self._of_argo and _ARGOEXEC in block:
            for record in records:
                record.argoexec = _is_of_executor(record.text)
        return records

    def _cut(self, raw: bytes) -> str:
        kept = raw[: self._limit].decode("utf-8", "ignore")
        return f"{kept}… [{len(raw) - self._limit} bytes cut: {self._limit_name}]"

    def _masked(self, text: str) -> str:
        """A private key goes over many lines: all of them are masked, up to its end."""
        if self._in_key:
            self._in_key = "-----END " not in text
            return "[redacted]"
        self._in_key = "PRIVATE KEY-----" in text and "-----BEGIN" in text and "-----END " not in text
        return self._redactor.mask(text)

    def serialised(self, record: Record) -> bytes:
        parts = [b'{"ts":"', record.stamp, self._shared]
        if record.stream:
            parts.append(b',"stream":"%b"' % record.stream.encode())
        if record.level:
            parts.append(_LEVEL[record.level])
        if self.container.shared:
            parts.append(_activity(record.text))
        if record.late:
            parts.append(b',"late":true')
        if record.argoexec:
            parts.append(b',"argoexec":true')
        parts += (b',"msg":', orjson.dumps(record.text))
        return b"".join(parts)


_LEVEL = {level: b',"level":"%b"' % level.name.lower().encode() for level in Level}


def _shared_json(container: Container) -> bytes:
    fields: dict[str, Any] = {"source": container.source.value}
    if container.node:
        fields["node"] = {"id": container.node.id, "name": container.node.name}
    fields |= {"pod": container.pod, "container": container.name}
    return b'",' + orjson.dumps(fields)[1:-1]


def _activity(text: str) -> bytes:
    """Which attempt of which activity a worker's line is from, in the words of crossover_sdk's lines."""
    if text.startswith("{"):
        at = text.find('"activity"')
        found = _FIELDS.match(text, at) if at >= 0 else None
    else:
        at = text.find(" activity=")
        found = _WORDS.match(text, at) if at >= 0 else None
    if found is None:
        return b""
    name, attempt = found.groups()
    return b',"activity":{"type":%b%b}' % (
        orjson.dumps(name),
        b',"attempt":%d' % int(attempt) if attempt else b"",
    )


def _is_of_executor(text: str) -> bool:
    """argoexec logs into the main container's log, in logfmt with `argo=true` (seen with Argo 4.1.2)."""
    return " argo=true" in text and text.startswith("time=")


def plain_text(record: Record) -> str:
    """The record's text as it is searched and printed."""
    return colourless(record.text)
