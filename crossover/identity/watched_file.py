"""A file that is read again when it changes; one that turns bad keeps the last good one in force."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)


class WatchedFile(Generic[T]):
    """What `read` makes of a file.

    Args:
        read: raises OSError, or ValueError with a sentence that names the file and the place.

    Raises:
        OSError, ValueError: at the start, where there is no last good one yet.
    """

    def __init__(self, path: Path, read: Callable[[Path], T]) -> None:
        self._path = path
        self._read = read
        self._seen = _stamp(path)
        self._value = read(path)

    def current(self) -> T:
        """One look at the file's time and size; it is read only when these changed."""
        try:
            stamp = _stamp(self._path)
            if stamp != self._seen:
                self._seen = stamp
                self._value = self._read(self._path)
        except (OSError, ValueError) as error:
            # A revocation that did not take must not go unnoticed.
            _log.warning("file not taken over, the last good one stays in force: %s", error)
        return self._value


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size
