"""What to tell about a run: each change once, in the order it came. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from crossover.cli.step.outputs import argo_progress
from crossover.cli.step.terminal import Tone
from crossover.cli.step.view import View
from crossover.contract.run import Phase

_NUMBER = re.compile(r"\d+")


class Line(NamedTuple):
    label: str
    text: str
    tone: Tone


LINKS = (("temporal", "temporal"), ("argo", "argo"), ("logs", "logs"))
"""Label and key of the links that are worth a line, in this order."""

TONES = {Phase.SUCCEEDED: Tone.GOOD, Phase.FAILED: Tone.BAD, Phase.ERROR: Tone.BAD}


class Watch:
    """Remembers what was told. Texts that differ only in numbers (ages, counts) count as the same."""

    def __init__(self) -> None:
        self._state: tuple[str, str] | None = None
        self._told: set[str] = set()

    def see(self, view: View) -> list[Line]:
        """What is new in an open run's view."""
        lines = [self._phase(view)] if self._state != (state := _state(view)) else []
        self._state = state
        if view.cancel_requested and self._first("cancel"):
            lines.append(Line("cancel", "the run was asked to stop", Tone.WARN))
        lines += [
            Line("problem", problem.message or problem.code, Tone.WARN)
            for problem in view.problems
            if self._first("problem", problem.code, problem.message)
        ]
        lines += [
            Line(
                "activity", f"{each.type} is retried (attempt {each.attempt}): {each.last_failure}", Tone.WARN
            )
            for each in view.activities
            if each.last_failure is not None and self._first("activity", each.id, each.last_failure)
        ]
        return lines

    def _phase(self, view: View) -> Line:
        return Line(view.phase, view.message, Tone.PLAIN)

    def _first(self, *words: str) -> bool:
        key = _numberless("\0".join(words))
        new = key not in self._told
        self._told.add(key)
        return new


def ending(view: View, took: str) -> list[Line]:
    """The last lines: phase, duration and message; then the failure and what caused it."""
    tone = next((tone for phase, tone in TONES.items() if phase == view.phase), Tone.PLAIN)
    lines = [Line(view.phase, f"after {took}" + (f": {view.message}" if view.message else ""), tone)]
    for depth, failure in enumerate(view.failures):
        words = ": ".join(part for part in (failure.type, failure.message) if part)
        lines.append(Line("", f"caused by {words}" if depth else words, Tone.BAD))
    return lines


def fraction(view: View) -> float | None:
    """How much is done, between 0 and 1, when the run says so."""
    progress = argo_progress(view.progress)
    if progress is None:
        return None
    done, total = progress.split("/")
    return int(done) / int(total)


def _state(view: View) -> tuple[str, str]:
    return view.phase, _numberless(view.message)


def _numberless(text: str) -> str:
    return _NUMBER.sub("#", text)
