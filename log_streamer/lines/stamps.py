"""Timestamps as runtimes write them, in one form that sorts as bytes: `2026-11-21T02:11:29.636105921Z`.

The kubelet writes nine digits and the node's zone (RFC3339NanoFixed); older ones trim zeros, Docker and
files may write fewer digits. Source: Kubernetes' cri-client logs and containerd's CRI log writer.
"""

from __future__ import annotations

import calendar
import re
import time

WIDTH = 30
"""Bytes of a timestamp in its one form."""

ZERO = b"0001-01-01T00:00:00.000000000Z"
"""Older than any line."""

_SHAPE = b"0000-00-00T00:00:00.000000000Z"
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_SPACE = ord(" ")
_MOST_NANOS = (1 << 64) - 1
_RFC3339 = re.compile(
    rb"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?\s?([Zz]|[+-]\d\d:?\d\d)(?=\s|$)"
)
_ZULU = (b"Z", b"z")


def split_stamp(line: bytes) -> tuple[bytes | None, bytes]:
    """A line's timestamp in the one form, and its text; None and the whole line where it has none."""
    if has_form(line) and (len(line) == WIDTH or line[30] == _SPACE):
        return line[:WIDTH], line[WIDTH + 1 :]
    match = _RFC3339.match(line)
    if match is None:
        return None, line
    stamp = _normal(match)
    return (stamp, line[match.end() + 1 :]) if stamp else (None, line)


def has_form(line: bytes) -> bool:
    """Whether a line begins with a timestamp in the one form."""
    return line[:WIDTH].translate(_DIGITS_ALIKE) == _SHAPE


def _normal(match: re.Match[bytes]) -> bytes | None:
    day, clock, fraction, zone = match.groups()
    nanos = (fraction or b"0").ljust(9, b"0")
    if zone in _ZULU:
        return day + b"T" + clock + b"." + nanos + b"Z"
    try:
        seconds = calendar.timegm(time.strptime(f"{day.decode()} {clock.decode()}", "%Y-%m-%d %H:%M:%S"))
        return stamp_of(seconds - _offset(zone), int(nanos))
    except (ValueError, OverflowError, OSError):
        return None


def _offset(zone: bytes) -> int:
    digits = zone[1:].replace(b":", b"")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if zone[:1] == b"-" else seconds


def stamp_of(seconds: int, nanos: int = 0) -> bytes:
    """The one form of a moment: whole seconds since the epoch, and nanoseconds."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return b"%s.%09dZ" % (whole.encode().rjust(19, b"0"), nanos)


def stamp_of_time(moment: float) -> bytes:
    """The one form of seconds since the epoch."""
    return stamp_of(int(moment), int((moment - int(moment)) * 1e9)) if moment > 0 else ZERO


def nanos_of(stamp: bytes) -> int:
    """Nanoseconds since the epoch; 0 for what lies before, and the most that 64 bits hold (2554) beyond."""
    try:
        seconds = calendar.timegm(time.strptime(stamp[:19].decode(), "%Y-%m-%dT%H:%M:%S"))
        return min(max(0, seconds * 1_000_000_000 + int(stamp[20:29])), _MOST_NANOS)
    except (ValueError, OverflowError):
        return 0


def stamp_of_nanos(nanos: int) -> bytes:
    """The inverse of `nanos_of`."""
    seconds, rest = divmod(nanos, 1_000_000_000)
    return stamp_of(seconds, rest)
