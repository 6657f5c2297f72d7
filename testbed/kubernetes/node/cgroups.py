"""The cgroups of pods that are no more: the kernel keeps them until somebody removes them."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from testbed.kubernetes.node.kubelet import CGROUP

HIERARCHIES = Path("/sys/fs/cgroup")
GONE_WITHIN = 10.0


def remove_cgroups(hierarchies: Path = HIERARCHIES) -> None:
    """A cgroup is busy for a moment after its last process has ended. Raises TimeoutError."""
    until = time.monotonic() + GONE_WITHIN
    while left := ours(hierarchies):
        if time.monotonic() > until:
            raise TimeoutError(f"The kernel keeps {left[0]}.")
        for each in left:
            _remove(each)
        time.sleep(0.02)


def ours(hierarchies: Path = HIERARCHIES) -> list[Path]:
    """With cgroup v1 there is one for each controller; with v2 there is one."""
    return [each for each in (hierarchies / CGROUP, *hierarchies.glob(f"*/{CGROUP}")) if each.is_dir()]


def _remove(cgroup: Path) -> None:
    """Children first. What looks like files goes with it."""
    with contextlib.suppress(OSError):
        for child in cgroup.iterdir():
            if child.is_dir():
                _remove(child)
        cgroup.rmdir()
