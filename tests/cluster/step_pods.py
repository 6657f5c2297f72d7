"""Pods as Argo's controller makes them of a template, as far as the step can tell the difference.

Source: argo-workflows workflow/controller/workflowpod.go. Where Argo's executor waits beside the step and
takes its outputs, a container of ours does, of the same name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossover.contract.argo import node_id
from testbed.kubernetes.admin import Object

ACCOUNT = "crossover-step"
FINALIZER = "workflows.argoproj.io/status"
"""Argo's own: it keeps a pod that was deleted until the controller has seen how it ended."""

COUNTING = "counting"
"""ConfigMap with PROGRAMS."""

PROGRAMS = {
    "counting.py": Path(__file__).parent / "programs/counting.py",
    "testbed/numbered_lines.py": Path(__file__).parents[2] / "testbed/numbered_lines.py",
}
"""By where pods of ours have them, below /app."""

_OUTPUTS = "/tmp/outputs/result"
_COPY = f"trap 'cat {_OUTPUTS} > /dev/termination-log; exit 0' TERM; while :; do sleep 1 & wait $!; done"


@dataclass(frozen=True)
class NodeOfWorkflow:
    """A node's attempt. `full_name` is `{{node.name}}`, the same for all attempts."""

    namespace: str
    workflow: str
    uid: str
    display_name: str
    attempt: int

    @property
    def full_name(self) -> str:
        return f"{self.workflow}.{self.display_name}"

    @property
    def attempt_name(self) -> str:
        return f"{self.full_name}({self.attempt})"


def step_pod(template: Object, node: NodeOfWorkflow, trial: str, **parameters: str) -> Object:
    """Of the WorkflowTemplate `crossover-step`; `parameters` by their names with `_` for `-`."""
    (run,) = [each for each in template["spec"]["templates"] if each["name"] == "run"]
    known = _known(run, node, {name.replace("_", "-"): value for name, value in parameters.items()})
    container = {**_filled(run["container"], known), "name": "main"}
    taking = {
        "name": "wait",
        "image": trial,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", _COPY],
        "restartPolicy": "Always",  # it is ended once the step has ended
        "securityContext": container["securityContext"],
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    return _pod(node, [container], volumes=run["volumes"], initContainers=[taking])


def counting_pod(node: NodeOfWorkflow, trial: str) -> Object:
    """A step of the workflow's author, which writes numbered lines until it is ended."""
    return _pod(node, [counting_container("main", trial, "step")], volumes=[counting_volume()])


def counting_container(name: str, trial: str, what: str, **env: str) -> Object:
    return {
        "name": name,
        "image": trial,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", f"/app/{COUNTING}.py", what],
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "app", "mountPath": "/app", "readOnly": True}],
    }


def counting_volume() -> Object:
    items = [{"key": path.rpartition("/")[2], "path": path} for path in PROGRAMS]
    return {"name": "app", "configMap": {"name": COUNTING, "items": items}}


def pod_security() -> Object:
    return {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}


def _known(run: Object, node: NodeOfWorkflow, given: Mapping[str, str]) -> dict[str, str]:
    known = {
        "workflow.namespace": node.namespace,
        "workflow.name": node.workflow,
        "workflow.uid": node.uid,
        "node.name": node.full_name,
        "retries": str(node.attempt),
    }
    for parameter in run["inputs"]["parameters"]:
        name = parameter["name"]
        value = given[name] if name in given else parameter["default"]
        known[f"inputs.parameters.{name}"] = _filled(value, known)
    return known


def _filled(part: Any, known: Mapping[str, str]) -> Any:
    """With what stands for `{{…}}`."""

    def value(match: re.Match[str]) -> str:
        return json.dumps(known[match[1]])[1:-1]

    return json.loads(re.sub(r"\{\{([^}]+)\}\}", value, json.dumps(part)))


def _pod(node: NodeOfWorkflow, containers: list[Object], **spec: Any) -> Object:
    marks = {"workflows.argoproj.io/workflow": node.workflow, "workflows.argoproj.io/completed": "false"}
    notes = {
        "workflows.argoproj.io/node-id": node_id(node.workflow, node.attempt_name),
        "workflows.argoproj.io/node-name": node.attempt_name,
    }
    return {
        "metadata": {"labels": marks, "annotations": notes, "finalizers": [FINALIZER]},
        "spec": {
            "containers": containers,
            "restartPolicy": "Never",
            "serviceAccountName": ACCOUNT,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": pod_security(),
            **spec,
        },
    }
