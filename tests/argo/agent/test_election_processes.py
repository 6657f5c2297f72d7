"""Candidates as processes, which can be killed and frozen."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bridge.argo.agent.election import clock
from testbed.kubernetes.admin import Admin
from testbed.servers import Program
from tests.argo.agent.elections import FAST, free_lease, hurried, until
from tests.argo.conftest import Cluster

Times = Callable[[], list[float]]


@asynccontextmanager
async def process(cluster: Cluster, namespace: str, log: Path) -> AsyncGenerator[tuple[int, Times], None]:
    """Its id, and when it could write."""
    args = [
        sys.executable,
        "-m",
        "tests.argo.agent.candidate",
        str(cluster.kubeconfig),
        namespace,
        log.name,
    ]

    def times() -> list[float]:
        complete = log.read_text().rpartition("\n")[0]
        return [float(line[10:]) for line in complete.splitlines() if line.startswith("may_write=")]

    async with Program(args, log=log) as program:
        assert program.process
        yield program.process.pid, times


async def test_a_killed_leader_is_followed_once_its_lease_has_run_out(
    control_plane: Cluster, admin: Admin, namespace: str, tmp_path: Path
) -> None:
    await free_lease(admin, namespace)
    async with process(control_plane, namespace, tmp_path / "one") as (pid, first):
        await until(first)
        async with process(control_plane, namespace, tmp_path / "two") as (_, second):
            await asyncio.sleep(FAST.duration)  # it has to be waiting; it prints nothing while it does
            os.kill(pid, signal.SIGKILL)
            killed = clock()
            await until(lambda: max(second(), default=0) > killed)
            assert hurried({"one": first(), "two": second()}) == []


async def test_a_leader_that_was_frozen_for_longer_than_its_lease_never_writes_beside_its_successor(
    control_plane: Cluster, admin: Admin, namespace: str, tmp_path: Path
) -> None:
    await free_lease(admin, namespace)
    async with process(control_plane, namespace, tmp_path / "one") as (pid, first):
        await until(first)
        os.kill(pid, signal.SIGSTOP)
        try:
            async with process(control_plane, namespace, tmp_path / "two") as (_, second):
                await until(second)
                os.kill(pid, signal.SIGCONT)
                so_far = len(second())
                await until(lambda: len(second()) > so_far + 100)
                assert hurried({"one": first(), "two": second()}) == []
        finally:
            os.kill(pid, signal.SIGCONT)
        heir_ended = clock()
        await until(lambda: max(first()) > heir_ended)
