"""What `crossover step run` was asked, as checked values."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from crossover.cli.step.arguments import Arguments
from crossover.cli.step.environment import ArgoPod
from crossover.cli.step.input import read_decision, read_input, read_outputs
from crossover.cli.step.usage import UsageError
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
from crossover.contract.durations import parse_duration
from crossover.contract.run import ArgoNode, OnCancel, Scope

SHORTEST_RUN = 1.0
"""Seconds that a run gets at least, however close Argo's deadline is."""

LONGEST_POLL = 60.0
"""The bridge answers a waiting request after this many seconds at the latest."""


class OnSigterm(StrEnum):
    """What SIGTERM means: ask the bridge, always cancel, or always let go."""

    AUTO = "auto"
    CANCEL = "cancel"
    DETACH = "detach"


class Until(StrEnum):
    """How long the step stays with its run."""

    END = "end"
    START = "start"


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Options:
    """Everything `crossover step run` was asked; durations in seconds."""

    access: Access
    app: str | None
    workflow_type: str | None
    task_queue: str | None
    input: dict[str, Any]
    execution_timeout: float | None
    scope: Scope
    trace_id: str | None
    decision: dict[str, Any] | None
    outputs_dir: Path | None
    outputs: dict[str, str]
    view_file: Path | None
    on_cancel: OnCancel
    cancel_grace: float | None
    on_sigterm: OnSigterm
    stop_wait: float
    until: Until
    outage_budget: float
    poll_wait: float
    request_timeout: float
    argo: ArgoNode
    color: Color


def resolve(arguments: Arguments, pod: ArgoPod) -> Options:
    """Check everything that was given. Raises UsageError."""
    app, workflow_type, task_queue = (
        optional(arguments, key, str) for key in ("app", "workflow_type", "task_queue")
    )
    _check_work(app, workflow_type, task_queue)
    return Options(
        access=read_access(arguments),
        app=app,
        workflow_type=workflow_type,
        task_queue=task_queue,
        input=read_input(arguments),
        execution_timeout=_execution_timeout(arguments, pod),
        scope=required(arguments, "scope", choice(Scope)),
        trace_id=optional(arguments, "trace_id", trace_id),
        decision=read_decision(arguments),
        outputs_dir=optional(arguments, "outputs_dir", Path),
        outputs=read_outputs(arguments),
        view_file=optional(arguments, "view_file", Path),
        on_cancel=required(arguments, "on_cancel", choice(OnCancel)),
        cancel_grace=optional(arguments, "cancel_grace", parse_duration),
        on_sigterm=required(arguments, "on_sigterm", choice(OnSigterm)),
        stop_wait=required(arguments, "stop_wait", parse_duration),
        until=required(arguments, "until", choice(Until)),
        outage_budget=required(arguments, "outage_budget", parse_duration),
        poll_wait=min(required(arguments, "poll_wait", parse_duration), LONGEST_POLL),
        request_timeout=required(arguments, "request_timeout", positive_duration),
        argo=replace(read_node(arguments, pod), retries=_retries(arguments)),
        color=required(arguments, "color", choice(Color)),
    )


def _check_work(app: str | None, workflow_type: str | None, task_queue: str | None) -> None:
    if app and (workflow_type or task_queue):
        raise UsageError("give either --app or --workflow-type with --task-queue, not both")
    if not app and not (workflow_type and task_queue):
        raise UsageError("say what to run: --app, or --workflow-type together with --task-queue")


def _execution_timeout(arguments: Arguments, pod: ArgoPod) -> float | None:
    explicit = optional(arguments, "execution_timeout", positive_duration)
    if explicit is not None or pod.deadline is None:
        return explicit
    return max(SHORTEST_RUN, round(pod.deadline.at - time.time(), 3))


def _retries(arguments: Arguments) -> int:
    """Argo leaves `{{retries}}` as it is in templates without a retryStrategy: that is attempt 0."""
    given = arguments.one("argo_retries")
    if given is None or "{{" in given.value:
        return 0
    if not given.value.isascii() or not given.value.isdigit():
        raise UsageError(f"{given.source}: must be a number of retries, 0 or more")
    return int(given.value[:9])
