"""Asking until there is an answer, for as long as the bridge may be away."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from crossover.cli.flags.client import Away
from crossover.cli.flags.output import note
from crossover.cli.flags.session import Session, Stop
from crossover.cli.step.outage import Outage, OutageTooLong
from crossover.cli.step.replies import Refused
from crossover.contract.durations import format_duration
from crossover.contract.run import ExitCode

T = TypeVar("T")


class Patience:
    """`budget`: seconds that one outage may last."""

    def __init__(self, session: Session, budget: float) -> None:
        self._url = session.client.access.url
        self._outage = Outage(budget)

    def answer(self, ask: Callable[[], T]) -> T:
        """Raises Refused for what no repetition would change, and Stop."""
        while True:
            try:
                answer = ask()
            except Refused as refused:
                if not refused.problem.retryable:
                    raise
                self._wait(str(refused), None)
            except Away as away:
                self._wait(str(away), away.retry_after)
            else:
                self._recovered()
                return answer

    def _wait(self, reason: str, retry_after: float | None) -> None:
        first, now = self._outage.began is None, time.monotonic()
        try:
            pause = self._outage.failed(now, reason, retry_after)
        except OutageTooLong as error:
            raise Stop(f"gave up on {self._url}: {error}", ExitCode.UNAVAILABLE) from None
        if first or self._outage.due(now):
            note(f"{self._url}: {reason}; trying again")
        time.sleep(pause)

    def _recovered(self) -> None:
        lasted = self._outage.ended(time.monotonic())
        if lasted is not None:
            note(f"connected again after {format_duration(lasted)}")
