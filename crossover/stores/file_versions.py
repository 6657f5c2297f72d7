"""Versions of the flag document as files of one directory: the history of a FileFlags."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crossover.flags.version import Version
from crossover.stores.atomic_file import write_atomically
from crossover.telemetry import get_logger

_log = get_logger("crossover.stores")


class FileVersions:
    """All calls block. They raise OSError, and ValueError for a file that is not as it was written.

    A version that cannot be written (the disk is full) is held in memory, and written with the next one.

    Args:
        kept: versions; older ones are dropped.
    """

    def __init__(self, directory: Path, *, kept: int) -> None:
        self._directory = directory
        self._kept = kept
        self._proposal = directory / "next.json"
        self._unwritten: dict[int, Version] = {}
        self._newest: Version | None = None

    @contextmanager
    def lock(self, within: float) -> Iterator[None]:
        """Alone among all processes. Raises TimeoutError. What cannot be written has no other writers."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            yield
            return
        try:
            _take(handle, until=time.monotonic() + within)
            yield
        finally:
            os.close(handle)

    def newest(self) -> Version | None:
        number = max(self._numbers(), default=None)
        if number is None or self._newest is None or self._newest.number != number:
            self._newest = None if number is None else self.read(number)
        return self._newest

    def read(self, number: int) -> Version | None:
        if (held := self._unwritten.get(number)) is not None:
            return held
        return self._read(self._file(number))

    def before(self, number: int | None, limit: int) -> list[Version]:
        """Newest first."""
        numbers = [each for each in sorted(self._numbers(), reverse=True) if number is None or each < number]
        found = (self.read(each) for each in numbers[:limit])
        return [each for each in found if each is not None]

    def add(self, version: Version) -> None:
        """The newest from now on: those with its number or a higher one go. Does not fail."""
        self._unwritten = {n: each for n, each in self._unwritten.items() if n < version.number}
        self._unwritten[version.number] = self._newest = version
        try:
            self._write_all()
        except OSError as error:
            _log.warning("a version of the flags cannot be kept", number=version.number, reason=str(error))

    def propose(self, version: Version) -> None:
        """What is about to be written elsewhere; a crash in between then shows whose it was."""
        write_atomically(self._proposal, _text(version))

    def proposed(self) -> Version | None:
        try:
            return self._read(self._proposal)
        except (OSError, ValueError):
            return None

    def withdraw(self) -> None:
        self._proposal.unlink(missing_ok=True)

    def _write_all(self) -> None:
        newest = max(self._unwritten)
        for number, version in sorted(self._unwritten.items()):
            write_atomically(self._file(number), _text(version))
            del self._unwritten[number]
        held = sorted(self._on_disk())
        for number in (*held[: -self._kept], *(each for each in held if each > newest)):
            self._file(number).unlink(missing_ok=True)
        self.withdraw()

    def _numbers(self) -> set[int]:
        return self._on_disk() | self._unwritten.keys()

    def _on_disk(self) -> set[int]:
        try:
            with os.scandir(self._directory) as entries:
                names = [each.name.removesuffix(".json") for each in entries]
        except (FileNotFoundError, NotADirectoryError):
            return set()
        return {int(name) for name in names if name.isdecimal()}

    def _file(self, number: int) -> Path:
        return self._directory / f"{number:08}.json"

    def _read(self, file: Path) -> Version | None:
        try:
            return Version.from_json(json.loads(file.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{file} is damaged, remove it: {error}") from None


def _text(version: Version) -> bytes:
    return json.dumps(version.to_json()).encode()


def _take(handle: int, until: float) -> None:
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TimeoutError("another process holds the lock") from None
            time.sleep(0.002)
