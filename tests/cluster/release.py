"""One install of the chart, by helm."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from testbed.kubernetes.admin import NAMESPACES, PODS, Object, Refused, Resource
from tests.cluster.site import WITHIN, Site, patiently, until

CHART = Path(__file__).parents[2] / "helm/crossover"
TRIAL = CHART / "trial-values.yaml"

DEPLOYMENTS = Resource("apis/apps/v1", "deployments")
AUDIENCE = "crossover"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@dataclass(frozen=True)
class Release:
    """Args:
    namespace: of the components.
    argo: of tenant `acme`'s workflows.
    other: of tenant `globex`'s.
    """

    site: Site
    namespace: str
    values: Object
    name: str = "crossover"

    @property
    def argo(self) -> str:
        return f"{self.namespace}-argo"

    @property
    def other(self) -> str:
        return f"{self.namespace}-other"

    async def install(self) -> str:
        """helm's notes, once everything is ready."""
        return await self._helm("install", self.name, str(CHART), *_WAIT, values=self.values)

    async def upgrade(self, changes: Object) -> str:
        """The same values with these on top."""
        changed = merged(self.values, changes)
        return await self._helm("upgrade", self.name, str(CHART), *_WAIT, values=changed)

    async def rollback(self) -> str:
        """To the revision before."""
        return await self._helm("rollback", self.name, *_WAIT)

    async def test(self) -> str:
        return await self._helm("test", self.name, "--logs", "--timeout", f"{WITHIN:.0f}s")

    async def uninstall(self) -> str:
        return await self._helm("uninstall", self.name, *_WAIT)

    async def manifest(self) -> list[Object]:
        """What helm has installed."""
        text = await self._helm("get", "manifest", self.name)
        return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]

    async def url(self, component: str) -> str:
        """Of bridge, log-streamer or agent."""
        port = {"bridge": 8787, "log-streamer": 8788, "agent": 8789}[component]
        return f"http://{await self.site.address(f'{self.name}-{component}', self.namespace, port)}"

    async def temporal(self) -> str:
        return await self.site.address(f"{self.name}-temporal", self.namespace, 7233)

    async def token(self, account: str, namespace: str, *, audience: str = AUDIENCE) -> str:
        """Of a service account, as its pods would have it."""
        words = ["create", "token", account, "-n", namespace, "--duration=1h"]
        return (
            await self.site.run_kubectl(*words, *([f"--audience={audience}"] if audience else []))
        ).strip()

    async def pods(self, component: str) -> list[Object]:
        """Those that are not on their way out."""
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        found = await patiently(self.site.admin.list, PODS, self.namespace, {"labelSelector": selector})
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    async def ready(self) -> None:
        """Until every Deployment has all of its pods, of its newest generation."""
        await until(self._all_ready)

    async def _all_ready(self) -> bool:
        found = await patiently(self.site.admin.list, DEPLOYMENTS, self.namespace)
        return all(map(rolled_out, found))

    async def _helm(self, verb: str, *words: str, values: Object | None = None) -> str:
        given = [*words, "--namespace", self.namespace, *(["--values", "-"] if values else [])]
        return await self.site.run_helm(verb, *given, values=values)


_WAIT = ("--wait", "--timeout", f"{WITHIN:.0f}s")


def rolled_out(deployment: Object) -> bool:
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == wanted
        and status.get("readyReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
    )


@asynccontextmanager
async def namespaces(site: Site) -> AsyncGenerator[str, None]:
    """Three that belong to one release, with the restricted pod security; the name of the first."""
    first = f"crossover-{uuid.uuid4().hex[:6]}"
    names = (first, f"{first}-argo", f"{first}-other")
    try:
        for name in names:
            meta = {"name": name, "labels": RESTRICTED}
            await site.admin.create(NAMESPACES, {"metadata": meta})
        yield first
    finally:
        for name in names:
            try:
                await patiently(site.admin.delete, NAMESPACES, name)
            except Refused as refused:
                if refused.status != 404:
                    raise


@asynccontextmanager
async def installed(release: Release) -> AsyncGenerator[Release, None]:
    """Gone afterwards, also what belongs to no namespace."""
    try:
        await release.install()
        yield release
    finally:
        await release.uninstall()


@asynccontextmanager
async def trial_release(site: Site) -> AsyncGenerator[Release, None]:
    async with namespaces(site) as namespace:
        release = Release(site, namespace, trial_values(site, namespace))
        async with installed(release):
            yield release


def trial_values(site: Site, namespace: str) -> Object:
    """Those shipped with the chart, for two tenants with namespaces of their own."""
    argo, other = f"{namespace}-argo", f"{namespace}-other"
    image, trial = site.images.crossover, site.images.trial
    accounts = [
        _account(argo, "crossover-step", "acme", "operator"),
        _account(argo, "reader", "acme", "viewer"),
        _account(other, "crossover-step", "globex", "operator"),
        {**_account(argo, "platform", "acme", "admin"), "platform": "admin"},
    ]
    apps = {"count": {"workflow_type": "Count", "task_queue": "counting"}}
    changes = {
        "image": {"registry": "", "repository": image.rpartition(":")[0], "tag": image.rpartition(":")[2]},
        "trial": {"image": trial},
        "argo": {"namespaces": [argo, other]},
        "identity": {"kubernetes": {"service_accounts": accounts}},
        "registry": {"apps": apps},
        "tenants": {
            "default": None,
            "acme": {"argo_namespaces": [argo]},  # without worker_selector: workers are found by their names
            "globex": {"argo_namespaces": [other], "streams": 1},
        },
        "workflowTemplates": {"enabled": True},
        "networkPolicy": {"callerNamespaces": [argo, other]},
        "tests": {"tenant": "acme"},
        "logStreamer": {"replicas": 2},
        "agent": {"enabled": True},
    }
    return merged(yaml.safe_load(TRIAL.read_text()), changes)


def _account(namespace: str, name: str, tenant: str, role: str) -> dict[str, str]:
    return {"namespace": namespace, "name": name, "tenant": tenant, "role": role}


def merged(under: Object, over: Object) -> Object:
    """As helm puts values on top of each other; None takes a key away."""
    result: dict[str, Any] = dict(under)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result
