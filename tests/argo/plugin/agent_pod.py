"""An agent pod as far as the plugin sees it: a token, requests in bytes, and the sidecar beside it."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from testbed.ports import free_port
from testbed.servers import PATIENCE, Program, until_open
from tests.argo.plugin.application import QUEUE

EXECUTE = "/api/v1/template.execute"
Reply = dict[str, Any]

SLOW = "waiting for the bridge: no answer in time"
"""What the plugin says where the machine has left the bridge no time: it waits for less than a second."""


def workflow(name: str = "wf", namespace: str = "argo") -> dict[str, str]:
    return {"name": name, "namespace": namespace, "uid": str(uuid.uuid4())}


def asked(
    metadata: dict[str, str], *, key: str = "crossover", template: dict[str, Any] | None = None, **task: Any
) -> bytes:
    """A request for a node of the workflow, compact as Go writes it."""
    content = {
        "workflow_type": "Extract",
        "task_queue": QUEUE,
        "node": f"{metadata['name']}.extract",
        "retries": "0",
        "input": '{"connection":"default/pg/1"}',
        **task,
    }
    body = {
        "workflow": {"metadata": metadata},
        "template": {"name": "run", "plugin": {key: content}, **(template or {})},
    }
    return json.dumps(body, separators=(",", ":")).encode()


class AgentPod:
    """Calls like Argo's agent: a POST with the pod's token."""

    def __init__(self, folder: Path, bridge: str, **env: str) -> None:
        self.token = secrets.token_hex(16)
        self.port = free_port()
        self.log = folder / f"sidecar-{self.port}.log"
        file = folder / f"token-{self.port}"
        file.write_text(self.token)
        self.env = {
            "CROSSOVER_URL": bridge,
            "CROSSOVER_PLUGIN_LISTEN_PORT": str(self.port),
            "CROSSOVER_PLUGIN_AGENT_TOKEN_FILE": str(file),
            **env,
        }
        self.sidecar = Program([sys.executable, "-m", "crossover.cli.plugin", "serve"], self.env, self.log)
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            timeout=PATIENCE,
            trust_env=False,
            limits=httpx.Limits(max_connections=100),
        )

    async def post(self, body: bytes, *, token: str | None = None, path: str = EXECUTE) -> httpx.Response:
        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {self.token if token is None else token}",
            "user-agent": "Go-http-client/1.1",
        }
        return await self.http.post(path, content=body, headers=headers)

    async def poll(self, body: bytes) -> Reply:
        """The reply. It may be silence, or SLOW."""
        reply = await self.post(body)
        assert reply.status_code == 200, reply.text
        answered: Reply = reply.json()
        return answered

    async def until(self, body: bytes, right: Callable[[Reply], bool]) -> Reply:
        """Polls until the reply is right."""
        async with asyncio.timeout(PATIENCE):
            while not right(reply := await self.poll(body)):
                await asyncio.sleep(0.1)
            return reply

    async def told(self, body: bytes) -> Reply:
        """The next reply that says something of the node."""
        return await self.until(body, tells)

    async def first(self, **changes: Any) -> Reply:
        """The first reply to a question that was never asked before: what it says, it says at once.

        One whose answer the machine has held up is not said again for a minute; another one is asked then.
        """
        async with asyncio.timeout(PATIENCE):
            while message(reply := await self.poll(asked(workflow(), **changes))) == SLOW:
                pass
            return reply


def phase(reply: Reply) -> str:
    return str(reply["node"].get("phase", ""))


def message(reply: Reply) -> str:
    return str(reply["node"].get("message", ""))


def tells(reply: Reply) -> bool:
    """Of the node, and not of the machine."""
    return reply["node"] != {} and message(reply) != SLOW


def over(reply: Reply) -> bool:
    return phase(reply) in ("Succeeded", "Failed", "Error")


@asynccontextmanager
async def agent_pod(folder: Path, bridge: str, **env: str) -> AsyncGenerator[AgentPod, None]:
    pod = AgentPod(folder, bridge, **env)
    try:
        async with pod.sidecar:
            await until_open(pod.port)
            yield pod
    finally:
        await pod.http.aclose()
