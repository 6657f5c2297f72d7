"""Durations as Argo and Go write them: `90s`, `1h30m`, `250ms`, or a bare number of seconds."""

from __future__ import annotations

import math
import re

_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_EXAMPLES = "is not a duration: write seconds or, for example, 90s, 15m, 1h30m"
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")


def parse_duration(value: str | int | float) -> float:
    """Seconds in `value`. Raises ValueError, naming what is accepted, for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(_EXAMPLES)
    if isinstance(value, int | float):
        seconds = float(value) if abs(value) < 1e18 else math.inf
    elif _WHOLE.fullmatch(text := value.strip()):
        seconds = sum(float(number) * _UNIT[unit] for number, unit in _PART.findall(text))
    else:
        try:
            seconds = float(text)
        except ValueError:
            raise ValueError(_EXAMPLES) from None
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError("must be a finite duration of zero or more")
    return seconds


def format_duration(seconds: float) -> str:
    """`seconds` for people: `850ms`, `12s`, `3m20s`, `2h05m`, `4d03h`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"
