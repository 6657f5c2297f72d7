"""What a cluster leaves on the machine when it is ended: its logs, and nothing else."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.kubernetes.cluster import Cluster
from testbed.kubernetes.node.network import Occupied, owner
from tests.testbed.cluster_tools import kubectl, pod, service, shell_image, skip_unless_free, traces

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180, func_only=True)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    skip_unless_free()
    return tmp_path / "full"


def new(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, set[str]]:
    return {kind: found - before[kind] for kind, found in after.items() if found - before[kind]}


async def until_nothing_is_new(before: dict[str, set[str]], folder: Path) -> None:
    """The kernel takes a network away a moment after its last process."""
    for _ in range(300):
        if not (left := new(before, traces(folder))):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(left)


async def test_a_cluster_with_pods_leaves_its_logs_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    before = traces(folder)
    cluster = Cluster(folder)
    try:
        await cluster.up()
        await cluster.load(shell_image(tmp_path / "shell.oci.tar"))
        token = {"serviceAccountToken": {"path": "token", "audience": "a"}}
        volumes = [{"name": "token", "projected": {"sources": [token]}}]
        mounts = {"volumeMounts": [{"name": "token", "mountPath": "/token"}]}
        kubectl(cluster, "apply", "-f", "-", said=pod("web", "sleep 3600", volumes=volumes, container=mounts))
        kubectl(cluster, "apply", "-f", "-", said=service("web", 80, 8080))
        kubectl(cluster, "wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
        during = new(before, traces(folder))
        with pytest.raises(Occupied, match=f"The cluster of {folder} runs on this machine already"):
            await Cluster(tmp_path / "second").up()
        assert await Cluster(folder).ready()
    finally:
        ended = await Cluster(folder).down()
    assert {"processes", "links", "routes", "cgroups", "folders"} == during.keys()
    assert len(ended) == 8
    assert await cluster.down() == []
    assert [path.name for path in folder.iterdir()] == ["logs"]
    await until_nothing_is_new(before, folder)


@pytest.mark.parametrize("program", ["", "etcd", "kubelet"])
async def test_what_was_started_is_ended_although_its_starter_was_killed_at(
    program: str, folder: Path
) -> None:
    before = traces(folder)
    cluster = Cluster(folder)
    words = [sys.executable, "-m", "testbed.kubernetes", "up", "--profile", "full", "--folder", str(folder)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL) as starter:
        async with asyncio.timeout(90):
            while not (program in cluster.processes() if program else owner() == str(folder)):
                assert starter.poll() is None
                await asyncio.sleep(0.005)
        starter.send_signal(signal.SIGKILL)
    assert traces(folder) != before
    await cluster.down()
    await until_nothing_is_new(before, folder)
