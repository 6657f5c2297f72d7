"""What kubelet is told."""

from __future__ import annotations

from pathlib import Path

from testbed.kubernetes.node.dns import DOMAIN
from testbed.kubernetes.node.network import NODE

NAME = "node1"
"""The node's, as the API server knows it."""

CGROUP = "crossover-testbed"
"""Of all pods, in each hierarchy. kubelet wants it to be there."""


def configuration(folder: Path, socket: Path, authority: Path) -> dict[str, object]:
    """A KubeletConfiguration (kubelet.config.k8s.io/v1beta1).

    Args:
        socket: of containerd.
        authority: the certificate authority of those who may ask kubelet for logs and the like.
    """
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{socket}",
        "address": NODE,
        "healthzBindAddress": NODE,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(authority)},
        },
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [NODE],
        "clusterDomain": DOMAIN,
        "resolvConf": "",  # pods know the cluster's names only
        "podLogsDir": str(folder / "logs" / "pods"),
        **_CGROUPS,
        **_EVICTIONS,
    }


_CGROUPS = {
    "cgroupDriver": "cgroupfs",
    "cgroupRoot": f"/{CGROUP}",
    "enforceNodeAllocatable": [],
    "failSwapOn": False,
    "failCgroupV1": False,
}

_EVICTIONS = {
    # A disk that is nearly full, or all of somebody else's memory, is no reason to end a test's pods.
    "evictionHard": {
        "memory.available": "0%",
        "nodefs.available": "0%",
        "nodefs.inodesFree": "0%",
        "imagefs.available": "0%",
        "imagefs.inodesFree": "0%",
    },
    "imageGCHighThresholdPercent": 100,  # images were given, and cannot be had again
}
