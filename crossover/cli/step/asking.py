"""One question to the bridge, asked again through outages until there is an answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from crossover.cli.step.client import Client, Request, Unreachable
from crossover.cli.step.inbox import Inbox
from crossover.cli.step.outage import Outage
from crossover.cli.step.replies import UNAUTHENTICATED, Problem, Refused, Unusable, content_of, retry_after
from crossover.cli.step.terminal import Terminal, Tone
from crossover.contract.durations import format_duration

FRESH_TOKEN_TRIES = 2
"""A token may be refused in the moment it rotates: it is read again, this many times."""

FRESH_TOKEN_PAUSE = 1.0
QUICK_PAUSE = 1.0
"""Longest pause between attempts while the pod's grace period runs, or little time is left at all."""

Content = dict[str, Any]
_T = TypeVar("_T")


def quick_outage(seconds: float) -> Outage:
    """For what has to be answered within `seconds` in all; attempts follow each other quickly."""
    return Outage(seconds, longest_pause=QUICK_PAUSE, until=time.monotonic() + seconds)


class Asking:
    """Asks, and tells the terminal of outages.

    Args:
        timeout: seconds that a reply may take, beyond the time it was asked to wait.
        outage: how long to put up with a bridge that is away; may be replaced between questions.
    """

    def __init__(
        self, client: Client, inbox: Inbox, terminal: Terminal, timeout: float, outage: Outage
    ) -> None:
        self.outage = outage
        self._client = client
        self._inbox = inbox
        self._terminal = terminal
        self._timeout = timeout

    def ask(
        self, request: Callable[[], Request], read: Callable[[int, Content], _T], wait: float = 0.0
    ) -> _T:
        """Ask until there is an answer. Each attempt makes its request anew: headers and token may change.

        Args:
            read: what a 2xx reply's status and content mean; raises Unusable for what is no answer.
            wait: seconds that the bridge was asked to wait with its answer.

        Raises Stopped, Refused, or OutageTooLong when the outage's budget is spent.
        """
        refusals = 0
        while True:
            try:
                reply = self._client.call(
                    request(), self.outage.limit(time.monotonic(), wait + self._timeout)
                )
                answer = content_of(reply)
                if not isinstance(answer, Problem):
                    result = read(reply.status, answer)
                    self._recovered()
                    return result
                if answer.retryable:
                    self._failed(answer.detail, retry_after(reply))
                elif answer.kind == UNAUTHENTICATED and refusals < FRESH_TOKEN_TRIES:
                    refusals += 1
                    self._inbox.sleep(FRESH_TOKEN_PAUSE)
                else:
                    raise Refused(answer)
            except Unreachable as error:
                self._failed(str(error), None)
            except Unusable as error:
                self._failed(str(error), retry_after(reply))

    def _failed(self, reason: str, after: float | None) -> None:
        """Tell, and wait for the next attempt."""
        now = time.monotonic()
        first = self.outage.began is None
        pause = self.outage.failed(now, reason, after)
        if first:
            left = format_duration(self.outage.budget)
            self._terminal.say(
                "outage", f"the bridge is away, trying again for up to {left}: {reason}", Tone.WARN
            )
        elif self.outage.due(now):
            self._terminal.say("outage", f"the bridge is still away: {reason}", Tone.WARN)
        self._inbox.sleep(pause)

    def _recovered(self) -> None:
        lasted = self.outage.ended(time.monotonic())
        if lasted is not None:
            self._terminal.say("outage", f"over after {format_duration(lasted)}", Tone.GOOD)
