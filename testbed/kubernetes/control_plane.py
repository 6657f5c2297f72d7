"""A control plane for tests and benchmarks: etcd and kube-apiserver, which can be hurt on purpose."""

from __future__ import annotations

import shutil
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from testbed.kubernetes.build import BIN
from testbed.kubernetes.layout import Layout, Ports
from testbed.kubernetes.readiness import READY_WITHIN, until_free, until_ready
from testbed.servers import Program


class ControlPlane:
    """etcd and kube-apiserver on free ports, with their data below a folder.

    There is no controller manager: namespaces keep their objects when they are deleted, owners do not take
    what they own with them, and no namespace has a `default` service account.

    Args:
        folder: for data (about 130 MB), logs, keys and the kubeconfig.
        flags: more of kube-apiserver's, such as `--max-requests-inflight=1`; they win. The admin is exempt
            from such limits, as all of system:masters are.
        programs: the folder that `build` gave.
    """

    def __init__(self, folder: Path, flags: Sequence[str] = (), programs: Path = BIN) -> None:
        self.layout = Layout(folder.absolute(), Ports())
        self.flags = tuple(flags)
        self._programs = programs
        self._etcd = Program(_tethered(self.layout.etcd(programs)), log=self.layout.log("etcd"))
        self._api = self._new_api()

    @property
    def url(self) -> str:
        return self.layout.url

    @property
    def ca_file(self) -> Path:
        return self.layout.ca_file

    @property
    def token(self) -> str:
        """The admin's."""
        return self.layout.token

    @property
    def kubeconfig(self) -> Path:
        """The admin's."""
        return self.layout.kubeconfig

    @property
    def pids(self) -> list[int]:
        """etcd's and kube-apiserver's, of those that run."""
        programs = (self._etcd, self._api)
        return [each.process.pid for each in programs if each.running and each.process]

    async def start(self) -> None:
        """Raises NotReady."""
        self.layout.write()
        await self._etcd.start()
        await self.start_api()

    async def stop(self) -> None:
        """At once: nobody wants what is in it."""
        await self.kill_api()
        await self._etcd.stop(signal.SIGKILL)

    async def start_api(self, flags: Sequence[str] | None = None) -> None:
        """Starts kube-apiserver again, with the same port, data and (unless given) flags. Raises NotReady."""
        self.flags = self.flags if flags is None else tuple(flags)
        await until_free(self.layout.ports.api)
        self._api = self._new_api()
        await self._api.start()
        await until_ready(self.layout, self._alive, within=READY_WITHIN)

    async def stop_api(self, *, within: float = 15.0) -> None:
        """Politely, as a rolling update does: it hears no one new, and waits for open requests and watches.

        After `within` seconds it is killed: an open watch would hold it for longer than a test lasts.
        """
        await self._api.stop(signal.SIGTERM, within=within)

    async def kill_api(self) -> None:
        """Connections break at once."""
        await self._api.stop(signal.SIGKILL)

    def pause(self) -> None:
        """kube-apiserver does nothing any more, while connections stay open: what a partition looks like."""
        self._signal_api(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_api(signal.SIGCONT)

    @classmethod
    @asynccontextmanager
    async def started(
        cls, folder: Path, flags: Sequence[str] = (), programs: Path = BIN
    ) -> AsyncGenerator[ControlPlane, None]:
        """Ready when it is given. Raises NotReady."""
        plane = cls(folder, flags, programs)
        try:
            await plane.start()
            yield plane
        finally:
            await plane.stop()

    def _new_api(self) -> Program:
        command = self.layout.kube_apiserver(self._programs, self.flags)
        return Program(_tethered(command), log=self.layout.log("kube-apiserver"))

    def _signal_api(self, sig: signal.Signals) -> None:
        if self._api.running and self._api.process:
            self._api.process.send_signal(sig)

    def _alive(self) -> bool:
        return self._etcd.running and self._api.running


def _tethered(command: list[str]) -> list[str]:
    """Ends with us also when we are killed: 300 MB that nobody would miss, nor find."""
    setpriv = shutil.which("setpriv")  # of Linux; elsewhere there is no such thing
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else command
