"""The content of an image: what lies at which path, written the same way every time."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Self

MTIME = 315532800
"""Of every file: 1980-01-01, in seconds since 1970. A layer then depends on nothing but what is in it."""


@dataclass(frozen=True)
class File:
    data: bytes
    mode: int = 0o644


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True)
class Folder:
    """Named only where it is empty, or unlike the others: 0755, of root."""

    mode: int = 0o755
    owner: int = 0


Node = File | Link | Folder


@dataclass
class Tree:
    """Paths are relative to the root, without a leading slash."""

    nodes: dict[str, Node] = field(default_factory=dict)

    @classmethod
    def of_folder(cls, folder: Path, pattern: str = "*") -> Self:
        """The files and links below `folder` whose names match the pattern, readable by everyone."""
        return cls(
            _needed({str(path.relative_to(folder)): _read(path) for path in sorted(folder.rglob(pattern))})
        )

    def below(self, place: str) -> Tree:
        """The same, moved into a folder."""
        return Tree({f"{place}/{path}": node for path, node in self.nodes.items()})

    @classmethod
    def of_tar(cls, source: IO[bytes]) -> Self:
        """Devices and pipes are left out; a hard link becomes a copy."""
        with tarfile.open(fileobj=source) as archive:
            members = {str(PurePosixPath(member.name)): _of_member(archive, member) for member in archive}
        return cls(_needed({path: node for path, node in members.items() if node and path != "."}))

    def update(self, other: Tree) -> None:
        self.nodes.update(other.nodes)

    def without(self, patterns: Iterable[str]) -> Tree:
        """Less what one of the shell patterns matches; their `*` crosses slashes."""
        unwanted = _matcher(patterns)
        return Tree({path: node for path, node in self.nodes.items() if not unwanted.match(path)})

    def only(self, *patterns: str) -> Tree:
        """What one of the shell patterns matches."""
        wanted = _matcher(patterns)
        return Tree({path: node for path, node in self.nodes.items() if wanted.match(path)})

    def beyond(self, other: Tree) -> Tree:
        """What the other has not, or has differently."""
        return Tree({path: node for path, node in self.nodes.items() if other.nodes.get(path) != node})

    def write_tar(self, target: IO[bytes]) -> None:
        nodes: Mapping[str, Node] = {**_parents(self.nodes), **self.nodes}
        with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(nodes):
                _add(archive, path, nodes[path])

    def write_folder(self, folder: Path) -> None:
        """Owners other than root are set only by root."""
        for path, node in sorted({**_parents(self.nodes), **self.nodes}.items()):
            _write(folder / path, node)


def _matcher(patterns: Iterable[str]) -> re.Pattern[str]:
    """Matches nothing where there are no patterns."""
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)")


def _needed(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Without the folders that are like others, and there because something is in them."""
    plain = _parents(nodes)
    return {path: node for path, node in nodes.items() if plain.get(path) != node}


def _read(path: Path) -> Node:
    if path.is_symlink():
        return Link(str(path.readlink()))
    if path.is_file():
        return File(path.read_bytes(), _plain(path.stat().st_mode))
    status = path.stat()
    return Folder(stat.S_IMODE(status.st_mode), status.st_uid)


def _of_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Node | None:
    if member.issym():
        return Link(member.linkname)
    if member.isdir():
        return Folder(member.mode, member.uid)
    content = archive.extractfile(member) if member.isreg() or member.islnk() else None
    return File(content.read(), _plain(member.mode)) if content else None


def _plain(mode: int) -> int:
    """No set-user-id, and no file that only some may read."""
    return 0o755 if mode & 0o100 else 0o644


def _parents(paths: Iterable[str]) -> dict[str, Node]:
    return {
        str(parent): Folder()
        for path in paths
        for parent in PurePosixPath(path).parents
        if str(parent) != "."
    }


def _add(archive: tarfile.TarFile, path: str, node: Node) -> None:
    member = tarfile.TarInfo(path)
    member.mtime = MTIME
    if isinstance(node, File):
        member.mode, member.size = node.mode, len(node.data)
        archive.addfile(member, BytesIO(node.data))
    elif isinstance(node, Link):
        member.type, member.mode, member.linkname = tarfile.SYMTYPE, 0o777, node.target
        archive.addfile(member)
    else:
        member.type, member.mode, member.uid, member.gid = tarfile.DIRTYPE, node.mode, node.owner, node.owner
        archive.addfile(member)


def _write(path: Path, node: Node) -> None:
    if isinstance(node, File):
        path.write_bytes(node.data)
        path.chmod(node.mode)
    elif isinstance(node, Link):
        path.symlink_to(node.target)
    else:
        path.mkdir(exist_ok=True)
        path.chmod(node.mode)
        if node.owner and os.geteuid() == 0:
            os.chown(path, node.owner, node.owner)
