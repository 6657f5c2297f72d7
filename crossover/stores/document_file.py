"""The text of a flag document: JSON, or YAML. Pure."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

import yaml

from crossover.flags.model import Document
from crossover.flags.schema import read_document


def parse_document(content: bytes, *, as_yaml: bool) -> Document:
    """Raises ValueError, a sentence that names the place: a line, or a path into the document."""
    try:
        text = content.decode()
        value = yaml.load(text, _Loader) if as_yaml else json.loads(text, object_pairs_hook=_unique)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ValueError(f"line {mark.line + 1 if mark else 1}: {error.problem}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"it cannot be read: {error}") from None
    return read_document(value)


def dump_document(document: Document, *, as_yaml: bool) -> bytes:
    """For people to read: what has its default is left out."""
    value = {"schema": 1, **document.model_dump(mode="json", by_alias=True, exclude_defaults=True)}
    if as_yaml:
        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).encode()
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


class _Loader(yaml.SafeLoader):
    """YAML's plain values; a key that appears twice is an error, and so is an anchor's copy."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "write it out instead of an alias", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                problem = f"the key {key.value!r} appears twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key!r} appears twice in one object")
        result[key] = value
    return result
