"""The output directory: JSON lines, written whole or not at all, the same bytes for the same source."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Output:
    """Where each stage keeps what it knows of each kind of thing."""

    def __init__(self, directory: str) -> None:
        self.root = Path(directory)

    def raw(self, entity: str) -> Path:
        """As the source gave it."""
        return self.root / "raw" / entity / "records.jsonl"

    def processed(self, entity: str) -> Path:
        """In one shape for all sources, with counts."""
        return self.root / "processed" / entity / "records.jsonl"

    def transformed(self, entity: str) -> Path:
        """As catalogue entities."""
        return self.root / "transformed" / entity / "entities.jsonl"

    def part(self, entity: str, number: int) -> Path:
        """One batch's share of `raw(entity)`, until the run is over."""
        return self.root / ".parts" / entity / f"{number:05d}.jsonl"

    def drop_parts(self) -> None:
        """Remove all parts; harmless when they are gone."""
        shutil.rmtree(self.root / ".parts", ignore_errors=True)


def write_lines(path: Path, records: Iterable[Record]) -> int:
    """Write `records` and give their number. The file appears at once, when it is complete.

    Two attempts of one activity may overlap after a timeout; each has a temporary file of its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for record in records:
                file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")))
                file.write("\n")
                count += 1
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return count


def count_lines(path: Path) -> int:
    """The number of records in a file."""
    with path.open("rb") as file:
        return sum(1 for _ in file)


def read_lines(path: Path, first: int = 0, count: int | None = None) -> Iterator[Record]:
    """The records of a file, or `count` of them from number `first` (from 0)."""
    with path.open(encoding="utf-8") as file:
        for line in islice(file, first, None if count is None else first + count):
            yield json.loads(line)
