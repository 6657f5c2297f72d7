"""A real Argo, of binaries that somebody else built: its controller and server, against any Kubernetes API.

There is no package of them that could be pinned and installed, so `ARGO_BIN` names a folder that holds
workflow-controller, argo and argoexec. Both programs listen on all addresses and take no other wish: this is
for a machine that others cannot reach.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from testbed.kubernetes.admin import CONFIG_MAPS, Admin
from testbed.ports import free_port
from testbed.servers import Program, until_open

VARIABLE = "ARGO_BIN"
PROGRAMS = ("workflow-controller", "argo", "argoexec")
READY = "Starting CronWorkflow controller"
"""What the controller writes last before it works."""

CONFIG = {"disableAgentPodCreation": "true", "metricsConfig": "enabled: false\n"}


class NoArgo(Exception):
    """Why there is none."""


def argo_bin(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the binaries. Raises NoArgo."""
    given = environ.get(VARIABLE)
    if not given:
        raise NoArgo(f"no real Argo: {VARIABLE} names no folder with {', '.join(PROGRAMS)}")
    missing = [name for name in PROGRAMS if not os.access(Path(given) / name, os.X_OK)]
    if missing:
        raise NoArgo(f"no real Argo: {VARIABLE} has no {', '.join(missing)}")
    return Path(given)


class RealArgo:
    """Args:
    namespace: the one whose workflows are executed.
    requeue: seconds until the controller looks again after a change; Argo's own default is 10.
    executor_image: of argoexec, where there are nodes that pods can run on.
    plugins: whether executor plugins are looked for.
    """

    def __init__(
        self,
        programs: Path,
        kubeconfig: Path,
        namespace: str,
        folder: Path,
        *,
        requeue: float = 0.2,
        executor_image: str = "none",
        plugins: bool = False,
    ) -> None:
        self.namespace = namespace
        self.port = free_port()
        self._executor = ["--executor-image", executor_image, *(["--executor-plugins"] if plugins else [])]
        self._folder = folder
        self._programs = programs
        self._env = {
            "KUBECONFIG": str(kubeconfig),
            "LEADER_ELECTION_DISABLE": "true",
            "DEFAULT_REQUEUE_TIME": f"{round(requeue * 1000)}ms",
        }
        self._controller = self._new_controller()
        self._server = self._new_server()
        self.http = httpx.AsyncClient(base_url=self.url, timeout=20, trust_env=False)

    @property
    def url(self) -> str:
        """Of the Argo Server; it asks for no token."""
        return f"http://127.0.0.1:{self.port}"

    async def restart_controller(self) -> None:
        """As if its pod was lost."""
        await self._controller.stop(signal.SIGKILL)
        self._controller = self._new_controller()
        await self._start_controller()

    async def call(self, verb: str, workflow: str, **body: Any) -> dict[str, Any]:
        """`PUT …/{verb}`, as the `argo` command does it: stop, terminate, retry, resubmit, set."""
        path = f"/api/v1/workflows/{self.namespace}/{workflow}/{verb}"
        reply = await self.http.put(path, json={"name": workflow, "namespace": self.namespace, **body})
        reply.raise_for_status()
        answered: dict[str, Any] = reply.json()
        return answered

    async def agent(self, workflow: str, uid: str, plugin: str, port: int, token: Path) -> Program:
        """The main container of the agent pod that there is none of: it calls the executor plugin.

        `token` is where it looks for the plugin's token: `<folder>/<plugin>/token`, and the folder is fixed.
        """
        assert token.name == "token"
        env = {
            **self._env,
            "ARGO_WORKFLOW_NAME": workflow,
            "ARGO_WORKFLOW_UID": uid,
            "ARGO_PLUGIN_ADDRESSES": f'["http://127.0.0.1:{port}"]',
            "ARGO_PLUGIN_NAMES": f'["{plugin}"]',
            "ARGO_AGENT_PATCH_RATE": "200ms",
        }
        args = [str(self._programs / "argoexec"), "agent", "main", "--namespace", self.namespace]
        return Program(args, env, self._folder / f"agent-{workflow}.log")

    @classmethod
    @asynccontextmanager
    async def started(
        cls,
        programs: Path,
        kubeconfig: Path,
        namespace: str,
        folder: Path,
        *,
        executor_image: str = "none",
        plugins: bool = False,
        config: Mapping[str, str] = CONFIG,
    ) -> AsyncGenerator[RealArgo, None]:
        """Both programs are ready when it is given."""
        async with Admin.connected(kubeconfig) as admin:
            body = {"metadata": {"name": "workflow-controller-configmap"}, "data": dict(config)}
            await admin.create(CONFIG_MAPS, body, namespace)
        argo = cls(programs, kubeconfig, namespace, folder, executor_image=executor_image, plugins=plugins)
        try:
            await argo._start_controller()
            await argo._server.start()
            await argo._until_answers()
            yield argo
        finally:
            await argo.http.aclose()
            await argo._server.stop(signal.SIGKILL)
            await argo._controller.stop(signal.SIGKILL)

    async def _until_answers(self) -> None:
        """The server's port is open before it has read what it serves."""
        async with asyncio.timeout(60):
            await until_open(self.port)
            while True:
                if (await self.http.get(f"/api/v1/workflows/{self.namespace}")).is_success:
                    return
                await asyncio.sleep(0.1)

    async def _start_controller(self) -> None:
        log = self._folder / "controller.log"
        log.write_bytes(b"")
        await self._controller.start()
        async with asyncio.timeout(60):
            while READY not in log.read_text(errors="replace"):
                if not self._controller.running:
                    raise NoArgo(f"Argo's controller did not start: {log.read_text()[-500:]}")
                await asyncio.sleep(0.1)

    def _new_controller(self) -> Program:
        flags = ["--namespaced", "--namespace", self.namespace, *self._executor]
        flags += ["--qps", "1000", "--burst", "2000"]
        return Program(
            [str(self._programs / "workflow-controller"), *flags], self._env, self._folder / "controller.log"
        )

    def _new_server(self) -> Program:
        flags = ["server", "--auth-mode=server", "--secure=false", "--namespaced", "-n", self.namespace]
        flags += ["-p", str(self.port), "--kube-api-qps", "1000", "--kube-api-burst", "2000"]
        return Program([str(self._programs / "argo"), *flags], self._env, self._folder / "server.log")
