"""Puts the image together: Debian, then the locked wheels, then what is ours, each a layer of its own."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from image.bytecode import compiled
from image.cache import Cache
from image.contents import FROM_DEBIAN, NOT_FROM_DEBIAN, PACKAGES
from image.debian import debian
from image.machine import Machine
from image.oci import Archive, Config, Layer
from image.provenance import Provenance
from image.system import BUNDLE, HOME, USER, system
from image.tree import Tree
from image.wheels import dependencies, own

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".testbed" / "image"
LOCK = "requirements/runtime.txt"

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "SSL_CERT_FILE": f"/{BUNDLE}",
}


@dataclass(frozen=True)
class Image:
    """Its layers, the lowest first."""

    layers: Sequence[Layer]

    def tree(self) -> Tree:
        """What a container sees."""
        tree = Tree()
        for layer in self.layers:
            tree.update(layer.tree())
        return tree


def build(machine: Machine, cache: Cache, source: Path = ROOT) -> Image:
    """Raises Unbuildable."""
    lock = source / LOCK
    base = cache.layer("base", [machine.architecture], lambda: _base(machine))
    python = base.tree()
    wheels = cache.layer(
        "wheels",
        [base.diff_id, lock.read_bytes()],
        lambda: compiled(dependencies(lock, machine), python, machine),
    )
    return Image([base, wheels, Layer.of(compiled(own(source), python, machine))])


def archive(image: Image, reference: str, machine: Machine, made: Provenance) -> Archive:
    """The image under its full name, with how it starts."""
    return Archive(reference, config(machine, made), image.layers)


def config(machine: Machine, made: Provenance) -> Config:
    return Config(
        architecture=machine.architecture,
        entrypoint=["crossover"],
        env=ENVIRONMENT,
        user=f"{USER}:{USER}",
        working_dir=f"/{HOME}",
        labels=labels(made),
        created=made.created,
    )


def labels(made: Provenance) -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = {
        "title": project["name"],
        "description": project["description"],
        "version": project["version"],
        "licenses": project.get("license"),
        "revision": made.revision,
        "created": made.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {f"org.opencontainers.image.{key}": value for key, value in found.items() if value}


def _base(machine: Machine) -> Tree:
    raw = debian(PACKAGES)
    tree = raw.only(*FROM_DEBIAN).without(NOT_FROM_DEBIAN)
    tree.update(system(raw))
    return compiled(tree, Tree(), machine)
