"""One step, put together and run; every way it can end has an exit code and a line."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from crossover.cli.step.client import Client
from crossover.cli.step.environment import ArgoPod
from crossover.cli.step.inbox import Inbox, Stopped
from crossover.cli.step.options import Options, Until
from crossover.cli.step.outage import OutageTooLong
from crossover.cli.step.replies import Refused
from crossover.cli.step.report import Report
from crossover.cli.step.session import Session
from crossover.cli.step.start import start_body
from crossover.cli.step.step import Step
from crossover.cli.step.stopping import Stopping
from crossover.cli.step.terminal import Terminal, Tone
from crossover.contract.durations import format_duration
from crossover.contract.run import ExitCode


def live(options: Options, pod: ArgoPod, terminal: Terminal) -> int:
    """Run the step to its end. Main thread only: it takes the signals."""
    inbox = Inbox()
    inbox.on_tick = terminal.redraw
    inbox.listen()
    client = Client(options.access, inbox)
    session = Session(
        client,
        inbox,
        terminal,
        start_body(options),
        pod.traceparent,
        options.outage_budget,
        options.request_timeout,
    )
    step = Step(options, session, Report(options, pod, terminal))
    try:
        return _live(
            step, options.until, lambda stop: Stopping(stop, options, pod.deadline, step, session, terminal)
        )
    except Refused as error:
        return _end(terminal, "refused", str(error), error.problem.exit_code)
    except OutageTooLong as error:
        budget = format_duration(options.outage_budget)
        return _end(terminal, "outage", f"longer than {budget}: {error}", ExitCode.UNAVAILABLE)
    except Exception as error:
        # Trying again is sensible only where a run exists: it goes on, and the next pod attaches to it.
        code = ExitCode.UNAVAILABLE if client.has_sent else ExitCode.FAILED
        return _end(terminal, "bug", _whereabouts(error), code)
    finally:
        client.close()


def _live(step: Step, until: Until, stopping: Callable[[Stopped], Stopping]) -> int:
    try:
        step.begin()
    except Stopped as stop:
        return stopping(stop).before_start()
    if until is Until.START:
        return step.leave()
    try:
        step.follow()
    except Stopped as stop:
        return stopping(stop).after_start()
    return step.finish()


def _end(terminal: Terminal, label: str, text: str, code: int) -> int:
    terminal.close()
    terminal.say(label, text, Tone.BAD)
    return int(code)


def _whereabouts(error: Exception) -> str:
    """An error that nobody expected, in one line that makes a useful report."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.name}, line {frame.lineno} of {frame.filename}"
    return f"please report: {type(error).__name__}: {error} ({place})"
