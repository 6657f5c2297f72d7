"""Lines of one container → records, each serialised once for all its viewers.

A record's JSON is built by hand around orjson's strings: the parts that all lines of a container share
are made once, which is several times faster than a dict per line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import orjson

from log_streamer.lines.levels import Level, level_of, names_levels
from log_streamer.lines.secrets import MASK, Redactor
from log_streamer.lines.stamps import WIDTH, ZERO, has_form, split_stamp
from log_streamer.lines.terminal import colourless, is_plain, neutral
from log_streamer.model import Container, Node, SourceName

_SPACE = ord(" ")
_STREAMS = {b"stdout": "stdout", b"stderr": "stderr"}
_WORDS = re.compile(
    r' activity=(?P<quote>")?(?P<type>(?(quote)[^"\\]+|[^\s"]+))(?:.*? attempt=(?P<attempt>[0-9]{1,9}))?'
)
_FIELDS = re.compile(r'"activity"\s?:\s?"(?P<type>[^"\\]+)"(?:.*?"attempt"\s?:\s?(?P<attempt>[0-9]{1,9}))?')
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----\W*$")
_KEY_LINES = 200
"""Lines of a private key at most: one whose end never comes must not mask all that follows."""
_KEY_TEXT = re.compile(r"[A-Za-z0-9+/=]{40}")
_RUN = re.compile(r'workflow_id(?:="?|"\s?:\s?")([^\s"]+)')
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
    def node(self) -> Node | None:
        """The Argo node that it belongs to: its pod's, or that of the run which a worker's line names."""
        return self.container.node or self.lines.node_of(self.text)

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
        nodes: the Argo nodes of the trace's runs, by run id, as far as they are known by now.
    """

    def __init__(
        self,
        container: Container,
        redactor: Redactor,
        *,
        limit: int,
        limit_name: str,
        nodes: Mapping[str, Node] | None = None,
    ) -> None:
        self._nodes = nodes if nodes is not None and container.shared else {}
        self.container = container
        self._redactor = redactor
        self._limit = limit
        self._limit_name = limit_name
        self._last = ZERO
        self._key_lines = 0
        self._shared = _shared_json(container)
        self._of_argo = container.source in (SourceName.ARGO, SourceName.ARCHIVE)

    def take(self, lines: Sequence[bytes]) -> list[Record]:
        """Records of raw lines, without their ends, in the same order."""
        block = b"\n".join(lines)
        plain = is_plain(block)
        shown = block if plain else colourless(block.decode("utf-8", "replace"))
        suspicious = self._key_lines > 0 or self._redactor.suspects(shown)
        levels = names_levels(block)
        tagged, limit, records = self.container.tagged, self._limit, []
        for line in lines:
            if len(line) > 31 and line[30] == _SPACE and has_form(line):
                stamp, raw = line[:WIDTH], line[31:]
            else:
                found, raw = split_stamp(line)
                stamp = found or self._last
            self._last = stamp
            stream = None
            if tagged:
                name, _, text_after = raw.partition(b" ")
                stream = _STREAMS.get(name)
                raw = raw if stream is None else text_after
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
        end = self._limit
        while end > self._limit - 4 and raw[end] & 0xC0 == 0x80:  # not within a character
            end -= 1
        kept = raw[:end].decode("utf-8", "replace")
        return f"{kept}… [{len(raw) - end} bytes cut: {self._limit_name}]"

    def _masked(self, text: str) -> str:
        """A private key goes over many lines: all of them are masked, up to its end."""
        if self._key_lines and _is_of_key(text):
            self._key_lines = 0 if "-----END " in text else self._key_lines - 1
            return MASK
        self._key_lines = _KEY_LINES if _KEY_BEGINS.search(text) else 0
        return self._redactor.mask(text)

    def node_of(self, text: str) -> Node | None:
        if not self._nodes or not (run := _RUN.search(text)):
            return None
        return self._nodes.get(run.group(1))

    def serialised(self, record: Record) -> bytes:
        parts = [b'{"ts":"', record.stamp, self._shared]
        if record.stream:
            parts.append(b',"stream":"%b"' % record.stream.encode())
        if record.level:
            parts.append(_LEVEL[record.level])
        if self.container.shared:
            parts.append(_activity(record.text))
            if node := record.node:
                parts.append(b',"node":' + orjson.dumps({"id": node.id, "name": node.name}))
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
        found = _FIELDS.search(text, at) if at >= 0 else None
    else:
        at = text.find(" activity=")
        found = _WORDS.match(text, at) if at >= 0 else None
    if found is None:
        return b""
    name, attempt = found["type"], found["attempt"]
    return b',"activity":{"type":%b%b}' % (
        orjson.dumps(name),
        b',"attempt":%d' % int(attempt) if attempt else b"",
    )


def _is_of_key(text: str) -> bool:
    """Whether a line may be one of a private key's: base64 or a header, not a sentence."""
    return "-----END " in text or len(text.split(None, 4)) <= 4 or _KEY_TEXT.search(text) is not None


def _is_of_executor(text: str) -> bool:
    """argoexec logs into the main container's log, in logfmt with `argo=true` (seen with Argo 4.1.2)."""
    return " argo=true" in text and text.startswith("time=")


def plain_text(record: Record) -> str:
    """The record's text as it is searched and printed."""
    return colourless(record.text)
