"""From a workflow's result to Argo's output parameters, by JSON Pointers (RFC 6901)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.steps.engine import Opaque


class Missing(LookupError):
    """A pointer leads to nothing in this document."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Output parameters as Argo takes them (strings), the whole result, and what is wrong with them."""

    parameters: Mapping[str, str]
    result: Any
    wrong: str | None = None


def collect_outputs(result: Any, pointers: Mapping[str, str] | None) -> Outputs:
    """Without `pointers`, each top-level key of an object is a parameter of its own."""
    if pointers is None and not isinstance(result, Opaque):
        named = result if isinstance(result, dict) else {}
        return Outputs({name: as_parameter(value) for name, value in named.items()}, result)
    if isinstance(result, Opaque):
        return _opaque(result, pointers)
    return _pointed(result, pointers or {})


def _opaque(result: Opaque, pointers: Mapping[str, str] | None) -> Outputs:
    """Binary and encrypted results are the applications' own business, until a parameter is wanted of one."""
    wrong = None
    if result.unreadable is not None:
        wrong = f"completed, but its result is not valid JSON: {result.unreadable}"
    elif pointers:
        wanted = ", ".join(pointers)
        wrong = f"completed, but its result is {result.encoding}: there is no parameter {wanted} in it."
    return Outputs({}, result.described(), wrong)


def _pointed(result: Any, pointers: Mapping[str, str]) -> Outputs:
    found: dict[str, str] = {}
    missing: list[str] = []
    for name, pointer in pointers.items():
        try:
            found[name] = as_parameter(follow(result, pointer))
        except Missing:
            missing.append(f"{name} ({pointer})")
    if not missing:
        return Outputs(found, result)
    return Outputs(
        found,
        result,
        f"completed, but its result has nothing at: {', '.join(missing)}. "
        "Correct `outputs`, or the workflow's result.",
    )


def as_parameter(value: Any) -> str:
    """Argo's parameters are strings: text stays as it is, all else becomes compact JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def valid_pointer(pointer: str) -> bool:
    """Whether `pointer` is a JSON Pointer; the empty one means the whole document."""
    return pointer == "" or pointer.startswith("/")


def follow(document: Any, pointer: str) -> Any:
    """The value that `pointer` names. Raises Missing."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and key.isascii() and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        else:
            raise Missing(pointer)
    return document
