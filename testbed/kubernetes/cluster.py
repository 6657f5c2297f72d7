"""A whole Kubernetes on this machine: one node, whose programs outlive the command that starts them."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import psutil

from testbed.kubernetes.admin import Admin
from testbed.kubernetes.build import BIN, HOME, build
from testbed.kubernetes.crds import apply_crds
from testbed.kubernetes.identity import User
from testbed.kubernetes.locks import alone
from testbed.kubernetes.machine import lacks
from testbed.kubernetes.node import pause
from testbed.kubernetes.node.cgroups import make_cgroups, remove_cgroups
from testbed.kubernetes.node.dns import allow
from testbed.kubernetes.node.namespaces import Node, remove_mount_points
from testbed.kubernetes.node.network import connect, disconnect, owner, refuse_a_second
from testbed.kubernetes.node.readiness import until_node_ready, until_serving
from testbed.kubernetes.programs import FULL
from testbed.kubernetes.readiness import NotReady, is_ready, log_end, until_ready
from testbed.kubernetes.services import NEEDED_FIRST, Services

FOLDER = HOME / "full"

ENDS_WITHIN = 25.0
"""Seconds from SIGTERM to SIGKILL: kube-apiserver lets open watches run for 15 s."""

TURN_WITHIN = 180.0
"""Seconds for which a command waits for others that start, restart or end the same cluster."""


class Unfit(Exception):
    """This machine or this folder cannot host a cluster, and why: a sentence for people."""


class Cluster:
    """The one below `folder`, whether it runs or not: everybody who names the folder has the same."""

    def __init__(self, folder: Path = FOLDER, programs: Path = BIN) -> None:
        self._folder = folder.absolute()
        self._programs = programs
        self._node = Node(self._folder, programs)
        self._services = Services(self._folder, programs)

    @property
    def kubeconfig(self) -> Path:
        """Of an admin."""
        return self._services.layout.kubeconfig

    def kubeconfig_of(self, user: User) -> Path:
        """Of one of the cluster's own programs."""
        return self._services.layout.kubeconfig_of(user)

    @property
    def url(self) -> str:
        """Of the API server, for this machine and for pods."""
        return self._services.layout.url

    @property
    def kubectl(self) -> Path:
        return self._programs / "kubectl"

    @property
    def helm(self) -> Path:
        return self._programs / "helm"

    @property
    def logs(self) -> Path:
        """A file for each program, and a folder with those of pods."""
        return self._services.layout.logs

    async def up(self) -> Path:
        """The kubeconfig, once pods can run. One that is up already is left as it is.

        Raises Unfit, Occupied, Unbuilt, NotReady, Failed.
        """
        if lacking := lacks():
            raise Unfit(lacking)
        self._refuse_foreign()
        async with self._turn():
            if not await self.ready():
                await asyncio.to_thread(refuse_a_second, self._folder)
                await asyncio.to_thread(self._end)
                await self._start()
        return self.kubeconfig

    async def down(self) -> list[str]:
        """Ends it with all that is in it, logs excepted: the names of the programs that ran.

        Raises Unfit, TimeoutError, Failed.
        """
        if self._node.init is None and not self._folder.exists():
            return []
        self._refuse_foreign()
        async with self._turn():
            return await asyncio.to_thread(self._end)

    async def ready(self) -> bool:
        """Whether all of its programs run, and the API server says that it is ready."""
        running = self.processes()
        return len(running) == len(self._services.commands()) and await is_ready(self._services.layout)

    def processes(self) -> dict[str, psutil.Process]:
        """Its programs that run, by name."""
        running = self._node.processes()
        commands = self._services.commands().items()
        return {name: running[command[0]] for name, command in commands if command[0] in running}

    async def load(self, *archives: Path) -> list[str]:
        """Gives the node the images in OCI archives: their names. Raises Failed."""
        return await asyncio.to_thread(self._services.containerd.load, archives)

    async def restart(self, program: str) -> None:
        """Ends one program politely, starts it again, and returns once it is ready. Raises NotReady."""
        async with self._turn():
            await asyncio.to_thread(self._stop, program)
            self._launch(program)
            await self._until_ready()

    @classmethod
    @asynccontextmanager
    async def borrowed(cls, folder: Path = FOLDER) -> AsyncGenerator[Cluster, None]:
        """The one that is up already, left up; or one of our own, ended afterwards."""
        cluster = cls(folder)
        found = not lacks() and await cluster.ready()
        try:
            await cluster.up()
            yield cluster
        finally:
            if not found:
                await cluster.down()

    async def _start(self) -> None:
        build(FULL)
        try:
            self._create()  # not in a thread, which would go on when we are cancelled
            await self._until_api_ready()
            async with Admin.connected(self.kubeconfig) as admin:
                await allow(admin)
                for program in self._services.commands():
                    if program not in NEEDED_FIRST:
                        self._launch(program)
                await apply_crds(admin)
            await self._until_ready()
        except BaseException:
            await asyncio.to_thread(self._end)
            raise

    def _create(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)  # logs of the one before
        self.logs.mkdir(parents=True)
        self._mark.touch()
        self._services.write()
        self._node.create(self._mark)
        connect(self._node, self._folder)
        make_cgroups()
        for program in NEEDED_FIRST:
            self._launch(program)
        archive = self._folder / "pause.oci.tar"
        pause.write_archive(self._programs / "pause", archive)
        self._services.containerd.until_ready()
        self._services.containerd.load([archive])

    def _launch(self, program: str) -> None:
        self._node.start(self._services.commands()[program], self._services.layout.log(program))

    def _stop(self, program: str) -> None:
        process = self.processes().get(program)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(ENDS_WITHIN)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(ENDS_WITHIN)

    async def _until_api_ready(self) -> None:
        await until_ready(self._services.layout, lambda: {*NEEDED_FIRST} <= {*self.processes()})

    async def _until_ready(self) -> None:
        await self._until_api_ready()
        await asyncio.to_thread(self._services.containerd.until_ready)
        await until_serving(self.logs)
        async with Admin.connected(self.kubeconfig) as admin:
            await until_node_ready(admin, self.logs)
        if ended := [name for name in self._services.commands() if name not in self.processes()]:
            said = log_end(self._services.layout.log(ended[0]))
            raise NotReady(f"{' and '.join(ended)} ended. {ended[0]} says: {said}")

    @property
    def _mark(self) -> Path:
        """The first file of a cluster: a folder that has it is ours to empty."""
        return self._services.layout.log("node")

    def _refuse_foreign(self) -> None:
        if self._folder.exists() and any(self._folder.iterdir()) and not self._mark.exists():
            raise Unfit(f"{self._folder} holds something that no cluster has put there. Name another folder.")

    def _end(self) -> list[str]:
        ended = [*self.processes()]
        self._node.end()
        disconnect(self._folder)
        if owner() is None:  # else they are of the other cluster
            remove_cgroups()
            remove_mount_points()
        for path in self._folder.glob("*"):
            if path == self.logs:
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return ended

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None, None]:
        """Nobody else starts or ends it meanwhile."""
        until = time.monotonic() + TURN_WITHIN
        with ExitStack() as held:
            while not self._locked(held):
                if time.monotonic() > until:
                    raise TimeoutError(f"Somebody else has been busy with {self._folder} for too long.")
                await asyncio.sleep(0.1)
            yield

    def _locked(self, held: ExitStack) -> bool:
        """Keeps the lock in `held` if nobody has it."""
        try:
            held.enter_context(alone(self._folder.with_name(f"{self._folder.name}.lock"), until=0))
        except TimeoutError:
            return False
        return True
