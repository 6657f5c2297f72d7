"""A log that is followed for longer than a connection lives.

The kubelet ends each follow after four hours (pkg/kubelet/server/server.go, WriteTimeout), which nothing
shortens: `streamingConnectionIdleTimeout` is for exec, attach and port-forward. What it does then is done at
once here, again and again: its connections are cut while the containers run on.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.kubernetes.build import BIN
from testbed.kubernetes.cluster import FOLDER
from testbed.kubernetes.node.namespaces import Node
from tests.cluster.release import Release
from tests.cluster.scene import waiting

CUTS = 5
KUBELET = 10250


def cut_follows() -> int:
    """How many connections of the kubelet's were cut."""
    node = Node(FOLDER, BIN)
    cut = node.run("ss", "-H", "-K", "state", "established", "sport", "=", f":{KUBELET}")
    return len(cut.splitlines())


async def test_follows_that_are_cut_while_their_containers_run_go_on(
    release: Release, tmp_path: Path
) -> None:
    if release.site.own is None:
        pytest.skip("Connections of a cluster that was given to us are not cut.")
    async with waiting(release, tmp_path) as scene:
        for _ in range(CUTS):
            assert cut_follows() > 0
            await scene.goes_on()
        await scene.proven()
