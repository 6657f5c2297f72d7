"""Where the outputs of two runs differ, told without telling the outputs. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

LIMIT = 50
"""Differences told; one more line says that there are more."""

POINTER_LIMIT = 200
"""Characters of a place: keys are a tenant's, and may be of any length."""

_MISSING = object()
_Pair = tuple[tuple[str, ...], Any, Any]


def compare(legacy: Any, shadow: Any, ignore: Iterable[str] = ()) -> list[str]:
    """Differences between two JSON values, a sentence each: the place as a JSON pointer
    (https://www.rfc-editor.org/rfc/rfc6901), kinds, and hashes of the values; equal values give none.

    1 and 1.0 are the same number; null is not the same as nothing; lists are compared place by place.

    Args:
        ignore: pointers to what may differ, with all below it.

    Raises ValueError for what is no JSON pointer.
    """
    ignored = {parse_pointer(pointer) for pointer in ignore}
    told: list[str] = []
    for difference in _differences(legacy, shadow, ignored):
        if len(told) == LIMIT:
            return [*told, f"and more than these {LIMIT}"]
        told.append(difference)
    return told


def parse_pointer(pointer: str) -> tuple[str, ...]:
    """The keys that lead to a place; none for the whole value. Raises ValueError."""
    if pointer == "":
        return ()
    head, *keys = pointer.split("/")
    if head or any("~" in key.replace("~0", "").replace("~1", "") for key in keys):
        raise ValueError(f"{pointer[:POINTER_LIMIT]!r} is no JSON pointer: write /key/0, with ~1 for a slash")
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in keys)


def _differences(legacy: Any, shadow: Any, ignored: set[tuple[str, ...]]) -> Iterator[str]:
    todo: list[_Pair] = [((), legacy, shadow)]
    while todo:
        path, one, other = todo.pop()
        if path in ignored:
            continue
        if _kind(one) == _kind(other) and isinstance(one, dict | list):
            todo.extend(reversed(list(_children(path, one, other))))
        elif (difference := _difference(one, other)) is not None:
            yield f"{_pointer(path)}: {difference}"


def _children(path: tuple[str, ...], one: Any, other: Any) -> Iterator[_Pair]:
    if isinstance(one, list):
        one, other = _numbered(one), _numbered(other)
    for key in (*one, *(key for key in other if key not in one)):
        yield (*path, key), one.get(key, _MISSING), other.get(key, _MISSING)


def _numbered(items: Sequence[Any]) -> dict[str, Any]:
    return {str(number): item for number, item in enumerate(items)}


def _difference(one: Any, other: Any) -> str | None:
    if one is _MISSING:
        return f"only shadow has it ({_told(other)})"
    if other is _MISSING:
        return f"only legacy has it ({_told(one)})"
    if _kind(one) == _kind(other) and one == other:
        return None
    return f"legacy has {_told(one)}, shadow {_told(other)}"


def _told(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return f"{_kind(value)} {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            return "nothing"


def _pointer(path: tuple[str, ...]) -> str:
    pointer = "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)
    shown = pointer if len(pointer) <= POINTER_LIMIT else pointer[: POINTER_LIMIT - 1] + "…"
    return shown or "(the whole)"
