"""How grave a line is, as far as it says so."""

from __future__ import annotations

import re
from enum import IntEnum

import re2


class Level(IntEnum):
    """In order of gravity; UNKNOWN stands for lines that do not say."""

    UNKNOWN = 0
    TRACE = 1
    DEBUG = 2
    INFO = 3
    WARN = 4
    ERROR = 5


LEVELS = {level.name.lower(): level for level in Level if level}

_WORDS = {
    **LEVELS,
    "warning": Level.WARN,
    "err": Level.ERROR,
    "critical": Level.ERROR,
    "fatal": Level.ERROR,
    "panic": Level.ERROR,
    "notice": Level.INFO,
}
_FIELD = re.compile(r'(?:level|severity|lvl)"?\s?[=:]\s?"?([A-Za-z]+)')
_PLAIN = re.compile(r"(?<![\w-])(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL|PANIC)(?![\w-])")
_KLOG = {"I": Level.INFO, "W": Level.WARN, "E": Level.ERROR, "F": Level.ERROR}
_KLOG_LINE = re.compile(r"[IWEF]\d{4} \d\d:\d\d:")
_SIGN = re2.compile(
    r"level|severity|lvl|TRACE|DEBUG|INFO|NOTICE|WARN|ERROR|CRITICAL|FATAL|PANIC|[IWEF]\d{4} "
)
_HEAD = 240
"""Characters looked at: a level stands near a line's beginning, and a word further on is prose."""


def names_levels(block: bytes) -> bool:
    """Whether any line of a block may name a level: one fast look for many lines."""
    return _SIGN.search(block) is not None


def level_of(text: str) -> Level:
    """The level that a line names: as a field, as a word in capitals, or in klog's way (`E1121 10:15:…`)."""
    at = text.find("level=", 0, _HEAD)
    if at >= 0:
        word = text[at + 6 : at + 14].lstrip('"')
        for end, char in enumerate(word):
            if not char.isalpha():
                word = word[:end]
                break
        if found := _WORDS.get(word.lower()):
            return found
    return _searched(text[:_HEAD])


def _searched(head: str) -> Level:
    if ("level" in head or "severity" in head or "lvl" in head) and (field := _FIELD.search(head)):
        return _WORDS.get(field.group(1).lower(), Level.UNKNOWN)
    if head.islower():
        return Level.UNKNOWN
    if word := _PLAIN.search(head):
        return _WORDS[word.group(1).lower()]
    if _KLOG_LINE.match(head):
        return _KLOG[head[0]]
    return Level.UNKNOWN
