"""Service accounts: what the shipped files give the agent, and API clients that are it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from testbed.kubernetes.admin import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    LEASES,
    ROLE_BINDINGS,
    ROLES,
    SERVICE_ACCOUNTS,
    Admin,
    Refused,
    Resource,
)
from testbed.servers import PATIENCE
from tests.argo.agent.conftest import until

T = TypeVar("T")

FOLDER = Path(__file__).parents[3] / "argo_templates" / "agent"

AGENT = "crossover-agent"

SECRETS = Resource("api/v1", "secrets")
REVIEWS = Resource("apis/authorization.k8s.io/v1", "selfsubjectaccessreviews")
ADMISSION = "apis/admissionregistration.k8s.io/v1"
POLICIES = Resource(ADMISSION, "validatingadmissionpolicies")
POLICY_BINDINGS = Resource(ADMISSION, "validatingadmissionpolicybindings")

RESOURCES = {
    "ServiceAccount": SERVICE_ACCOUNTS,
    "Role": ROLES,
    "RoleBinding": ROLE_BINDINGS,
    "ClusterRole": CLUSTER_ROLES,
    "ClusterRoleBinding": CLUSTER_ROLE_BINDINGS,
    "Lease": LEASES,
    "ValidatingAdmissionPolicy": POLICIES,
    "ValidatingAdmissionPolicyBinding": POLICY_BINDINGS,
}

CLUSTER_WIDE = (
    "ClusterRole",
    "ClusterRoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)


def documents(file: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all((FOLDER / file).read_text()) if each]


async def apply_file(admin: Admin, file: str, namespace: str) -> None:
    """As `kubectl apply -n NAMESPACE` does."""
    for each in documents(file):
        where = "" if each["kind"] in CLUSTER_WIDE else each["metadata"].get("namespace", namespace)
        await admin.apply(RESOURCES[each["kind"]], each, where)


async def kubeconfig_of(admin: Admin, kubeconfig: Path, account: str, namespace: str, folder: Path) -> Path:
    """The same cluster, as a service account."""
    config = yaml.safe_load(kubeconfig.read_text())
    token = await admin.service_account_token(account, namespace)
    for each in config["users"]:
        each["user"] = {"token": token}
    path = folder / f"kubeconfig-{account}"
    path.write_text(yaml.safe_dump(config))
    return path


async def may(who: Admin, verb: str, group: str, resource: str, namespace: str) -> bool:
    """`resource` may have a subresource; of leases it has a name."""
    plural, _, rest = resource.partition("/")
    part = {"name": rest} if plural == "leases" else {"subresource": rest}
    asked = {"verb": verb, "group": group, "resource": plural, "namespace": namespace, **part}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    return bool((await who.create(REVIEWS, body))["status"]["allowed"])


async def until_may(who: Admin, rights: Sequence[tuple[str, str, str]], namespace: str) -> None:
    """The API server takes up a new role a moment later. Fails when it does not give all of `rights`."""
    for verb, group, resource in rights:

        async def granted(right: tuple[str, str, str] = (verb, group, resource)) -> bool:
            return await may(who, *right, namespace)

        await until(granted)


async def allowed(call: Callable[[], Awaitable[T]]) -> T:
    """Its answer, or why it is refused, once the API server has taken up the new role that it needs."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await call()
            except Refused as refused:
                if refused.status != 403:
                    raise
            await asyncio.sleep(0.05)


def task_set(name: str, tasks: dict[str, Any]) -> dict[str, Any]:
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTaskSet"}
    return {**kind, "metadata": {"name": name}, "spec": {"tasks": tasks}}
