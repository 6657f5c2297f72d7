"""What the built image holds, and what it must not."""

from __future__ import annotations

import subprocess
from pathlib import Path, PurePosixPath

import pytest

from image.build import Image
from image.contents import NOT_COMPILED, PACKAGES
from image.sbom import debian_packages, python_packages
from image.tree import File, Link, Tree
from tests.image.locked import locked

pytestmark = pytest.mark.cluster

PLACES = ("usr/bin/", "usr/sbin/", "usr/local/bin/", "usr/local/sbin/")
LIMIT_MB = 90


def test_the_image_is_small(image: Image) -> None:
    assert sum(len(layer.blob) for layer in image.layers) / 1e6 <= LIMIT_MB


def test_only_python_and_our_command_can_be_started(tree: Tree) -> None:
    assert sorted(path for path in tree.nodes if path.startswith(PLACES)) == [
        "usr/bin/python",
        "usr/bin/python3",
        "usr/bin/python3.11",
        "usr/local/bin/crossover",
    ]


def test_nothing_of_the_project_but_its_services_is_in_it(image: Image) -> None:
    ours = image.layers[-1].tree().without(["*.dist-info/*", "usr/local/bin/*"])
    assert {PurePosixPath(path).parts[5] for path in ours.nodes} == {
        "argo_flow",
        "argo_templates",
        "bridge",
        "crossover",
        "crossover_sdk",
        "log_streamer",
    }


def test_no_tests_headers_or_installers_are_in_it(tree: Tree) -> None:
    unwanted = (
        "*/tests/*",
        "*.h",
        "*.pyi",
        "*/pip/*",
        "*/setuptools/*",
        "*/ensurepip/*",
        "*.dist-info/RECORD",
    )
    assert tree.only(*unwanted).nodes == {}


def test_no_link_leads_nowhere(tree: Tree) -> None:
    lost = {
        path: node.target
        for path, node in tree.nodes.items()
        if isinstance(node, Link) and not _leads(tree, path, node)
    }
    assert lost == {}


def _leads(tree: Tree, path: str, link: Link) -> bool:
    target = str(Path("/", PurePosixPath(path).parent, link.target).resolve()).lstrip("/")
    folded = target if target.startswith(("usr", "etc")) else f"usr/{target}"
    return any(known == folded or known.startswith(f"{folded}/") for known in tree.nodes)


def test_every_library_that_a_program_needs_is_there(root: Path) -> None:
    libraries = {path.name for path in root.rglob("*.so*")}
    programs = [
        path for path in root.rglob("*") if not path.is_symlink() and path.is_file() and _is_elf(path)
    ]
    assert len(programs) > 50
    lacking = {str(path.relative_to(root)): _needed(path) - libraries for path in programs}
    assert {path: names for path, names in lacking.items() if names} == {}


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _needed(program: Path) -> set[str]:
    listed = subprocess.run(
        ["objdump", "-p", program], capture_output=True, text=True, timeout=60, check=True
    )
    rows = (line.split() for line in listed.stdout.splitlines())
    return {row[1] for row in rows if row[:1] == ["NEEDED"]}


def test_every_module_that_may_be_loaded_is_compiled_and_never_compared_to_its_source(tree: Tree) -> None:
    sources = [PurePosixPath(path) for path in tree.only("*.py").without(NOT_COMPILED).nodes]
    compiled = [str(path.parent / "__pycache__" / f"{path.stem}.cpython-311.pyc") for path in sources]
    assert [path for path in compiled if path not in tree.nodes] == []
    # PEP 552: the second word says that the file has a hash of its source (1), which is not checked (2).
    flags = {node.data[4:8] for path in compiled if isinstance(node := tree.nodes[path], File)}
    assert flags == {(1).to_bytes(4, "little")}


def test_scanners_find_each_package_of_debian_and_each_locked_wheel(tree: Tree) -> None:
    assert sorted(package.name for package in debian_packages(tree)) == sorted(PACKAGES)
    found = {package.purl.removeprefix("pkg:pypi/") for package in python_packages(tree)}
    assert {wheel for wheel in found if not wheel.startswith("crossover@")} == locked()
    assert all(len(package.sha256) == 64 for package in debian_packages(tree))


def test_the_licence_of_each_package_is_there(tree: Tree) -> None:
    lacking = [
        name
        for name in PACKAGES
        if not tree.only(f"usr/share/doc/{name}", f"usr/share/doc/{name}/copyright").nodes
    ]
    assert lacking == []
