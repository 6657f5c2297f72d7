"""What a machine must have before it can be a node of a cluster."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

CNI = Path("/usr/lib/cni")
"""Where Debian has the network plugins."""

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "containerd": ("containerd", "ctr", "containerd-shim-runc-v2"),
    "runc": ("runc",),
    "containernetworking-plugins": ("ptp", "host-local", "loopback", "portmap"),
    "iptables": ("iptables",),
    "conntrack": ("conntrack",),
    "iproute2": ("ip",),
    "util-linux": ("unshare", "nsenter", "setsid"),
    "mount": ("mount",),
}
"""Debian's packages, and what is needed of each."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def lacks() -> str:
    """A sentence that says what is missing for a whole cluster; empty when nothing is."""
    if sys.platform != "linux":
        return f"A whole cluster needs Linux; this is {sys.platform}."
    if os.geteuid() != 0:
        return "A whole cluster needs root: it makes namespaces, mounts and network interfaces."
    if packages := missing_packages():
        return f"A whole cluster needs what Debian has in: {' '.join(packages)}."
    return _kernel_lacks()


def missing_packages(path: str = PATH, plugins: Path = CNI) -> list[str]:
    """Of Debian: those of which something is not on `path` or among the `plugins`."""
    places = f"{path}{os.pathsep}{plugins}"
    return [
        package
        for package, programs in PACKAGES.items()
        if not all(shutil.which(program, path=places) for program in programs)
    ]


def _kernel_lacks() -> str:
    filesystems = Path("/proc/filesystems").read_text().split()
    lacking = [kind for kind in ("overlay", "tmpfs") if kind not in filesystems]
    if lacking:
        return f"A whole cluster needs a kernel with the file systems {' and '.join(lacking)}."
    mounts = Path("/proc/mounts").read_text()
    return (
        ""
        if " cgroup" in mounts
        else "A whole cluster needs cgroups below /sys/fs/cgroup, and none is mounted."
    )
