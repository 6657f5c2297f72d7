"""The flag document that was in force last, on this replica's disk: what it starts with without its store."""

from __future__ import annotations

import json
from pathlib import Path

from crossover.flags.version import Version
from crossover.stores.atomic_file import write_atomically
from crossover.telemetry import get_logger

MAX_BYTES = 16 * 2**20

_log = get_logger("crossover.stores")


class FlagCopy:
    """One file at `path`, whose directory is made when it is needed. Both calls block, and neither fails."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def save(self, version: Version) -> bool:
        """Whether the copy was saved; what was there before stays if it was not."""
        try:
            write_atomically(self._path, json.dumps(version.to_json()).encode())
        except OSError as error:
            _log.warning("the flags cannot be copied to disk", file=str(self._path), reason=str(error))
            return False
        return True

    def load(self) -> Version | None:
        """What was saved last; None without a copy, or with one that is not as it was saved."""
        try:
            with self._path.open("rb") as file:
                return Version.from_json(json.loads(file.read(MAX_BYTES)))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            _log.warning("the copy of the flags is not used", file=str(self._path), reason=str(error))
            return None
