"""Text for a terminal: colours, columns, times and shares. Pure: text in, lines out."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from crossover.cli.logs.safe import safe
from crossover.contract.durations import format_duration

NARROWEST = 60
"""Columns; what is too long for a line goes on below, under its own beginning."""


class Tone(StrEnum):
    """SGR codes of ECMA-48."""

    PLAIN = ""
    BOLD = "1"
    FAINT = "2"
    BAD = "31"
    GOOD = "32"
    WARN = "33"
    ALARM = "1;31"
    NAME = "36"


VARIANT_TONES = {"crossover": Tone.GOOD, "shadow": Tone.WARN, "legacy": Tone.PLAIN}


class Cell(NamedTuple):
    """A piece of foreign text, made safe when it is drawn."""

    text: str
    tone: Tone = Tone.PLAIN


class Screen:
    """
    Args:
        color: use ANSI sequences.
        now: the moment that ages are told by; by default the present one.
        width: columns; by default the terminal's.
    """

    def __init__(self, *, color: bool, now: datetime | None = None, width: int | None = None) -> None:
        self.color = color
        self.now = now or datetime.now(UTC)
        self.width = max(NARROWEST, width or shutil.get_terminal_size((100, 24)).columns)

    def paint(self, text: object, tone: Tone = Tone.PLAIN) -> str:
        shown = safe(str(text))
        return f"\x1b[{tone}m{shown}\x1b[0m" if self.color and tone else shown

    def variant(self, name: object) -> str:
        return self.paint(name, VARIANT_TONES.get(str(name), Tone.PLAIN))

    def rows(self, rows: Iterable[Sequence[Cell | str]], *, indent: int = 0) -> Iterator[str]:
        """Columns as wide as they need be; the last one takes what is left, in several lines if it must."""
        drawn = [[_cell(each) for each in row] for row in rows]
        widths: list[int] = []
        for row in drawn:
            for at, cell in enumerate(row[:-1]):
                widths[at:] = widths[at:] or [0]
                widths[at] = max(widths[at], len(safe(cell.text)))
        for row in drawn:
            yield from self._row(row, widths, indent)

    def _row(self, row: list[Cell], widths: list[int], indent: int) -> Iterator[str]:
        head = " " * indent
        for cell, width in zip(row[:-1], widths, strict=False):
            head += self.paint(cell.text, cell.tone) + " " * (width - len(safe(cell.text)) + 2)
        at = indent + sum(widths[: len(row) - 1]) + 2 * (len(row) - 1)
        first, *rest = wrapped(safe(row[-1].text), self.width - at)
        yield (head + self.paint(first, row[-1].tone)).rstrip()
        yield from (" " * at + self.paint(line, row[-1].tone) for line in rest)

    def heading(self, *words: str) -> str:
        return self.paint("  ".join(word.upper() for word in words), Tone.FAINT)

    def ago(self, iso: object) -> str:
        """`3m20s ago`; nothing for what is no time."""
        if (moment := moment_of(iso)) is None:
            return ""
        seconds = (self.now - moment).total_seconds()
        return "just now" if seconds < 1 else f"{format_duration(seconds)} ago"


def _cell(given: Cell | str) -> Cell:
    return given if isinstance(given, Cell) else Cell(given)


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width`, broken at spaces; a word that is longer stays whole, so it can be copied."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return lines


def moment_of(iso: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(iso) if isinstance(iso, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def clock(iso: object) -> str:
    """`2026-01-31 12:00:00`, local time."""
    moment = moment_of(iso)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else "-"


def percent(value: Any) -> str:
    return f"{value:g} %" if isinstance(value, int | float) else f"{value} %"


def condition(when: Any) -> str:
    """`app is billing or sales, connector is not hive`; nothing where everything is taken."""
    return ", ".join(_words(key, words) for key, words in when.items() if words) if when else ""


def where(when: Any) -> str:
    """`where app is billing`, or nothing."""
    told = condition(when)
    return f"where {told}" if told else ""


def _words(key: str, words: Any) -> str:
    """A rule's condition names words; an effect's names `in` or `not_in`."""
    if isinstance(words, dict):
        negated = "not_in" in words
        words = words["not_in" if negated else "in"]
        return f"{key} is {'not ' if negated else ''}{' or '.join(words)}"
    return f"{key} is {' or '.join(words)}"
