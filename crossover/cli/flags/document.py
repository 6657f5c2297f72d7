"""Documents from files, checked here already: a mistake is told with its place, before any request."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from crossover.cli.flags.session import Json, Stop
from crossover.flags.model import Document, Split
from crossover.flags.plan import same
from crossover.flags.schema import read_document

STDIN = Path("-")
LIMIT = 4 * 2**20
"""Bytes of a file; the bridge takes no more than that either."""


def read(path: Path) -> Json:
    """A flag document. Raises Stop."""
    return _checked(path, _value(path))


def read_flag(path: Path, name: str) -> Json:
    """One flag, as it is in a document under its name. Raises Stop."""
    flag: Json = _checked(path, {"flags": {name: _value(path)}})["flags"][name]
    return flag


def read_flagd(path: Path) -> Json:
    """A flagd definition; the bridge says what it cannot express. Raises Stop."""
    value = _value(path)
    if not isinstance(value, dict):
        raise _wrong(path, "it is not an object with `flags`")
    return value


def _checked(path: Path, value: Any) -> Json:
    try:
        return _dumped(read_document(value))
    except ValueError as error:
        raise _wrong(path, error) from None


def with_progress(wanted: Json, current: Json) -> Json:
    """`wanted`, where plans that are in force already stand where they stand.

    Files say which plan is wanted; how far it is, the bridge knows. Without this, each run of a pipeline
    would begin every rollout anew.
    """
    new, old = Document.model_validate(wanted), Document.model_validate(current)
    flags = {
        name: flag.model_copy(
            update={"rollout": tuple(_standing(split, _rollout(old, name)) for split in flag.rollout)}
        )
        for name, flag in new.flags.items()
    }
    return _dumped(new.model_copy(update={"flags": flags}))


def _rollout(document: Document, name: str) -> tuple[Split, ...]:
    flag = document.flags.get(name)
    return flag.rollout if flag else ()


def _standing(split: Split, current: tuple[Split, ...]) -> Split:
    for other in current:
        if split.plan and other.plan and same(split.when, other.when):
            alike = (split.plan.steps, split.plan.gate) == (other.plan.steps, other.plan.gate)
            return other if alike else split
    return split


def _dumped(document: Document) -> Json:
    return document.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _value(path: Path) -> Any:
    """What the file says. Raises Stop."""
    content = _content(path)
    try:
        if path.suffix == ".json" or content.lstrip().startswith(b"{"):
            return json.loads(content, object_pairs_hook=_unique)
        node = yaml.compose(content, yaml.SafeLoader)
        _check_keys(node)
        return yaml.safe_load(content)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _wrong(path, f"line {mark.line + 1 if mark else 1}: {error.problem}") from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise _wrong(path, error) from None


def _content(path: Path) -> bytes:
    try:
        if path == STDIN:
            content = sys.stdin.buffer.read(LIMIT + 1)
        else:
            with path.open("rb") as file:
                content = file.read(LIMIT + 1)
    except OSError as error:
        raise Stop(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > LIMIT:
        raise Stop(f"{_name(path)} is larger than {LIMIT} bytes")
    if not content.strip():
        raise Stop(f"{_name(path)} is empty: nothing was changed")
    return content


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    """Standard readers keep the last of two equal keys: a rule would be lost without a word."""
    seen: Json = {}
    for key, value in pairs:
        if key in seen:
            raise ValueError(f"the key {key!r} appears twice in one object")
        seen[key] = value
    return seen


def _check_keys(node: yaml.Node | None) -> None:
    """As `_unique`, for YAML. Raises ValueError, also for aliases: each would be walked again and again."""
    waiting, met = [node], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in met:
            raise ValueError("write it out instead of an alias")
        met.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            _unique_nodes(node)
            waiting += [value for _, value in node.value]


def _unique_nodes(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
        if key.value in seen:
            raise ValueError(f"line {key.start_mark.line + 1}: the key {key.value!r} appears twice")
        seen.add(key.value)


def _wrong(path: Path, error: Any) -> Stop:
    return Stop(f"{_name(path)}: {error}")


def _name(path: Path) -> str:
    return "standard input" if path == STDIN else str(path)
