"""A real bridge on a real Temporal, as the scenarios need it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crossover.contract.run import ArgoNode
from testbed.ports import free_port
from testbed.servers import BIN
from tests.patience import PATIENCE

REGISTRY = """
apps:
  planned: {workflow_type: Planned, task_queue: planned}
tenants:
  default: {}
"""


class RealBridge:
    """`crossover bridge serve` on one port, through kills and starts. It decides every node `variant`."""

    def __init__(self, temporal: str, folder: Path, variant: str = "legacy") -> None:
        self._temporal = temporal
        self._registry = folder / "registry.yaml"
        self._registry.write_text(REGISTRY)
        self._flags = folder / "flags.json"
        self._flags.write_text(json.dumps({"schema": 1, "flags": {"enable_crossover": _rules(variant)}}))
        self._state = folder / "state"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        env = {
            "CROSSOVER_BRIDGE_LISTEN_PORT": str(self._port),
            "CROSSOVER_BRIDGE_TEMPORAL_ADDRESS": self._temporal,
            "CROSSOVER_BRIDGE_TEMPORAL_UI_URL": "http://temporal.test",
            "CROSSOVER_BRIDGE_REGISTRY_FILE": str(self._registry),
            "CROSSOVER_BRIDGE_FLAGS_FILE": str(self._flags),
            "CROSSOVER_BRIDGE_STATE_DIR": str(self._state),
            "CROSSOVER_BRIDGE_DECISION_PATIENCE": str(PATIENCE),
        }
        self._process = subprocess.Popen(
            [BIN / "crossover", "bridge", "serve"],
            env={**os.environ, **env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._until_ready()

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE)

    def starts(self, argo: ArgoNode) -> int:
        """From Temporal's own list, which is written a moment after the start."""
        query = f"WorkflowId STARTS_WITH 'crossover/default/{argo.namespace}/{argo.uid}/'"
        before, found = -1, self._listed(query)
        while before != found:
            time.sleep(0.5)
            before, found = found, self._listed(query)
        return found

    def _listed(self, query: str) -> int:
        command = [
            str(BIN / "temporal"),
            "workflow",
            "list",
            "--address",
            self._temporal,
            "-q",
            query,
            "-o",
            "json",
        ]
        listed = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE)
        return len(json.loads(listed.stdout))

    def _until_ready(self) -> None:
        """It listens, and has read its flags."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/v1/flag-store", timeout=5) as reply:
                if json.load(reply)["state"] == "fresh":
                    return
            time.sleep(0.05)
        raise AssertionError("the bridge did not come up")


def _rules(variant: str) -> dict[str, object]:
    return {} if variant == "legacy" else {"allow": [{"tenants": ["default"], "variant": variant}]}


@contextmanager
def planned_worker(temporal: str) -> Iterator[None]:
    """The worker process of the app `planned`."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.step.planned_worker"],
        env={**os.environ, "TEMPORAL_ADDRESS": temporal},
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        worker.kill()
        worker.wait(PATIENCE)
