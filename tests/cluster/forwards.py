"""Ways into a cluster whose addresses this machine cannot reach, by `kubectl port-forward`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from testbed.ports import free_port
from testbed.servers import Program, until_open


class Forwards:
    """One for each target, begun again whenever it ends: a forward does not outlive the pod it chose."""

    def __init__(self, kubectl: Path, kubeconfig: Path) -> None:
        self._command = [str(kubectl), f"--kubeconfig={kubeconfig}", "port-forward"]
        self._tasks: dict[tuple[str, str, int], tuple[asyncio.Task[None], int]] = {}

    @classmethod
    @asynccontextmanager
    async def opened(cls, kubectl: Path, kubeconfig: Path) -> AsyncGenerator[Forwards, None]:
        forwards = cls(kubectl, kubeconfig)
        try:
            yield forwards
        finally:
            await forwards._close()

    async def to(self, target: str, namespace: str, port: int) -> str:
        """host:port of this machine, which is open. `target` is such as `service/web`."""
        key = (target, namespace, port)
        if key not in self._tasks:
            local = free_port()
            words = [*self._command, f"--namespace={namespace}", target, f"{local}:{port}"]
            self._tasks[key] = (asyncio.create_task(_kept(words)), local)
        local = self._tasks[key][1]
        await until_open(local)
        return f"127.0.0.1:{local}"

    async def _close(self) -> None:
        tasks = [task for task, _ in self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _kept(words: list[str]) -> None:
    while True:
        async with Program(words) as program:
            assert program.process is not None
            await program.process.wait()
        await asyncio.sleep(0.2)
