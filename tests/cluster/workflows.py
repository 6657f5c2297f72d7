"""What Argo's controller does with a workflow whose steps are pods, on a real cluster: it is played here."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from argo_flow.local.nodes import pod_name
from crossover.contract.argo import node_id
from testbed.kubernetes.admin import PODS, WORKFLOWS, Admin, Object, Refused
from tests.cluster.site import WITHIN, patiently, until
from tests.cluster.step_pods import NodeOfWorkflow

TRIED_AGAIN = (-1, 64, 65, 75, 137)
"""Exit codes after which the step's template wants another pod."""

TEMPLATE = "run"
_ATTEMPTS = 6


@dataclass(frozen=True)
class Ended:
    """How a node's last pod ended, and the last words of all containers of all its pods."""

    code: int
    pods: list[str]
    said: dict[str, str]


class PlayedWorkflow:
    """A Workflow object, its nodes, and their pods, of one namespace."""

    def __init__(self, admin: Admin, namespace: str) -> None:
        self._admin = admin
        self.namespace = namespace
        self.name = f"wf-{uuid.uuid4().hex[:8]}"
        self.uid = ""
        self._tasks: list[asyncio.Task[Ended]] = []
        self._pods: dict[str, str] = {}
        self._unwanted: set[str] = set()

    async def create(self) -> PlayedWorkflow:
        body = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": self.name, "labels": {"workflows.argoproj.io/completed": "false"}},
            "spec": {"entrypoint": "main", "templates": [{"name": "main", "dag": {"tasks": []}}]},
        }
        made = await patiently(self._admin.create, WORKFLOWS, body, self.namespace)
        self.uid = made["metadata"]["uid"]
        await self._patch({"status": {"phase": "Running", "startedAt": _now(), "nodes": {}}})
        return self

    def begin(self, node: str, made: Callable[[NodeOfWorkflow], Object]) -> asyncio.Task[Ended]:
        """Pods of the node, one after another, until one has ended for good."""
        task = asyncio.create_task(self._attempts(node, made))
        self._tasks.append(task)
        return task

    async def running(self, node: str, attempt: int = 0) -> Object:
        """The attempt's pod, once its main container runs."""

        async def runs() -> Object | None:
            found = await self._pod(self._pod_name(node, attempt))
            return found if found and _state(found, "main").get("running") else None

        pod: Object = await until(runs)
        return pod

    async def newest(self, node: str) -> str:
        """The name of the node's last pod, once there is one."""

        async def found() -> str:
            return self._pods.get(node, "")

        return str(await until(found))

    async def end(self, node: str) -> None:
        """The node is not wanted any more. Its pod stays, as Argo's pods do: so its log can still be read."""
        self._unwanted.add(node)
        deadline = {"spec": {"activeDeadlineSeconds": 1}}
        await patiently(self._admin.patch, PODS, await self.newest(node), deadline, self.namespace)

    async def complete(self, phase: str = "Succeeded") -> None:
        labels = {"workflows.argoproj.io/completed": "true", "workflows.argoproj.io/phase": phase}
        status = {"phase": phase, "finishedAt": _now()}
        await self._patch({"metadata": {"labels": labels}, "status": status})

    async def close(self) -> None:
        """Ends what still waits, and takes everything away."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        selector = {"labelSelector": f"workflows.argoproj.io/workflow={self.name}"}
        for pod in await patiently(self._admin.list, PODS, self.namespace, selector):
            await self._release(pod["metadata"]["name"])
            await self._gone(PODS, pod["metadata"]["name"])
        await self._gone(WORKFLOWS, self.name)

    async def _attempts(self, node: str, made: Callable[[NodeOfWorkflow], Object]) -> Ended:
        said: dict[str, str] = {}
        names: list[str] = []
        for attempt in range(_ATTEMPTS):
            one = NodeOfWorkflow(self.namespace, self.name, self.uid, node, attempt)
            name = self._pod_name(node, attempt)
            names.append(name)
            await self._create_pod(name, made(one))
            self._pods[node] = name
            await self._show(one, "Running", startedAt=_now())
            pod = await until(lambda name=name: self._ended(name), within=WITHIN * 2)
            await self._release(name)
            code = _state(pod, "main")["terminated"]["exitCode"]
            said |= _last_words(pod)
            await self._show(one, "Succeeded" if code == 0 else "Failed", finishedAt=_now())
            if code not in TRIED_AGAIN or node in self._unwanted:
                return Ended(code, names, said)
        raise AssertionError(f"{node} of {self.name} was tried {_ATTEMPTS} times: {said}")

    async def _create_pod(self, name: str, pod: Object) -> None:
        pod = {**pod, "metadata": {**pod["metadata"], "name": name}}
        try:
            await patiently(self._admin.create, PODS, pod, self.namespace)
        except Refused as refused:
            if refused.reason != "AlreadyExists":  # the answer to the first try was lost
                raise

    async def _ended(self, name: str) -> Object | None:
        pod = await self._pod(name)
        assert pod is not None, f"{name} is gone, and nobody has seen how it ended"
        over = pod["status"].get("phase") in ("Succeeded", "Failed")
        return pod if over and _state(pod, "main").get("terminated") else None

    async def _pod(self, name: str) -> Object | None:
        try:
            found: Object = await patiently(self._admin.get, PODS, name, self.namespace)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        return found

    async def _release(self, name: str) -> None:
        body = {"metadata": {"finalizers": None, "labels": {"workflows.argoproj.io/completed": "true"}}}
        await patiently(self._admin.patch, PODS, name, body, self.namespace)

    async def _gone(self, resource: Any, name: str) -> None:
        try:
            await patiently(self._admin.delete, resource, name, self.namespace)
        except Refused as refused:
            if refused.status != 404:
                raise

    async def _show(self, node: NodeOfWorkflow, phase: str, **more: str) -> None:
        id_ = node_id(self.name, node.attempt_name)
        shown = {
            "id": id_,
            "name": node.attempt_name,
            "displayName": f"{node.display_name}({node.attempt})",
            "type": "Pod",
            "templateName": TEMPLATE,
            "phase": phase,
            **more,
        }
        await self._patch({"status": {"nodes": {id_: shown}}})

    async def _patch(self, body: Object) -> None:
        await patiently(self._admin.patch, WORKFLOWS, self.name, body, self.namespace)

    def _pod_name(self, node: str, attempt: int) -> str:
        return pod_name(self.name, f"{self.name}.{node}({attempt})", TEMPLATE)


def _statuses(pod: Object) -> list[Object]:
    status = pod.get("status", {})
    return [*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())]


def _state(pod: Object, container: str) -> Object:
    return next((each["state"] for each in _statuses(pod) if each["name"] == container), {})


def _last_words(pod: Object) -> dict[str, str]:
    """By pod and container."""
    name = pod["metadata"]["name"]
    ended = {each["name"]: each["state"].get("terminated") or {} for each in _statuses(pod)}
    return {f"{name}/{container}": state.get("message", "") for container, state in ended.items()}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
