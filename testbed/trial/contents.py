"""What the trial image adds to Crossover's."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from image.build import ROOT, Image, build
from image.bytecode import compiled
from image.cache import Cache
from image.contents import SQLITE
from image.debian import debian
from image.machine import Machine
from image.oci import Layer
from image.tools import run
from image.tree import File, Link, Tree
from image.wheels import PACKAGES
from testbed.servers import BIN

DATABASE = "srv/shop.db"
TABLES = 300

_DEBIAN = (
    "busybox-static",
    "libatomic1",
    "libcap2",
    "libgcrypt20",
    "libgpg-error0",
    "libjemalloc2",
    "liblz4-1",
    "liblzf1",
    "libpython3.11-stdlib",
    "libsqlite3-0",
    "libsystemd0",
    "libzstd1",
    "redis-server",
    "redis-tools",
)

_WANTED = (
    "usr/bin/busybox",
    "usr/bin/redis-*",
    "usr/lib/*.so*",
    "usr/share/doc/*/copyright",
    "var/lib/dpkg/*",
    *SQLITE,
)

_UNWANTED = ("usr/lib/python3.11/lib-dynload/_[!s]*", "usr/lib/python3.11/lib-dynload/[!_]*")

COMMANDS = (
    "cat", "cp", "date", "echo", "env", "false", "grep", "head", "id", "ls", "mkdir", "nc", "printf", "rm",
    "sed", "seq", "sh", "sleep", "sort", "tail", "tee", "test", "touch", "true", "wc", "wget",
)  # fmt: skip
"""Of busybox, for the shell steps of test workflows."""


def trial(machine: Machine, cache: Cache) -> Image:
    """Crossover's layers and three more. Raises Unbuildable."""
    ours = build(machine, cache)
    server = BIN / "temporal"
    stamp = hashlib.sha256(server.read_bytes()).digest()
    files = Path(__file__).read_bytes()
    return Image(
        [
            *ours.layers,
            cache.layer("trial-debian", [machine.architecture, files], lambda: _debian(ours.tree())),
            cache.layer(
                "trial-temporal", [stamp], lambda: Tree({"usr/local/bin/temporal": _program(server)})
            ),
            Layer.of(_application(ours.tree(), machine)),
        ]
    )


def _debian(below: Tree) -> Tree:
    tree = debian(_DEBIAN).only(*_WANTED).without(_UNWANTED)
    tree.nodes |= {f"usr/bin/{name}": Link("busybox") for name in COMMANDS}
    return tree.beyond(below)


def _program(file: Path) -> File:
    return File(file.read_bytes(), 0o755)


def _application(python: Tree, machine: Machine) -> Tree:
    files = Tree.of_folder(ROOT / "examples").without(["*__pycache__/*"]).below(f"{PACKAGES}/examples")
    tree = compiled(files, python, machine)
    tree.nodes[DATABASE] = File(_database())
    return tree


def _database() -> bytes:
    """What the sample application extracts; its workflow gets `sqlite:////srv/shop.db`."""
    with TemporaryDirectory() as folder:
        target = Path(folder) / "shop.db"
        module = "examples.metadata_extractor.build_database"
        run([sys.executable, "-m", module, str(target), "--tables", str(TABLES)], within=60, cwd=ROOT)
        return target.read_bytes()
