"""One log file as it grows, through rotations and truncations."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

BLOCK = 256 * 1024
"""Bytes of one read: what the cache of a core holds."""

MISSING = 1.0
"""Seconds that a file may be missing: between the two halves of a rotation, it is."""

_ROTATED = re.compile(r"[.-](\d[\d.T_-]*)")


class Tail:
    """Reads a file and those that take its place, in the order in which they were written.

    Rotated files that lie beside it under its name and a number or date are read first, oldest first.
    A file that was rotated is read to its end: its writer is through with it when it has begun another.
    It has to be closed. Raises FileNotFoundError when there is nothing to read.

    Args:
        since: seconds since the epoch; rotated files last written before that are left out.
    """

    def __init__(self, path: Path, since: float | None) -> None:
        self._path = path
        self._file = -1
        self._next = -1
        self._missing_since: float | None = None
        files = self._lineage()
        while len(files) > 1 and since is not None and _written(files[0]) < since:
            files.pop(0)
        self._file = _open(files[0])

    def close(self) -> None:
        for file in {self._file, self._next} - {-1}:
            os.close(file)
        self._file = self._next = -1

    @property
    def identity(self) -> tuple[int, int]:
        """Of the file that is being read, under whatever name."""
        return _identity_of(self._file)

    @property
    def written(self) -> float:
        """When it was last written, seconds since the epoch."""
        return os.fstat(self._file).st_mtime

    def peek(self) -> bytes:
        """The file's first bytes."""
        return os.pread(self._file, BLOCK, 0)

    def read(self) -> bytes:
        """What comes next; empty at the present end."""
        return os.read(self._file, BLOCK)

    @property
    def turning(self) -> bool:
        """Whether another file was seen to follow: what is left of this one comes first."""
        return self._next >= 0

    def turn(self, *, follow: bool) -> bool:
        """At the present end: whether reading begins anew, in the next file or where this one was cut."""
        if self._next >= 0:
            os.close(self._file)
            self._file, self._next = self._next, -1
            return True
        if os.fstat(self._file).st_size < os.lseek(self._file, 0, os.SEEK_CUR):
            os.lseek(self._file, 0, os.SEEK_SET)
            return True
        with contextlib.suppress(FileNotFoundError):  # renamed meanwhile: the next look will tell
            self._next = self._successor(follow)
        return False

    def _successor(self, follow: bool) -> int:
        """The file that was begun after this one, -1 for none; with `follow`, only once it holds something.

        It is opened at once, as it may be renamed at any time.
        """
        current = self._path.stat()
        if (current.st_dev, current.st_ino) == self.identity:
            return -1
        files = self._lineage()
        own = next((at for at, path in enumerate(files) if _identity(path) == self.identity), None)
        later = files[own + 1 :] if own is not None else self._written_later(files)
        if later[0] == self._path and follow and current.st_size == 0:
            return -1
        expected, file = _identity(later[0]), _open(later[0])
        if expected != _identity_of(file):
            os.close(file)
            return -1
        return file

    def _written_later(self, files: list[Path]) -> list[Path]:
        return [path for path in files if path == self._path or _written(path) >= self.written]

    @property
    def gone(self) -> bool:
        """Whether the file has been removed, and nothing has come in its place."""
        if self._path.exists():
            self._missing_since = None
            return False
        self._missing_since = self._missing_since or time.monotonic()
        return time.monotonic() - self._missing_since > MISSING

    def _lineage(self) -> list[Path]:
        """The rotated files, oldest first, and the present one."""
        rotated = [
            path
            for path in self._path.parent.glob(f"{_escaped(self._path.name)}[.-][0-9]*")
            if _ROTATED.fullmatch(path.name.removeprefix(self._path.name))
        ]
        rotated.sort(key=lambda path: (_written(path), -_number(self._path, path)))
        return [*rotated, self._path]


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _number(path: Path, rotated: Path) -> int:
    """`.2` was rotated before `.1`."""
    digits = re.sub(r"\D", "", rotated.name.removeprefix(path.name))
    return int(digits) if len(digits) < 6 else 0


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _identity_of(file: int) -> tuple[int, int]:
    status = os.fstat(file)
    return status.st_dev, status.st_ino
