"""The cgroups of pods. The kernel keeps them until somebody removes them, also when nothing is in them."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from testbed.kubernetes.node.kubelet import CGROUP

MOUNTED = Path("/sys/fs/cgroup")
GONE_WITHIN = 10.0


def make_cgroups(mounted: Path = MOUNTED) -> None:
    """In every hierarchy: with cgroup v1 there is one for each controller, with v2 there is one."""
    for hierarchy in _hierarchies(mounted):
        cgroup = hierarchy / CGROUP
        cgroup.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):  # v1: without them it takes no processes
            setting = hierarchy / name
            if setting.exists() and hierarchy != mounted:
                (cgroup / name).write_text(setting.read_text())


def remove_cgroups(mounted: Path = MOUNTED) -> None:
    """A cgroup is busy for a moment after its last process has ended. Raises TimeoutError."""
    until = time.monotonic() + GONE_WITHIN
    while left := cgroups(mounted):
        if time.monotonic() > until:
            raise TimeoutError(f"The kernel keeps {left[0]}.")
        for each in left:
            _remove(each)
        time.sleep(0.02)


def cgroups(mounted: Path = MOUNTED) -> list[Path]:
    """Ours that there are."""
    return [each for hierarchy in _hierarchies(mounted) if (each := hierarchy / CGROUP).is_dir()]


def _hierarchies(mounted: Path) -> list[Path]:
    """Each has `cgroup.procs` at its root."""
    return [each for each in (mounted, *mounted.glob("*")) if _is_root(each, mounted)]


def _is_root(folder: Path, mounted: Path) -> bool:
    v2 = (mounted / "cgroup.procs").exists()
    return (folder / "cgroup.procs").exists() and (folder == mounted) == v2


def _remove(cgroup: Path) -> None:
    """Children first. What looks like files goes with it."""
    with contextlib.suppress(OSError):
        for child in cgroup.iterdir():
            if child.is_dir():
                _remove(child)
        cgroup.rmdir()
