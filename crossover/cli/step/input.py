"""The run's input and its declared outputs, as given on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crossover.cli.step.arguments import Arguments, Given
from crossover.cli.step.outputs import RESULT, valid_name
from crossover.cli.step.usage import UsageError


def read_input(arguments: Arguments) -> dict[str, Any]:
    """`--input` with `--input-param` laid over it. Raises UsageError for anything but one JSON object."""
    given = arguments.one("input")
    value = {} if given is None else _object(given)
    for pair in arguments.several("input_param", separator="\n"):
        key, equals, text = pair.value.partition("=")
        if not equals or not key:
            raise UsageError(f"{pair.source}: write key=value, not {pair.value!r}")
        value[key] = text
    return value


def read_decision(arguments: Arguments) -> dict[str, Any] | None:
    """`--decision`, as `crossover step decide` wrote it. Raises UsageError for anything but a JSON object."""
    given = arguments.one("decision")
    return None if given is None else _object(given)


def read_text(given: Given) -> str:
    """The value itself, or what is in the file or on stdin that it names. Raises UsageError."""
    try:
        if given.value == "-":
            with open(0, encoding="utf-8-sig", closefd=False) as stdin:
                return stdin.read()
        if given.value.startswith("@"):
            return Path(given.value[1:]).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{given.source}: {given.value} cannot be read ({error.strerror})") from None
    return given.value


def read_outputs(arguments: Arguments) -> dict[str, str]:
    """Declared output parameters: name → JSON Pointer (RFC 6901)."""
    outputs: dict[str, str] = {}
    for given in arguments.several("output", separator=","):
        name, equals, pointer = given.value.partition("=")
        if not equals or (pointer and not pointer.startswith("/")):
            raise UsageError(f"{given.source}: write name=/pointer/into/the/result, not {given.value!r}")
        if not valid_name(name):
            raise UsageError(f"{given.source}: {name!r} cannot be the name of a file")
        if name == RESULT:
            raise UsageError(f"{given.source}: the file `{RESULT}` holds the whole result; use another name")
        outputs[name] = pointer
    return outputs


def _object(given: Given) -> dict[str, Any]:
    try:
        value = json.loads(read_text(given), object_pairs_hook=_no_duplicates, parse_constant=_no_constants)
        json.dumps(value, allow_nan=False)
    except RecursionError:
        raise UsageError(f"{given.source}: is nested too deeply") from None
    except ValueError as error:
        raise UsageError(f"{given.source}: is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError(f"{given.source}: must be a JSON object, such as {{}}")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return value


def _no_constants(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
