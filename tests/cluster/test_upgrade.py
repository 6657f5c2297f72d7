"""Another revision of the release comes, and the one before it again, while a step waits for its run."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.release import Release
from tests.cluster.scene import waiting

CHANGED = {
    "bridge": {"settings": {"linger": 11}, "podAnnotations": {"revision": "changed"}},
    "logStreamer": {"settings": {"linger": 31}, "podAnnotations": {"revision": "changed"}},
}


async def _names(release: Release) -> set[str]:
    return {
        pod["metadata"]["name"]
        for component in ("bridge", "log-streamer")
        for pod in await release.pods(component)
    }


async def test_a_step_and_its_feed_survive_an_upgrade_and_its_rollback(
    release: Release, tmp_path: Path
) -> None:
    async with waiting(release, tmp_path) as scene:
        first = await _names(release)
        await release.upgrade(CHANGED)
        second = await _names(release)
        await scene.goes_on()
        await release.rollback()
        third = await _names(release)
        await scene.goes_on()
        step = await scene.proven()
    assert not first & second
    assert not second & third
    assert len(step.pods) == 1, "the step's own pod has nothing to do with the release"
