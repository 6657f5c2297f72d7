"""The zero-pod agent as a process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from testbed.servers import Service


class AgentService(Service):
    """One replica of `crossover agent serve`, without an election unless it is told so."""

    def __init__(self, temporal: str, kubeconfig: Path, log: Path, **settings: Any) -> None:
        given = {"temporal_address": temporal, "kubernetes": kubeconfig, "elect": False, **settings}
        super().__init__("agent", "CROSSOVER_AGENT_", log, None, given)
