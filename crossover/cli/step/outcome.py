"""`crossover step outcome`: tells how one side of a decided node went. What cannot be told is no failure."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from crossover.cli.step.arguments import Arguments
from crossover.cli.step.asking import Asking, Content, quick_outage
from crossover.cli.step.client import Client, Request
from crossover.cli.step.decision import Side, is_the_bridges, node_of, tenant_of
from crossover.cli.step.environment import ArgoPod
from crossover.cli.step.inbox import Inbox, Stopped
from crossover.cli.step.input import read_decision, read_text
from crossover.cli.step.options import LONGEST_POLL, Color
from crossover.cli.step.outage import OutageTooLong
from crossover.cli.step.replies import Refused
from crossover.cli.step.result import Outputs, Result, moment, of_run, outputs, phase
from crossover.cli.step.terminal import Terminal, Tone
from crossover.cli.step.usage import UsageError
from crossover.cli.step.values import Access, choice, optional, positive_duration, read_access, required
from crossover.cli.step.view import View, read_view
from crossover.contract.durations import format_duration, parse_duration
from crossover.contract.run import ExitCode, Scope, run_id

OUTCOMES = "/v1/outcomes"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked; durations in seconds. `known` is None where the node's run is to be asked about."""

    access: Access
    decision: dict[str, Any]
    side: Side
    known: Result | None
    compare_with: Outputs | None
    ignore: tuple[str, ...]
    wait: float
    budget: float
    request_timeout: float
    color: Color


def resolve(arguments: Arguments, pod: ArgoPod) -> Options:
    """Raises UsageError. `pod` has nothing to say here: the decision names the node."""
    side = required(arguments, "side", choice(Side))
    return Options(
        access=read_access(arguments),
        decision=_decision(arguments),
        side=side,
        known=_known(arguments, side),
        compare_with=_outputs(arguments, "compare_with"),
        ignore=tuple(given.value for given in arguments.several("ignore", separator=",")),
        wait=min(required(arguments, "wait", parse_duration), LONGEST_POLL),
        budget=required(arguments, "budget", positive_duration),
        request_timeout=required(arguments, "request_timeout", positive_duration),
        color=required(arguments, "color", choice(Color)),
    )


def live(options: Options, pod: ArgoPod, terminal: Terminal) -> int:
    """Tell the outcome. Main thread only: it takes the signals."""
    if not is_the_bridges(options.decision):
        return _untold(terminal, "the bridge did not decide this node")
    inbox = Inbox()
    inbox.listen()
    client = Client(options.access, inbox)
    asking = Asking(client, inbox, terminal, options.request_timeout, quick_outage(options.budget))
    try:
        return _tell(options, asking, terminal)
    except Stopped as stop:
        terminal.say("stopped", f"{stop.name} before the outcome was told", Tone.WARN)
        return int(ExitCode.CANCELLED if stop.number == signal.SIGINT else ExitCode.TERMINATED)
    except Refused as error:
        return _untold(terminal, f"the bridge refused: {error}")
    except OutageTooLong as error:
        return _untold(terminal, f"the bridge is away: {error}")
    except Exception as error:  # the step itself is over and done: no bug of ours may fail it
        return _untold(terminal, f"please report: {type(error).__name__}: {error}")
    finally:
        client.close()


def _tell(options: Options, asking: Asking, terminal: Terminal) -> int:
    result = options.known or of_run(_run(options, asking))
    if result is None:
        return _untold(terminal, f"its run is not over after {format_duration(options.wait)} of waiting")
    asking.outage = quick_outage(options.budget)
    request = Request("POST", OUTCOMES, _body(options, result), {})
    answer = asking.ask(lambda: request, lambda _, content: content)
    took = format_duration(result.duration)
    terminal.say("told", f"{options.side} {result.phase} after {took}{_compared(answer)}", Tone.GOOD)
    for place in _differences(answer):
        terminal.detail(place)
    return int(ExitCode.SUCCEEDED)


def _run(options: Options, asking: Asking) -> View:
    """The decided node's run, when it is over or `wait` has passed."""
    run = run_id(tenant_of(options.decision), node_of(options.decision), Scope.NODE)
    path = f"/v1/runs/{quote(run, safe='/')}"
    until = time.monotonic() + options.wait
    view = _look(asking, path, 0.0)
    while view.exit_code is None and (left := until - time.monotonic()) > 0:
        question = urlencode({"wait": f"{left:.3f}s", "revision": view.revision})
        asking.outage = quick_outage(left + options.budget)
        view = _look(asking, f"{path}?{question}", left)
    return view


def _look(asking: Asking, path: str, wait: float) -> View:
    return asking.ask(lambda: Request("GET", path, None, {}), lambda _, content: read_view(content), wait)


def _body(options: Options, result: Result) -> bytes:
    body: dict[str, Any] = {
        "decision": options.decision,
        "side": options.side.value,
        "phase": result.phase,
        "duration_s": result.duration,
    }
    if result.outputs is not None:
        body["outputs"] = result.outputs.value
        if options.compare_with is not None:
            body["compare_with"] = options.compare_with.value
    if options.ignore:
        body["ignore"] = options.ignore
    return json.dumps(body, allow_nan=False).encode()


def _compared(answer: Content) -> str:
    if not isinstance(answer.get("differences"), list):
        return ""
    places = len(_differences(answer))
    return (
        f"; its outputs differ from legacy's in {places} places" if places else "; its outputs are legacy's"
    )


def _differences(answer: Content) -> list[str]:
    differences = answer.get("differences")
    return [str(each) for each in differences] if isinstance(differences, list) else []


def _untold(terminal: Terminal, reason: str) -> int:
    terminal.say("untold", f"the outcome is not counted: {reason}", Tone.WARN)
    return int(ExitCode.SUCCEEDED)


def _decision(arguments: Arguments) -> dict[str, Any]:
    decision = read_decision(arguments)
    if decision is None:
        raise UsageError("--decision is missing")
    try:
        node_of(decision)
    except ValueError as error:
        raise UsageError(f"--decision: {error}") from None
    return decision


def _known(arguments: Arguments, side: Side) -> Result | None:
    found = optional(arguments, "phase", phase)
    if found is None and side is Side.LEGACY:
        raise UsageError("--phase is missing: legacy has no run that could be asked")
    return None if found is None else Result(found, _duration(arguments), _outputs(arguments, "result"))


def _duration(arguments: Arguments) -> float:
    explicit = optional(arguments, "duration", parse_duration)
    if explicit is not None:
        return explicit
    began, ended = (optional(arguments, key, moment) for key in ("started_at", "finished_at"))
    if began is None or ended is None:
        raise UsageError("say how long it took: --duration, or --started-at and --finished-at")
    return max(0.0, (ended - began).total_seconds())


def _outputs(arguments: Arguments, key: str) -> Outputs | None:
    given = arguments.one(key)
    if given is None:
        return None
    try:
        return outputs(read_text(given))
    except ValueError as error:
        raise UsageError(f"{given.source}: {error}") from None
