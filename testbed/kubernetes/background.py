"""A control plane that outlives the command that starts it, for people."""

from __future__ import annotations

import contextlib
import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from testbed.kubernetes.admin import Admin
from testbed.kubernetes.build import BIN
from testbed.kubernetes.crds import apply_crds
from testbed.kubernetes.layout import Layout, Ports
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

    async def up(self) -> Layout:
        """Returns once it is ready and knows Argo's resources; leaves what is up already. Raises NotReady."""
        if len(self.processes()) == 2 and (known := self.layout()) and await is_ready(known):
            return known
        self.down()
        layout = Layout(self._folder, Ports(preferred_port(6443), preferred_port(2379), preferred_port(2380)))
        try:
            await self._start(layout)
        except BaseException:
            self.down()
            raise
        return layout

    def down(self) -> list[str]:
        """Ends exactly what `up` started: the names of what ran. Objects are kept for the next `up`."""
        ended = []
        for name, process in reversed(self.processes().items()):
            # kube-apiserver would serve open watches for another 15 s, and keeps nothing itself.
            process.kill() if name == "kube-apiserver" else process.terminate()
            _wait(process)
            ended.append(name)
        self._state.unlink(missing_ok=True)
        return ended

    def processes(self) -> dict[str, psutil.Process]:
        """Those of `up` that run. A pid that has been given to somebody else since is not among them."""
        found = {name: _process(**known) for name, known in self._read().get("processes", {}).items()}
        return {name: process for name, process in found.items() if process}

    def layout(self) -> Layout | None:
        """None when it is not up."""
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
