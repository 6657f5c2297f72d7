"""Python's files, compiled beforehand: a read-only root starts quickly, and two builds are the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from image.contents import NOT_COMPILED
from image.machine import Machine
from image.tools import run
from image.tree import Tree

_COMPILE = """
import py_compile, sys
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
for path in sys.stdin.read().splitlines():
    py_compile.compile(path, dfile="/" + path, invalidation_mode=mode, quiet=2)
"""

_BATCH = 400
"""Files of one process. What it compiled before shows in the bytes of what it compiles next
(https://github.com/python/cpython/issues/78274): so the batches may not depend on the number of cores."""


def compiled(tree: Tree, python: Tree, machine: Machine) -> Tree:
    """`tree` and the bytecode of its files, by the interpreter in `python`: versions agree on any machine.

    A compiled file is never compared to its source. Raises Unbuildable.
    """
    sources = tree.without(NOT_COMPILED).only("*.py")
    paths = sorted(sources.nodes)
    batches = [paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH)]
    interpreter = Tree({**python.nodes, **tree.nodes}).only("usr/bin/python*", "usr/lib/*").without(["*.pyc"])
    with TemporaryDirectory() as name, ThreadPoolExecutor(2) as threads:
        root = Path(name)
        Tree({**interpreter.nodes, **sources.nodes}).write_folder(root)
        list(threads.map(lambda batch: _compile(root, batch, machine), batches))
        return Tree({**tree.nodes, **Tree.of_folder(root, "*.pyc").nodes})


def _compile(root: Path, sources: list[str], machine: Machine) -> None:
    libraries = root / "usr" / "lib" / machine.triplet
    args = [str(libraries / machine.loader), "--library-path", str(libraries)]
    args += [str(root / "usr/bin/python3.11"), "-S", "-c", _COMPILE]
    env = {"PYTHONHOME": str(root / "usr"), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    run(args, within=300, env=env, cwd=root, given="\n".join(sources).encode())
