"""Waiting until a node takes pods, with a limit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from pathlib import Path

import httpx

from testbed.kubernetes.admin import NODES, PODS, SERVICE_ACCOUNTS, Admin, Object, Refused
from testbed.kubernetes.node import dns
from testbed.kubernetes.node.kubelet import NAME
from testbed.kubernetes.readiness import NotReady, log_end
from testbed.kubernetes.services import KUBELET_READY, PROXY_READY

READY_WITHIN = 60.0


async def until_serving(logs: Path, *, within: float = READY_WITHIN) -> None:
    """Returns once Services have rules and names, and kubelet is there. Raises NotReady."""
    await _until_healthy(PROXY_READY, logs / "kube-proxy.log", within)
    await _until_healthy(dns.READY, logs / "coredns.log", within)
    await _until_healthy(KUBELET_READY, logs / "kubelet.log", within)


async def until_node_ready(admin: Admin, logs: Path, *, within: float = READY_WITHIN) -> None:
    """Returns once pods of the default namespace would be accepted, and run. Raises NotReady."""
    try:
        async with asyncio.timeout(within):
            while not await _takes_pods(admin):  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.1)
    except TimeoutError:
        said = log_end(logs / "kubelet.log")
        raise NotReady(f"The node was not ready after {within:g} s. Its kubelet says: {said}") from None


async def _takes_pods(admin: Admin) -> bool:
    """A namespace's pods are refused until its service account is there."""
    with contextlib.suppress(Refused, httpx.HTTPError):
        await admin.get(SERVICE_ACCOUNTS, "default", "default")
        return is_free(await admin.get(NODES, NAME)) and await _knows_its_pods(admin)
    return False


async def _knows_its_pods(admin: Admin) -> bool:
    """A kubelet that has just started is healthy before it has heard of the pods that run already."""
    expected = await admin.list(PODS, params={"fieldSelector": f"spec.nodeName={NAME}"})
    known = (await admin.get(NODES, f"{NAME}/proxy/pods"))["items"] or []
    return _uids(expected) <= _uids(known)


def _uids(pods: Iterable[Object]) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods}


def is_free(node: Object) -> bool:
    """Ready, and nothing keeps pods away: the taint of an unready node goes a moment after it is ready."""
    conditions = node.get("status", {}).get("conditions", [])
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and not node.get("spec", {}).get("taints")


async def _until_healthy(url: str, log: Path, within: float) -> None:
    try:
        async with asyncio.timeout(within), httpx.AsyncClient(trust_env=False, timeout=5) as http:
            while not await _is_healthy(http, url):  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise NotReady(f"{url} was not ready after {within:g} s. {log}: {log_end(log)}") from None


async def _is_healthy(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx.HTTPError:
        return False
