"""JSON from strangers: one reading of every document, or an error that names the place.

The standard parser accepts NaN, keeps the last of two equal keys, overflows `1e999` to infinity and
lets lone surrogates through; Temporal and the applications behind it would each read those differently.
"""

from __future__ import annotations

import json
import math
from typing import Any

from crossover.errors import InvalidField, InvalidRequest

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

MAX_DEPTH = 64
"""Nesting levels. Deeper than any form or configuration, far below every parser's stack."""


def parse_json(body: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value of `body` (UTF-8 JSON).

    Raises:
        InvalidRequest: not UTF-8, not JSON, or nested deeper than `max_depth`.
        InvalidField: a duplicate key, a number that is not finite, or text with a lone surrogate.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The body is not UTF-8: byte {error.start} cannot be decoded.") from None
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except json.JSONDecodeError as error:
        raise InvalidRequest(
            f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from None
    except ValueError as error:  # a number with thousands of digits
        raise InvalidRequest(f"The body holds a number that cannot be read: {error}.") from None
    _check(value, max_depth)
    return value


def dump_json(value: Any) -> bytes:
    """`value` as compact UTF-8 JSON."""
    return _encode(value).encode()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        name = twice.encode("utf-8", "replace").decode()
        raise InvalidField(f"The key {name!r} appears twice in one object: keep one.", field=name)
    return result


def _check(value: Any, max_depth: int) -> None:
    """Walks without recursion, so that no document can exhaust our stack."""
    todo: list[tuple[Any, tuple[str, ...]]] = [(value, ())]
    while todo:
        item, path = todo.pop()
        if len(path) > max_depth:
            raise _too_deep(max_depth)
        if isinstance(item, dict):
            for key, child in item.items():
                _check_text(key, (*path, key))
                todo.append((child, (*path, key)))
        elif isinstance(item, list):
            todo.extend((child, (*path, str(index))) for index, child in enumerate(item))
        elif isinstance(item, str):
            _check_text(item, path)
        elif isinstance(item, float) and not math.isfinite(item):
            raise InvalidField(
                "JSON has no NaN or Infinity: send null, a string, or a finite number.", field=_dotted(path)
            )


def _check_text(text: str, path: tuple[str, ...]) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidField(
            "The text holds a lone surrogate (\\ud800 to \\udfff), which no UTF-8 system can keep.",
            field=_dotted(path),
        ) from None


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(part.encode("utf-8", "replace").decode() for part in path) or "(body)"


def _too_deep(max_depth: int) -> InvalidRequest:
    return InvalidRequest(f"The body is nested deeper than {max_depth} levels: flatten it.")
