"""One step's life: begin, follow until the run is over, finish."""

from __future__ import annotations

import time

from crossover.cli.step.options import Options
from crossover.cli.step.report import Report
from crossover.cli.step.session import Session
from crossover.cli.step.view import View

PAUSE_AFTER_CHANGE = 0.1
PAUSE_WITHOUT_CHANGE = 1.0
"""Seconds between two questions at least, should the bridge (or a cache before it) answer without waiting."""

ANSWER_TIME = 1.0
"""Seconds kept for the answer itself where the waiting has an end."""


class Step:
    """Holds the last view, so that whoever catches a signal knows where the run is."""

    def __init__(self, options: Options, session: Session, report: Report) -> None:
        self._options = options
        self._session = session
        self._report = report
        self._view: View | None = None

    @property
    def view(self) -> View:
        assert self._view is not None, "the run is known only after begin()"
        return self._view

    def begin(self) -> None:
        """Start or attach, and say where the run can be seen."""
        view, attached = self._session.start()
        self._report.announce(view, attached)
        self._see(view)

    def follow(self, until: float = float("inf")) -> bool:
        """Watch until the run is over, or the monotonic clock says `until`. Returns whether it is over."""
        while self.view.exit_code is None:
            began = time.monotonic()
            if began >= until:
                return False
            before = self.view
            wait = min(self._options.poll_wait, max(0.0, until - began - ANSWER_TIME))
            self._see(self._session.look(before, wait))
            least = PAUSE_WITHOUT_CHANGE if self.view.revision == before.revision else PAUSE_AFTER_CHANGE
            if self.view.exit_code is None:
                self._session.pause(began + least - time.monotonic())
        return True

    def leave(self) -> int:
        """Let the started run go on by itself; returns the step's exit code."""
        return self._report.leave()

    def finish(self) -> int:
        """Write the outputs; returns the exit code of a run that is over."""
        assert self.view.exit_code is not None, "only a closed run has an exit code"
        return self._report.finish(self.view, self.view.exit_code)

    def _see(self, view: View) -> None:
        self._view = view
        self._report.update(view)
