"""What tests of the whole cluster share: kubectl, an image with a shell, and all that a cluster has."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from image.machine import this_machine
from image.oci import Archive, Config, Layer
from image.tree import File, Link, Tree
from testbed.kubernetes.cluster import Cluster
from testbed.kubernetes.machine import PATH, lacks
from testbed.kubernetes.node.cgroups import cgroups
from testbed.kubernetes.node.namespaces import MACHINE_WIDE, PRIVATE
from testbed.kubernetes.node.network import owner

BUSYBOX = Path("/bin/busybox")
SHELL = "testbed.local/shell:1"
APPLETS = ("sh", "cat", "echo", "httpd", "nslookup", "sleep", "wget")


def skip_unless_free() -> None:
    """These tests want a machine that can host a cluster, and hosts none yet."""
    lacking = lacks() or ("" if BUSYBOX.exists() else "This needs what Debian has in: busybox-static.")
    if lacking or owner() is not None:
        pytest.skip(lacking or f"The cluster of {owner()} runs on this machine, and may be in use.")


def kubectl(cluster: Cluster, *words: str, said: object = None, kubeconfig: Path | None = None) -> str:
    """Its output; `said` are objects for `-f -`. Raises CalledProcessError with what it said."""
    done = subprocess.run(
        [cluster.kubectl, f"--kubeconfig={kubeconfig or cluster.kubeconfig}", *words],
        input=json.dumps(said),
        env={"PATH": PATH},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def refusal(cluster: Cluster, *words: str, said: object = None, kubeconfig: Path | None = None) -> str:
    """What kubectl says when it is refused what it asks for."""
    try:
        answer = kubectl(cluster, *words, said=said, kubeconfig=kubeconfig)
    except AssertionError as refused:
        return str(refused)
    raise AssertionError(f"not refused: {answer}")


def shell_image(target: Path) -> Path:
    tree = Tree({"bin/busybox": File(BUSYBOX.read_bytes(), 0o755)})
    tree.nodes.update({f"bin/{name}": Link("busybox") for name in APPLETS})
    config = Config(this_machine().architecture, ("/bin/sh", "-c"), {"PATH": "/bin"}, "65532:65532")
    Archive(SHELL, config, [Layer.of(tree)]).write(target)
    return target


def pod(name: str, script: str, **spec: Any) -> dict[str, Any]:
    """A pod that the restricted pod security allows, and that runs a shell script."""
    nothing_more = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "main",
        "image": SHELL,
        "args": [script],
        "securityContext": {**nothing_more, "readOnlyRootFilesystem": True},
        **spec.pop("container", {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "containers": [container],
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "terminationGracePeriodSeconds": 1,
            **spec,
        },
    }


def service(name: str, port: int, target: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": port, "targetPort": target}]},
    }


def traces(folder: Path) -> dict[str, set[str]]:
    """All that a cluster could leave on this machine, by kind."""
    return {
        "processes": _processes(folder),
        "mounts": set(Path("/proc/mounts").read_text().splitlines()),
        "links": {link["ifname"] for link in json.loads(_said("ip", "-json", "link"))},
        "routes": set(_said("ip", "route").splitlines()),
        "packet rules": _rules("iptables-save") | _rules("ip6tables-save"),
        "network namespaces": set(_said("ip", "netns").split()),
        "cgroups": {str(cgroup) for cgroup in cgroups()},
        "settings": {f"{name}={Path('/proc/sys', name).read_text()}" for name in MACHINE_WIDE},
        "folders": {name for name in PRIVATE if Path("/var/lib", name).exists()},
        "sockets": {str(path) for path in Path("/run").glob("containerd/**/*")},
    }


def _processes(folder: Path) -> set[str]:
    """Of programs that only clusters have, or that were told of the folder."""
    found = set()
    for each in psutil.process_iter(["cmdline", "status"]):
        called = " ".join(each.info["cmdline"] or [])
        if str(folder) in called or re.search(r"containerd|kube-|kubelet|\bpause\b|unshare", called):
            found.add(f"{each.pid} {called}")
    return found


def _rules(command: str) -> set[str]:
    """Less the counters and the time."""
    rules = (re.sub(r"\s*\[\d+:\d+\]", "", line) for line in _said(command).splitlines())
    return {rule for rule in rules if not rule.startswith("#")}


def _said(*command: str) -> str:
    done = subprocess.run(command, env={"PATH": PATH}, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout
