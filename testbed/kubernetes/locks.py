"""One at a time on this machine, whoever asks."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(lock: Path, until: float) -> Generator[None, None, None]:
    """Holds the lock `lock`; the kernel lets go of that of a process that has died.

    Args:
        until: by time.monotonic(); then TimeoutError is raised.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        while not _taken(file.fileno()):
            if time.monotonic() > until:
                raise TimeoutError(f"{lock} is held by somebody else.")
            time.sleep(0.1)
        yield


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
