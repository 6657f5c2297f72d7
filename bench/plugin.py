"""The executor plugin: questions of Argo's agent per second of the sidecar's own processor time."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import psutil

from bench.figures import Figure, figure
from bench.raw_http import RawHttp
from bench.rig import QUEUE, Rig, rigged
from testbed.ports import free_port
from testbed.servers import Program, until_open

EXECUTE = "/api/v1/template.execute"
TOKEN = "bench-agent-token"
NODES = 200
AT_ONCE = 16
"""Workers of an agent, each with a connection of its own."""
ROUNDS = 5
POLLS = 3200
"""Per round and side; the sides take turns, so that a noisy minute hits both."""


class Side:
    """A plugin's process, the bridge behind it, and 16 connections to the first."""

    def __init__(self, rig: Rig, program: Program, port: int) -> None:
        assert program.process is not None
        self._processes = (psutil.Process(program.process.pid), rig.bridge_process)
        self._connections = [RawHttp(port, TOKEN) for _ in range(AT_ONCE)]
        self._bodies = _bodies()
        self.best = [0.0, 0.0]

    async def round(self, polls: int) -> None:
        """Keeps the best of all rounds: polls per core-second of the plugin, and of the bridge."""
        before = [_seconds(each) for each in self._processes]
        await asyncio.gather(*(self._some(n, polls // AT_ONCE) for n in range(AT_ONCE)))
        spent = [_seconds(each) - earlier for each, earlier in zip(self._processes, before, strict=True)]
        self.best = [max(best, polls / each) for best, each in zip(self.best, spent, strict=True)]

    async def _some(self, number: int, polls: int) -> None:
        for n in range(polls):
            body = self._bodies[(number + n * AT_ONCE) % NODES]
            status, reply = await self._connections[number].post(EXECUTE, body)
            assert status == 200, reply
            assert reply["requeue"], reply

    async def close(self) -> None:
        for each in self._connections:
            await each.close()


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as home:
        async with rigged(refresh_interval=30) as rig:
            own_port, peer_port = free_port(), free_port()
            async with (
                _sidecar(rig, Path(home), own_port) as own_program,
                _naive(rig, peer_port) as peer_program,
            ):
                await until_open(own_port)
                await until_open(peer_port)
                own, peer = Side(rig, own_program, own_port), Side(rig, peer_program, peer_port)
                for side in (own, peer):
                    await side.round(2 * NODES)  # starts the runs
                    side.best = [0.0, 0.0]
                for _ in range(ROUNDS):
                    await own.round(POLLS)
                    await peer.round(POLLS // 4)
                await own.close()
                await peer.close()
    name = "a plugin on http.server that starts at each question"
    return [
        figure("plugin_polls_per_s", own.best[0], "1/s", ">= 1000", peer=name, peer_value=peer.best[0]),
        figure("plugin_bridge_polls_per_s", own.best[1], "1/s", "", peer=name, peer_value=peer.best[1]),
    ]


def _sidecar(rig: Rig, home: Path, port: int) -> Program:
    token = home / "token"
    token.write_text(TOKEN)
    env = {
        "CROSSOVER_URL": rig.bridge.url,
        "CROSSOVER_PLUGIN_LISTEN_PORT": str(port),
        "CROSSOVER_PLUGIN_AGENT_TOKEN_FILE": str(token),
    }
    return Program([sys.executable, "-m", "crossover.cli.plugin", "serve"], env)


def _naive(rig: Rig, port: int) -> Program:
    env = {"BRIDGE": rig.bridge.url, "PORT": str(port)}
    return Program([sys.executable, "-m", "bench.naive_plugin"], env)


def _bodies() -> list[dict[str, Any]]:
    """Requests for nodes of one workflow, each of whose runs waits."""
    metadata = {"name": "bench", "namespace": "argo", "uid": str(uuid.uuid4())}
    task = {"workflow_type": "Hold", "task_queue": QUEUE, "retries": "0", "input": '{"n":1}'}
    return [
        {
            "workflow": {"metadata": metadata},
            "template": {
                "name": "run",
                "inputs": {"parameters": [{"name": "input", "value": '{"n":1}'}]},
                "outputs": {"parameters": [{"name": "n", "valueFrom": {"supplied": {}}}]},
                "plugin": {"crossover": {**task, "node": f"bench.n{number}"}},
                "timeout": "1h",
            },
        }
        for number in range(NODES)
    ]


def _seconds(process: psutil.Process) -> float:
    used = process.cpu_times()
    return used.user + used.system
