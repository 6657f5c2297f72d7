"""Limits that hold over all replicas, because Redis counts."""

from __future__ import annotations

from contextlib import AsyncExitStack

import httpx

from testbed.kubernetes.admin import WORKFLOWS
from tests.cluster.release import Release
from tests.cluster.site import until

TRACE = "limited"


async def test_a_tenants_streams_are_limited_over_both_replicas(release: Release) -> None:
    """globex may have one."""
    await release.ready()
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": TRACE},
        "spec": {"entrypoint": "main", "templates": []},
        "status": {"phase": "Running", "startedAt": "2026-11-21T00:00:00Z"},
    }
    await release.site.admin.create(WORKFLOWS, body, release.other)
    token = await release.token("crossover-step", release.other)
    first, second = await release.pods("log-streamer")
    async with AsyncExitStack() as stack:
        urls = [f"http://{await release.site.pod_address(pod, 8788)}" for pod in (first, second)]
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=60))
        headers = {"Authorization": f"Bearer {token}"}
        async with http.stream("GET", f"{urls[0]}/v1/logs/{TRACE}", headers=headers) as opened:
            assert opened.status_code == 200
            refused = await http.get(f"{urls[1]}/v1/logs/{TRACE}", headers=headers)
            assert refused.status_code == 429, refused.text
            assert int(refused.headers["retry-after"]) > 0

        async def let_in() -> bool:
            async with http.stream("GET", f"{urls[1]}/v1/logs/{TRACE}", headers=headers) as again:
                return again.status_code == 200

        await until(let_in)
    await release.site.admin.delete(WORKFLOWS, TRACE, release.other)
