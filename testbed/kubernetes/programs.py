"""The programs that the testbed builds, each from a Go module that pins all it needs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

KUBERNETES = "1.34.4"
ETCD = "3.6.4"
HELM = "3.22.0"

_HERE = Path(__file__).parent
_TOOLS = _HERE.parent / "tools"
_STRIPPED = "-s -w"


@dataclass(frozen=True)
class GoProgram:
    """A main package, the folder of the module that pins it, and what its linker is told."""

    name: str
    package: str
    ldflags: str = _STRIPPED
    module: Path = _HERE

    def stamp(self) -> str:
        """Another one when the pins, our own sources, or how it is built have changed."""
        files = sorted(file for file in self.module.iterdir() if file.name.startswith(("go.", "main.")))
        told = "\0".join((self.name, self.package, self.ldflags))
        return hashlib.sha256(b"\0".join([*(file.read_bytes() for file in files), told.encode()])).hexdigest()


def _stamped(values: dict[str, str]) -> str:
    return " ".join([_STRIPPED, *(f"-X {variable}={value}" for variable, value in values.items())])


_MAJOR, _MINOR, _ = KUBERNETES.split(".")
_VERSION = "k8s.io/component-base/version"
_KUBERNETES_FLAGS = _stamped(
    # Without these, Kubernetes' programs call themselves v0.0.0-master.
    {
        f"{_VERSION}.gitVersion": f"v{KUBERNETES}",
        f"{_VERSION}.gitMajor": _MAJOR,
        f"{_VERSION}.gitMinor": _MINOR,
    }
)
_HELM_FLAGS = _stamped(
    # Without these, helm renders for Kubernetes 1.20 where it does not ask a cluster.
    {
        "helm.sh/helm/v3/internal/version.version": f"v{HELM}",
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": _MAJOR,
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": _MINOR,
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor": _MAJOR,
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor": _MINOR,
    }
)


def _kubernetes(name: str) -> GoProgram:
    return GoProgram(name, f"k8s.io/kubernetes/cmd/{name}", _KUBERNETES_FLAGS)


CONTROL_PLANE = (GoProgram("etcd", "go.etcd.io/etcd/server/v3"), _kubernetes("kube-apiserver"))

HELM_CLIENT = GoProgram("helm", "helm.sh/helm/v3/cmd/helm", _HELM_FLAGS, _TOOLS / "helm")
KUBE_SCORE = GoProgram(
    "kube-score", "github.com/zegl/kube-score/cmd/kube-score", module=_TOOLS / "kube_score"
)
TOOLS = (HELM_CLIENT, KUBE_SCORE)

FULL = (
    *CONTROL_PLANE,
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kubelet"),
    _kubernetes("kube-proxy"),
    _kubernetes("kubectl"),
    GoProgram("coredns", "crossover-testbed-dns", module=_TOOLS / "dns"),
    GoProgram("pause", "crossover-testbed-pause", module=_TOOLS / "pause"),
    HELM_CLIENT,
)

PROGRAMS = {program.name: program for program in (*FULL, *TOOLS)}
