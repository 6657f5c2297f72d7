"""What SIGTERM and Ctrl-C mean for the run.

Argo sends SIGTERM when a workflow is stopped or past its deadline, and the kubelet sends the same when a
node is drained: only the first is meant for the run. Ctrl-C is a person and always means the run.
"""

from __future__ import annotations

import signal
import time
from enum import Enum, auto

from crossover.cli.step.environment import Deadline
from crossover.cli.step.inbox import Stopped
from crossover.cli.step.options import OnSigterm, Options
from crossover.cli.step.outage import OutageTooLong
from crossover.cli.step.replies import Refused
from crossover.cli.step.session import Session
from crossover.cli.step.step import Step
from crossover.cli.step.terminal import Terminal, Tone
from crossover.contract.run import ExitCode, OnCancel

DEADLINE_SLACK = 2.0
"""Argo sends SIGTERM at the deadline, by a clock that need not be this node's."""

ASKING_SHARE = 0.4
"""Of the time between SIGTERM and exit, what may go into reaching the bridge; the rest is the run's."""


class Decision(Enum):
    CANCEL = auto()
    DETACH = auto()
    ASK = auto()


def decide(number: int, on_sigterm: OnSigterm, deadline: Deadline | None, now: float) -> Decision:
    """What a signal means as far as the pod itself can tell; ASK is for the bridge to say."""
    if number == signal.SIGINT or on_sigterm is OnSigterm.CANCEL:
        return Decision.CANCEL
    if on_sigterm is OnSigterm.DETACH:
        return Decision.DETACH
    if deadline is not None and now >= deadline.at - DEADLINE_SLACK:
        return Decision.CANCEL
    return Decision.ASK


class Stopping:
    """The time between a signal and the end of the process: `stop_wait` seconds at most.

    Args:
        stop: the signal, at the moment it came.
    """

    def __init__(
        self,
        stop: Stopped,
        options: Options,
        deadline: Deadline | None,
        step: Step,
        session: Session,
        terminal: Terminal,
    ) -> None:
        self._stop = stop
        self._options = options
        self._deadline = deadline
        self._step = step
        self._session = session
        self._terminal = terminal
        now = time.monotonic()
        self._until = now + options.stop_wait
        self._asking_until = now + options.stop_wait * ASKING_SHARE

    def before_start(self) -> int:
        """The signal came before the start was answered: only a request that was sent can have a run."""
        if not self._session.has_sent:
            return self._stopped("before anything was started")
        if self._decide() is Decision.DETACH:
            return self._detach("the start was sent, its answer is not known")
        self._session.hurry(self._asking_until - time.monotonic())
        try:
            self._step.begin()
        except OutageTooLong as error:
            if self._decide() is Decision.ASK:
                return self._detach(f"the start was sent and the bridge is away: {error}")
            return self._stopped(
                f"the start was sent, and the bridge cannot be reached to cancel it: {error}"
            )
        return self.after_start()

    def after_start(self) -> int:
        """The run is known: cancel it, or let go of it."""
        if self._step.view.exit_code is not None:
            return self._step.finish()
        self._session.hurry(self._asking_until - time.monotonic())
        match self._decide():
            case Decision.ASK:
                return self._as_bridge_says()
            case Decision.DETACH:
                return self._detach(f"{self._stop.name}, and --on-sigterm is detach")
            case Decision.CANCEL:
                return self._cancel()

    def _decide(self) -> Decision:
        return decide(self._stop.number, self._options.on_sigterm, self._deadline, time.time())

    def _as_bridge_says(self) -> int:
        deadline = self._deadline.text if self._deadline is not None else None
        try:
            release = self._session.release(self._step.view, self._stop.name, deadline)
        except OutageTooLong as error:
            return self._detach(f"{self._stop.name}, and the bridge cannot be asked what it means: {error}")
        except Refused as error:
            return self._detach(f"{self._stop.name}, and the bridge does not say what it means: {error}")
        if not release.cancel:
            return self._detach(release.reason or "only the pod goes away")
        self._terminal.say("cancel", release.reason or "Argo stopped the workflow", Tone.WARN)
        return self._see_it_end()

    def _cancel(self) -> int:
        reason = self._reason()
        self._terminal.say("cancel", reason, Tone.WARN)
        try:
            self._session.cancel(self._step.view, reason)
        except OutageTooLong as error:
            return self._stopped(f"the bridge cannot be reached to cancel the run: {error}")
        except Refused as error:
            # It may be over by now, which the next look tells.
            self._terminal.say("cancel", str(error), Tone.WARN)
        return self._see_it_end()

    def _see_it_end(self) -> int:
        if self._options.on_cancel is OnCancel.ABANDON:
            return self._stopped("the run goes on, as its on_cancel is abandon")
        self._session.hurry(self._until - time.monotonic())
        try:
            over = self._step.follow(self._until)
        except OutageTooLong as error:
            return self._stopped(f"the run was asked to stop; the bridge is away: {error}")
        return self._step.finish() if over else self._stopped("the run was asked to stop and is still ending")

    def _reason(self) -> str:
        if self._stop.number == signal.SIGINT:
            return "a person interrupted the step (SIGINT)"
        if self._options.on_sigterm is OnSigterm.CANCEL or self._deadline is None:
            return f"Argo's step got {self._stop.name}"
        return f"Argo's step reached its deadline, {self._deadline.text}"

    def _detach(self, reason: str) -> int:
        self._terminal.close()
        self._terminal.say("detached", f"the run goes on; a retried pod re-attaches: {reason}", Tone.WARN)
        return int(ExitCode.UNAVAILABLE)

    def _stopped(self, reason: str) -> int:
        self._terminal.close()
        self._terminal.say("stopped", reason, Tone.WARN)
        return int(ExitCode.CANCELLED if self._stop.number == signal.SIGINT else ExitCode.TERMINATED)
