"""YAML text → a tree with line numbers, within bounds.

Built from the events of PyYAML's Python parser, not by its loaders: the C loader crashes the process on deep
nesting, and the Python composer recurses before anyone can count. Bounds are checked as the events come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_ALIASES = 100
MAX_NODES = 100_000
"""Nodes of one file with every alias written out: an alias costs what its anchor holds."""


class Unreadable(ValueError):
    """The text is no YAML within the bounds. `code` is that of the diagnostic; lines count from 1."""

    def __init__(self, code: str, line: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.line = line


@dataclass(frozen=True, slots=True)
class Scalar:
    """`plain`: written without quotes, so that YAML may take it for something else than text."""

    text: str
    plain: bool
    line: int
    weight: int = 1


@dataclass(slots=True)
class Sequence:
    line: int
    items: list[Node] = field(default_factory=list)
    weight: int = 1


@dataclass(slots=True)
class Mapping:
    line: int
    items: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)
    weight: int = 1


Node: TypeAlias = Scalar | Sequence | Mapping


def read_documents(text: str) -> list[Node]:
    """The documents of `text`, without empty ones. Raises Unreadable."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise Unreadable("too-large", 1, f"the file is larger than {MAX_BYTES} bytes")
    try:
        return list(_Builder(text).documents())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable("yaml-syntax", mark.line + 1 if mark else 1, str(error.problem)) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("yaml-syntax", 1, str(error).splitlines()[0]) from None


class _Builder:
    def __init__(self, text: str) -> None:
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        self._anchors: dict[str, Node | None] = {}
        self._aliases = 0
        self._nodes = 0

    def documents(self) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
                node = self._node(next(self._events), 1)
                if not (isinstance(node, Scalar) and node.plain and not node.text):
                    yield node

    def _node(self, event: yaml.Event, depth: int) -> Node:
        line = _line(event)
        if depth > MAX_DEPTH:
            raise Unreadable("too-deep", line, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, line)
        self._count(1, line)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self._anchors[anchor] = None
        node = self._content(event, depth, line)
        if anchor:
            self._anchors[anchor] = node
        return node

    def _content(self, event: yaml.Event, depth: int, line: int) -> Node:
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            raise Unreadable("yaml-tag", line, f"the tag {tag} is not used in Argo's documents")
        match event:
            case yaml.ScalarEvent():
                return _scalar(event, line)
            case yaml.SequenceStartEvent():
                return self._sequence(depth, line)
            case _:
                return self._mapping(depth, line)

    def _sequence(self, depth: int, line: int) -> Sequence:
        node = Sequence(line)
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            item = self._node(event, depth + 1)
            node.items.append(item)
            node.weight += item.weight
        return node

    def _mapping(self, depth: int, line: int) -> Mapping:
        node = Mapping(line)
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, Scalar):
                raise Unreadable("yaml-key", key.line, "a key must be a text")
            if key.plain and key.text == "<<":
                raise Unreadable("yaml-merge", key.line, "merge keys (<<) are not read: write the keys out")
            if key.text in node.items:
                raise Unreadable("duplicate-key", key.line, f"the key {key.text!r} is there twice")
            value = self._node(next(self._events), depth + 1)
            node.items[key.text] = (key, value)
            node.weight += 1 + value.weight
        return node

    def _alias(self, event: yaml.AliasEvent, line: int) -> Node:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise Unreadable("too-many-aliases", line, f"more than {MAX_ALIASES} aliases")
        target = self._anchors.get(event.anchor or "")
        if target is None:
            raise Unreadable(
                "yaml-alias", line, f"the alias *{event.anchor} has no finished anchor before it"
            )
        self._count(target.weight, line)
        return target

    def _count(self, nodes: int, line: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise Unreadable("too-large", line, f"more than {MAX_NODES} values")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _scalar(event: yaml.ScalarEvent, line: int) -> Scalar:
    text: str = event.value
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise Unreadable("yaml-syntax", line, "a text with half a surrogate pair")
    return Scalar(text, bool(event.implicit[0]), line)
