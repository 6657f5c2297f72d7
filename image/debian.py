"""Debian's part of the image: packages, unpacked and never configured, so that no root is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from image.contents import SUITE
from image.machine import Unbuildable
from image.tools import program, run
from image.tree import File, Tree

DOWNLOAD_WITHIN = 600.0
"""Seconds for the package lists and 40 MB."""

_MERGED = ("bin", "lib", "lib64", "sbin")
"""Folders of the root that are links into usr, as on every Debian since 12."""

_CERTIFICATES = "usr/share/ca-certificates/"


def debian(packages: Sequence[str]) -> Tree:
    """The files of these packages and of no other, in the suite's newest versions. Raises Unbuildable."""
    tree = Tree()
    with TemporaryDirectory() as folder:
        downloaded = download(packages, Path(folder))
        for name in packages:
            tree.update(unpack(name, downloaded[name]))
    return tree


def download(packages: Sequence[str], into: Path) -> dict[str, Path]:
    """The packages' files, and those of what they depend on, by name.

    mmdebstrap asks the Debian mirror that it knows itself, and checks Debian's signatures.
    """
    args = [program("mmdebstrap", "mmdebstrap"), "--quiet", "--variant=extract", "--mode=chrootless"]
    args += ["--format=null", f"--include={','.join(packages)}"]
    args += [f"--extract-hook=copy-out /var/cache/apt/archives {into}", SUITE, "-"]
    run(args, within=DOWNLOAD_WITHIN)
    found = {path.name.partition("_")[0]: path for path in sorted(into.glob("archives/*.deb"))}
    if missing := set(packages) - set(found):
        raise Unbuildable(f"Debian's {SUITE} has no package {', '.join(sorted(missing))}.")
    return found


def unpack(name: str, package: Path) -> Tree:
    """Its files, and what scanners look for where there is no dpkg: a paragraph in `status.d`."""
    tool = program("dpkg-deb", "dpkg")
    raw = Tree.of_tar(BytesIO(run([tool, "--fsys-tarfile", str(package)], within=60)))
    tree = Tree({_merged(path): node for path, node in raw.nodes.items()})
    control = run([tool, "--field", str(package)], within=60).decode()
    checksum = hashlib.sha256(package.read_bytes()).hexdigest()
    tree.nodes[f"var/lib/dpkg/status.d/{name}"] = File(f"{control}SHA256: {checksum}\n".encode())
    return tree


def certificates(tree: Tree) -> bytes:
    """All trusted authorities as one file; the package's own script would have written it."""
    found = {path: node for path, node in tree.nodes.items() if path.startswith(_CERTIFICATES)}
    files = [node.data for _, node in sorted(found.items()) if isinstance(node, File)]
    return b"".join(data.strip() + b"\n" for data in files)


def _merged(path: str) -> str:
    return f"usr/{path}" if path.partition("/")[0] in _MERGED else path
