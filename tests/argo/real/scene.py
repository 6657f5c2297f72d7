"""A real Argo's workflows on our shipped templates, with a real Temporal behind them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from temporalio.client import Client

from testbed.argo import RealArgo
from testbed.kubernetes.admin import WORKFLOW_TEMPLATES, WORKFLOWS, Admin
from testbed.servers import PATIENCE, Bridge
from tests.argo.real.agent_pod import AgentPod

TEMPLATES = Path(__file__).parents[3] / "argo_templates"
MODES = ("agent", "plugin", "callback")
OVER = ("Succeeded", "Failed", "Error")

Object = dict[str, Any]


def call(mode: str, app: str = "echo", **parameters: str) -> Object:
    """A task that calls the mode's shipped template."""
    given = {"app": app, **{name.replace("_", "-"): value for name, value in parameters.items()}}
    return {
        "templateRef": {"name": f"crossover-{mode}", "template": "run"},
        "arguments": {"parameters": [{"name": name, "value": value} for name, value in given.items()]},
    }


def dag(**tasks: Object) -> list[Object]:
    """The templates of a workflow whose entrypoint is a DAG."""
    return [{"name": "main", "dag": {"tasks": [{"name": name, **task} for name, task in tasks.items()]}}]


@dataclass
class Scene:
    """Everything that a cluster with Crossover has, but pods; `agent_pods` are run by hand, by workflow."""

    admin: Admin
    argo: RealArgo
    bridge: Bridge
    client: Client
    folder: Path
    agent_pods: dict[str, AgentPod] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return self.argo.namespace

    async def apply_templates(self) -> None:
        """As they are shipped, but for where the bridge is."""
        for file in sorted(TEMPLATES.glob("*/workflow-template.yaml")):
            text = file.read_text().replace("http://crossover-bridge.crossover:8787", self.bridge.url)
            await self.admin.create(WORKFLOW_TEMPLATES, yaml.safe_load(text), self.namespace)

    async def submit(self, mode: str, templates: list[Object], **spec: Any) -> str:
        """The name of the workflow, which has begun."""
        name = f"{mode}-{uuid.uuid4().hex[:6]}"
        meta = {"name": name, "namespace": self.namespace}
        body = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": meta,
            "spec": {"entrypoint": "main", "templates": templates, **spec},
        }
        made = await self.admin.create(WORKFLOWS, body, self.namespace)
        if mode == "plugin":
            await self.start_agent_pod(name, made["metadata"]["uid"])
        return name

    async def start_agent_pod(self, name: str, uid: str) -> None:
        pod = AgentPod(self.argo, name, uid, self.bridge.url, self.folder)
        await pod.start()
        self.agent_pods[name] = pod

    async def stop_agent_pod(self, name: str) -> None:
        if pod := self.agent_pods.pop(name, None):
            await pod.stop()

    async def workflow(self, name: str) -> Object:
        return await self.admin.get(WORKFLOWS, name, self.namespace)

    async def phase(self, name: str) -> str:
        return str((await self.workflow(name)).get("status", {}).get("phase", ""))

    async def over(self, name: str, *, within: float = PATIENCE) -> Object:
        """The workflow once it is over; in plugin mode its agent pod goes with it."""
        async with asyncio.timeout(within):
            while await self.phase(name) not in OVER:
                await asyncio.sleep(0.1)
        await self.stop_agent_pod(name)
        return await self.workflow(name)

    async def run_of(self, name: str, *, within: float = PATIENCE) -> Object:
        """The view of the workflow's one run, once there is one."""
        runs = await self.runs(name, within=within)
        assert len(runs) == 1, runs
        return runs[0]

    async def runs(self, name: str, *, at_least: int = 1, within: float = PATIENCE) -> list[Object]:
        """Views of Temporal's executions of the workflow's nodes: retries are executions of their own."""
        async with asyncio.timeout(within):
            while True:
                found = (await self.bridge.http.get("/v1/runs", params={"trace_id": name})).json()["runs"]
                if len(found) >= at_least:
                    return list(found)
                await asyncio.sleep(0.1)

    async def run_ends(self, run: str, *, within: int = 50) -> Object:
        reply = await self.bridge.http.get(f"/v1/runs/{run}", params={"wait": f"{within}s"})
        view: Object = reply.json()
        assert view["exit_code"] is not None, view
        return view


def nodes(workflow: Mapping[str, Any]) -> dict[str, Object]:
    """By display name. Attempts of a retried node have a number behind it."""
    return {node["displayName"]: node for node in workflow["status"]["nodes"].values()}


def outputs(node: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in node.get("outputs", {}).get("parameters", ())}
