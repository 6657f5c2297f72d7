"""What only a whole cluster shows: its start, the image, and the services as pods."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from bench import idle
from bench.figures import Figure, figure
from image.build import CACHE, build
from image.cache import Cache
from image.machine import this_machine
from testbed.kubernetes.admin import PODS, Object
from testbed.kubernetes.build import build as build_programs
from testbed.kubernetes.cluster import Cluster
from testbed.kubernetes.machine import lacks
from testbed.kubernetes.programs import FULL
from tests.cluster.images import built_images
from tests.cluster.release import Release, trial_release
from tests.cluster.scene import prepare, waiting
from tests.cluster.site import own_site, until

STARTS = 3
SETTLED = 30.0
"""Seconds of idleness after the work."""


async def measure_testbed() -> list[Figure]:
    """From nothing to a Ready node, its programs built. Raises Unfit, Occupied."""
    build_programs(FULL)
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder) / "full")
        began = time.perf_counter()
        try:
            await cluster.up()
            seconds = time.perf_counter() - began
        finally:
            await cluster.down()
    return [figure("testbed_ready_s", seconds, "s", "<= 40")]


async def measure_image() -> list[Figure]:
    """Its layers, as they are pulled."""
    layers = build(this_machine(), Cache(CACHE)).layers
    return [figure("image_mb", sum(len(layer.blob) for layer in layers) / 1e6, "MB", "<= 90")]


async def measure_pods() -> list[Figure]:
    """The services as pods of the chart, after a run and its feed; without a cluster, as processes."""
    beside = {each.name: each for each in await idle.measure()}
    values = {} if lacks() else await pods()
    return [_in_pod(each, values.get(name, each.value)) for name, each in beside.items()]


async def pods() -> dict[str, float]:
    """By the figure's name."""
    images, archives = built_images()
    async with own_site(images, archives) as site, trial_release(site) as release:
        await prepare(release)
        with tempfile.TemporaryDirectory() as folder:
            async with waiting(release, Path(folder)) as scene:
                await scene.proven()
        await asyncio.sleep(SETTLED)
        megabytes = [await _megabytes(release, component) for component in ("bridge", "log-streamer")]
        return {
            "bridge_ready_s": statistics.median([await _restarted(release) for _ in range(STARTS)]),
            "bridge_idle_mb": megabytes[0],
            "streamer_idle_mb": megabytes[1],
        }


def _in_pod(beside: Figure, value: float) -> Figure:
    """The same figure, and the same peer beside it, of a pod."""
    return figure(
        beside.name, value, beside.unit, beside.goal, peer=beside.peer, peer_value=beside.peer_value
    )


async def _restarted(release: Release) -> float:
    """Seconds from the start of a new bridge's process until the kubelet calls its pod ready."""
    (old,) = await release.pods("bridge")
    await release.site.admin.delete(PODS, old["metadata"]["name"], release.namespace)

    async def there() -> Object | None:
        found = await release.pods("bridge")
        ready = found and any(
            each["type"] == "Ready" and each["status"] == "True"
            for each in found[0]["status"].get("conditions", ())
        )
        return found[0] if ready else None

    pod: Object = await until(there, every=0.02)
    ended = time.clock_gettime(time.CLOCK_BOOTTIME)
    url = f"http://{await release.site.pod_address(pod, 8787)}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        assert (await http.get("/readyz")).status_code == 200
    return ended - _began(process_of(pod))


async def _megabytes(release: Release, component: str) -> float:
    """Resident memory of the pods' processes: the largest."""
    return max(process_of(pod).memory_info().rss / 1e6 for pod in await release.pods(component))


def _began(process: psutil.Process) -> float:
    """Seconds of CLOCK_BOOTTIME. `create_time` adds the system's start to it, known to a second only."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def process_of(pod: Object) -> psutil.Process:
    """The pod's first process, which this machine sees as its own: by the host's name in its environment."""
    name = pod["metadata"]["name"]
    for process in psutil.process_iter():
        try:
            if process.environ().get("HOSTNAME") == name and "crossover" in " ".join(process.cmdline()):
                return process
        except psutil.Error:
            continue
    raise LookupError(f"no process of {name}")
