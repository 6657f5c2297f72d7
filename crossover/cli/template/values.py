"""What the flags of `crossover template render` may hold. Pure; everything raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from crossover.cli.logs.options import check_url
from crossover.contract.durations import parse_duration
from crossover.errors import CrossoverError
from crossover.strict_json import parse_json

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_IMAGE = re.compile(r"[\w][\w.:/@-]*")
_DURATION = re.compile(r"(\d+(\.\d+)?(ms|s|m|h))+")


def object_name(value: str) -> str:
    if len(value) > 253 or not _NAME.fullmatch(value):
        raise ValueError(
            "write lower-case letters, digits, hyphens and dots, a letter or digit at either end"
        )
    return value


def namespace_name(value: str) -> str:
    if len(value) > 63 or "." in value:
        raise ValueError("a namespace has 63 characters at most, and no dots")
    return object_name(value)


def image_name(value: str) -> str:
    if not _IMAGE.fullmatch(value):
        raise ValueError("write [REGISTRY/]NAME[:TAG]")
    return value


def checked_value(name: str, enum: tuple[str, ...], value: str) -> str:
    """A parameter's new default. One with `{{…}}` in it is for Argo to fill, and is left as it is."""
    if any(not character.isprintable() and character not in "\n\t" for character in value):
        raise ValueError("has characters that cannot be written out")
    if "{{" in value:
        return value
    if enum and value not in enum:
        raise ValueError(f"write one of {', '.join(enum)}")
    return CHECKS.get(name, _any)(value)


def _any(value: str) -> str:
    return value


def _duration(value: str) -> str:
    if not _DURATION.fullmatch(value):
        raise ValueError("write a duration with its units, such as 90s, 15m or 1h30m")
    parse_duration(value)
    return value


def _count(value: str) -> str:
    if not value.isascii() or not value.isdigit() or int(value) > 5:
        raise ValueError("write a whole number up to 5, which is how often Argo tries again at most")
    return value


def _json_object(value: str) -> str:
    try:
        parsed = parse_json(value.encode())
    except CrossoverError as error:
        raise ValueError(f"is not JSON: {error.detail}") from None
    if not isinstance(parsed, dict):
        raise ValueError('write a JSON object, such as {"tables": 3}')
    return value


def _pairs(value: str) -> str:
    for line in filter(str.strip, value.splitlines()):
        if not line.partition("=")[0].strip() or "=" not in line:
            raise ValueError("write KEY=VALUE, one per line")
    return value


CHECKS: Mapping[str, Callable[[str], str]] = {
    "bridge": check_url,
    "cancel-grace": _duration,
    "details": _json_object,
    "expires-in": _duration,
    "input": _json_object,
    "input-params": _pairs,
    "run-retries": _count,
    "shadow-input-params": _pairs,
    "shadow-wait": _duration,
    "timeout": _duration,
}
