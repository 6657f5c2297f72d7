"""One YAML mapping, read key by key, so that whatever nobody asked for is noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from argo_flow.graph.source import Diagnostic, Json, Raw, Severity, Source
from argo_flow.parse.scalars import as_text, resolve
from argo_flow.parse.tree import Mapping, Node, Scalar, Sequence

T = TypeVar("T")


class Report:
    """Collects the findings about one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Diagnostic] = []

    def source(self, node: Node) -> Source:
        return Source(self.file, node.line)

    def error(self, code: str, line: int, message: str) -> None:
        self.findings.append(Diagnostic(code, Severity.ERROR, Source(self.file, line), message))

    def warning(self, code: str, line: int, message: str) -> None:
        self.findings.append(Diagnostic(code, Severity.WARNING, Source(self.file, line), message))


class Fields:
    """The keys of a mapping. Every `take`n key is mapped; `rest` carries or reports the others.

    A value of the wrong type is reported and reads as absent.
    """

    def __init__(self, node: Node | None, path: str, report: Report) -> None:
        self.path = path
        self.report = report
        self.line = node.line if node else 1
        self._taken: set[str] = set()
        self._items = node.items if isinstance(node, Mapping) else {}
        if node is not None and not isinstance(node, Mapping) and not is_null(node):
            report.error("wrong-type", node.line, f"{path or 'the document'} must be a mapping")
        for key, _ in self._items.values():
            self._check_key(key)

    @property
    def source(self) -> Source:
        return Source(self.report.file, self.line)

    def __contains__(self, key: str) -> bool:
        return key in self._items

    def take(self, key: str) -> Node | None:
        """The value, or None when the key is absent or null."""
        self._taken.add(key)
        node = self._items[key][1] if key in self._items else None
        return None if node is None or is_null(node) else node

    def text(self, key: str) -> str | None:
        """A value that Argo wants as text: an unquoted number or boolean is an error there."""
        node = self.take(key)
        return None if node is None else text_of(node, self._name(key), self.report)

    def any_text(self, key: str) -> str | None:
        """A value that Argo takes as text, number or boolean, and turns into text."""
        node = self.take(key)
        return None if node is None else any_text_of(node, self._name(key), self.report)

    def boolean(self, key: str) -> bool | None:
        node = self.take(key)
        if node is None:
            return None
        value = resolve(node.text) if isinstance(node, Scalar) and node.plain else None
        if not isinstance(value, bool):
            self.report.error("wrong-type", node.line, f"{self._name(key)} must be true or false")
            return None
        return value

    def fields(self, key: str) -> Fields | None:
        node = self.take(key)
        return None if node is None else Fields(node, self._name(key), self.report)

    def sequence(self, key: str, read: Callable[[Node, str], T]) -> tuple[T, ...]:
        """Each item read by `read(node, path)`."""
        node = self.take(key)
        if node is None:
            return ()
        if not isinstance(node, Sequence):
            self.report.error("wrong-type", node.line, f"{self._name(key)} must be a list")
            return ()
        return tuple(read(item, f"{self._name(key)}[{i}]") for i, item in enumerate(node.items))

    def texts(self, key: str) -> tuple[str, ...]:
        return self.sequence(key, lambda node, path: text_of(node, path, self.report) or "")

    def text_map(self, key: str) -> dict[str, str]:
        inner = self.fields(key)
        return {} if inner is None else {name: inner.text(name) or "" for name in inner.names()}

    def names(self) -> Iterator[str]:
        return iter(self._items)

    def rest(self, known: frozenset[str]) -> dict[str, Raw]:
        """The keys not taken: `known` ones are carried, others reported as `unknown-key`."""
        extra: dict[str, Raw] = {}
        for name, (key, node) in self._items.items():
            if name in self._taken:
                continue
            if name in known:
                extra[name] = Raw(plain_value(node), self.report.source(node))
            else:
                self.report.error(
                    "unknown-key", key.line, f"{self._name(name)} is no key that Argo knows here"
                )
        return extra

    def _name(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _check_key(self, key: Scalar) -> None:
        if key.plain and not isinstance(resolve(key.text), str):
            name = self._name(key.text)
            self.report.error(
                "yaml-not-text", key.line, f"{name}: YAML does not read this key as text; quote it"
            )


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.plain and resolve(node.text) is None


def text_of(node: Node, path: str, report: Report) -> str | None:
    if not isinstance(node, Scalar):
        report.error("wrong-type", node.line, f"{path} must be a text")
        return None
    if node.plain and not isinstance(value := resolve(node.text), str):
        report.error(
            "yaml-not-text",
            node.line,
            f"{path}: YAML reads {node.text!r} as {as_text(value)}; put it in quotes",
        )
    return node.text


def any_text_of(node: Node, path: str, report: Report) -> str | None:
    if not isinstance(node, Scalar):
        report.error("wrong-type", node.line, f"{path} must be a single value")
        return None
    text = as_text(resolve(node.text)) if node.plain else node.text
    if text != node.text:
        report.warning("yaml-changed", node.line, f"{path}: {node.text} is read as {text}; put it in quotes")
    return text


def plain_value(node: Node) -> Json:
    """The value as JSON would have it."""
    match node:
        case Scalar(text, plain):
            return resolve(text) if plain else text
        case Sequence(items=items):
            return [plain_value(item) for item in items]
        case Mapping(items=entries):
            return {key: plain_value(value) for key, (_, value) in entries.items()}


def scalars(node: Node, path: str) -> Iterator[tuple[str, Scalar]]:
    """Every scalar value below `node`, with its path; keys of maps with dots in them are not told apart."""
    match node:
        case Scalar():
            yield path, node
        case Sequence(items=items):
            for index, item in enumerate(items):
                yield from scalars(item, f"{path}[{index}]")
        case Mapping(items=entries):
            for key, (_, value) in entries.items():
                yield from scalars(value, f"{path}.{key}" if path else key)
