"""The image of the process that holds a pod's namespaces: one program of ours, and nothing else."""

from __future__ import annotations

from pathlib import Path

from image.machine import this_machine
from image.oci import Archive, Config, Layer
from image.tree import File, Tree
from testbed.kubernetes.node.containerd import PAUSE

USER = "65535:65535"


def write_archive(program: Path, target: Path) -> None:
    """An OCI archive of the program `pause`."""
    layer = Layer.of(Tree({"pause": File(program.read_bytes(), 0o755)}))
    config = Config(this_machine().architecture, entrypoint=("/pause",), user=USER)
    Archive(PAUSE, config, [layer]).write(target)
