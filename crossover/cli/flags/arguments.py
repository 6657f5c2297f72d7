"""Words of the command line as values of the API. Pure; everything raises ValueError with a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from crossover.contract.durations import parse_duration

Json = dict[str, Any]

_FLAG = re.compile(r"[a-z][a-z0-9_]{0,62}")
_KEYS = ("app", "connector", "environment")
_STEP = re.compile(r"(?P<crossover>[\d.]+)%?(?:\+(?P<shadow>[\d.]+)%?)?(?::(?P<hold>[^:]+))?")


def flag_name(value: str) -> str:
    if not _FLAG.fullmatch(value):
        raise ValueError("a flag's name is lower-case letters, digits and underscores, a letter first")
    return value


def conditions(texts: Iterable[str]) -> dict[str, list[str]]:
    """`app=billing,connector=hive` as a condition; a key that is named twice takes both words."""
    when: dict[str, list[str]] = {}
    for part in (part for text in texts for part in text.split(",")):
        key, equals, word = (each.strip() for each in part.partition("="))
        if key not in _KEYS or not equals or not word:
            raise ValueError(f"write {', '.join(_KEYS[:-1])} or {_KEYS[-1]}, `=`, and a word: app=billing")
        when.setdefault(key, []).append(word)
    return when


def plan_steps(text: str) -> list[Json]:
    """`5:1h,25+10:4h,100`: crossover's percentage, `+` shadow's, `:` how long it holds (default an hour)."""
    return [_plan_step(part.strip()) for part in text.split(",")]


def _plan_step(text: str) -> Json:
    if (found := _STEP.fullmatch(text)) is None:
        raise ValueError(f"{text!r} is no step: write PERCENT[+SHADOW][:HOLD], such as 25:4h or 25+10:4h")
    step: Json = {"crossover": float(found["crossover"])}
    if found["shadow"]:
        step["shadow"] = float(found["shadow"])
    if found["hold"]:
        step["hold"] = parse_duration(found["hold"])
    return step


def rate(text: str) -> float:
    """`2%` or `0.02`."""
    number = text.strip()
    try:
        value = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        raise ValueError("write a share such as 2% or 0.02") from None
    if not 0 <= value <= 1:
        raise ValueError("a share is between 0 and 1: write 2% or 0.02")
    return value


def percentage(text: str) -> float:
    """`25` or `25%`. The bridge checks its range and decimals."""
    try:
        return float(text.strip().removesuffix("%"))
    except ValueError:
        raise ValueError("write a percentage such as 25 or 2.5%") from None
