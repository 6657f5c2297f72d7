"""The Kubernetes API as its admin uses it, for tests and for what prepares them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from crossover.kubernetes.access import from_kubeconfig, tls_context

Object = dict[str, Any]

ANSWER = 60.0
"""Seconds: longer than an API server on a busy machine takes, or lets itself take (34)."""

PATIENCE = 30.0
"""Seconds for which 429 is asked again. Limits do not hold for an admin, but a ready API server, too, says it
of custom resources for a moment: "storage is (re)initializing"."""

FIELD_MANAGER = "crossover-testbed"


@dataclass(frozen=True)
class Resource:
    """Where the API keeps one kind of objects.

    Args:
        api: `api/v1`, or `apis/{group}/{version}`.
        plural: as in paths.
    """

    api: str
    plural: str

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Of the whole collection, or of one object, or of a part of it."""
        scope = f"namespaces/{namespace}" if namespace else ""
        return "/" + "/".join(filter(None, (self.api, scope, self.plural, name, subresource)))


ARGO = "apis/argoproj.io/v1alpha1"
RBAC = "apis/rbac.authorization.k8s.io/v1"

NAMESPACES = Resource("api/v1", "namespaces")
NODES = Resource("api/v1", "nodes")
PODS = Resource("api/v1", "pods")
CONFIG_MAPS = Resource("api/v1", "configmaps")
SERVICE_ACCOUNTS = Resource("api/v1", "serviceaccounts")
LEASES = Resource("apis/coordination.k8s.io/v1", "leases")
ROLES = Resource(RBAC, "roles")
ROLE_BINDINGS = Resource(RBAC, "rolebindings")
CLUSTER_ROLES = Resource(RBAC, "clusterroles")
CLUSTER_ROLE_BINDINGS = Resource(RBAC, "clusterrolebindings")
CRDS = Resource("apis/apiextensions.k8s.io/v1", "customresourcedefinitions")
WORKFLOWS = Resource(ARGO, "workflows")
WORKFLOW_TEMPLATES = Resource(ARGO, "workflowtemplates")
CLUSTER_WORKFLOW_TEMPLATES = Resource(ARGO, "clusterworkflowtemplates")
TASK_SETS = Resource(ARGO, "workflowtasksets")


class Refused(Exception):
    """The API's answer was not a good one.

    Args:
        status: of HTTP.
        reason: Kubernetes' word for it, such as `NotFound` or `Forbidden`.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


@asynccontextmanager
async def api_client(kubeconfig: Path) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Of the API server that the kubeconfig names, as who it says."""
    access = from_kubeconfig(kubeconfig)
    configuration = await access.configuration()
    async with httpx.AsyncClient(
        base_url=configuration.host,
        headers=await access.headers(),
        verify=tls_context(configuration),
        trust_env=False,
        timeout=ANSWER,
    ) as http:
        yield http


class Admin:
    """Objects, one call each. Everything raises Refused, and httpx.HTTPError when there is no answer."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def connected(cls, kubeconfig: Path) -> AsyncGenerator[Admin, None]:
        """As who the kubeconfig says."""
        async with api_client(kubeconfig) as http:
            yield cls(http)

    async def version(self) -> str:
        """Such as `v1.34.4`."""
        return str((await self._call("GET", "/version"))["gitVersion"])

    async def create(self, resource: Resource, body: Object, namespace: str = "") -> Object:
        return await self._call("POST", resource.path(namespace), body)

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Object:
        return await self._call("GET", resource.path(namespace, name))

    async def list(
        self, resource: Resource, namespace: str = "", params: Mapping[str, str] | None = None
    ) -> list[Object]:
        """Of all namespaces when none is given. `params` are the API's, such as labelSelector."""
        found = await self._call("GET", resource.path(namespace), params=params)
        items: list[Object] = found["items"]
        return items

    async def replace(
        self, resource: Resource, name: str, body: Object, namespace: str = "", subresource: str = ""
    ) -> Object:
        return await self._call("PUT", resource.path(namespace, name, subresource), body)

    async def patch(
        self, resource: Resource, name: str, body: Object, namespace: str = "", subresource: str = ""
    ) -> Object:
        """A merge patch (RFC 7396), of the object or of a part such as `status`."""
        path = resource.path(namespace, name, subresource)
        return await self._call("PATCH", path, body, "application/merge-patch+json")

    async def apply(self, resource: Resource, body: Object, namespace: str = "") -> Object:
        """Server-side apply, which wins over whoever set a field before."""
        path = resource.path(namespace, body["metadata"]["name"])
        params = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._call("PATCH", path, body, "application/apply-patch+yaml", params)

    async def delete(self, resource: Resource, name: str, namespace: str = "") -> None:
        await self._call("DELETE", resource.path(namespace, name))

    async def delete_all(self, resource: Resource, namespace: str) -> None:
        await self._call("DELETE", resource.path(namespace))

    async def service_account_token(self, name: str, namespace: str, seconds: int = 3600) -> str:
        """A token of an existing service account, as its pods would have."""
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        path = SERVICE_ACCOUNTS.path(namespace, name, "token")
        return str((await self._call("POST", path, request))["status"]["token"])

    async def _call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        content: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> Object:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content} if data else {}
        request = self._http.build_request(method, path, content=data, headers=headers, params=params)
        answer = await self._http.send(request)
        until = time.monotonic() + PATIENCE
        while answer.status_code == 429 and time.monotonic() < until:
            await asyncio.sleep(0.05)
            answer = await self._http.send(request)
        if not answer.is_success:
            raise _refused(answer)
        found: Object = answer.json()
        return found


def _refused(answer: httpx.Response) -> Refused:
    try:
        said = answer.json()
        return Refused(answer.status_code, said.get("reason", ""), said.get("message", ""))
    except ValueError:
        return Refused(answer.status_code, answer.reason_phrase, answer.text[:300])
