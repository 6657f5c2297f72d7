"""An agent pod without a pod: Argo's agent, our sidecar beside it, and the token between them."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from testbed.argo import RealArgo
from testbed.ports import free_port
from testbed.servers import BIN, Program, until_open

TOKENS = Path("/var/run/argo")
"""Argo's agent looks for `<plugin>/token` here, and nowhere else."""


class AgentPod:
    """One of a workflow. Each has a token of its own, as Argo makes them."""

    def __init__(self, argo: RealArgo, workflow: str, uid: str, bridge: str, folder: Path) -> None:
        self._argo, self._workflow, self._uid = argo, workflow, uid
        self._plugin = f"crossover-{uuid.uuid4().hex[:8]}"
        self._token = TOKENS / self._plugin / "token"
        self._port = free_port()
        env = {
            "CROSSOVER_URL": bridge,
            "CROSSOVER_PLUGIN_LISTEN_PORT": str(self._port),
            "CROSSOVER_PLUGIN_AGENT_TOKEN_FILE": str(self._token),
        }
        log = folder / f"sidecar-{workflow}.log"
        self._sidecar = Program([str(BIN / "crossover"), "plugin", "serve"], env, log)
        self._agent: Program | None = None

    async def start(self) -> None:
        """Raises OSError where the token cannot be put where Argo's agent looks for it."""
        self._token.parent.mkdir(parents=True)
        self._token.write_text(uuid.uuid4().hex)
        await self._sidecar.start()
        await until_open(self._port)
        self._agent = await self._argo.agent(self._workflow, self._uid, self._plugin, self._port, self._token)
        await self._agent.start()

    async def stop(self) -> None:
        """As the kubelet does it: all containers get SIGTERM."""
        if self._agent is not None:
            await self._agent.stop()
        await self._sidecar.stop()
        shutil.rmtree(self._token.parent, ignore_errors=True)
