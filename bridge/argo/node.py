"""From a run view to what Argo keeps of a node: phase, message, outputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from crossover.contract.run import ExitCode, Phase
from crossover.errors import CrossoverError, cut, row_of
from crossover.strict_json import dump_json

MESSAGE_LIMIT = 1000
"""Characters: what people read in a list of nodes."""

OUTPUTS_LIMIT = 256 * 1024
"""Bytes of all outputs of a node. A workflow's nodes share one object of at most 1.5 MB in etcd."""

RESULT, VIEW = "result", "view"
"""Output parameters that every run has, where a template declares them."""

Node = dict[str, Any]
"""A NodeResult. Source: argo-workflows, pkg/apis/workflow/v1alpha1/task_set_types.go."""


def node_of(view: Mapping[str, Any], declared: Collection[str]) -> Node:
    """The node as the run view makes it. `declared`: output parameters that the template promises."""
    phase = Phase(view["phase"])
    if not phase.closed:
        return pending(_progress(view))
    message = cut(str(view["message"] or ""), MESSAGE_LIMIT)
    if phase is not Phase.SUCCEEDED:
        return {"phase": phase.value, "message": message, "outputs": _outputs_of_failed(view, declared)}
    parameters = _parameters(view, declared)
    if missing := sorted(set(declared) - parameters.keys()):
        return _useless(f"the run succeeded, but has no output {', '.join(missing)}: correct `outputs`")
    outputs = {
        "parameters": [{"name": name, "value": parameters[name]} for name in sorted(parameters)],
        "result": _result(view),
        "exitCode": "0",
    }
    size = len(dump_json(outputs))
    if size > OUTPUTS_LIMIT:
        return _useless(
            f"the run succeeded, but its outputs are {size} bytes and a node holds {OUTPUTS_LIMIT}: "
            "have the run store its result, and return where"
        )
    return {"phase": phase.value, "message": message, "outputs": outputs}


def pending(message: str) -> Node:
    """Pending, never Running: Argo looks at the timeouts of pending nodes only.

    Source: argo-workflows, workflow/controller/operator.go (`checkTemplateTimeouts`).
    """
    return {"phase": Phase.PENDING.value, "message": cut(message, MESSAGE_LIMIT)}


def failed(message: str) -> Node:
    """An Error: not the run failed, but what surrounds it."""
    return {"phase": Phase.ERROR.value, "message": cut(message, MESSAGE_LIMIT)}


def refused(error: CrossoverError) -> Node:
    """The run could not be started, and asking again would be of no use."""
    return _coded(failed(f"not started: {error.detail}"), row_of(error).exit_code)


def _useless(message: str) -> Node:
    """An Error that another try would only repeat."""
    return _coded(failed(message), ExitCode.USAGE)


def _coded(node: Node, code: ExitCode) -> Node:
    return {**node, "outputs": {"exitCode": str(int(code))}}


def _progress(view: Mapping[str, Any]) -> str:
    words = view["progress"] or view["message"] or view["phase"]
    problem = next((each["message"] for each in view["problems"]), None)
    links = view["links"]
    link = links["logs"] or links["temporal"]
    return " · ".join(str(part) for part in (problem or words, link) if part)


def _parameters(view: Mapping[str, Any], declared: Collection[str]) -> dict[str, str]:
    outputs = view["outputs"] or {}
    found = dict(outputs.get("parameters") or {})
    if RESULT in declared:
        found[RESULT] = _result(view)
    if VIEW in declared:
        found[VIEW] = dump_json(view).decode()
    return found if not declared else {name: found[name] for name in found if name in declared}


def _outputs_of_failed(view: Mapping[str, Any], declared: Collection[str]) -> dict[str, Any]:
    """Argo gives the exit code to `retryStrategy.expression`, as it does for pods: that tells a timeout (124)
    from a failure (1) in every mode."""
    outputs: dict[str, Any] = {"exitCode": str(view["exit_code"])}
    if VIEW in declared:
        outputs["parameters"] = [{"name": VIEW, "value": dump_json(view).decode()}]
    return outputs


def _result(view: Mapping[str, Any]) -> str:
    return dump_json((view["outputs"] or {}).get("result")).decode()
