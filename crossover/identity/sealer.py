"""Sealed cookies: what a browser keeps for us can be read and written by our replicas only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from crossover.identity.watched_file import WatchedFile


class Sealer:
    """Seals with a file's first key and opens with any, so that keys rotate: put the new one on top, and
    remove the old one after `session_hours`. The file is read again when it changes.

    Raises:
        OSError, ValueError: the file cannot be used; the text names it.
    """

    def __init__(self, path: Path) -> None:
        self._keys = WatchedFile(path, _read)

    def seal(self, purpose: str, content: Mapping[str, Any]) -> str:
        return self._keys.current().encrypt(orjson.dumps([purpose, dict(content)])).decode()

    def open(self, purpose: str, sealed: str, *, within: float) -> dict[str, Any] | None:
        """What was sealed for this purpose in the last `within` seconds; None for anything else."""
        try:
            found, content = orjson.loads(self._keys.current().decrypt(sealed.encode(), ttl=int(within)))
        except (InvalidToken, ValueError):
            return None
        return content if found == purpose and isinstance(content, dict) else None


def _read(path: Path) -> MultiFernet:
    keys = path.read_text().split()
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise ValueError(
            f"{path}: each line must be a key: 32 random bytes in URL-safe base64, as "
            "`crossover token session-key` prints"
        ) from None
