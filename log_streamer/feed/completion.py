"""Whether a trace is complete: decided from the engines, never from silence. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from log_streamer.sources.source import Engine, Looked, Trouble


class Completion:
    """Collects what locators say.

    Args:
        locators: their names; the phase of the first one that knows one counts.
        drain: seconds for the last lines to arrive after the engines are through.
    """

    def __init__(self, locators: Sequence[str], drain: float) -> None:
        self._order = {name: number for number, name in enumerate(locators)}
        self._drain = drain
        self._looked: dict[str, bool] = {}
        self._engines: dict[str, Engine] = {}
        self._troubles: dict[str, str] = {}
        self._through: float | None = None

    def take(self, finding: Engine | Looked | Trouble, now: float) -> None:
        match finding:
            case Looked():
                self._looked[finding.locator] = finding.known
                self._troubles.pop(finding.locator, None)
            case Engine():
                self._engines[finding.locator] = finding
                self._troubles.pop(finding.locator, None)
            case Trouble():
                self._troubles[finding.locator] = finding.detail
        through = self.all_looked and self._all_over and not self._troubles
        self._through = (now if self._through is None else self._through) if through else None

    @property
    def all_looked(self) -> bool:
        return len(self._looked) == len(self._order)

    @property
    def known(self) -> bool | None:
        """Whether any locator knows the trace; None when none does and some could not look."""
        if any(self._looked.values()):
            return True
        return False if self.all_looked else None

    @property
    def trouble(self) -> str:
        return next(iter(self._troubles.values()), "Not every system has answered yet.")

    @property
    def phase(self) -> str | None:
        phases = sorted(
            (self._order[each.locator], each.phase) for each in self._engines.values() if each.phase
        )
        return phases[0][1] if phases else None

    def wait(self, now: float, *, open_logs: bool) -> float | None:
        """Seconds until the trace is complete, if nothing else happens; None when that cannot be said.

        Args:
            open_logs: whether logs are open that end with their pod.
        """
        if self._through is None or open_logs:
            return None
        return max(0.0, self._through + self._drain - now)

    @property
    def _all_over(self) -> bool:
        """Every engine that was heard of is through, and at least one was heard of."""
        return bool(self._engines) and all(engine.over for engine in self._engines.values())
