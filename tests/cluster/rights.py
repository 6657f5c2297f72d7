"""What each account needs, by what its program does: the chart has to grant this, and no more."""

from __future__ import annotations

from dataclasses import dataclass

from testbed.kubernetes.admin import Admin, Object, Resource
from tests.cluster.release import Release

AUTHORIZATION = "apis/authorization.k8s.io/v1"
ACCESS_REVIEWS = Resource(AUTHORIZATION, "subjectaccessreviews")
RULES_REVIEWS = Resource(AUTHORIZATION, "selfsubjectrulesreviews")

ARGO = "argoproj.io"
EVERYBODYS = ("selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews")
"""What Kubernetes grants to whoever is known (system:basic-user)."""


@dataclass(frozen=True)
class Right:
    """`resource` may be `pods/log`; `name` is of one object, or empty for any."""

    verb: str
    resource: str
    group: str = ""
    name: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.verb, self.group, self.resource, self.name)))


def rights(verbs: str, resource: str, group: str = "", name: str = "") -> frozenset[Right]:
    return frozenset(Right(verb, resource, group, name) for verb in verbs.split())


REVIEWS = rights("create", "tokenreviews", "authentication.k8s.io")
"""Whose token is this? The one cluster-wide right, of those whom callers show a token."""

LOGS = rights("get list watch", "pods") | rights("get", "pods/log")
LEASE = "coordination.k8s.io"

IN_ARGO: dict[str, frozenset[Right]] = {
    "bridge": rights("get", "workflows", ARGO),
    "log-streamer": LOGS | rights("list watch", "workflows", ARGO),
    "agent": rights("get list watch", "workflowtasksets", ARGO)
    | rights("patch", "workflowtasksets/status", ARGO)
    | rights("get list watch", "workflows", ARGO),
    "redis": frozenset(),
    "temporal": frozenset(),
    "worker": frozenset(),
    "test": frozenset(),
}
"""In each namespace of Argo's workflows."""

AT_HOME: dict[str, frozenset[Right]] = {
    "agent": rights("create", "leases", LEASE) | rights("get update", "leases", LEASE, "crossover-agent"),
}
"""In the release's own."""

EVERYWHERE: dict[str, frozenset[Right]] = {"bridge": REVIEWS, "log-streamer": REVIEWS}

STEPS = rights("create patch", "workflowtaskresults", ARGO)
"""Of a step's pod, in its own namespace: what Argo's executor reports by."""

NOBODYS = (
    *rights("get list watch create update patch delete deletecollection", "secrets"),
    *rights("get create", "pods/exec"),
    *rights("get create", "pods/attach"),
    *rights("get create", "pods/portforward"),
    *rights("get create", "pods/proxy"),
    *rights("create", "pods/eviction"),
    *rights("patch", "pods/ephemeralcontainers"),
    *rights("create update patch delete deletecollection", "pods"),
    *rights("create", "serviceaccounts/token"),
    *rights("get list watch update patch delete", "nodes"),
    *rights("get create", "nodes/proxy"),
    *rights("list watch create delete", "namespaces"),
    *rights("list watch create update patch delete", "configmaps"),
    *rights("create update patch delete", "deployments", "apps"),
    *rights("create", "jobs", "batch"),
    *rights("create update patch delete bind escalate", "roles", "rbac.authorization.k8s.io"),
    *rights("create update patch delete bind escalate", "clusterroles", "rbac.authorization.k8s.io"),
    *rights("create update patch delete", "rolebindings", "rbac.authorization.k8s.io"),
    *rights("create update patch delete", "clusterrolebindings", "rbac.authorization.k8s.io"),
    *rights("impersonate", "users"),
    *rights("impersonate", "serviceaccounts"),
    *rights("create update patch delete deletecollection", "workflows", ARGO),
    *rights("create update delete deletecollection", "workflowtasksets", ARGO),
    *rights("patch", "workflowtasksets", ARGO),
    *rights("create update patch delete", "workflowtemplates", ARGO),
    *rights("list watch delete deletecollection", "leases", LEASE),
    *rights("*", "*", "*"),
    *rights("*", "pods"),
    *rights("get", "*", "*"),
)
"""Nobody's of this chart, in no namespace: each would be more than a bridge between two engines needs."""


def account(component: str, release: Release) -> str:
    """As Kubernetes calls the user that a component's pods are."""
    return f"system:serviceaccount:{release.namespace}:{release.name}-{component}"


async def allowed(admin: Admin, user: str, right: Right, namespace: str) -> bool:
    """As the API's own authorizer answers for the user, who need not be asked."""
    resource, _, part = right.resource.partition("/")
    asked = {"verb": right.verb, "group": right.group, "resource": resource, "subresource": part}
    attributes = {**asked, "name": right.name, "namespace": namespace}
    groups = [
        "system:serviceaccounts",
        f"system:serviceaccounts:{user.split(':')[2]}",
        "system:authenticated",
    ]
    spec = {"user": user, "groups": groups, "resourceAttributes": attributes}
    body: Object = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    return bool((await admin.create(ACCESS_REVIEWS, body))["status"]["allowed"])


async def granted(own: Admin, namespace: str) -> frozenset[Right]:
    """All that the user who asks may do there, what everybody may left out."""
    body: Object = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    status = (await own.create(RULES_REVIEWS, body))["status"]
    assert not status["incomplete"], status
    return frozenset(
        Right(verb, resource, group, name)
        for rule in status["resourceRules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or ("",)
        if resource not in EVERYBODYS
    )
