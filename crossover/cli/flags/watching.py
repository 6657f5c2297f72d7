"""`crossover flags watch`: each change as it happens, for as long as somebody watches."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from crossover.cli.flags.flag_view import version_line
from crossover.cli.flags.output import note, show, show_json
from crossover.cli.flags.screen import Screen, clock
from crossover.cli.flags.session import Json, Session, Stop
from crossover.cli.step.outage import Outage, OutageTooLong
from crossover.contract.durations import format_duration, parse_duration
from crossover.contract.run import ExitCode


def watch(
    session: Session,
    outage_budget: Annotated[str, typer.Option(help="How long the bridge may be away.")] = "10m",
) -> int:
    """Show each change of the flags as it happens: who, why, and what; until Ctrl-C.

    With --json one version per line. It comes back after every interruption, without repeating a version.
    """
    from crossover.cli.flags.options import checked

    return _Watch(session, checked("--outage-budget", outage_budget, parse_duration)).run()


class _Watch:
    def __init__(self, session: Session, budget: float) -> None:
        self._session = session
        self._outage = Outage(budget)
        self._last: Json | None = None

    def run(self) -> int:
        from crossover.cli.flags.client import Away
        from crossover.cli.step.replies import Refused

        while True:
            try:
                self._follow()
                self._wait("it ended the stream")
            except Refused as refused:
                if not refused.problem.retryable:
                    raise
                self._wait(str(refused))
            except Away as away:
                self._wait(str(away), away.retry_after)

    def _follow(self) -> None:
        with self._session.client.events("flag-events") as events:
            for event in events:
                self._recovered()
                if event.name == "version":
                    self._show(json.loads(event.data))

    def _show(self, version: Json) -> None:
        last, self._last = self._last, version
        if last is not None and last["digest"] == version["digest"]:
            return  # a connection begins with the version in force
        if self._session.json:
            show_json(version, indent=None)
            return
        from crossover.cli.flags.change_view import changed_places

        now = Screen(color=self._session.screen.color, now=datetime.now(UTC))
        show([f"{now.paint(clock(now.now.isoformat()))}  {version_line(now, version)}"])
        if last is not None:
            show(f"    {line}" for line in changed_places(now, last, version))

    def _wait(self, reason: str, retry_after: float | None = None) -> None:
        first, now = self._outage.began is None, time.monotonic()
        try:
            pause = self._outage.failed(now, reason, retry_after)
        except OutageTooLong as error:
            raise Stop(
                f"gave up on {self._session.client.access.url}: {error}", ExitCode.UNAVAILABLE
            ) from None
        if first or self._outage.due(now):
            note(f"{self._session.client.access.url}: {reason}; trying again")
        time.sleep(pause)

    def _recovered(self) -> None:
        lasted = self._outage.ended(time.monotonic())
        if lasted is not None:
            note(f"connected again after {format_duration(lasted)}")
