"""Flows of the three modes that ask an Argo Server, if any."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi.responses import JSONResponse
from temporalio.client import Client

from crossover.contract.argo import node_id
from tests.argo.modes.flow import LONG_AGO, Flow
from tests.fake_argo import FakeArgo


class FakeArgoFlow(Flow):
    def __init__(self, client: Client, argo: FakeArgo) -> None:
        super().__init__(client, "default", "argo", f"wf-{uuid.uuid4().hex[:8]}", str(uuid.uuid4()))
        self.argo = argo
        argo.keep(self.known)

    @property
    def known(self) -> dict[str, str]:
        """As `POST /v1/runs` names a workflow."""
        return {"namespace": self.namespace, "workflow": self.name, "uid": self.uid}

    @property
    def workflow(self) -> dict[str, Any]:
        found: dict[str, Any] = self.argo.workflows.find(self.namespace, self.name)
        return found

    async def end(self, how: str) -> None:
        if how == "delete":
            self.argo.delete(self.known)
        elif how == "deadline":
            self.workflow["spec"]["activeDeadlineSeconds"] = 60
            self.workflow["status"]["startedAt"] = LONG_AGO
        else:
            self.workflow["spec"]["shutdown"] = how.title()

    async def show(self, step: str, phase: str, **more: Any) -> None:
        name = self.node_name(step)
        node = {"id": node_id(self.name, name), "name": name, "type": "Plugin", "phase": phase, **more}
        self.workflow["status"]["nodes"][node["id"]] = node

    async def leave(self) -> None:
        self.argo.answer = JSONResponse({"code": 14, "message": "unavailable"}, status_code=503)

    async def come_back(self) -> None:
        self.argo.answer = None

    async def close(self) -> None:
        await self.come_back()
        await super().close()
