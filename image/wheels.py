"""Python's part of the image: the locked wheels, and our own."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from image.contents import NOT_FROM_WHEELS
from image.machine import Machine
from image.tools import program, run
from image.tree import MTIME, File, Tree

PACKAGES = "usr/local/lib/python3.11/dist-packages"

_SCRIPT = """#!/usr/bin/python3.11
import sys

from {module} import {function}

sys.exit({function}())
"""


def dependencies(lock: Path, machine: Machine) -> Tree:
    """The wheels that `lock` names by their hashes, for Debian's Python, without their debugging symbols.

    Raises Unbuildable.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        args = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--quiet", "--link-mode", "copy"]
        args += ["--target", name, "--python-version", "3.11", "--python-platform", machine.wheels]
        args += ["--only-binary", ":all:", "--no-deps", "--require-hashes", "--requirements", str(lock)]
        run(args, within=600)
        libraries = sorted(str(path) for path in folder.rglob("*.so*") if path.is_file())
        run([program("strip", "binutils"), "--strip-unneeded", *libraries], within=120)
        return Tree.of_folder(folder).without(NOT_FROM_WHEELS).below(PACKAGES)


def own(source: Path) -> Tree:
    """Our wheel, built from `source`, and its command. Raises Unbuildable."""
    with TemporaryDirectory() as name:
        args = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", name]
        run(args, within=120, cwd=source, env={"SOURCE_DATE_EPOCH": str(MTIME)})
        [wheel] = Path(name).glob("*.whl")
        with ZipFile(wheel) as content:
            files = [entry for entry in content.namelist() if not entry.endswith("/")]
            raw = Tree({entry: File(content.read(entry)) for entry in files})
    tree = raw.without(NOT_FROM_WHEELS).below(PACKAGES)
    tree.update(_commands(raw))
    return tree


def _commands(wheel: Tree) -> Tree:
    """A script for each entry point `name = module:function`."""
    [listed] = [node for path, node in wheel.nodes.items() if path.endswith(".dist-info/entry_points.txt")]
    assert isinstance(listed, File)
    tree = Tree()
    for line in listed.data.decode().splitlines():
        name, separator, place = (part.strip() for part in line.partition("="))
        if separator:
            module, _, function = place.partition(":")
            script = _SCRIPT.format(module=module, function=function)
            tree.nodes[f"usr/local/bin/{name}"] = File(script.encode(), 0o755)
    return tree
