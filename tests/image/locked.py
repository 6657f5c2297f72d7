"""What the lock means for Debian's Python on this machine."""

from __future__ import annotations

import re

from packaging.requirements import Requirement

from image.build import LOCK, ROOT

_DEBIAN = {"python_version": "3.11", "python_full_version": "3.11.2", "sys_platform": "linux"}


def locked() -> set[str]:
    """Each as name@version."""
    rows = re.findall(r"^(\S+==[^\\\n]+?)\s*\\?$", (ROOT / LOCK).read_text(), re.MULTILINE)
    wanted = [Requirement(row) for row in rows]
    chosen = [row for row in wanted if row.marker is None or row.marker.evaluate(_DEBIAN)]
    return {f"{row.name}@{str(row.specifier).removeprefix('==')}" for row in chosen}
