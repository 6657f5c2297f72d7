"""Whether Argo has given up the node that an open run is tied to. Pure.

That a pod is lost is no reason: its node goes on, or is tried again, and finds its run.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bridge.argo.callbacks.tied import Tied
from bridge.steps.stopping import stop_reason
from bridge.steps.suspended import suspended
from crossover.contract.argo import FULFILLED, node_id, nodes_of


def orphaned(run: Tied, workflow: Mapping[str, Any] | None, now: datetime) -> str | None:
    """Why nothing waits for the run any more, or None. What cannot be seen counts as waiting."""
    over = stop_reason(workflow, run.node, now)
    if over is not None or workflow is None:
        return over
    return _node_over(run, workflow) if run.callback is None else _suspend_over(run, workflow)


def _node_over(run: Tied, workflow: Mapping[str, Any]) -> str | None:
    names = [run.node.node_name]
    if run.attempts_only:
        names.append(f"{run.node.node_name}({run.node.retries})")
    phases = [_phase(_named(workflow, name)) for name in names]
    return next((f"Argo has ended the node ({phase})" for phase in phases if phase in FULFILLED), None)


def _suspend_over(run: Tied, workflow: Mapping[str, Any]) -> str | None:
    """All that waited for it have been ended by others: it is still open, so it was not the run that did."""
    assert run.callback is not None
    phases = [_phase(each) for _, each in suspended(workflow, run.node, run.callback)]
    if not phases or not all(phase in FULFILLED for phase in phases) or _tries_again(run, workflow):
        return None
    return f"Argo has ended the suspended node ({phases[-1]})"


def _tries_again(run: Tied, workflow: Mapping[str, Any]) -> bool:
    """The next attempt would find the run."""
    node = _named(workflow, run.node.node_name)
    return node.get("type") == "Retry" and _phase(node) not in FULFILLED and not run.attempts_only


def _named(workflow: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Empty where there is none. Ids are 32 bits of hash: another node's must not count."""
    node = nodes_of(workflow).get(node_id(str(workflow["metadata"].get("name")), name))
    return node if isinstance(node, Mapping) and node.get("name") == name else {}


def _phase(node: Mapping[str, Any]) -> str:
    return str(node.get("phase"))
