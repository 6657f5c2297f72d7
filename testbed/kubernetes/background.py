"""A control plane that outlives the command that starts it, for people."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from testbed.kubernetes.admin import Admin
from testbed.kubernetes.build import BIN, build
from testbed.kubernetes.crds import apply_crds
from testbed.kubernetes.layout import Layout, Ports
from testbed.kubernetes.programs import CONTROL_PLANE
from testbed.kubernetes.readiness import is_ready, until_ready
from testbed.ports import preferred_port

END_WITHIN = 10.0
"""Seconds from SIGTERM to SIGKILL. etcd takes less than one."""


class Background:
    """etcd and kube-apiserver below `folder`; `state.json` there names their ports and processes."""

    def __init__(self, folder: Path, programs: Path = BIN) -> None:
        self._folder = folder.absolute()
        self._programs = programs
        self._state = self._folder / "state.json"

    @property
    def kubeconfig(self) -> Path:
        """Of an admin."""
        return Layout(self._folder, Ports(0, 0, 0)).kubeconfig

    @property
    def url(self) -> str:
        """Of the API server; empty when it is not up."""
        layout = self._layout()
        return layout.url if layout else ""

    async def up(self) -> Path:
        """The kubeconfig, once it is ready and knows Argo's resources; leaves what is up already.

        Raises Unbuilt, NotReady.
        """
        if not await self.ready():
            build(CONTROL_PLANE, into=self._programs)
            await self.down()
            layout = Layout(self._folder, Ports(*map(preferred_port, (6443, 2379, 2380))))
            try:
                await self._start(layout)
            except BaseException:
                await self.down()
                raise
        return self.kubeconfig

    async def down(self) -> list[str]:
        """Ends exactly what `up` started: the names of what ran. Objects are kept for the next `up`."""
        ended = []
        for name, process in reversed(self.processes().items()):
            # kube-apiserver would serve open watches for another 15 s, and keeps nothing itself.
            process.kill() if name == "kube-apiserver" else process.terminate()
            await asyncio.to_thread(_wait, process)
            ended.append(name)
        self._state.unlink(missing_ok=True)
        return ended

    async def ready(self) -> bool:
        """Whether both run, and the API server says that it is ready."""
        layout = self._layout()
        return layout is not None and len(self.processes()) == 2 and await is_ready(layout)

    def processes(self) -> dict[str, psutil.Process]:
        """Those of `up` that run. A pid that has been given to somebody else since is not among them."""
        found = {name: _process(**known) for name, known in self._read().get("processes", {}).items()}
        return {name: process for name, process in found.items() if process}

    def _layout(self) -> Layout | None:
        ports = self._read().get("ports")
        return Layout(self._folder, Ports(**ports)) if ports else None

    async def _start(self, layout: Layout) -> None:
        layout.write()
        self._spawn(layout, layout.etcd(self._programs))
        self._spawn(layout, layout.kube_apiserver(self._programs))
        await until_ready(layout, lambda: len(self.processes()) == 2)
        async with Admin.connected(layout.kubeconfig) as admin:
            await apply_crds(admin)

    def _spawn(self, layout: Layout, command: list[str]) -> None:
        name = Path(command[0]).name
        with layout.log(name).open("ab") as output:
            started = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        state = self._read() or {"ports": asdict(layout.ports), "processes": {}}
        born = psutil.Process(started.pid).create_time()
        state["processes"][name] = {"pid": started.pid, "born": born}
        self._state.write_text(json.dumps(state))

    def _read(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._state.read_text()) if self._state.exists() else {}
        return state


def _process(pid: int, born: float) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.create_time() == born and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _wait(process: psutil.Process) -> None:
    try:
        process.wait(END_WITHIN)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(END_WITHIN)
