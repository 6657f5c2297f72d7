"""A step's pod, as Argo would make it of our template, on a real cluster with a real Temporal."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster.release import Release
from tests.cluster.scene import waiting, worker_pods


async def test_a_step_pod_runs_a_temporal_run_to_its_end_and_has_its_outputs(
    release: Release, tmp_path: Path
) -> None:
    async with waiting(release, tmp_path) as scene:
        (worker,) = await worker_pods(release)
        ended = await scene.finish()
    assert ended.code == 0
    (pod,) = ended.pods
    result = json.loads(ended.said[f"{pod}/wait"])
    assert result["written"][f"{worker['metadata']['name']}/worker"] > 0


async def test_the_feed_has_the_logs_of_the_steps_pods_and_of_the_workers_and_ends_complete(
    release: Release, tmp_path: Path
) -> None:
    async with waiting(release, tmp_path) as scene:
        (worker,) = await worker_pods(release)
        step = await scene.proven()
        count = await scene.count
    assert scene.feed.pods("argo") == {*step.pods, *count.pods}
    assert scene.feed.pods("worker") == {worker["metadata"]["name"]}
