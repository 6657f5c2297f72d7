"""The Kubernetes that tests install into: the testbed's, or the one that KUBECONFIG names."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from testbed.kubernetes.admin import Admin, Object, Resource
from testbed.kubernetes.cluster import Cluster
from testbed.kubernetes.crds import apply_crds
from tests.cluster.forwards import Forwards

GIVEN = "KUBECONFIG"
IMAGE = "CROSSOVER_TEST_IMAGE"
TRIAL_IMAGE = "CROSSOVER_TEST_TRIAL_IMAGE"

WITHIN = 240.0
"""Seconds for what a cluster does in a few, where a machine has nothing else to do."""

SERVICES = Resource("api/v1", "services")


class Said(Exception):
    """A program's own words when it failed."""


@dataclass(frozen=True)
class Images:
    """Full names, as nodes know them."""

    crossover: str
    trial: str


@dataclass(frozen=True)
class Site:
    """Args:
    admin: of all of it.
    own: the testbed's cluster, whose node and programs may be hurt; None for somebody else's.
    """

    kubeconfig: Path
    kubectl: Path
    helm: Path
    images: Images
    admin: Admin
    own: Cluster | None
    forwards: Forwards | None

    async def run_kubectl(self, *words: str, said: Any = None) -> str:
        """Its output; `said` is for `-f -`. Raises Said."""
        return await run(self.kubectl, f"--kubeconfig={self.kubeconfig}", *words, said=json.dumps(said))

    async def run_helm(self, *words: str, values: Object | None = None) -> str:
        """Its output; `values` are for `--values -`. Raises Said."""
        return await run(self.helm, f"--kubeconfig={self.kubeconfig}", *words, said=yaml.safe_dump(values))

    async def address(self, service: str, namespace: str, port: int) -> str:
        """host:port by which this machine reaches a Service."""
        if self.forwards:
            return await self.forwards.to(f"service/{service}", namespace, port)
        found = await patiently(self.admin.get, SERVICES, service, namespace)
        return f"{found['spec']['clusterIP']}:{port}"

    async def pod_address(self, pod: Object, port: int) -> str:
        """host:port of one pod."""
        meta = pod["metadata"]
        if self.forwards:
            return await self.forwards.to(f"pod/{meta['name']}", meta["namespace"], port)
        return f"{pod['status']['podIP']}:{port}"


async def run(program: Path, *words: str, said: str = "", within: float = WITHIN) -> str:
    """What the program wrote. Raises Said."""
    process = await asyncio.create_subprocess_exec(
        program,
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "HTTPS_PROXY": "", "https_proxy": ""},
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(said.encode()), within)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise Said(f"{program.name} {' '.join(words)}: no end within {within} s") from None
    if process.returncode:
        raise Said(f"{program.name} {' '.join(words)}: {output.decode()}{errors.decode()}")
    return output.decode()


async def patiently(call: Any, *args: Any, within: float = WITHIN) -> Any:
    """What the API answers, also when it is away for a while."""
    async with asyncio.timeout(within):
        while True:
            try:
                return await call(*args)
            except httpx.HTTPError:
                await asyncio.sleep(0.2)


async def until(condition: Any, *, within: float = WITHIN, every: float = 0.2) -> Any:
    """The condition's first answer that is true."""
    async with asyncio.timeout(within):
        while not (found := await condition()):
            await asyncio.sleep(every)
        return found


@asynccontextmanager
async def own_site(images: Images, archives: list[Path]) -> AsyncGenerator[Site, None]:
    async with Cluster.borrowed() as cluster:
        await cluster.load(*archives)
        async with Admin.connected(cluster.kubeconfig) as admin:
            yield Site(
                cluster.kubeconfig, cluster.kubectl, cluster.helm, images, admin, cluster, forwards=None
            )


@asynccontextmanager
async def given_site(kubeconfig: Path, programs: Path, images: Images) -> AsyncGenerator[Site, None]:
    kubectl, helm = programs / "kubectl", programs / "helm"
    async with Admin.connected(kubeconfig) as admin, Forwards.opened(kubectl, kubeconfig) as forwards:
        await apply_crds(admin, keep=True)
        yield Site(kubeconfig, kubectl, helm, images, admin, None, forwards)
