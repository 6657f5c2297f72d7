"""Layers that were made before: what comes from Debian and from the lock seldom changes."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from image.oci import Layer
from image.tree import Tree

_OWN_SOURCES = Path(__file__).parent


@dataclass(frozen=True)
class Cache:
    """One layer of each kind is kept in `folder`, until what it was made of, or this package, changes."""

    folder: Path
    refresh: bool = False
    """Make everything anew: Debian's packages in their newest versions."""

    def layer(self, kind: str, inputs: Iterable[str | bytes], make: Callable[[], Tree]) -> Layer:
        file = self.folder / f"{kind}-{_key(inputs)}.tar.gz"
        if not self.refresh:
            with contextlib.suppress(FileNotFoundError):
                return Layer.of_blob(file.read_bytes())
        layer = Layer.of(make())
        self._keep(kind, file, layer.blob)
        return layer

    def _keep(self, kind: str, file: Path, blob: bytes) -> None:
        """Another build may read while this one writes: a file appears whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.{os.getpid()}")
        fresh.write_bytes(blob)
        fresh.replace(file)
        for older in self.folder.glob(f"{kind}-*.tar.gz"):
            if older != file:
                older.unlink(missing_ok=True)


def _key(inputs: Iterable[str | bytes]) -> str:
    own = [path.read_bytes() for path in sorted(_OWN_SOURCES.glob("*.py"))]
    parts = [part.encode() if isinstance(part, str) else part for part in inputs]
    return hashlib.sha256(b"\0".join(parts + own)).hexdigest()[:24]
