"""`crossover step decide`: which way a node goes. Whatever goes wrong means legacy, and is no failure."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossover.cli.step.arguments import Arguments
from crossover.cli.step.asking import Asking, quick_outage
from crossover.cli.step.client import Client, Request
from crossover.cli.step.decision import legacy, node, read_answer, sentence
from crossover.cli.step.environment import ArgoPod
from crossover.cli.step.inbox import Inbox, Stopped
from crossover.cli.step.options import Color
from crossover.cli.step.outage import OutageTooLong
from crossover.cli.step.outputs import encode, replace, to_json
from crossover.cli.step.replies import Refused
from crossover.cli.step.terminal import Terminal, Tone
from crossover.cli.step.values import (
    Access,
    choice,
    optional,
    positive_duration,
    read_access,
    read_node,
    required,
    trace_id,
)
from crossover.contract.names import TRACEPARENT
from crossover.contract.run import ArgoNode, ExitCode

DECISIONS = "/v1/decisions"
CONTEXT = ("app", "connector", "environment")


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked; durations in seconds. `context` holds what was given of CONTEXT."""

    access: Access
    flag: str
    context: dict[str, str]
    trace_id: str | None
    outputs_dir: Path | None
    budget: float
    request_timeout: float
    argo: ArgoNode
    color: Color


def resolve(arguments: Arguments, pod: ArgoPod) -> Options:
    """Raises UsageError."""
    context = {key: optional(arguments, key, str) for key in CONTEXT}
    return Options(
        access=read_access(arguments),
        flag=required(arguments, "flag", str),
        context={key: value for key, value in context.items() if value is not None},
        trace_id=optional(arguments, "trace_id", trace_id),
        outputs_dir=optional(arguments, "outputs_dir", Path),
        budget=required(arguments, "budget", positive_duration),
        request_timeout=required(arguments, "request_timeout", positive_duration),
        argo=read_node(arguments, pod),
        color=required(arguments, "color", choice(Color)),
    )


def live(options: Options, pod: ArgoPod, terminal: Terminal) -> int:
    """Decide, write and tell. Main thread only: it takes the signals."""
    inbox = Inbox()
    inbox.listen()
    try:
        decision = _decision(options, pod, inbox, terminal)
    except Stopped as stop:
        terminal.say("stopped", f"{stop.name} before anything was decided", Tone.WARN)
        return int(ExitCode.CANCELLED if stop.number == signal.SIGINT else ExitCode.TERMINATED)
    terminal.say("decided", sentence(decision), Tone.GOOD if decision.get("rule") else Tone.WARN)
    return _write(options.outputs_dir, decision, terminal)


def _decision(options: Options, pod: ArgoPod, inbox: Inbox, terminal: Terminal) -> dict[str, Any]:
    client = Client(options.access, inbox)
    headers = {} if pod.traceparent is None else {TRACEPARENT: pod.traceparent}
    request = Request("POST", DECISIONS, _body(options), headers)
    asking = Asking(client, inbox, terminal, options.request_timeout, quick_outage(options.budget))
    try:
        return asking.ask(lambda: request, lambda _, answer: read_answer(answer, options.flag))
    except Refused as error:
        note = f"The bridge refused: {error}"
    except OutageTooLong as error:
        note = f"The bridge is away: {error}"
    except Stopped:
        raise
    except Exception as error:  # legacy works without us, so no bug of ours may stand in its way
        note = f"Please report: {type(error).__name__}: {error}"
    finally:
        client.close()
    trace = options.trace_id or options.argo.workflow
    return legacy(options.flag, options.argo, trace, options.context, note)


def _body(options: Options) -> bytes:
    body = {"flag": options.flag, "argo": node(options.argo), **options.context}
    if options.trace_id is not None:
        body["trace_id"] = options.trace_id
    return json.dumps(body).encode()


def _write(directory: Path | None, decision: dict[str, Any], terminal: Terminal) -> int:
    if directory is None:
        return int(ExitCode.SUCCEEDED)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        replace(directory / "decision", to_json(decision))
        replace(directory / "variant", encode(decision["variant"]))
    except OSError as error:
        terminal.say("outputs", f"cannot be written to {directory}: {error.strerror}", Tone.BAD)
        return int(ExitCode.FAILED)
    return int(ExitCode.SUCCEEDED)
