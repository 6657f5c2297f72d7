"""The zero-pod agent as a process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from testbed.servers import Program, Service

_SERVE = """
from bridge.agent import serve
from bridge.agent_settings import AgentSettings
from crossover.telemetry import configure_logging
settings = AgentSettings()
configure_logging(settings.log_level, json=settings.log_json)
serve(settings)
"""


class AgentService(Service):
    """One replica, without an election unless it is told so."""

    def __init__(self, temporal: str, kubeconfig: Path, log: Path, **settings: Any) -> None:
        given = {"temporal_address": temporal, "kubernetes": kubeconfig, "elect": False, **settings}
        super().__init__("agent", "CROSSOVER_AGENT_", log, None, given)
        self.program = Program([sys.executable, "-c", _SERVE], self._env, log)
