"""Executes templates: inputs, substitution, retries, and the kinds of body.

Composite templates come back here for each of their calls: this is the one place where a template starts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from argo_flow.graph.phases import NodePhase
from argo_flow.graph.retries import NO_EXIT_CODE, Attempt, GiveUp, next_attempt
from argo_flow.graph.tags import map_texts, substitute
from argo_flow.graph.templates import Dag, RetryStrategy, Steps, Suspend, Template
from argo_flow.local.calls import Composite
from argo_flow.local.dag import run_dag
from argo_flow.local.frame import Frame
from argo_flow.local.nodes import NodeStatus, pod_name
from argo_flow.local.pod import run_pod
from argo_flow.local.scope import Variables, input_variables, workflow_variables
from argo_flow.local.state import Run
from argo_flow.local.steps import run_steps
from argo_flow.local.stop import MESSAGE as STOPPED
from argo_flow.local.suspend import run_suspend
from crossover.contract.durations import parse_duration

T = TypeVar("T")

MAX_DEPTH = 100
"""Templates within templates before Argo stops a recursion."""

_KINDS: dict[type, str] = {Steps: "Steps", Dag: "DAG", Suspend: "Suspend"}


class Executor:
    """Executes the templates of one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._workflow_variables = workflow_variables(run)

    async def execute(self, frame: Frame, arguments: Mapping[str, str]) -> NodeStatus:
        """Run the frame's template to its end. Never raises for what the template says or does."""
        if frame.depth >= MAX_DEPTH:
            return frame.fail(self._run, f"more than {MAX_DEPTH} templates within each other")
        try:
            template = self._with_inputs(frame, arguments)
            if template.retry_strategy is not None:
                return await self._with_retries(frame, template, template.retry_strategy)
            variables: Variables = {"pod.name": pod_name(self._run.name, frame.name, template.name)}
            return await self._attempt(frame, template, variables)
        except ValueError as error:  # a substitution, a duration or a number that cannot be had
            return frame.fail(self._run, str(error))

    def _with_inputs(self, frame: Frame, arguments: Mapping[str, str]) -> Template:
        """The template with what is known before it runs in place of its tags; others are left for later."""
        known: Variables = {**self._workflow_variables, "node.name": frame.name}
        if frame.role:
            known[f"{frame.role}.name"] = frame.display_name
        # First these, then the inputs, whose values and defaults may name them (workflow/common/util.go).
        plain = _substituted(replace(frame.template, tagged=()), known)
        variables = known | input_variables(plain, _substituted(dict(arguments), known))
        return _substituted(plain, variables)

    async def _with_retries(self, frame: Frame, template: Template, strategy: RetryStrategy) -> NodeStatus:
        run, parent = self._run, self._run.start(frame.node(self._run, "Retry"))
        first_started = time.time()
        number, deadline, last = 0, None, None
        while True:
            name = f"{frame.name}({number})"
            attempt = replace(
                frame, name=name, display_name=f"{frame.display_name}({number})", parent=parent.id
            )
            variables = _attempt_variables(run, name, template, number, last)
            last = await self._attempt(attempt, template, variables, deadline)
            parent.outputs = last.outputs
            if not last.phase.failed_or_error:
                return run.finish(parent, NodePhase.SUCCEEDED)
            message = self._over(last)
            if not message:
                decision = next_attempt(strategy, _facts(number, last, first_started))
                if isinstance(decision, GiveUp):
                    return run.finish(parent, last.phase, decision.message)
                message = "" if await run.stop.sleep_until(decision.at) else STOPPED
                number, deadline = number + 1, decision.deadline
            if message:
                return run.finish(parent, last.phase, message)

    def _over(self, last: NodeStatus) -> str:
        """Why nothing is tried again, whatever the strategy says."""
        if self._run.stopped:
            return STOPPED
        deadline = self._run.deadline
        return "retry exceeded workflow deadline" if deadline is not None and time.time() > deadline else ""

    async def _attempt(
        self, frame: Frame, template: Template, variables: Variables, deadline: float | None = None
    ) -> NodeStatus:
        run, body = self._run, template.body
        composite = isinstance(body, Steps | Dag)
        ready = map_texts(
            template, lambda text: substitute(text, variables, **({"strict": ()} if composite else {}))
        )
        node = run.start(frame.node(run, _KINDS.get(type(body), "Pod")))
        match ready.body:
            case Steps() as steps:
                await run_steps(Composite(run, frame, node, ready, "steps", self.execute), steps)
            case Dag() as dag:
                await run_dag(Composite(run, frame, node, ready, "tasks", self.execute), dag)
            case Suspend() as suspend:
                await run_suspend(run, node, ready, suspend, _deadline(run, node, ready, deadline))
            case _:
                await run_pod(run, node, ready, _deadline(run, node, ready, deadline))
        return node


def _substituted(value: T, variables: Variables) -> T:
    """With the tags that have a value replaced; others are left for later."""
    return map_texts(value, lambda text: substitute(text, variables, strict=()))


def _attempt_variables(
    run: Run, name: str, template: Template, number: int, last: NodeStatus | None
) -> Variables:
    """`lastRetry.*` have values on the first attempt, too (operator.go, executeTemplate)."""
    duration = 0 if last is None else int(last.finished_at or 0) - int(last.started_at)
    return {
        "retries": str(number),
        "pod.name": pod_name(run.name, name, template.name),
        "lastRetry.exitCode": "0" if last is None else last.outputs.exit_code or NO_EXIT_CODE,
        "lastRetry.status": "" if last is None else last.phase.value,
        "lastRetry.duration": str(duration),
        "lastRetry.message": "" if last is None else last.message,
    }


def _facts(number: int, last: NodeStatus, first_started: float) -> Attempt:
    return Attempt(
        number=number,
        phase=last.phase,
        message=last.message,
        exit_code=last.outputs.exit_code,
        started=last.started_at,
        finished=last.finished_at or time.time(),
        first_started=first_started,
    )


def _deadline(run: Run, node: NodeStatus, template: Template, retries: float | None) -> float | None:
    """The earliest of the workflow's, the template's and the retry strategy's ends. Raises ValueError."""
    limits = [text for text in (template.timeout, template.active_deadline_seconds) if text]
    ends = [node.started_at + parse_duration(text) for text in limits]
    ends += [end for end in (run.deadline, retries) if end is not None]
    return min(ends, default=None)
