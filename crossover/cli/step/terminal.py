"""Lines for a pod's log, and a progress bar where a person watches.

Everything is written straight to the descriptor: nothing is left in a buffer when the process ends, and a
reader that went away (a closed pipe) costs the output, never the run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from enum import StrEnum

from crossover.cli.step.options import Color
from crossover.contract.durations import format_duration

LONGEST_LINE = 1000
LONGEST_LABEL = 20
BAR = 24
PLAIN_PROGRESS_PAUSE = 2.0
"""Seconds between two progress lines in a log: heartbeats can come a hundred times as often."""

_CLEAR = "\r\x1b[2K"


class Tone(StrEnum):
    """The colour of a line's label, as the SGR code of ECMA-48."""

    PLAIN = "0"
    FAINT = "2"
    GOOD = "32"
    WARN = "33"
    BAD = "31"


def plain(text: str, limit: int = LONGEST_LINE) -> str:
    """Foreign text as one harmless line: no control, escape, direction or line-breaking characters."""
    shown = text[: 2 * limit]
    line = " ".join("".join(char if char.isprintable() else " " for char in shown).split())
    return line if len(line) <= limit and len(shown) == len(text) else line[: limit - 1] + "…"


class Terminal:
    """A descriptor, or None for nowhere. `live`: a person watches, and the last line may be redrawn."""

    def __init__(self, color: Color, environ: Mapping[str, str], descriptor: int | None) -> None:
        # Where standard output was closed from the start, its number may soon be a socket's.
        self._descriptor = descriptor
        tty = descriptor is not None and os.isatty(descriptor) and environ.get("TERM") != "dumb"
        self.live = tty
        self._colored = color is Color.ALWAYS or (color is Color.AUTO and tty and not environ.get("NO_COLOR"))
        self._began = time.monotonic()
        self._status: tuple[str, str] | None = None
        self._drawn = False
        self._progress = ""
        self._progress_at = float("-inf")

    def head(self, label: str, text: str) -> None:
        """A line without a time: who and where this run is."""
        self._line(self._paint(f"{label:<9}", Tone.FAINT) + " " + plain(text))

    def say(self, label: str, text: str, tone: Tone = Tone.PLAIN) -> None:
        """A line about something that just happened."""
        label = self._paint(f"{plain(label, LONGEST_LABEL):<9}", tone)
        self._line(f"{self._elapsed()}  {label} {plain(text)}".rstrip())

    def detail(self, text: str) -> None:
        """A line that belongs to the one above it."""
        self._line(" " * 18 + plain(text))

    def progress(self, label: str, text: str, fraction: float | None) -> None:
        """Progress: drawn in place for a person, now and then a line in a log."""
        text = plain(text)
        if self.live:
            self._status = (plain(label, LONGEST_LABEL), _bar(text, fraction))
            self.redraw()
        elif text and text != self._progress and self._may_repeat(fraction):
            self._progress, self._progress_at = text, time.monotonic()
            self.say("progress", text)

    def redraw(self) -> None:
        """Draw the status line anew, with the time that has passed."""
        if self.live and self._status is not None:
            label, text = self._status
            line = f"{self._elapsed()}  {label:<9} {text}"
            self._write(_CLEAR + line[: max(1, self._columns() - 1)])
            self._drawn = True

    def close(self) -> None:
        """Take the status line away."""
        self._status = None
        self._clear()

    def _line(self, line: str) -> None:
        self._clear()
        self._write(line + "\n")
        self.redraw()

    def _clear(self) -> None:
        if self._drawn:
            self._drawn = False
            self._write(_CLEAR)

    def _may_repeat(self, fraction: float | None) -> bool:
        return fraction == 1.0 or time.monotonic() - self._progress_at >= PLAIN_PROGRESS_PAUSE

    def _elapsed(self) -> str:
        seconds = int(time.monotonic() - self._began)
        return f"{format_duration(seconds) if seconds else '0s':>6}"

    def _paint(self, text: str, tone: Tone) -> str:
        return f"\x1b[{tone}m{text}\x1b[0m" if self._colored and tone is not Tone.PLAIN else text

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._descriptor or 0).columns or 80
        except OSError:
            return 80

    def _write(self, text: str) -> None:
        if self._descriptor is None:
            return
        content = text.encode("utf-8", "replace")
        try:
            while content:
                content = content[os.write(self._descriptor, content) :]
        except BlockingIOError:  # a full pipe that does not block costs this line only
            return
        except OSError:
            self._descriptor = None


def _bar(text: str, fraction: float | None) -> str:
    if fraction is None:
        return text
    done = int(BAR * fraction)
    return f"[{'#' * done}{'.' * (BAR - done)}] {text}"
