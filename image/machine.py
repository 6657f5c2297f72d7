"""The machine that the image is for: the one that builds it."""

from __future__ import annotations

import platform
from dataclasses import dataclass


class Unbuildable(Exception):
    """The image cannot be built here, and why: a sentence for people."""


class Missing(Unbuildable):
    """This machine is not one that builds images, or lacks a program."""


@dataclass(frozen=True)
class Machine:
    """One architecture, by each of its names."""

    architecture: str
    """Debian's and OCI's."""

    triplet: str
    """Of the folder with its libraries."""

    loader: str
    """The file name of its dynamic loader."""

    wheels: str
    """uv's name; Debian 12 has glibc 2.36."""


_MACHINES = {
    "x86_64": Machine("amd64", "x86_64-linux-gnu", "ld-linux-x86-64.so.2", "x86_64-manylinux_2_36"),
    "aarch64": Machine("arm64", "aarch64-linux-gnu", "ld-linux-aarch64.so.1", "aarch64-manylinux_2_36"),
}


def this_machine() -> Machine:
    """Raises Missing."""
    if platform.system() != "Linux" or platform.machine() not in _MACHINES:
        known = " or ".join(_MACHINES)
        raise Missing(
            f"The image is built on Linux on {known}; this is {platform.system()} on {platform.machine()}."
        )
    return _MACHINES[platform.machine()]
