"""What a viewer asked to see. Pure; a filter never changes where the viewer is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from log_streamer.lines.levels import Level
from log_streamer.lines.records import Record, plain_text
from log_streamer.lines.stamps import ZERO
from log_streamer.model import SourceName

_TRY = re.compile(r"\(\d+\)$")


@dataclass(frozen=True, slots=True)
class Filter:
    """Empty parts let everything pass.

    Args:
        since: older lines are left out.
        nodes: ids or display names of Argo nodes.
        level: the least; lines that name no level pass, since nobody knows.
        grep: a compiled RE2 pattern, searched in the text as it is shown: without secrets and colours.
        argoexec: also the lines of Argo's own executor.
    """

    since: bytes = ZERO
    nodes: frozenset[str] = frozenset()
    sources: frozenset[SourceName] = frozenset()
    level: Level = Level.UNKNOWN
    grep: Any = None
    argoexec: bool = False

    def select(self, records: Sequence[Record]) -> list[Record]:
        """The wanted ones of `records`."""
        if self == _ALL:
            return [record for record in records if not record.argoexec]
        return [record for record in records if self.accepts(record)]

    def accepts(self, record: Record) -> bool:
        if record.stamp < self.since or (not self.argoexec and record.argoexec):
            return False
        container = record.container
        if self.sources and container.source not in self.sources:
            return False
        if self.nodes and not self._is_of_nodes(record):
            return False
        if self.level and Level.UNKNOWN < record.level < self.level:
            return False
        return self.grep is None or self.grep.search(plain_text(record)) is not None

    def _is_of_nodes(self, record: Record) -> bool:
        node = record.node
        return node is not None and not self.nodes.isdisjoint((node.id, node.name, _plain(node.name)))


def _plain(name: str) -> str:
    """A retried node's name without the number of its try: `extract` asks for `extract(0)`, too."""
    return _TRY.sub("", name)


_ALL = Filter()
