"""What Argo 4.1.2 does to the Workflows it keeps, as far as callbacks depend on it: set, stop, terminate.

Statuses and codes are Argo's (workflow/util/util.go, server/workflow/workflow_server.go): contract tests hold
them to the recordings, and to a real Argo where there is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from crossover.contract.argo import node_id

Object = dict[str, Any]

_OVER = frozenset({"Succeeded", "Failed", "Error"})
_TERM = re.compile(r"((?:[^\\,=]|\\.)+)==?((?:[^\\,=]|\\.)*)(?:,|$)")


class Refusal(Exception):
    """HTTP status, gRPC code and text of an answer that is no workflow."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message}


class Workflows(dict[tuple[str, str], Object]):
    """By namespace and name. There is no controller: nodes come and go as tests say."""

    def find(self, namespace: str, name: str) -> Object:
        """Raises Refusal."""
        if (namespace, name) not in self:
            raise Refusal(404, 5, f'workflows.argoproj.io "{name}" not found')
        return self[namespace, name]

    def add(self, namespace: str, name: str, uid: str, *, shutdown: str | None = None, **spec: Any) -> Object:
        """One that runs, and has no nodes."""
        workflow: Object = {
            "metadata": {"name": name, "namespace": namespace, "uid": uid},
            "spec": {**spec, **({"shutdown": shutdown} if shutdown else {})},
            "status": {"phase": "Running", "startedAt": "2026-11-21T02:12:39Z", "nodes": {}},
        }
        self[namespace, name] = workflow
        return workflow

    def set(self, namespace: str, name: str, body: Mapping[str, Any]) -> Object:
        """`PUT …/set`. Raises Refusal."""
        workflow = self.find(namespace, name)
        phase, selector = str(body.get("phase", "")), str(body.get("nodeFieldSelector", ""))
        if phase not in (*_OVER, ""):
            raise Refusal(400, 3, f"no node can be set to {phase}")
        outputs = _outputs(str(body.get("outputParameters", "")))
        if not selector:
            raise Refusal(500, 13, "set needs a nodeFieldSelector")
        return self._update(workflow, selector, phase, str(body.get("message", "")), outputs)

    def stop(self, namespace: str, name: str, body: Mapping[str, Any]) -> Object:
        """`PUT …/stop`, of the workflow or of one suspend node. Raises Refusal."""
        selector = str(body.get("nodeFieldSelector", ""))
        if selector:
            return self._update(
                self.find(namespace, name), selector, "Failed", str(body.get("message", "")), {}
            )
        return self._shut_down(namespace, name, "Stop")

    def terminate(self, namespace: str, name: str, body: Mapping[str, Any]) -> Object:
        """`PUT …/terminate`. Raises Refusal."""
        return self._shut_down(namespace, name, "Terminate")

    def _shut_down(self, namespace: str, name: str, strategy: str) -> Object:
        """With what a controller does about it a moment later."""
        workflow = self.find(namespace, name)
        if workflow["status"]["phase"] in _OVER:
            raise Refusal(500, 13, f"workflow {name} is over already")
        workflow["spec"]["shutdown"] = strategy
        for node in workflow["status"]["nodes"].values():
            if is_active(node):
                node.update(phase="Failed", message=f"Stopped with strategy '{strategy}'")
        workflow["status"]["phase"] = "Failed"
        return workflow

    def _update(
        self, workflow: Object, selector: str, phase: str, message: str, outputs: Mapping[str, str]
    ) -> Object:
        """All or nothing, as one write to the API server is."""
        changed = {}
        for id, node in workflow["status"]["nodes"].items():
            if is_active(node) and _matches(selector, node):
                changed[id] = _changed(node, phase, message, outputs)
        if not changed:
            words = "currently, set only targets suspend nodes: no suspend nodes matching nodeFieldSelector"
            raise Refusal(500, 13, f"{words}: {selector}")
        workflow["status"]["nodes"].update(changed)
        return workflow


def suspend_node(
    workflow: str,
    name: str,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str | None],
    phase: str = "Running",
) -> Object:
    """As Argo makes it. `outputs`: those that are to be supplied, each with its default."""

    def supplied(default: str | None) -> Object:
        return {"supplied": {}} if default is None else {"supplied": {}, "default": default}

    return {
        "id": node_id(workflow, name),
        "name": name,
        "displayName": name.rpartition(".")[2],
        "type": "Suspend",
        "templateName": "wait",
        "phase": phase,
        "startedAt": "2026-11-21T02:12:40Z",
        "inputs": {"parameters": [{"name": key, "value": value} for key, value in inputs.items()]},
        "outputs": {
            "parameters": [{"name": key, "valueFrom": supplied(value)} for key, value in outputs.items()]
        },
    }


def is_active(node: Mapping[str, Any]) -> bool:
    return bool(node.get("type") == "Suspend" and node.get("phase") == "Running")


def _matches(selector: str, node: Mapping[str, Any]) -> bool:
    fields = {key: str(node.get(key, "")) for key in ("id", "name", "displayName", "templateName", "phase")}
    for each in node.get("inputs", {}).get("parameters", ()):
        fields[f"inputs.parameters.{each['name']}.value"] = each.get("value", "")
    return all(
        fields.get(key, "") == re.sub(r"\\(.)", r"\1", value) for key, value in _TERM.findall(selector)
    )


def _changed(node: Object, phase: str, message: str, outputs: Mapping[str, str]) -> Object:
    changed: Object = json.loads(json.dumps(node))
    changed.update({"phase": phase} if phase else {}, **({"message": message} if message else {}))
    if outputs and not changed.get("outputs"):
        raise Refusal(500, 13, "the node has no outputs")
    for name, value in outputs.items():
        declared = [each for each in changed["outputs"]["parameters"] if each["name"] == name]
        if not declared:
            raise Refusal(500, 13, f"the node has no output {name}")
        if "supplied" not in declared[0].pop("valueFrom", {}):
            raise Refusal(500, 13, f"output {name} is not to be supplied, or not any more")
        declared[0]["value"] = value
    return changed


def _outputs(text: str) -> dict[str, str]:
    """Text that holds JSON; nothing but strings in it."""
    try:
        found = json.loads(text) if text else {}
    except ValueError as error:
        raise Refusal(400, 3, f"outputParameters is no JSON: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Refusal(400, 3, "outputParameters is no object of strings")
    return found
