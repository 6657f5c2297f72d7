"""The cluster's names: a CoreDNS beside the node's other programs, for pods and for this machine."""

from __future__ import annotations

from testbed.kubernetes.admin import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, Admin
from testbed.kubernetes.identity import User
from testbed.kubernetes.layout import Layout
from testbed.kubernetes.node.network import NODE

DOMAIN = "cluster.local"
USER = User("system:coredns")
READY = f"http://{NODE}:8181/ready"


def configuration(layout: Layout) -> str:
    """A Corefile. There is no other server to ask: names from outside the cluster do not exist."""
    return f""".:53 {{
    bind {NODE}
    errors
    ready {NODE}:8181
    kubernetes {DOMAIN} in-addr.arpa {{
        kubeconfig {layout.kubeconfig_of(USER)}
        ttl 1
    }}
    cache 1
}}
"""


async def allow(admin: Admin) -> None:
    """What CoreDNS may see: its documented role for plugin/kubernetes."""
    rules = [
        {"apiGroups": [""], "resources": ["services", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    rbac = "rbac.authorization.k8s.io"
    kind, metadata = {"apiVersion": f"{rbac}/v1"}, {"metadata": {"name": USER.name}}
    role = {"apiGroup": rbac, "kind": "ClusterRole", "name": USER.name}
    subject = {"apiGroup": rbac, "kind": "User", "name": USER.name}
    await admin.apply(CLUSTER_ROLES, {**kind, "kind": "ClusterRole", **metadata, "rules": rules})
    binding = {**kind, "kind": "ClusterRoleBinding", **metadata, "roleRef": role, "subjects": [subject]}
    await admin.apply(CLUSTER_ROLE_BINDINGS, binding)
